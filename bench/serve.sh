#!/usr/bin/env bash
# Rows by key over HTTP, with a token, against nginx that serves a static body of the same size on the same core, and
# against FastAPI with PostgreSQL and PyJWT doing the same. Also a query with a filter, an order and a limit over a view of a million rows.
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
http: {loops: 1, queries: 1, access_log: none}
views: [{view: v, key: [id]}]
access: {tokens: [{algorithm: HS256, secret: "${file:token.secret}"}]}
YAML
duckdb_sql "COPY (SELECT n AS id, 'name ' || n % 1000 AS name, (n * 7919 % 100003) / 7 AS score FROM range($rows) t(n)) TO '$project/in/t.csv' (HEADER)" >/dev/null
"$weir" run "$project" --quiet >/dev/null
token="$("$weir" token create "$project" --scope 'view:*')"

start_up taskset -c 0 "$weir" up "$project" --only serve
trap 'kill "$server" "${fastapi:-$server}" 2>/dev/null || true; [[ -n "${pg:-}" && -e "$pg/data/postmaster.pid" ]] && kill -QUIT "$(head -n 1 "$pg/data/postmaster.pid")" 2>/dev/null; rm -rf "${pg:-$work/pg}"; [[ -e "$work/nginx.pid" ]] && kill "$(cat "$work/nginx.pid")" 2>/dev/null; rm -rf "$work"' EXIT
until_ready
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

# What of it is queueing: with 64 connections on one core each request waits for those before it. At the same low rate for
# both there is nobody to wait for.
cmake --build --preset release --target http_load >/dev/null
rate="${WEIR_BENCH_RATE:-2000}"
low_rate() { taskset -c "$client_core" build/release/http_load get "$1" "$2" "$rate" "$seconds" "$3" | awk '$1 ~ /p50|p99/ { printf "%s ", $2 }'; }
read -r weir_p50 weir_p99 <<<"$(low_rate "$url" "$path" "Authorization: Bearer $token")"
read -r nginx_p50 nginx_p99 <<<"$(low_rate http://127.0.0.1:18099 /body "Accept: */*")"
echo "  64 connections that always ask, of $(awk -v r="$(median nginx)" 'BEGIN { printf "%.1f", 64000 / r }') ms (nginx) and $(awk -v r="$(median weir)" 'BEGIN { printf "%.1f", 64000 / r }') ms (weir) each: what is above that at p99 is the machine's"
printf '  at %s requests/s on 8 connections: nginx p50 %s p99 %s ms, weir p50 %s p99 %s ms\n' "$rate" "$nginx_p50" "$nginx_p99" "$weir_p50" "$weir_p99"
goal "p99 in ms at $rate requests/s" "$weir_p99" '<=' 1

# A service in Python that does the same: a token, a row by its key, JSON.
peer() {
    local programs user store port=18098
    programs="$(find /usr/lib/postgresql -maxdepth 2 -name bin 2>/dev/null | sort -V | tail -n 1)"
    [[ -n "$programs" ]] || { echo "  FastAPI skipped: no PostgreSQL server is installed (Debian's package postgresql)"; return; }
    user=()
    if [[ "$(id -u)" == 0 ]]; then
        getent passwd postgres >/dev/null || { echo "  FastAPI skipped: PostgreSQL does not run as root, and there is no user postgres"; return; }
        user=(setpriv --reuid postgres --regid postgres --clear-groups)
    fi
    local environment="$bench_data/fastapi"
    local packages=("fastapi>=0.115,<1" "uvicorn[standard]<1" "psycopg[binary,pool]>=3.2,<4" "pyjwt>=2.9,<3" "orjson>=3,<4")
    if [[ ! -e "$environment/.whole" ]]; then
        rm -rf "$environment"
        if ! { python3 -m venv "$environment" &&
            "$environment/bin/pip" install --quiet --retries 1 --timeout 15 "${packages[@]}"; } >"$work/pip.log" 2>&1; then
            echo "  FastAPI skipped: its packages could not be installed from PyPI: $(tail -n 1 "$work/pip.log")"
            return
        fi
        touch "$environment/.whole"
    fi
    pg="$(mktemp -d /tmp/weir-bench-pg.XXXXXX)"
    [[ ${#user[@]} -gt 0 ]] && chown postgres "$pg"
    "${user[@]}" "$programs/initdb" -D "$pg/data" -U weir -A trust >"$work/pg.log" 2>&1
    "${user[@]}" "$programs/pg_ctl" -D "$pg/data" -w -l "$pg/log" -o "-c listen_addresses= -k $pg -c shared_buffers=512MB" start >>"$work/pg.log" 2>&1
    store="host=$pg user=weir dbname=postgres"
    psql -q "$store" -c 'CREATE TABLE v (id bigint PRIMARY KEY, name text, score double precision, text text)'
    "$weir" sql "$project" 'SELECT * FROM v' --format csv | psql -q "$store" -c "COPY v FROM STDIN (FORMAT csv, HEADER)" -c 'ANALYZE v'
    BENCH_SECRET="$project/token.secret" BENCH_STORE="$store" taskset -c 0 "$environment/bin/uvicorn" --app-dir bench serve_fastapi:app \
        --port "$port" --no-access-log --log-level warning 2>"$work/fastapi.err" &
    fastapi=$!
    for ((i = 0; i < 300; i++)); do curl -s -o /dev/null "http://127.0.0.1:$port/" && break; sleep 0.1; done
    curl -s -H "Authorization: Bearer $token" "http://127.0.0.1:$port$path" >"$work/body.fastapi"
    same "FastAPI's row" "$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["data"] == json.load(open(sys.argv[2]))["data"])' "$work/body" "$work/body.fastapi")" True
    for ((i = 0; i < repeats; i++)); do load fastapi "$fastapi" "http://127.0.0.1:$port$path" "Authorization: Bearer $token"; done
    printf '  %-22s median %10.0f requests/s   p99 %s ms   (one process on the core, PostgreSQL where it likes)\n' fastapi "$(median fastapi)" "$(percentile fastapi)"
    printf '  %-22s median %10.2f us of its core per request, without PostgreSQL\n' fastapi "$(median fastapi_cpu)"
    goal "times FastAPI's requests" "$(ratio weir fastapi)" '>=' 60
    echo "  FastAPI's processor time for one request, without PostgreSQL, is enough for $(ratio fastapi_cpu weir_cpu) of weir's"
    kill "$fastapi"
    "${user[@]}" "$programs/pg_ctl" -D "$pg/data" -m immediate stop >/dev/null
    rm -rf "$pg"
}
peer

query="$url/views/v?score.gte=5000&name.prefix=name%201&order=-score&limit=100"
for ((i = 0; i < repeats; i++)); do timed query curl -sf -o "$work/answer" -H "Authorization: Bearer $token" "$query"; done
same "the query's first id" "$(grep -o '"id":[0-9]*' "$work/answer" | head -n 1)" \
    "\"id\":$("$weir" sql "$project" "select id from v where score >= 5000 and name like 'name 1%' order by score desc limit 1" --format csv | tail -n 1)"
echo "  a filter, an order and a limit over $rows rows, on the server's core, with curl's own start:"
report query
