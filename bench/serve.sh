#!/usr/bin/env bash
# Rows by key over HTTP, with a token, against nginx that serves a static body of the same size on the same core. Also a
# query with a filter, an order and a limit over a view of a million rows.
set -euo pipefail
# shellcheck source=bench/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

for tool in wrk nginx curl; do
    command -v "$tool" >/dev/null || { echo "  skipped: $tool is missing (Debian packages: wrk nginx-light curl)"; exit 0; }
done
seconds="${WEIR_BENCH_SECONDS:-8}"
rows="${WEIR_BENCH_ROWS:-1000000}"
project="$work/p"
mkdir -p "$project"/{sources,contracts,views,in}
head -c 40 /dev/urandom | base64 >"$project/token.secret"
echo 'name: bench' >"$project/weir.yaml"
echo 'files: in/*.csv' >"$project/sources/t.yaml"
cat >"$project/contracts/t.odcs.yaml" <<'YAML'
apiVersion: v3.0.2
kind: DataContract
id: t
version: "1"
status: active
schema:
- name: t
  properties:
  - {name: id, logicalType: integer, required: true}
  - {name: name, logicalType: string}
  - {name: score, logicalType: number}
YAML
cat >"$project/views/v.sql" <<'SQL'
SELECT id, name, score, repeat(chr(97 + (id % 26)::INT), 400) AS text FROM t
SQL
cat >"$project/serve.yaml" <<'YAML'
http: {loops: 1, queries: 1}
views: [{view: v, key: [id]}]
access: {tokens: [{algorithm: HS256, secret: "${file:token.secret}"}]}
YAML
duckdb_sql "COPY (SELECT n AS id, 'name ' || n % 1000 AS name, (n * 7919 % 100003) / 7 AS score FROM range($rows) t(n)) TO '$project/in/t.csv' (HEADER)" >/dev/null
"$weir" run "$project" --quiet >/dev/null
token="$("$weir" token create "$project" --scope 'view:*')"

taskset -c 0 "$weir" up "$project" --only serve --listen 127.0.0.1:0 2>"$work/up.err" &
server=$!
trap 'kill "$server" 2>/dev/null || true; [[ -e "$work/nginx.pid" ]] && kill "$(cat "$work/nginx.pid")" 2>/dev/null; rm -rf "$work"' EXIT
for ((i = 0; i < 1200; i++)); do grep -q 'serving at' "$work/up.err" && break; sleep 0.1; done
url="$(grep -o 'http://[0-9.:]*' "$work/up.err" | head -n 1)"
path="/views/v/$((rows / 2))"
curl -s -H "Authorization: Bearer $token" "$url$path" >"$work/body"
same "the row" "$(grep -o '"id":[0-9]*' "$work/body")" "\"id\":$((rows / 2))"

mkdir -p "$work/www"
cp "$work/body" "$work/www/body"
cat >"$work/nginx.conf" <<CONF
daemon on; pid $work/nginx.pid; error_log $work/nginx.err; worker_processes 1;
events { worker_connections 1024; }
http { access_log off; open_file_cache max=10; keepalive_requests 1000000000; client_body_temp_path $work/n1; proxy_temp_path $work/n2; fastcgi_temp_path $work/n3; uwsgi_temp_path $work/n4; scgi_temp_path $work/n5;
  server { listen 127.0.0.1:18099; root $work/www; } }
CONF
chmod 755 "$work" "$work/www"
taskset -c 0 nginx -c "$work/nginx.conf" -g 'user root;' 2>/dev/null || taskset -c 0 nginx -c "$work/nginx.conf"

nginx_worker="$(pgrep -P "$(cat "$work/nginx.pid")" | head -n 1)"
client_core=$(($(nproc) > 1 ? 1 : 0))
# The processor time that a process has used, in microseconds.
cpu_of() { awk -v hz="$(getconf CLK_TCK)" '{ sub(/^.*[)] /, ""); print ($12 + $13) * 1000000 / hz }' "/proc/$1/stat"; }
# load NAME PID URL HEADER: requests a second and the 99th percentile in ms, appended to the samples of NAME, and the
# server's processor time per request to those of NAME_cpu, which other work on the machine does not change.
load() {
    local name="$1" pid="$2" before
    shift
    before="$(cpu_of "$pid")"
    taskset -c "$client_core" wrk -t1 -c64 -d"${seconds}s" --latency -H "$3" "$2" >"$work/wrk"
    grep -q 'Non-2xx' "$work/wrk" && { echo "bench: $name answered with errors" >&2; exit 1; }
    awk '/Requests\/sec/ { r = $2 } /99%/ { p = $2; if (p ~ /us$/) p = p / 1000; else if (p ~ /ms$/) p = p + 0; else p = p * 1000 } END { print r, p }' "$work/wrk" >>"$work/samples.$name"
    awk -v used="$(($(cpu_of "$pid" | cut -d. -f1) - ${before%.*}))" '/requests in/ { print used / $1, 0 }' "$work/wrk" >>"$work/samples.${name}_cpu"
}
for ((i = 0; i < repeats; i++)); do
    load weir "$server" "$url$path" "Authorization: Bearer $token"
    load nginx "$nginx_worker" "http://127.0.0.1:18099/body" "Accept: */*"
done
percentile() { cut -d' ' -f2 "$work/samples.$1" | sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
for name in nginx weir; do printf '  %-22s median %10.0f requests/s   p99 %s ms\n' "$name" "$(median "$name")" "$(percentile "$name")"; done
for name in nginx weir; do printf '  %-22s median %10.2f us of its core per request\n' "$name" "$(median "${name}_cpu")"; done
echo "  body: $(wc -c <"$work/body") bytes; a core for the server, another for the client; the token is verified once and remembered"
goal "share of nginx's requests" "$(ratio weir nginx)" '>=' 0.6
goal "share of nginx's requests, by processor time" "$(ratio nginx_cpu weir_cpu)" '>=' 0.6
goal "p99 in ms" "$(percentile weir)" '<=' 1

query="$url/views/v?score.gte=5000&name.prefix=name%201&order=-score&limit=100"
for ((i = 0; i < repeats; i++)); do timed query curl -sf -o "$work/answer" -H "Authorization: Bearer $token" "$query"; done
same "the query's first id" "$(grep -o '"id":[0-9]*' "$work/answer" | head -n 1)" \
    "\"id\":$("$weir" sql "$project" "select id from v where score >= 5000 and name like 'name 1%' order by score desc limit 1" --format csv | tail -n 1)"
echo "  a filter, an order and a limit over $rows rows, on the server's core, with curl's own start:"
report query
