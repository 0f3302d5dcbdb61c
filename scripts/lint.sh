#!/usr/bin/env bash
# Everything that can be judged without running the program. Called by `./dev lint [--all] [--seconds N]`.
# --all looks at every file with clang-tidy instead of those that changed; --seconds bounds the time for that.
set -uo pipefail

all=false
tidy_seconds="${WEIR_TIDY_SECONDS:-240}"
while [[ $# -gt 0 ]]; do
    case "$1" in
        --all) all=true ;;
        --seconds) tidy_seconds="${2:?--seconds needs a number}"; shift ;;
        *) echo "lint: unknown option '$1'" >&2; exit 2 ;;
    esac
    shift
done

failures=0
report() { # NAME STATUS
    if [[ $2 -eq 0 ]]; then echo "lint: $1: good"; else echo "lint: $1: NOT good"; failures=$((failures + 1)); fi
}

check_format() {
    git ls-files -z '*.cpp' '*.h' '*.c' | xargs -0 -r clang-format-14 --dry-run -Werror
}

check_shell() {
    if ! command -v shellcheck >/dev/null; then
        echo "lint: shellcheck is not installed; only the syntax of the scripts is checked"
        local script status=0
        for script in dev .ci/run $(git ls-files '*.sh'); do bash -n "$script" || status=1; done
        return "$status"
    fi
    # shellcheck disable=SC2046 # no script has a blank in its name
    shellcheck --severity=warning -x dev .ci/run $(git ls-files '*.sh')
}

# Folders from the bottom to the top; a library links, and a file includes, only what stands below it.
folders=(base model sql declare source contract lake view sink observe serve orchestrate cli)

check_layers() {
    local -A rank=() reach=()
    local folder link include status=0 place=0
    for folder in "${folders[@]}"; do rank[$folder]=$((place++)); done
    for folder in src/*/; do
        folder="$(basename "$folder")"
        [[ -n "${rank[$folder]:-}" ]] || { echo "src/$folder has no place in scripts/lint.sh"; status=1; }
    done
    for folder in "${folders[@]}"; do
        reach[$folder]=" $folder "
        for link in $(sed -n '/^weir_library(/,/)/p' "src/$folder/CMakeLists.txt" | grep -oE '\bweir_[a-z]+' | sed 's/^weir_//' | grep -vx library); do
            if [[ -z "${rank[$link]:-}" || "${rank[$link]}" -ge "${rank[$folder]}" ]]; then
                echo "src/$folder/CMakeLists.txt links weir_$link, which does not stand below it"
                status=1
                continue
            fi
            reach[$folder]+="${reach[$link]}"
        done
        while IFS=: read -r file line include; do
            include="$(sed -E 's/.*"([a-z]+)\/.*/\1/' <<<"$include")"
            [[ -n "${rank[$include]:-}" ]] || continue
            if [[ "${reach[$folder]}" != *" $include "* ]]; then
                echo "$file:$line: src/$folder includes $include/, which its link list does not reach"
                status=1
            fi
        done < <(grep -rnE '^#include "[a-z]+/' "src/$folder" --include='*.cpp' --include='*.h')
    done
    return "$status"
}

# What is committed must mean the same on every machine.
check_text() {
    local status=0
    if git grep -nIE '(^|[^A-Za-z0-9_.~-])/(work|root|Users)/[a-z]|/home/[a-z]+/|[/]tmp/bash_' -- . ':!scripts/lint.sh'; then
        echo "these lines name a place on one machine"
        status=1
    fi
    if git grep -nIE '(registry|files|index|repo[0-9]*)\.(npmjs|pythonhosted|crates|maven)|pypi\.org|proxy\.golang|deb\.debian' -- . ':!scripts/lint.sh'; then
        echo "these lines name a package registry; leave that to the machine's own settings"
        status=1
    fi
    if git grep -nIE '[[:blank:]]+$' -- '*.cpp' '*.h' '*.c' '*.sh' '*.md' dev .ci/run ':!tests/golden'; then
        echo "these lines end in blanks"
        status=1
    fi
    return "$status"
}

# Files that changed since the branch left main, else those of the last commit; with --all every file.
tidy_files() {
    if $all; then
        git ls-files 'src/**/*.cpp'
        return
    fi
    local base
    base="$(git merge-base HEAD main 2>/dev/null || true)"
    [[ -z "$base" || "$base" == "$(git rev-parse HEAD)" ]] && base="$(git rev-parse -q --verify HEAD~1 || true)"
    { [[ -n "$base" ]] && git diff --name-only --diff-filter=d "$base" -- 'src/**/*.cpp'; git ls-files -mo --exclude-standard 'src/**/*.cpp'; } | sort -u
}

check_tidy() {
    local plan=build/lint/compile_commands.json files
    cmake --preset release -B build/lint -DWEIR_TOGETHER=OFF >/dev/null || return 1
    mapfile -t files < <(tidy_files | while read -r file; do grep -qF "/$file\"" "$plan" && echo "$file"; done)
    [[ ${#files[@]} -gt 0 ]] || { echo "lint: clang-tidy: no source file changed"; return 0; }
    local seen status
    seen="$(mktemp)"
    # A file that the time does not reach is told, not called good.
    printf '%s\n' "${files[@]}" | xargs -P "$(nproc)" -I FILE timeout "$tidy_seconds" bash -c '
        [[ $(date +%s) -lt '"$(($(date +%s) + tidy_seconds))"' ]] || exit 0
        clang-tidy-14 -p build/lint --quiet --extra-arg=-Wno-unknown-warning-option "$1" 2>/dev/null || { status=$?; [[ $status -eq 1 ]] && exit 1; exit 255; }
        echo "$1" >>"$2"' _ FILE "$seen"
    status=$?
    local looked
    looked="$(wc -l <"$seen")"
    rm -f "$seen"
    echo "lint: clang-tidy: $looked of ${#files[@]} files were clean within $tidy_seconds s"
    return "$status"
}

check_format; report format $?
check_shell; report shell $?
check_layers; report layers $?
check_text; report text $?
check_tidy; report clang-tidy $?
exit "$((failures > 0))"
