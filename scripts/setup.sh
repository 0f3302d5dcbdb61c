# What the build needs and how it gets here: Debian packages, DuckDB from two npm packages, and what the page is built with
# from npm. Sourced by ./dev.
# shellcheck shell=bash

base_packages=(
    g++ cmake ninja-build ccache git ca-certificates pkg-config
    libfmt-dev libyaml-cpp-dev nlohmann-json3-dev libcli11-dev libsimdjson-dev librdkafka-dev libssl-dev zlib1g-dev libzstd-dev liblz4-dev
    libxxhash-dev libsqlite3-dev libpq-dev libboost-dev libgtest-dev libgmock-dev
)
test_packages=(openssl)
server_packages=(postgresql)
bench_packages=(time python3-venv wrk nginx-light curl)
clang_packages=(clang-14 clang-format-14 clang-tidy-14 libclang-rt-14-dev shellcheck)

# The library comes prebuilt; its C header is that of the last release before, whose calls the library still offers.
duckdb_version=1.5.6
duckdb_folder=".deps/duckdb-$duckdb_version"
duckdb_library_package=@duckdb/node-bindings-linux-x64@1.5.6-r.1
duckdb_library_sha256=1b9f82478539bb9a1d1df44bd103121a12ae52142c07158dc52b97d2ec1d69ff
duckdb_header_package=duckdb@1.4.4
duckdb_header_sha256=5bb967dcbcd517670ba5f169f238fb9d6787e53752c60ebe24386169d76941ed

setup_base() {
    [[ "$(uname -sm)" == "Linux x86_64" ]] || fail "weir builds on Linux x86-64; this is $(uname -sm)"
    install_packages "${base_packages[@]}"
    command -v node >/dev/null && command -v npm >/dev/null || install_packages nodejs npm
    fetch_duckdb
    bash console/build.sh --packages
}

# The tests run servers of their own: the package's cluster is neither made nor started.
setup_tests() {
    install_packages "${test_packages[@]}"
    ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 && return
    install_packages postgresql-common
    local as_root=() without=/etc/postgresql-common/createcluster.d/weir.conf
    [[ "$(id -u)" == 0 ]] || as_root=(sudo)
    "${as_root[@]}" mkdir -p "$(dirname "$without")"
    echo "create_main_cluster = false" | "${as_root[@]}" tee "$without" >/dev/null
    install_packages "${server_packages[@]}"
    "${as_root[@]}" rm -f "$without"
}

setup_clang() { install_packages "${clang_packages[@]}"; }
setup_bench() { install_packages "${bench_packages[@]}"; }

# Installs those of the named Debian packages that are not there.
install_packages() {
    command -v dpkg-query >/dev/null || fail "this is not a Debian system; please provide: $*"
    local installed package missing=()
    installed=" $(dpkg-query -W -f '${db:Status-Abbrev}${binary:Package} ' "$@" 2>/dev/null || true) "
    for package in "$@"; do
        [[ "$installed" =~ \ ii\ +"$package"(:[a-z0-9]+)?\  ]] || missing+=("$package")
    done
    [[ ${#missing[@]} -eq 0 ]] && return
    local as_root=()
    if [[ "$(id -u)" != 0 ]]; then
        command -v sudo >/dev/null ||
            fail "these packages are missing and there is no sudo; run as root: apt-get install ${missing[*]}"
        as_root=(sudo)
    fi
    echo "installing ${missing[*]}"
    "${as_root[@]}" apt-get update -q || echo "dev: the package lists could not be refreshed; trying with those that are here" >&2
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -yq --no-install-recommends "${missing[@]}" ||
        fail "apt-get could not install: ${missing[*]}"
}

# Puts libduckdb.so and duckdb.h into a folder named by version; readers see the whole folder or none.
fetch_duckdb() {
    [[ -e "$duckdb_folder/libduckdb.so" && -e "$duckdb_folder/duckdb.h" ]] && return
    echo "fetching DuckDB $duckdb_version"
    mkdir -p .deps
    local work
    work="$(mktemp -d "$PWD/.deps/fetch.XXXXXX")"
    # shellcheck disable=SC2064 # the folder is known now
    trap "rm -rf '$work'" EXIT
    fetch_npm "$duckdb_library_package" "$duckdb_library_sha256" "$work/library.tgz"
    fetch_npm "$duckdb_header_package" "$duckdb_header_sha256" "$work/header.tgz"
    mkdir "$work/duckdb"
    tar -xmzf "$work/library.tgz" -C "$work/duckdb" --strip-components=1 package/libduckdb.so
    tar -xmzf "$work/header.tgz" -C "$work/duckdb" --strip-components=5 package/src/duckdb/src/include/duckdb.h
    mv -T "$work/duckdb" "$duckdb_folder" 2>/dev/null || [[ -e "$duckdb_folder/libduckdb.so" ]] ||
        fail "could not put DuckDB into $duckdb_folder"
    rm -rf "$work"
    trap - EXIT
}

# fetch_npm PACKAGE@VERSION SHA256 FILE
fetch_npm() {
    local folder
    folder="$(mktemp -d "$(dirname "$3")/pack.XXXXXX")"
    npm pack --silent --pack-destination "$folder" "$1" >/dev/null ||
        fail "npm could not fetch $1; is a package registry reachable from here (npm ping)?"
    mv "$folder"/*.tgz "$3"
    echo "$2  $3" | sha256sum --check --status ||
        fail "$1 does not have the expected SHA-256 $2; nothing was installed"
}
