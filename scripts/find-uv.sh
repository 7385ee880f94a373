#!/bin/sh
# Prints a uv that runs: the one on PATH, else one that pip installs into .venv-tools with the interpreter given.
set -eu
cd "$(dirname "$0")/.."

TOOLS=.venv-tools

die() { printf 'find-uv: %s\n' "$*" >&2; exit 1; }

if uv --version >/dev/null 2>&1; then echo uv; exit; fi
if ! "$TOOLS/bin/uv" --version >/dev/null 2>&1; then
    printf 'find-uv: installing uv into %s\n' "$TOOLS" >&2
    rm -rf "$TOOLS"
    "$1" -m venv "$TOOLS" || die "$1 cannot make a virtual environment (on Debian and Ubuntu: install python3-venv)"
    "$TOOLS/bin/python" -m pip install --quiet --disable-pip-version-check uv || die "pip could not install uv"
fi
echo "$TOOLS/bin/uv"
