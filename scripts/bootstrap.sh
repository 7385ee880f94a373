#!/bin/sh
# Makes (or brings up to date) the virtual environment the Makefile works with.
#
# Needs only a Python >= 3.12 and a network or cache that serves the packages. uv is used when it works, else it is
# installed by pip into a small private environment. Their own configuration decides where packages come from: nothing
# here names an index.
#
#   VENV    the environment to make (default: .venv)
#   PYTHON  the interpreter to try first (see find-python.sh)
set -eu
cd "$(dirname "$0")/.."

VENV=${VENV:-.venv}
LOCK=requirements/dev.txt

say() { printf 'bootstrap: %s\n' "$*" >&2; }

python=$(sh scripts/find-python.sh)
UV=$(sh scripts/find-uv.sh "$python")

# Like pip, trust the certificates of the system, where a company's own authority is installed, when there are any.
if [ -n "$(ls /etc/ssl/certs 2>/dev/null)" ]; then export UV_SYSTEM_CERTS="${UV_SYSTEM_CERTS:-true}"; fi

# An environment whose interpreter has gone (an upgraded system) cannot be mended, only replaced.
if ! "$VENV/bin/python" -c '' >/dev/null 2>&1; then
    say "making $VENV with $python"
    "$UV" venv --quiet --clear --no-project --python "$python" "$VENV"
fi
"$UV" pip sync --quiet --python "$VENV/bin/python" --build-constraints "$LOCK" "$LOCK" requirements/project.txt
say "$VENV is up to date ($("$VENV/bin/python" --version))"
