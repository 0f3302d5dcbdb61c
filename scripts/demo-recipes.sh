#!/usr/bin/env bash
# The recipes project, run into a new lake: demo-recipes.sh WEIR. Says each command before it runs it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

weir="$1"
place="$(mktemp -d "${TMPDIR:-/tmp}/weir-demo.XXXXXX")"
lake="$place/lake"
if [[ -t 1 && -z "${NO_COLOR:-}" ]]; then bold=$'\e[1m' plain=$'\e[0m'; else bold="" plain=""; fi

step() {
    printf '\n%s%s%s\n' "$bold" "$1" "$plain"
}

# Shows a command as a person would type it, then runs it.
show() {
    local word line="$ weir"
    for word in "$@"; do
        word="${word//"$lake"/\$LAKE}"
        [[ "$word" == *[\ \(\'\*]* ]] && word="\"$word\""
        line+=" $word"
    done
    printf '%s\n\n' "$line"
    "$weir" "$@"
}

# Without its events, which are for programs here.
show_run() {
    show run projects/recipes --lake "$lake" 2>"$place/events.jsonl" || {
        cat "$place/events.jsonl" >&2
        exit 1
    }
}

cat <<TEXT
Recipes arrive as JSON, day by day. How long do those with beef take, by difficulty?
The project is projects/recipes: one source, a contract, five views. Three days of made-up recipes lie in its sample/.
A new lake takes what comes in: LAKE=$lake
TEXT

step "1. Is the project sound?"
show check projects/recipes --lake "$lake"

step "2. What came in: each file is read once, each row held to the contract."
show_run

step "3. Where every row went: read = accepted + duplicate + quarantined + filtered."
show sql projects/recipes --lake "$lake" \
    "select interval_from as day, read, accepted, duplicate, quarantined, filtered from weir.accounting order by day"

step "4. What was refused, and why. It is kept, with its bytes, until somebody decides."
show sql projects/recipes --lake "$lake" \
    "select line, rule, reason, left(decode(raw), 60) || ' …' as raw from weir.quarantine"

step "5. The answer: average minutes of the recipes with beef, by difficulty."
show sql projects/recipes --lake "$lake" "select * from difficulty_report"

step "6. The same, as each day ended."
show sql projects/recipes --lake "$lake" \
    "pivot history.difficulty_report on difficulty in ('easy', 'medium', 'hard') using first(avg_total_cooking_time) group by run_date"

step "7. Running again changes nothing: there is nothing new."
show_run

cat <<TEXT

${bold}Where things lie${plain}
  \$LAKE/recipe_changes    the rows: a Delta table, by year=/month=/day=
  \$LAKE/weir              accounting, files and quarantine: Delta tables too
  \$LAKE/export            difficulty_report.csv and run_report.csv
  projects/recipes        the project, to read and to change

${bold}What to type next${plain}
  LAKE=$lake
  export PATH=$(dirname "$weir"):\$PATH
  weir sql projects/recipes --lake \$LAKE "select * from current_recipes limit 5"
  weir new ~/shop --from recipes       a copy of your own
  weir new ~/mine --csv FILE.csv       a project around your own file
  weir help                            all commands; docs/guide/first-project.md walks through them
TEXT
