#!/usr/bin/env bash
# A view with a row for each of very many keys, live: how long a run takes that makes the state, how soon a started
# `weir up` answers for a key, how long an epoch takes while messages for any of the keys come in, and memory. No peer: the
# questions are whether the cost of an epoch follows its rows and not the state, and whether a start reads all of it.
# WEIR_BENCH_KEYS: 1 million; 10 and 50 million for the claims.
set -euo pipefail
# shellcheck source=bench/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

keys="${WEIR_BENCH_KEYS:-1000000}"
rate="${WEIR_BENCH_RATE:-10000}"
seconds="${WEIR_BENCH_SECONDS:-20}"
project="$work/project"
mkdir -p "$project"/{sources,contracts,views,generators}
cat >"$project/weir.yaml" <<YAML
name: keys
engine: {threads: $threads, memory: 2GB}
log: {path: $work/log, sync: never}
batch: {every: 1h}
YAML
echo 'log: events' >"$project/sources/events.yaml"
cat >"$project/contracts/events.odcs.yaml" <<'YAML'
apiVersion: v3.1.0
kind: DataContract
id: events
version: "1.0.0"
status: active
schema:
- name: events
  logicalType: object
  customProperties:
  - {property: deduplicate, value: none}
  properties:
  - {name: key, logicalType: integer, required: true}
  - {name: amount, logicalType: integer}
YAML
cat >"$project/views/totals.sql" <<'SQL'
SELECT key, count(*) AS n, sum(amount)::BIGINT AS total, max(amount) AS highest FROM events GROUP BY key
SQL
echo 'views: [{view: totals, key: [key]}]' >"$project/serve.yaml"
message() { echo "SELECT 'events' AS topic, '{\"key\": ' || ($1) || ', \"amount\": ' || n % 1000 || '}' AS value FROM numbers"; }
message n >"$project/generators/once.sql"
message "hash(n) % $keys" >"$project/generators/any.sql"

echo "== $keys keys, then $rate messages a second for $seconds s"
"$weir" generate "$project" once --count "$keys" --to log --partitions 4 --quiet
timed run "$weir" run "$project" --lake "$work/lake" --quiet
report run
"$weir" generate "$project" any --count 1000 --to log --quiet

server=""
trap 'kill "$server" 2>/dev/null || true; wait; rm -rf "$work"' EXIT
# Of the status line, what one part says.
said() { tail -n 40 "$work/up.err" | grep '"event": "status"' | tail -n 1 | grep -o "\"$1\": {[^}]*" | grep -o "\"$2\": *[0-9.]*" | head -n 1 | grep -o '[0-9.]*$'; }
wait_for_lag() {
    for ((i = 0; i < 600; i++)); do
        tail -n 2 "$work/up.err" | grep -q '"lag":0,' && return
        sleep 0.2
    done
}
# Sets took: seconds until it gave the newest row of a key.
start() {
    local before="$EPOCHREALTIME"
    start_up "$weir" up "$project" --lake "$work/lake"
    until curl -sf "$url/views/totals?key=$((keys / 2))" -o "$work/answer"; do sleep 0.01; done
    took="$(awk -v a="$EPOCHREALTIME" -v b="$before" 'BEGIN { printf "%.3f", a - b }')"
}
start
echo "  first start, which makes the index of the published rows, to the newest row of a key: $took s, $(memory_of "$server" VmRSS) MiB"
"$weir" generate "$project" any --count "$((rate * seconds))" --seed 2 --rate "$rate" --to log --quiet &
generator=$!
for ((i = 0; i < seconds; i++)); do
    sleep 1
    said speed took_seconds >>"$work/epochs"
    curl -s -o "$work/answer" -w '%{time_total}\n' "$url/views/totals/$((i * 7919 % keys))" >>"$work/answers.published"
    curl -s -o "$work/answer" -w '%{time_total}\n' "$url/views/totals?key=$((i * 7919 % keys))" >>"$work/answers.newest"
done
wait "$generator"
wait_for_lag
half() { sort -n "$1" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
most() { sort -n "$1" | tail -n 1; }
echo "  taking an epoch into the state: median $(half "$work/epochs") s, longest $(most "$work/epochs") s"
for row in published newest; do
    echo "  the $row row of a key meanwhile: median $(half "$work/answers.$row") s, longest $(most "$work/answers.$row") s"
done
echo "  memory: $(memory_of "$server" VmRSS) MiB, at most $(memory_of "$server" VmHWM)"
peak_mib="$(memory_of "$server" VmHWM)"
kill -9 "$server"
wait "$server" 2>/dev/null || true
start
wait_for_lag
kill "$server"
wait "$server" || true
same "messages read, rows and keys of the view" "$("$weir" sql "$project" --lake "$work/lake" --live --format csv \
    'SELECT sum(n)::BIGINT, count(*) FROM totals' | tail -n 1)" "$((keys + 1000 + rate * seconds)),$keys"
goal "seconds from a start after kill -9 to the newest row of a key" "$took" '<=' 10
goal "peak MiB" "$peak_mib" '<=' 4096
