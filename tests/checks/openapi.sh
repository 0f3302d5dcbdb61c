#!/usr/bin/env bash
# The document that /openapi.json gives is valid for openapi-spec-validator, and schemathesis finds no answer that it does
# not describe. They come from PyPI. Left out of schemathesis: that every value of the right type must be accepted, which
# a cursor that was made up, a column that is selected twice, and a time before the first publication are not.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
weir="${WEIR:-$PWD/build/release/weir}"
packages=(openapi-spec-validator==0.9.0 "schemathesis>=4,<5")
environment=build/checks/openapi

if ! python3 -m venv --help >/dev/null 2>&1; then
    echo "skipped: python3 with venv is not installed"
    exit 0
fi
if [[ ! -e "$environment/.whole" ]]; then
    rm -rf "$environment"
    mkdir -p build/checks
    if ! python3 -m venv "$environment" >build/checks/openapi.log 2>&1 ||
        ! "$environment/bin/pip" install --quiet --retries 1 --timeout 15 "${packages[@]}" >>build/checks/openapi.log 2>&1; then
        echo "skipped: ${packages[*]} could not be installed from PyPI: $(tail -n 1 build/checks/openapi.log)"
        exit 0
    fi
    touch "$environment/.whole"
fi

work="$(mktemp -d)"
server=
trap '[[ -n "$server" ]] && kill "$server" 2>/dev/null; rm -rf "$work"' EXIT
cp -r projects/learning "$work/learning"
"$weir" run "$work/learning" --quiet >/dev/null
"$weir" topic create "$work/learning" checked >/dev/null
"$weir" up "$work/learning" --only serve --listen 127.0.0.1:0 2>"$work/up.err" &
server=$!
for ((i = 0; i < 300; i++)); do grep -q 'serving at' "$work/up.err" && break; sleep 0.1; done
url="$(grep -o 'http://[0-9.:]*' "$work/up.err" | head -n 1)"
"$environment/bin/python" -c 'import sys, urllib.request; open(sys.argv[2], "wb").write(urllib.request.urlopen(sys.argv[1]).read())' "$url/openapi.json" "$work/openapi.json"
"$environment/bin/openapi-spec-validator" "$work/openapi.json"
# Every path has the same parts: some of them are looked at, a stream has no end.
cd "$work"
"$OLDPWD/$environment/bin/schemathesis" run "$url/openapi.json" --max-examples "${WEIR_CHECK_EXAMPLES:-10}" --phases coverage,fuzzing \
    --exclude-checks positive_data_acceptance --exclude-path-regex '^/(status/)?stream' \
    --include-path-regex '^/(views(/course_overview.*|/student_course_.*|/auth_daily_active_users.*|$)|system/.*|topics.*|[a-z.]*$|problems.*)'
