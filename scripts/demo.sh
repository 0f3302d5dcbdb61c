#!/usr/bin/env bash
# The learning project, live: generator → log → contract → lake → views → API and page. demo.sh WEIR [--seconds N]
# [--rate N] [--listen ADDRESS:PORT]. Without --seconds it runs until Ctrl-C on a terminal, and 30 seconds elsewhere.
# Ends with what it did, and with 1 where a view is not what all rows give.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

weir="$1"
shift
seconds="" rate=300 listen=""
[[ -t 1 ]] || seconds=30
fail() {
    echo "demo: $1" >&2
    exit "${2:-1}"
}
while [[ $# -gt 0 ]]; do
    case "$1" in
        --seconds) seconds="${2:-}"; shift ;;
        --seconds=*) seconds="${1#*=}" ;;
        --rate) rate="${2:-}"; shift ;;
        --rate=*) rate="${1#*=}" ;;
        --listen) listen="${2:-}"; shift ;;
        --listen=*) listen="${1#*=}" ;;
        *) fail "there is no option '$1'; there are --seconds N, --rate N, --listen ADDRESS:PORT" 2 ;;
    esac
    shift
done
[[ -z "$seconds" || "$seconds" =~ ^[1-9][0-9]*$ ]] || fail "--seconds is a whole number from 1" 2
[[ "$rate" =~ ^[1-9][0-9]*$ ]] || fail "--rate is a whole number from 1" 2
# Somebody else may have the usual port.
if [[ -z "$listen" ]]; then
    listen=127.0.0.1:8080
    if (: <>/dev/tcp/127.0.0.1/8080) 2>/dev/null; then listen=127.0.0.1:0; fi
fi

place="$(mktemp -d "${TMPDIR:-/tmp}/weir-demo.XXXXXX")"
project=(projects/learning --env demo --param from=log --lake "$place/lake")
if [[ -t 1 && -z "${NO_COLOR:-}" ]]; then bold=$'\e[1m' plain=$'\e[0m' again=$'\r\e[K'; else bold="" plain="" again=""; fi

# Away from the terminal's group: Ctrl-C is for this script, which ends them in their order.
up="" generator="" stopping=""
stop_both() {
    [[ -z "$generator" ]] || kill "$generator" 2>/dev/null || true
    [[ -z "$up" ]] || kill "$up" 2>/dev/null || true
    wait
}
trap stop_both EXIT
stop_it() { stopping=yes; }
trap stop_it INT TERM
: >"$place/up.jsonl"
setsid "$weir" up "${project[@]}" --log "$place/log" --listen "$listen" >/dev/null 2>"$place/up.jsonl" &
up=$!

url=""
for ((i = 0; i < 600; i++)); do
    url="$(sed -n 's/.*serving at \(http[^"[:space:]]*\).*/\1/p' "$place/up.jsonl" | head -n 1)"
    [[ -n "$url" || -n "$stopping" ]] && break
    kill -0 "$up" 2>/dev/null || { cat "$place/up.jsonl" >&2; fail "weir up ended"; }
    sleep 0.1
done
[[ -n "$url" ]] || { cat "$place/up.jsonl" >&2; fail "weir up did not begin to serve within a minute"; }

setsid "$weir" generate "${project[@]:0:5}" events --count 1000000000 --rate "$rate" --to log --log "$place/log" \
    >"$place/generate.txt" 2>&1 &
generator=$!

cat <<TEXT
A university's learning platform, made up: $rate events a second, a day in ten seconds, some late, some twice, some broken.
They go through six topics, one contract and a lake into 42 batch views, 29 live ones and the counters of their quality.

  ${bold}Open $url${plain}

$([[ -n "$seconds" ]] && echo "It ends by itself after $seconds seconds." || echo "Ctrl-C ends it.")

TEXT

# The newest number of this name in what weir up says of itself each second; its first is that of all sources together.
newest() { sed -n 's/.*"intake": {\([^[]*\).*/\1/p' "$place/up.jsonl" | tail -n 1 | grep -o "\"$1\":[0-9]*" | head -n 1 | cut -d : -f 2; }

begun=$SECONDS
while [[ -z "$stopping" ]]; do
    [[ -n "$seconds" && $((SECONDS - begun)) -ge "$seconds" ]] && break
    kill -0 "$up" 2>/dev/null || { tail -n 5 "$place/up.jsonl" >&2; fail "weir up ended before it was told to"; }
    kill -0 "$generator" 2>/dev/null || { cat "$place/generate.txt" >&2; fail "the generator ended before it was told to"; }
    # Without $(…): a signal that comes while bash reads one is lost to it.
    if [[ -n "$again" ]]; then
        printf '%s%s s: ' "$again" "$((SECONDS - begun))"
        tail -n 1 "$place/up.jsonl" |
            sed -n 's|.*"intake": {"rows_per_second":\([0-9]*\),"lag":\([0-9]*\),"read":\([0-9]*\),"accepted":\([0-9]*\),.*|\1 rows/s, \3 read, \4 accepted, lag \2|p' |
            tr -d '\n'
    fi
    sleep 1 || true
done
ran=$((SECONDS - begun))
[[ -n "$again" ]] && printf '%s' "$again"

# No more comes in; what is in the topics goes to its end.
kill -INT "$generator" 2>/dev/null || true
wait "$generator" || true
generator=""
generated="$("$weir" topic ls --log "$place/log" --json | grep -o '"offsets": *[0-9]*' | awk -F : '{ sum += $2 } END { print sum + 0 }')"
for ((i = 0; i < 120; i++)); do
    [[ "$(newest read)" == "$generated" && "$(newest lag)" == 0 ]] && break
    sleep 0.5 || true
done

# A run that publishes meanwhile may be in its way (4): then it is asked again.
for ((i = 0; i < 10; i++)); do
    status=0
    "$weir" verify "${project[@]}" --live --json >"$place/verdict.json" 2>"$place/verify.txt" || status=$?
    [[ "$status" == 4 ]] || break
    sleep 1 || true
done
[[ "$status" != 4 ]] || cat "$place/verify.txt" >&2
equal="$(grep -c '"verdict": "equal"' "$place/verdict.json" || true)"
differs="$(grep -c '"verdict": "differs"' "$place/verdict.json" || true)"
verdict=differs
[[ "$equal" -gt 0 && "$differs" == 0 ]] && verdict=equal
kill -TERM "$up" 2>/dev/null || true
wait "$up" || { tail -n 5 "$place/up.jsonl" >&2; fail "weir up ended with an error"; }
up=""

sql() { "$weir" sql "${project[@]}" "$1" --format csv | tail -n 1; }
IFS=, read -r read accepted duplicate quarantined filtered < <(sql "select sum(read)::bigint, sum(accepted)::bigint, sum(duplicate)::bigint, sum(quarantined)::bigint, sum(filtered)::bigint from weir.accounting")
publications="$(sql 'select coalesce(max(publication), 0) from weir.publications')"
add_up="no"
[[ $((accepted + duplicate + quarantined + filtered)) == "$read" && "$read" == "$generated" ]] && add_up=yes

cat <<TEXT
${bold}In $ran seconds${plain}
  generated     $generated rows into six topics
  accepted      $accepted
  duplicates    $duplicate
  quarantined   $quarantined
  filtered      $filtered
  adds up       $add_up: generated = read = accepted + duplicates + quarantined + filtered
  views         $((equal + differs)), published $publications times, live in between
  verdict       $verdict: $equal of $((equal + differs)) views up to the newest commit are what all rows give
  served at     $url

${bold}What to type next${plain}
  LAKE=$place/lake
  export PATH=$(dirname "$weir"):\$PATH
  weir up --only serve --lake \$LAKE                                the same page, of what is there now
  weir sql --lake \$LAKE "select * from course_overview limit 5"
  weir quarantine list --lake \$LAKE
  ./dev demo recipes                                               another project, step by step
  rm -r $place                                     when you are done
TEXT
if [[ "$verdict" != equal || "$add_up" != yes ]]; then
    [[ "$verdict" == equal ]] || cat "$place/verdict.json" >&2
    exit 1
fi
