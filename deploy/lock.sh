#!/usr/bin/env bash
# Renew requirements.lock and requirements-dev.lock from pyproject.toml: deploy/lock.sh [--upgrade | --upgrade-package NAME].
# uv.lock stays out of git because it names the index; the two files made from it hold hashes and no address.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
uv=.venv/bin/uv
[ -x "$uv" ] || uv=uv

"$uv" lock "$@"
common=(--frozen --no-emit-project --no-header --no-annotate --format requirements-txt --quiet)
"$uv" export "${common[@]}" --all-extras --no-default-groups --group build --output-file requirements.lock
"$uv" export "${common[@]}" --all-extras --no-default-groups --group build --group dev --output-file requirements-dev.lock
grep -En '://|^--' requirements.lock requirements-dev.lock && { echo 'a lock names an address or an option' >&2; exit 1; }
wc -l requirements.lock requirements-dev.lock
