"""Any command with any fields is done or refused by name; it never breaks anything, and the books hold afterwards."""

from random import Random
from typing import Any, get_args, get_origin, get_type_hints

import pytest

from floorwise.core.errors import Refused
from floorwise.core.flow.handling import BuildUnit
from floorwise.core.flow.masterdata import AddPackLevels, AddSkus, PackLevelWanted, SkuWanted
from floorwise.core.flow.table import COMMANDS, command_from
from floorwise.core.model.canonical import LARGEST_INTEGER
from floorwise.core.model.journal import Timer
from floorwise.core.model.labels import Label, LabelWanted
from floorwise.core.model.orders import Order
from floorwise.core.model.parcels import RANK, Parcel
from floorwise.core.model.returns import Rma
from floorwise.core.model.supply import Purchase
from floorwise.core.model.work import CountTask, Part, Tour
from floorwise.core.verify.all_checks import verify
from floorwise.core.workers import labels

# Names and numbers that mean something on the floor below, by the field they go into, and some that never do.
TEXTS = {
    "sku": ["MUG", "BOWL", "MILK", "DRILL", "HAM"],
    "place source target": ["A00-0", "A01-5", "DOCK", "pallet:P1", "case:C1", "tote:O00000001.1", "SUPPLIER", "UNRESOLVED:A00-0", "ADJUST"],
    "unit into label": ["P1", "C1", "P2", "each", "case", "340123450000000017", "O00000001.1"],
    "lot": ["", "L1", "L2"],
    "serial": ["", "S1", "S2"],
    "owner": ["house"],
    "status to_status": ["available", "held", "damaged", "expired", "returned", *RANK],
    "kind": ["pallet", "case", "tote"],
    "carrier": ["paper", "bike"],
    "grade": ["A", "B", "C"],
    "currency": ["GBP"],
    "zone": ["Europe/London", "Mars/Olympus"],
    "picker approved_by": ["ann", ""],
    "override_by": ["", "admin/eve"],
    "reference": ["R1", "R2"],
    "command": ["OpenCount"],
}
STEPS = 300
ODD_TEXTS = ["", "x", ":", "²", "٣", "-1", "🫖", "a" * 300]
NUMBERS = [0, 1, 1, 2, 3, 5, 10]
ODD_NUMBERS = [-1, 7_000, 10**7, 1_323_075_600_000, 1_423_075_600_000, 10**12, LARGEST_INTEGER, -LARGEST_INTEGER]


# Fields that name what the floor has made meanwhile.
MADE = {
    "order_id orders": Order, "part": Part, "tour": Tour, "task": CountTask, "timer": Timer, "rma": Rma, "parcel": Parcel,
    "purchase": Purchase,
}  # fmt: skip


def text(rng: Random, field: str) -> str:
    for names, values in TEXTS.items():
        if rng.random() < 0.95 and any(field in (name, f"{name}s") for name in names.split()):
            return rng.choice(values)
    return rng.choice([*ODD_TEXTS, "R1", "c1", "GB"])


class PaperCarrier:
    """Numbers its labels by the SSCC."""

    name = "paper"

    @staticmethod
    def buy_label(wanted: LabelWanted) -> Label:
        return Label(wanted.key, f"T{wanted.sscc}", "zpl", "label.zpl")


def meant(floor: Any, rng: Random, fields: dict[str, Any]) -> dict[str, Any]:
    """The fields with names of things that are there, most of the time: commands of a day rather than of a monkey."""
    for names, record in MADE.items():
        for name in {*names.split(), f"{names.split()[0]}s"} & set(fields):
            if there := floor.ledger.find(record, "key"):
                row = rng.choice(there[-4:])
                fields[name] = [row[0]] if isinstance(fields[name], list) else row[0]
                if record is Tour and "picker" in fields:
                    fields["picker"] = row.picker or "ann"
                if record is Tour and "number" in fields:
                    fields["number"] = rng.randint(1, row.picks)
                if record is Parcel and "carrier" in fields:
                    fields["carrier"] = row.carrier
    if "tote" in fields:
        fields["tote"] = ""
    if "tracking" in fields and (parcels := floor.ledger.find(Parcel, "key")):
        fields["tracking"] = rng.choice(parcels).tracking
    return fields


def filled(rng: Random, kind: Any, field: str) -> Any:
    """JSON that a field of this kind may hold."""
    if kind is int:
        return rng.choice(NUMBERS if rng.random() < 0.95 else ODD_NUMBERS)
    if kind is str:
        return text(rng, field)
    if get_origin(kind) is tuple:
        inner = get_args(kind)
        if len(inner) == 2 and inner[1] is Ellipsis:
            return [filled(rng, inner[0], field) for _ in range(rng.randint(0, 3))]
        return [filled(rng, each, field) for each in inner]
    return body(rng, kind)


def body(rng: Random, kind: type) -> dict[str, Any]:
    hints = get_type_hints(kind)
    names = [name for name in kind._fields if name not in kind._field_defaults or rng.random() < 0.4]
    return {name: filled(rng, hints[name], name) for name in names}


# What makes the others possible comes more often.
OFTEN = ("PlaceOrder", "ReceiveStock", "ReleaseOrders", "FallBack", "TakeTour", "ConfirmPick", "ReportShort", "StartPack", "ClosePack")
ASKED = sorted([*COMMANDS, *OFTEN * 3])


@pytest.mark.parametrize("seed", range(40))
def test_any_command_with_any_fields_is_done_or_refused_and_the_books_hold(new_floor, seed):
    rng, done = Random(seed), set()
    floor = new_floor()
    floor.do(
        AddSkus(
            (
                SkuWanted("MILK", is_lot_tracked=1, weight_g=1_000, shelf_life_ms=86_400_000),
                SkuWanted("DRILL", is_serial_tracked=1, weight_g=2_000),
                SkuWanted("HAM", weight_g=1_000, tolerance_g=100, is_catch_weight=1),
            )
        )
    )
    floor.do(AddPackLevels((PackLevelWanted("MUG", "case", 12), PackLevelWanted("BOWL", "case", 3, 2))))
    floor.do(BuildUnit("P1", "pallet", "A00-0"))
    floor.do(BuildUnit("C1", "case", "pallet:P1"))
    floor.stock("MUG", 20, "A00-0")
    floor.stock("BOWL", 5, "pallet:P1")
    floor.stock("MILK", 5, "A01-5", lot="L1")
    floor.stock("DRILL", 2, "A01-5", serials=("S1", "S2"))
    floor.order("R1", ("MUG", 4), ("DRILL", 1))
    floor.release()
    floor.plan()
    floor.take()
    for _ in range(STEPS):
        name = rng.choice(ASKED)
        try:
            fields = body(rng, COMMANDS[name])
            floor.do(command_from(name, meant(floor, rng, fields) if rng.random() < 0.9 else fields))
            labels.step(floor.warehouse, PaperCarrier, 10)
        except Refused:
            continue
        done.add(name)
    assert [check for check in verify(floor.ledger) if not check.ok] == []
    assert len(done) > 15  # it is no use if everything is refused
