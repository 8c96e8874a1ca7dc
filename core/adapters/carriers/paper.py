"""The carrier that needs no contract: labels on disk, for a printer beside the pack bench and a van outside.

<directory>/<parcel>.zpl          for the label printer
<directory>/<parcel>.svg          the same, to look at or to print on paper
<directory>/bought/<key hash>.json   the label of each key; written last, so it promises that the other two are there
"""

import contextlib
import hashlib
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from floorwise.core.adapters.carriers import svg, zpl
from floorwise.core.adapters.carriers.label_layout import lay_out
from floorwise.core.errors import BadInput, Damaged
from floorwise.core.model.gs1 import Fault, check_digit, parse_sscc
from floorwise.core.model.labels import Label, LabelWanted

MAX_LABELS = 20  # of one parcel, each bought under a key of its own
MAX_STEM = 100  # characters of a file name before its ending
TRACKING_DIGITS = 17  # at half a million parcels a year, two share a number about once in 800,000 years


class PaperCarrier:
    """Gives every parcel a label in `directory`; several processes may share one directory."""

    def __init__(self, directory: Path, name: str = "paper") -> None:
        self.name = name
        self._directory = directory
        self._bought = directory / "bought"
        self._bought.mkdir(parents=True, exist_ok=True)

    def buy_label(self, wanted: LabelWanted) -> Label:
        """Return the label of `wanted.key`, made now or found.

        The same key gives the same label for ever, whatever else `wanted` says the second time, and also when the process died
        halfway through the first. `document` is a file name in the directory. Raises BadInput for a parcel
        without a name or an SSCC that is none.
        """
        if not wanted.parcel:
            raise BadInput(f"label {wanted.key}: the parcel has no name")
        if isinstance(fault := parse_sscc(wanted.sscc), Fault):
            raise BadInput(f"label for parcel {wanted.parcel}: {fault.text}")
        mark = hashlib.sha256(wanted.key.encode()).hexdigest()
        receipt = self._bought / f"{mark}.json"
        if not receipt.exists():
            parts = lay_out(wanted, tracking := tracking_number(wanted.key))
            document = self._claim(stem_of(wanted.parcel), f"key {mark}", zpl.render(parts, f"key {mark}"))
            _write(document.with_suffix(".svg"), svg.render(parts), os.replace)
            label = Label(wanted.key, tracking, "zpl", document.name)
            with contextlib.suppress(FileExistsError):  # another process bought it just now: its label is the label
                _write(receipt, json.dumps(label._asdict(), sort_keys=True), os.link)
        try:
            return Label(**json.loads(receipt.read_text()))
        except (ValueError, TypeError) as error:
            raise Damaged(f"{receipt.name} is no receipt of a label: {error}") from error

    def _claim(self, stem: str, mark: str, text: str) -> Path:
        """Write `text` to the first file of the parcel that no other key has taken."""
        for number in range(1, MAX_LABELS + 1):
            # "+" cannot come out of `stem_of`: the second label of parcel A is never taken for a label of parcel A+2
            document = self._directory / (f"{stem}.zpl" if number == 1 else f"{stem}+{number}.zpl")
            try:
                _write(document, text, os.link)
            except FileExistsError:
                if f"^FX {mark}^FS" not in document.read_text():
                    continue
                _write(document, text, os.replace)
            return document
        raise BadInput(f"parcel file {stem} has {MAX_LABELS} labels already")


def tracking_number(key: str) -> str:
    """Return the tracking number that belongs to a key: PC, 17 digits of its SHA-256, and a GS1 check digit."""
    digits = f"{int.from_bytes(hashlib.sha256(key.encode()).digest()) % 10**TRACKING_DIGITS:0{TRACKING_DIGITS}}"
    return f"PC{digits}{check_digit(digits)}"


def stem_of(parcel: str) -> str:
    """Return a file name for a parcel: its own where it is a plain one, "_" for "/"; never one that leaves the directory or hides there."""
    stem = quote(parcel, safe="/").replace("_", "%5F").replace("/", "_")
    stem = f"%2E{stem[1:]}" if stem.startswith(".") else stem
    return stem if len(stem) <= MAX_STEM else f"{stem[:60]}~{hashlib.sha256(parcel.encode()).hexdigest()[:32]}"


def _write(path: Path, text: str, publish: Callable[[Path, Path], None]) -> None:
    """Let `path` appear whole or not at all, and last through a power cut.

    publish   os.link: FileExistsError if it is there already; os.replace: put in its place
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        with draft.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        publish(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)  # the name is part of the directory, which has a cache of its own
    finally:
        os.close(directory)
