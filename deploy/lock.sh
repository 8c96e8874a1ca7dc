#!/usr/bin/env bash
# Renew the three locks from pyproject.toml: deploy/lock.sh [--upgrade | --upgrade-package NAME].
# uv.lock stays out of git because it names the index; the files made from it hold hashes and no address.
#   requirements.lock              every extra, and what ./run needs to install
#   requirements-dev.lock          that and the tests' tools
#   deploy/requirements-edge.lock  [project] dependencies alone, for gateway hardware
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
uv=.venv/bin/uv
[ -x "$uv" ] || uv=uv

"$uv" lock "$@"
common=(--frozen --no-emit-project --no-header --no-annotate --format requirements-txt --quiet)
"$uv" export "${common[@]}" --all-extras --no-default-groups --group build --output-file requirements.lock
"$uv" export "${common[@]}" --all-extras --no-default-groups --group build --group dev --output-file requirements-dev.lock
"$uv" export "${common[@]}" --no-default-groups --output-file deploy/requirements-edge.lock
locks=(requirements.lock requirements-dev.lock deploy/requirements-edge.lock)
grep -En '://|^--' "${locks[@]}" && { echo 'a lock names an address or an option' >&2; exit 1; }
wc -l "${locks[@]}"
