#!/bin/sh
# Makes (or brings up to date) the virtual environment the Makefile works with.
#
# Needs only a Python >= 3.12 and a network or cache that serves the packages. uv is used when it works, else it is
# installed by pip into a small private environment. Their own configuration decides where packages come from: nothing
# here names an index.
#
#   VENV    the environment to make (default: .venv)
#   PYTHON  the interpreter to try first (default: the first that works is taken)
set -eu
cd "$(dirname "$0")/.."

VENV=${VENV:-.venv}
TOOLS=.venv-tools
LOCK=requirements/dev.txt

# Like pip, trust the certificates of the system, where a company's own authority is installed, when there are any.
if [ -n "$(ls /etc/ssl/certs 2>/dev/null)" ]; then export UV_SYSTEM_CERTS="${UV_SYSTEM_CERTS:-true}"; fi

say() { printf 'bootstrap: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# A name on PATH proves nothing: version managers leave shims that exist and fail. So each candidate is run.
works() { "$1" -c 'import sys, venv; sys.exit(sys.version_info < (3, 12))' >/dev/null 2>&1 </dev/null; }

# Prints candidates, best first. pyenv's versions are listed straight from its folder, whichever of them is selected.
candidates() {
    printf '%s\n' ${PYTHON:+"$PYTHON"} python3.14 python3.13 python3.12 python3 python
    for root in ${PYENV_ROOT:+"$PYENV_ROOT"} "${HOME:-/nonexistent}/.pyenv"; do
        for found in "$root"/versions/*/bin/python; do
            [ -x "$found" ] && printf '%s\n' "$found"
        done | sort -r
    done
}

find_python() {
    candidates | while IFS= read -r candidate; do
        if works "$candidate"; then
            "$candidate" -c 'import sys; print(sys.executable)'
            break
        fi
    done
}

# An interpreter that uv manages is the last resort; uv itself is never asked to download one.
find_uv_python() {
    uv --version >/dev/null 2>&1 || return 0
    found=$(UV_PYTHON_DOWNLOADS=never uv python find --no-project '>=3.12' 2>/dev/null) || return 0
    if works "$found"; then printf '%s\n' "$found"; fi
}

# Sets UV to a uv that runs, installing one with the interpreter "$1" when there is none.
find_uv() {
    if uv --version >/dev/null 2>&1; then UV=uv; return; fi
    UV=$TOOLS/bin/uv
    if "$UV" --version >/dev/null 2>&1; then return; fi
    say "installing uv into $TOOLS"
    rm -rf "$TOOLS"
    "$1" -m venv "$TOOLS" || die "$1 cannot make a virtual environment (on Debian and Ubuntu: install python3-venv)"
    "$TOOLS/bin/python" -m pip install --quiet --disable-pip-version-check uv || die "pip could not install uv"
}

if [ -n "${PYTHON:-}" ] && ! works "$PYTHON"; then say "PYTHON=$PYTHON is not a Python >= 3.12 that runs; looking further"; fi
python=$(find_python)
[ -n "$python" ] || python=$(find_uv_python)
[ -n "$python" ] || die "no Python >= 3.12 found: install one, or name it: make PYTHON=/path/to/python3.12"
find_uv "$python"

# An environment whose interpreter has gone (an upgraded system) cannot be mended, only replaced.
if ! works "$VENV/bin/python"; then
    say "making $VENV with $python"
    "$UV" venv --quiet --clear --no-project --python "$python" "$VENV"
fi
"$UV" pip sync --quiet --python "$VENV/bin/python" --build-constraints "$LOCK" "$LOCK" requirements/project.txt
say "$VENV is up to date ($("$VENV/bin/python" --version))"
