"""Which format an instance file or folder is in."""

import json
from pathlib import Path

from floorwise.optimizer.formats import hessler_irnich
from floorwise.optimizer.formats.errors import FormatError

HESSLER_IRNICH, ZALANDO, FLOORWISE = "hessler-irnich", "zalando", "floorwise"
FORMATS = (HESSLER_IRNICH, ZALANDO, FLOORWISE)

ZALANDO_FILES = ("articles.json", "orders.json", "warehouse_items.json", "parameters.json")
HEAD_BYTES = 4_000


def detect(path: str | Path) -> str:
    """Return the name of the format; FormatError when none fits, FileNotFoundError when there is nothing."""
    path = Path(path)
    if path.is_dir():
        if all((path / name).is_file() for name in ZALANDO_FILES):
            return ZALANDO
        raise FormatError(f"{path.name}: a Zalando folder holds {', '.join(ZALANDO_FILES)}")
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES).decode("latin-1")
    if hessler_irnich.looks_like(head):
        return HESSLER_IRNICH
    if head.lstrip("\ufeffï»¿ \t\r\n").startswith("{"):
        try:
            said = json.loads(path.read_bytes()).get("format")
        except (ValueError, RecursionError) as error:
            raise FormatError(f"{path.name}: not JSON: {error}") from None
        if isinstance(said, str) and said.startswith("floorwise"):
            return FLOORWISE
        raise FormatError(f'{path.name}: JSON without "format": "floorwise-solve-1"')
    raise FormatError(f"{path.name}: neither Hessler–Irnich text, a Zalando folder nor floorwise JSON")
