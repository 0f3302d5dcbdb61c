#!/usr/bin/env bash
# A topic of a real Apache Kafka, whose broker runs on the same machine, → contract → Delta, exactly once: messages a second
# and peak memory of `weir run`, which drains the topic in epochs with a commit each; beside it the same messages from the
# embedded log, and Kafka's own consumer that reads them and does nothing. The messages are those of intake_log.sh.
# WEIR_BENCH_ROWS: 5 million by default. Kafka comes from Maven Central; where it cannot, nothing is measured.
set -euo pipefail
# shellcheck source=bench/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/kafka.sh
source scripts/kafka.sh
mkdir "$work/kafka"
if ! kafka_setup "$work/kafka"; then
    echo "skipped: $kafka_missing"
    exit 0
fi
trap 'kafka_stop; rm -rf "$work"' EXIT
kafka_start

orders_topic_project "kafka: {brokers: \"$kafka_brokers\"}" "params: {from: {type: choice, choices: [log, kafka], default: kafka}}"
printf 'from: ${param:from}\nlog: orders\nkafka: orders\n' >"$project/sources/orders.yaml"
orders_topic_contract none >"$project/contracts/orders.odcs.yaml"

echo "== $rows messages of $(($(stat -c %s "$json") / rows)) bytes in 4 partitions; $threads threads, shared with the broker"
"$weir" produce "$project" orders --from "$json" --partitions 4 --quiet
before="$EPOCHREALTIME"
"$weir" produce "$project" orders --from "$json" --partitions 4 --kafka "$kafka_brokers" --quiet
awk -v rows="$rows" -v a="$EPOCHREALTIME" -v b="$before" 'BEGIN { printf "  weir produce --kafka: %.0f messages a second\n", rows / (a - b) }'
rate() { awk -v rows="$rows" -v seconds="$(median "$1")" 'BEGIN { printf "%.0f", rows / seconds }'; }
kafka_read() {
    kafka_tool ConsumerPerformance --topic orders --messages "$rows" --group "bench-$RANDOM-$RANDOM" --timeout 60000
}
for ((i = 0; i < repeats; i++)); do
    for from in kafka log; do
        rm -rf "$work/lake-$from"
        timed "from $from" "$weir" run "$project" --lake "$work/lake-$from" --param "from=$from" --quiet
    done
    before="$EPOCHREALTIME"
    kafka_read >"$work/consumer" 2>&1
    echo "$(awk -v a="$EPOCHREALTIME" -v b="$before" 'BEGIN { printf "%.4f", a - b }') 0" >>"$work/samples.nothing"
done
for from in kafka log; do
    report "from $from"
    same "messages read from $from, and where they went" "$("$weir" sql "$project" --lake "$work/lake-$from" --format csv \
        'SELECT sum("read")::BIGINT, sum("read") = sum(accepted) + sum(duplicate) + sum(quarantined) FROM weir.accounting' | tail -n 1)" "$rows,true"
    echo "  $(rate "from $from") messages a second"
done
echo "  Kafka's consumer, Java, which does nothing with them: $(rate nothing) messages a second, its start included"
goal "messages a second from Kafka" "$(rate "from kafka")" '>=' 750000
goal "peak MiB" "$(($(peak "from kafka") / 1024))" '<=' 512
