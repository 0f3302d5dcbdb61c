#!/usr/bin/env bash
# The page in Chromium: what it shows, live, and how it is used. console.sh [--pictures DIR] writes pictures of it, to look
# at; console.sh --picture FILE.png makes that of the README, of projects/learning, and tests nothing. Chromium comes from Debian (apt-get install chromium), what drives it from npm.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
export WEIR="${WEIR:-$PWD/build/release/weir}"
if [[ "${1:-}" == --pictures ]]; then
    mkdir -p "${2:?--pictures needs a folder}"
    WEIR_PICTURES="$(cd "$2" && pwd)"
    export WEIR_PICTURES
fi
for name in chromium chromium-browser google-chrome; do
    CHROMIUM="$(command -v "$name" || true)"
    [[ -z "$CHROMIUM" ]] || break
done
if [[ -z "$CHROMIUM" ]]; then
    echo "skipped: Chromium is not installed (apt-get install chromium)"
    exit 0
fi
export CHROMIUM
packages=".deps/console-tests-$(sha256sum tests/console/package-lock.json | cut -c 1-16)"
if [[ ! -e "$packages/node_modules" ]]; then
    mkdir -p .deps
    work="$(mktemp -d .deps/fetch.XXXXXX)"
    cp tests/console/package.json tests/console/package-lock.json "$work"
    if ! (cd "$work" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >npm.log 2>&1); then
        echo "skipped: npm could not fetch what drives the browser: $(tail -n 1 "$work/npm.log")"
        rm -rf "$work"
        exit 0
    fi
    mv -T "$work" "$packages" 2>/dev/null || rm -rf "$work"
fi
ln -sfn "../../$packages/node_modules" tests/console/node_modules
if [[ "${1:-}" == --picture ]]; then exec node tests/console/picture.mjs "${2:?--picture needs a file}"; fi
(cd console && node node_modules/typescript/bin/tsc --noEmit) && echo "the page's types are sound"
mkdir -p build
status=0
node --test --test-reporter=tap tests/console/console.test.mjs | tee build/console-tests.tap || status=$?
# As every check closes: what was counted.
count() { sed -n "s/^# $1 //p" build/console-tests.tap; }
echo "$(count pass) passed, $(count fail) failed, $(count skipped) skipped"
exit "$status"
