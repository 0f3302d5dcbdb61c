#!/usr/bin/env bash
# The recipes project, run into a new lake: demo.sh WEIR. Says each command before it runs it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

weir="$1"
lake="$(mktemp -d "${TMPDIR:-/tmp}/weir-demo.XXXXXX")/lake"

show() {
    echo
    printf '$ weir'
    printf ' %q' "$@"
    echo
    "$weir" "$@"
}

show check projects/recipes --lake "$lake"
show run projects/recipes --lake "$lake"
show sql projects/recipes --lake "$lake" 'SELECT source, interval_from, read, accepted, duplicate, quarantined, filtered FROM weir.accounting ORDER BY ALL'
show sql projects/recipes --lake "$lake" 'SELECT measure, detail, value FROM run_report'
show sql projects/recipes --lake "$lake" 'SELECT * FROM difficulty_report'
show export projects/recipes difficulty_report --lake "$lake" --format csv --out "$(dirname "$lake")"
echo
cat "$(dirname "$lake")/difficulty_report.csv"
echo
echo "The lake is in $lake; the project, to copy and change, in projects/recipes."
