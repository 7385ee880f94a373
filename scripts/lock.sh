#!/bin/sh
# Rewrites requirements/dev.txt: the newest version of everything the project needs at run time and for development, for
# every Python and platform it supports. No index and no hash is written, so the lock installs from any mirror.
set -eu
cd "$(dirname "$0")/.."

UV=uv
uv --version >/dev/null 2>&1 || UV=.venv-tools/bin/uv
"$UV" pip compile --quiet --upgrade --universal --python-version 3.12 --all-extras --group dev \
    --no-emit-package s3py-helper --no-emit-index-url --no-emit-find-links \
    --custom-compile-command 'make lock' --output-file requirements/dev.txt pyproject.toml
