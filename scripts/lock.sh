#!/bin/sh
# Rewrites requirements/dev.txt: the newest version of everything the project needs at run time and for development, for
# every Python and platform it supports. No index and no hash is written, so the lock installs from any mirror.
set -eu
cd "$(dirname "$0")/.."

UV=$(sh scripts/find-uv.sh "$(sh scripts/find-python.sh)")
if [ -n "$(ls /etc/ssl/certs 2>/dev/null)" ]; then export UV_SYSTEM_CERTS="${UV_SYSTEM_CERTS:-true}"; fi

"$UV" pip compile --quiet --upgrade --universal --python-version 3.12 --all-extras --group dev \
    --no-emit-package s3py-helper --no-emit-index-url --no-emit-find-links \
    --custom-compile-command 'make lock' --output-file requirements/dev.txt pyproject.toml
