#!/bin/sh
# Prints the path of a Python >= 3.12 that runs, or fails with a message.
#
#   PYTHON  the interpreter to try first (default: the first that works is taken)
set -eu

say() { printf 'find-python: %s\n' "$*" >&2; }

# A name on PATH proves nothing: version managers leave shims that exist and fail. So each candidate is run.
works() { "$1" -c 'import sys, venv; sys.exit(sys.version_info < (3, 12))' >/dev/null 2>&1 </dev/null; }

# Best first. pyenv's versions are listed straight from its folder, whichever of them is selected.
candidates() {
    printf '%s\n' ${PYTHON:+"$PYTHON"} python3.14 python3.13 python3.12 python3 python
    for root in ${PYENV_ROOT:+"$PYENV_ROOT"} "${HOME:-/nonexistent}/.pyenv"; do
        for found in "$root"/versions/*/bin/python; do
            [ -x "$found" ] && printf '%s\n' "$found"
        done | sort -r
    done
    # An interpreter that uv manages is the last resort; uv is never asked to download one.
    UV_PYTHON_DOWNLOADS=never uv python find --no-project '>=3.12' 2>/dev/null || :
}

if [ -n "${PYTHON:-}" ] && ! works "$PYTHON"; then say "PYTHON=$PYTHON is not a Python >= 3.12 that runs; looking further"; fi

python=$(candidates | while IFS= read -r candidate; do
    if works "$candidate"; then "$candidate" -c 'import sys; print(sys.executable)'; break; fi
done)
if [ -z "$python" ]; then
    say "no Python >= 3.12 found: install one, or name it: make PYTHON=/path/to/python3.12"
    exit 1
fi
printf '%s\n' "$python"
