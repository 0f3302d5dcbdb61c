#!/usr/bin/env bash
# Builds the page into a C++ source: build.sh OUT.cpp. With --packages alone, it only fetches what the page is built with,
# into .deps/, under a name that follows from package-lock.json.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

fail() {
    echo "console: $1" >&2
    exit 1
}

command -v node >/dev/null && command -v npm >/dev/null || fail "node and npm are missing; ./dev setup installs them"
[[ "$(node -p 'process.versions.node.split(".")[0]')" -ge 18 ]] || fail "node $(node --version) is too old; 18 or newer is needed"

mkdir -p ../.deps
name="console-$(cat package.json package-lock.json | sha256sum | cut -c 1-16)"
if [[ ! -d "../.deps/$name/node_modules" ]]; then
    echo "fetching what the page is built with"
    work="$(mktemp -d ../.deps/fetch.XXXXXX)"
    trap 'rm -rf "$work"' EXIT
    cp package.json package-lock.json "$work"
    (cd "$work" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >npm.log 2>&1) || {
        cat "$work/npm.log" >&2
        fail "npm could not fetch the packages in console/package-lock.json; is a package registry reachable from here (npm ping)?"
    }
    # Somebody else may have been as fast; readers see the whole folder or none.
    mv -T "$work" "../.deps/$name" 2>/dev/null || [[ -d "../.deps/$name/node_modules" ]] || fail "could not make .deps/$name"
    rm -rf "$work"
    trap - EXIT
fi
[[ "$(readlink node_modules || true)" == "../.deps/$name/node_modules" ]] || ln -sfn "../.deps/$name/node_modules" node_modules
[[ "${1:-}" == --packages ]] || node embed.mjs "${1:?OUT.cpp is missing}"
