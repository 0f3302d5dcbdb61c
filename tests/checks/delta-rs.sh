#!/usr/bin/env bash
# Tables of every type and kind of log, and every table of a real lake, have the same rows for delta-rs, polars and us, and
# what delta-rs writes reads the same here. They come from PyPI.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
weir="${WEIR:-$PWD/build/release/weir}"
helper="${LAKE_TABLE:-$PWD/build/release/lake_table}"
packages=(deltalake==1.6.6 polars==2.1.0 pyarrow==26.0.1)
environment=build/checks/delta-rs

if ! python3 -m venv --help >/dev/null 2>&1; then
    echo "skipped: python3 with venv is not installed"
    exit 0
fi
if [[ ! -e "$environment/.whole" ]]; then
    rm -rf "$environment"
    mkdir -p build/checks
    if ! python3 -m venv "$environment" >build/checks/delta-rs.log 2>&1 ||
        ! "$environment/bin/pip" install --quiet --retries 1 --timeout 15 "${packages[@]}" >>build/checks/delta-rs.log 2>&1; then
        echo "skipped: ${packages[*]} could not be installed from PyPI: $(tail -n 1 build/checks/delta-rs.log)"
        exit 0
    fi
    touch "$environment/.whole"
fi

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
"$environment/bin/python" tests/checks/delta_rs_types.py "$helper" "$work"
"$weir" run projects/recipes --lake "$work/lake" --quiet
exec "$environment/bin/python" tests/checks/delta_rs.py "$weir" projects/recipes "$work/lake"
