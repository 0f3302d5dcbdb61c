#!/usr/bin/env bash
# Topics of a real Apache Kafka into a lake, each record once: aborted transactions, gaps of compaction and retention,
# partitions that come, two processes of one group that are killed and stopped in turn, a broker that is killed; and the
# results of projects/learning, equal to those from files. WEIR_CHECK_ROUNDS says how many kills.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
weir="${WEIR:-$PWD/build/release/weir}"
# shellcheck source=scripts/kafka.sh
source scripts/kafka.sh
work="$(mktemp -d)"
members=()
finish() {
    local pid
    for pid in "${members[@]}"; do kill -9 "$pid" 2>/dev/null || true; done
    kafka_stop
    rm -rf "$work"
}
trap finish EXIT
if ! kafka_setup "$work"; then
    echo "skipped: $kafka_missing"
    exit 0
fi
kafka_start

failures=0
failed() {
    echo "FAILED: $1" >&2
    failures=$((failures + 1))
}
passed() { echo "ok: $1"; }
expect() { if [[ "$2" == "$3" ]]; then passed "$1"; else failed "$1: $2, expected $3"; fi; }
expect_text() { if [[ "$2" == *"$3"* ]]; then passed "$1"; else failed "$1: '$3' is not in: $2"; fi; }

# make_project NAME TOPIC [LINES OF THE SOURCE]
make_project() {
    local folder="$work/$1"
    mkdir -p "$folder/sources" "$folder/contracts"
    printf 'name: %s\nkafka: {brokers: "%s"}\nintake: {epoch: 200ms}\n' "$1" "$kafka_brokers" >"$folder/weir.yaml"
    printf 'kafka: %s\n%s' "$2" "${3:-}" >"$folder/sources/events.yaml"
    cat >"$folder/contracts/events.odcs.yaml" <<'YAML'
apiVersion: v3.0.2
kind: DataContract
id: events
version: "1.0.0"
status: active
schema:
- name: events
  properties:
  - {name: id, logicalType: integer, required: true}
  - {name: _key, logicalType: string}
  - {name: _partition, logicalType: integer}
  - {name: _headers, logicalType: array}
  customProperties:
  - {property: quarantineLimit, value: 60}
YAML
    echo "$folder"
}
ask() { "$weir" sql "$1" "$2" --format csv 2>/dev/null | tail -n 1; }
counts() { ask "$1" 'SELECT count(*) || '"' '"' || count(DISTINCT id) FROM events' || true; }
# The accounts agree with the table.
accounts() {
    ask "$1" 'SELECT coalesce(sum("read") = sum(accepted) + sum(duplicate) + sum(quarantined) + sum(filtered) AND sum(accepted) = (SELECT count(*) FROM events), false) FROM weir.accounting'
}
# The same, while somebody takes in: the accounts follow the rows once a second.
accounts_soon() {
    local look now=""
    for ((look = 0; look < 40; look++)); do
        now="$(accounts "$1")"
        [[ "$now" == true ]] && break
        sleep 0.5
    done
    echo "$now"
}
ids() { seq "$1" "$2" | awk '{ printf "{\"id\": %d}\n", $1 }'; }
produce() { "$weir" produce "$1" --from - --kafka "$kafka_brokers" --key id --quiet; }
# wait_for SECONDS PROJECT COUNTS
wait_for() {
    local until=$((SECONDS + $1)) now=""
    while ((SECONDS < until)); do
        now="$(counts "$2")"
        [[ "$now" == "$3" ]] && return
        sleep 0.5
    done
    echo "after $1 s: $now instead of $3" >&2
    return 1
}

echo "== transactions, tombstones, null keys"
project="$(make_project transactions marked)"
"$weir" topic create marked --partitions 2 --kafka "$kafka_brokers" >/dev/null
committed="$(build/release/kafka_transactions "$kafka_brokers" marked 20 50)"
"$weir" run "$project" --quiet 2>"$work/log" || cat "$work/log" >&2
expect "only committed transactions are in the lake" "$(counts "$project")" "$committed $committed"
expect "they add up" "$(accounts "$project")" true
expect "a tombstone is in the quarantine" "$(ask "$project" 'SELECT rule || header FROM weir.quarantine' | grep -c 'tombstone.*gone')" 1
expect_text "its header is shown" "$("$weir" consume marked --kafka "$kafka_brokers" --json)" '"headers": [{"name": "why", "value": "test"}]'
expect_text "nothing is left to read" "$("$weir" run "$project" 2>/dev/null)" "nothing new in topic marked"

project="$(make_project headers headed)"
echo '{"id": 7}' | "$weir" produce headed --from - --kafka "$kafka_brokers" --header sent_by=till-3 --header n= --quiet
"$weir" run "$project" --quiet 2>"$work/log" || cat "$work/log" >&2
expect "headers are a column" "$(ask "$project" "SELECT _headers->0->>'value' || (_headers->1) FROM events" | tr -d '"')" "till-3{name:n,value:}"

echo "== compaction and retention"
project="$(make_project compacted prices)"
kafka_tool TopicCommand --create --topic prices --partitions 1 --config cleanup.policy=compact --config segment.ms=500 \
    --config min.cleanable.dirty.ratio=0.01 --config segment.bytes=1048576 >/dev/null
for round in 1 2 3; do
    for id in $(seq 200); do echo "{\"id\": $((id * 1000 + round)), \"k\": $id}"; done |
        "$weir" produce prices --from - --key k --kafka "$kafka_brokers" --quiet
    sleep 1
done
echo '{"id": 1, "k": "last"}' | "$weir" produce prices --from - --key k --kafka "$kafka_brokers" --quiet
for _ in $(seq 60); do
    left="$("$weir" consume prices --kafka "$kafka_brokers" | wc -l)"
    ((left < 500)) && break
    sleep 0.5
done
# The broker may go on compacting meanwhile.
for _ in $(seq 20); do
    left="$("$weir" consume prices --kafka "$kafka_brokers" | wc -l)"
    rm -rf "$project/lake"
    "$weir" run "$project" --quiet 2>"$work/log" || cat "$work/log" >&2
    [[ "$("$weir" consume prices --kafka "$kafka_brokers" | wc -l)" == "$left" ]] && break
done
expect "a compacted topic is read over its gaps ($left of 601 left)" "$(counts "$project")" "$left $left"

project="$(make_project retained kept)"
"$weir" topic create kept --kafka "$kafka_brokers" >/dev/null
ids 1 100 | produce kept
"$weir" run "$project" --quiet 2>/dev/null
ids 101 200 | produce kept
echo '{"partitions": [{"topic": "kept", "partition": 0, "offset": 150}], "version": 1}' >"$work/delete.json"
kafka_tool DeleteRecordsCommand --offset-json-file "$work/delete.json" >/dev/null
"$weir" run "$project" --quiet >"$work/log" 2>&1 || true
expect_text "offsets that are gone stop the source" "$(cat "$work/log")" "the records from offset 100 on are gone: the topic has 150 to 200"
expect_text "with the way out" "$(cat "$work/log")" "reset: earliest"
expect "and nothing is landed" "$(counts "$project")" "100 100"
echo 'reset: earliest' >>"$project/sources/events.yaml"
"$weir" run "$project" --quiet 2>/dev/null
expect "reset: earliest goes on" "$(counts "$project")" "150 150"
"$weir" topic delete kept --kafka "$kafka_brokers" >/dev/null
sleep 1
"$weir" topic create kept --kafka "$kafka_brokers" >/dev/null
ids 201 220 | produce kept
sed -i 's/^reset: earliest/reset: fail/' "$project/sources/events.yaml"
"$weir" run "$project" --quiet >"$work/log" 2>&1 || true
expect_text "a topic that was made anew is told" "$(cat "$work/log")" "the topic ends at 20"
sed -i 's/^reset: fail/reset: earliest/' "$project/sources/events.yaml"
"$weir" run "$project" --quiet 2>/dev/null
expect "and read from its beginning" "$(counts "$project")" "170 170"

echo "== wrong places"
project="$(make_project absent nowhere)"
expect_text "a topic that is not there" "$("$weir" run "$project" 2>&1 || true)" "has no topic 'nowhere'"
sed -i 's/brokers: "[^"]*"/brokers: "127.0.0.1:1"/' "$project/weir.yaml"
"$weir" up "$project" --only intake >"$work/log" 2>&1 &
members=($!)
sleep 3
kill -TERM "${members[0]}"
before=$SECONDS
status=0
wait "${members[0]}" || status=$?
members=()
expect "without a broker it stops when told to" "$status $((SECONDS - before < 3))" "0 1"
expect_text "and says why it waits" "$(cat "$work/log")" "Connection refused"
expect_text "as state too" "$(cat "$work/log")" '"state":"retrying"'

echo "== names, passwords and certificates"
ids 1 10 | produce kept
project="$(make_project admitted kept)"
export WEIR_CHECK_PASSWORD=secret
# cluster SASL TLS BROKERS
cluster() {
    # shellcheck disable=SC2016 # a reference for weir
    printf 'name: admitted\nkafka:\n  brokers: "%s"\n  sasl: {mechanism: %s, username: weir, password: "${env:WEIR_CHECK_PASSWORD}"}\n%s' \
        "$3" "$1" "${2:+  tls: $2$'\n'}" >"$project/weir.yaml"
    rm -rf "$project/lake"
}
cluster plain "" "$kafka_login_brokers"
"$weir" run "$project" --quiet >"$work/log" 2>&1 || cat "$work/log" >&2
expect "SASL PLAIN" "$(counts "$project")" "30 30"
cluster plain "{ca: $work/broker.pem}" "$kafka_secure_brokers"
"$weir" run "$project" --quiet >"$work/log" 2>&1 || cat "$work/log" >&2
expect "over TLS" "$(counts "$project")" "30 30"
cluster scram-sha-512 "{ca: $work/broker.pem}" "$kafka_secure_brokers"
if "$weir" run "$project" --quiet >"$work/log" 2>&1; then
    expect "SASL SCRAM" "$(counts "$project")" "30 30"
else
    # Brokers of today refuse what librdkafka before 2.6.1 says; the error has to name that.
    expect_text "SASL SCRAM is refused by the brokers, which is explained" "$(cat "$work/log")" "from 2.6.1 on"
    echo "skipped: SASL SCRAM, with librdkafka $(pkg-config --modversion rdkafka)"
fi
cluster scram-sha-512 "{}" "$kafka_secure_brokers"
expect_text "a certificate that nobody vouches for" "$("$weir" run "$project" --quiet 2>&1 || true)" "does not let us in"
cluster plain "" "$kafka_login_brokers"
export WEIR_CHECK_PASSWORD=guessed
"$weir" run "$project" --quiet >"$work/log" 2>&1 || true
expect_text "a wrong password" "$(cat "$work/log")" "does not let us in"
expect "which is not shown" "$(grep -c guessed "$work/log")" 0
status=0
timeout 20 "$weir" up "$project" --only intake >"$work/log" 2>&1 || status=$?
expect "and ends weir up, whose only source it was" "$status" 1

echo "== two processes in one group, killed and stopped in turn; a broker that is killed; partitions that come"
project="$(make_project shared spread)"
"$weir" topic create spread --partitions 4 --kafka "$kafka_brokers" >/dev/null
start_member() {
    "$weir" up "$project" --only intake >>"$work/member$1.log" 2>&1 &
    members[$1]=$!
}
: >"$work/member0.log"
: >"$work/member1.log"
start_member 0
start_member 1
total=0
feed() {
    ids $((total + 1)) $((total + $1)) | produce spread
    total=$((total + $1))
}
feed 10000
wait_for 30 "$project" "$total $total" && passed "two processes take it in" || failed "two processes take it in"
rounds="${WEIR_CHECK_ROUNDS:-10}"
for round in $(seq "$rounds"); do
    feed 20000
    victim=$((RANDOM % 2))
    sleep "0.$((RANDOM % 10))"
    kill -9 "${members[$victim]}"
    wait "${members[$victim]}" 2>/dev/null || true
    feed 5000
    start_member "$victim"
done
wait_for 60 "$project" "$total $total" && passed "$rounds times kill -9: $total records once" || failed "kill -9"
expect "they add up" "$(accounts_soon "$project")" true

kill -STOP "${members[0]}"
feed 20000
wait_for 60 "$project" "$total $total" && passed "the other takes over from one that hangs" || failed "a process that hangs"
feed 20000
kill -CONT "${members[0]}"
feed 20000
wait_for 60 "$project" "$total $total" && passed "which comes back and doubles nothing" || failed "a process that comes back"

feed 50000
kafka_crash
sleep 3
kafka_start
feed 20000
wait_for 90 "$project" "$total $total" && passed "the broker is killed and comes back" || failed "a broker that is killed"

kafka_tool TopicCommand --alter --topic spread --partitions 6 >/dev/null
sleep 12
feed 20000
wait_for 60 "$project" "$total $total" && passed "new partitions are taken in" || failed "new partitions"
expect "of all six" "$(ask "$project" 'SELECT count(DISTINCT _partition) FROM events')" 6

# No partition's rows were landed by two at the same place, and the group saw where the lake is.
for member in "${members[@]}"; do kill -TERM "$member"; done
status=0
for member in "${members[@]}"; do wait "$member" || status=$?; done
members=()
expect "both end with 0" "$status" 0
expect "they add up" "$(accounts "$project")" true
expect_text "weir run goes on where they ended" "$("$weir" run "$project" 2>/dev/null)" "nothing new in topic spread"
lag="$(kafka_tool consumer.group.ConsumerGroupCommand --describe --group weir.shared.events 2>/dev/null |
    awk '$2 == "spread" { lag += $6 } END { print lag + 0 }')"
expect "tools of Kafka see no lag" "$lag" 0

echo "== each id once, by two processes that are killed"
project="$(make_project distinct repeated)"
sed -i 's/property: quarantineLimit, value: 60/property: deduplicate, value: [id]/' "$project/contracts/events.odcs.yaml"
"$weir" topic create repeated --partitions 4 --kafka "$kafka_brokers" >/dev/null
start_member 0
start_member 1
sleep 2
for round in $(seq 6); do
    # The same ids with other keys, in other partitions.
    ids 1 $((round * 3000)) | produce repeated
    ids 1 $((round * 3000)) | "$weir" produce repeated --from - --kafka "$kafka_brokers" --quiet
    victim=$((RANDOM % 2))
    kill -9 "${members[$victim]}"
    wait "${members[$victim]}" 2>/dev/null || true
    start_member "$victim"
done
before="$("$weir" topic ls --json --kafka "$kafka_brokers" | grep '"repeated"' | grep -o '"offsets": [0-9]*' | grep -o '[0-9]*')"
for _ in $(seq 120); do
    [[ "$(ask "$project" 'SELECT sum("read") FROM weir.accounting' || true)" == "$before" ]] && break
    sleep 0.5
done
expect "$before messages of 18000 ids" "$(counts "$project")" "18000 18000"
expect "they add up" "$(accounts "$project")" true
for member in "${members[@]}"; do kill -TERM "$member"; done
for member in "${members[@]}"; do wait "$member" || true; done
members=()

echo "== projects/learning"
events="$work/events.jsonl"
count="${WEIR_CHECK_EVENTS:-20000}"
"$weir" generate projects/learning events --count "$count" --seed 11 --out "$events" --quiet
"$weir" generate projects/learning events --count "$count" --seed 11 --to kafka --kafka "$kafka_brokers" --partitions 3 --quiet
from=(--param from=kafka --param "brokers=$kafka_brokers")
"$weir" run projects/learning --lake "$work/from-kafka" "${from[@]}" --quiet 2>/dev/null
"$weir" run projects/learning --lake "$work/from-files" --param "events=$events" --param arrival_date=2026-01-01 --quiet 2>/dev/null
"$weir" export projects/learning --lake "$work/from-kafka" "${from[@]}" --format csv --out "$work/csv-kafka" --quiet
"$weir" export projects/learning --lake "$work/from-files" --format csv --out "$work/csv-files" --quiet
views="$(find "$work/csv-files" -name '*.csv' | wc -l)"
if diff -rq "$work/csv-kafka" "$work/csv-files" >"$work/log" && ((views > 40)); then
    passed "$views views give the same from Kafka as from files"
else
    failed "views differ: $(cat "$work/log")"
fi

echo
if ((failures > 0)); then
    echo "$failures failed"
    exit 1
fi
echo "all good"
