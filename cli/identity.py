"""Whose a data directory is: the run that began it, and no other, goes on with it."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

from floorwise.cli.output import fail, note


def claim(directory: Path, file: str, identity: dict[str, Any]) -> None:
    """Make the directory and note in `file` what runs there; say so when an earlier run is gone on with.

    Ends with exit 2 when the directory holds another run, or a ledger that none of this kind made.
    """
    from floorwise.core.adapters.ledger_sql.sqlite import LEDGER_FILE

    if directory.exists() and not directory.is_dir():
        fail(f"{directory} is a file; give a directory with --data")
    directory.mkdir(parents=True, exist_ok=True)
    told, wanted = directory / file, json.dumps(identity)
    has_ledger = (directory / LEDGER_FILE).exists()
    if told.exists() and told.read_text(encoding="utf-8") != wanted:
        fail(f"{directory} holds another {told.stem} ({told.read_text(encoding='utf-8')}); give an empty directory with --data")
    if not told.exists():
        if has_ledger:
            fail(f"{directory} holds a ledger that no {told.stem} made; give an empty directory with --data")
        fresh = told.with_suffix(".new")  # a kill between opening and writing must not leave half a name
        fresh.write_text(wanted, encoding="utf-8")
        fresh.replace(told)
    if _end_mark(told).exists():
        note(f"{directory}: this {told.stem} is finished; its figures are told again")
    elif has_ledger:
        note(f"{directory}: goes on where it was cut off")


def finish(directory: Path, file: str) -> None:
    """Note that the run has come to its end: the next one has nothing to go on with."""
    _end_mark(directory / file).touch()


def _end_mark(told: Path) -> Path:
    return told.with_suffix(".done")


def digest(value: Any) -> str:
    """Eight hex digits that stand for `value`."""
    return sha256(repr(value).encode()).hexdigest()[:8]
