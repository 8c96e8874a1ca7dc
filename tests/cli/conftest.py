"""The command line over one data directory: a small floor that tests send commands to and look at."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from floorwise.cli import main as door

MONDAY_MS = 1_323_075_600_000  # 2011-12-05 09:00 UTC
OTHERS = {"CARTS": "stage", "STAGE": "stage", "Q": "quarantine"}
PLACES = [["A1", "pick", 0, 1000, 0], ["A2", "pick", 1, 2000, 0], *([name, kind, 0, 0, 0] for name, kind in OTHERS.items())]
SITE = {
    "zone": "Europe/London", "currency": "GBP", "company_prefix": "5012345", "aisles": 2, "aisle_pitch_mm": 3000,
    "aisle_length_mm": 10000, "depot_x_mm": 0, "locations": PLACES,
}  # fmt: skip
SKUS = [
    {"sku": "MUG", "weight_g": 300},
    {"sku": "MILK", "is_lot_tracked": 1},
    {"sku": "DRILL", "is_serial_tracked": 1},
    {"sku": "HAM", "weight_g": 1000, "tolerance_g": 100, "is_catch_weight": 1},
]


class Door:
    """The command line over one data directory."""

    def __init__(self, folder: Path, capsys: Any) -> None:
        self.folder, self.data, self.capsys, self.files, self.now_ms = folder, folder / "data", capsys, 0, MONDAY_MS
        self.do("AddSite", **SITE)
        self.do("AddCarriers", carriers=[["paper", "standard", "17:00", "01234"]])
        self.do("AddSkus", skus=SKUS)

    def run(self, *words: Any) -> tuple[int, list[Any], str]:
        """Exit code, stdout as JSON lines, stderr."""
        code = door.run([str(word) for word in words])
        out, err = self.capsys.readouterr()
        return code, [json.loads(line) for line in out.splitlines()], err

    def file(self, *lines: Any) -> str:
        """A file of these lines: bytes as they are, anything else as JSON."""
        self.files += 1
        path = self.folder / f"commands{self.files}.jsonl"
        path.write_bytes(b"".join((line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n" for line in lines))
        return str(path)

    def tell(self, *lines: Any) -> list[dict[str, Any]]:
        """The replies to these lines."""
        return self.run("execute", self.file(*lines), "--data", self.data)[1]

    def do(self, name: str, at_ms: int = 0, **fields: Any) -> dict[str, Any]:
        """The reply to one command, or its refusal."""
        (reply,) = self.tell({"do": name, "at_ms": at_ms or self.now_ms, "with": fields})
        return reply["reply"] if reply["ok"] else {name: reply[name] for name in ("status", "error", "detail")}

    def order(self, reference: str, *lines: tuple[str, int], **more: Any) -> dict[str, Any]:
        """The line that places an order."""
        rows = [{"sku": sku, "quantity": quantity} for sku, quantity in lines]
        told = {"channel": "shop", "reference": reference, "customer": "c1", "country": "GB", "currency": "GBP", "lines": rows} | more
        return {"do": "PlaceOrder", "at_ms": self.now_ms, "with": told}

    def walk(self, number: int = 1) -> str:
        """Release order `number`, the only one so far that is released, and have ann take its tour; give the tour."""
        order, tour = f"O{number:08}", f"T{number:08}"
        commands = {
            "ReleaseOrders": {"orders": [order]}, "FallBack": {"parts": [f"{order}.1"]}, "TakeTour": {"tour": tour, "picker": "ann"},
        }  # fmt: skip
        assert all(reply["ok"] for reply in self.tell(*({"do": name, "at_ms": self.now_ms, "with": w} for name, w in commands.items())))
        return tour

    def pick(self, tour: str, quantity: int, number: int = 1, **more: Any) -> dict[str, Any]:
        return self.do("ConfirmPick", tour=tour, number=number, quantity=quantity, picker="ann", **more)

    def stock(self, *words: Any) -> dict[str, int]:
        """Units by place and status."""
        (found,) = self.run("stock", "--data", self.data, "--json", *words)[1]
        return {f"{row['place']} {row['status']}": row["on_hand"] for row in found["rows"]}

    def read(self, query: str) -> list[tuple]:
        """What the database says, for what no command shows."""
        with sqlite3.connect(self.data / "ledger.sqlite") as database:
            return database.execute(query).fetchall()

    def verify(self) -> dict[str, Any]:
        return self.run("verify", "--data", self.data, "--json")[1][-1]


@pytest.fixture
def at_door(tmp_path: Path, capsys: Any) -> Iterator[Door]:
    return Door(tmp_path, capsys)
