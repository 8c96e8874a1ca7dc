"""Real orders instead of the season's: a file of what happens when, written by `floorwise replay … --speed X`, played into the live system.

The first line tells the floor: `{"skus": [[name, units sold a day], …], "currency", "zone"}`, SKUs in order of popularity. Each further
line is `{"at_ms", "path", "key", "body", "last"}`: something to be posted. Lines with `last` 1 (return slips) wait until everything before
them has come to its end. An order that is refused is put before a person, line by line.
"""

import json
from math import ceil
from pathlib import Path
from typing import Any

from floorwise.sim.emulated.api import Answer
from floorwise.sim.emulated.floor import Floor
from floorwise.sim.emulated.world import Errand
from floorwise.sim.scenario import Floor as FloorShape
from floorwise.sim.scenario import Supply

BAYS, PICK_LEVELS = 50, 2
SUPPLY = Supply(cover_days=28, lead_days=0.25, reorder_share=0.25)  # as replays on the twin's clock, but goods bought come the same day
IDLE_LOOK_S = 1.0
IDLE_LOOKS = 4  # looks in a row that find nothing on its way
UNANSWERED_MOST = 100
REVIEW_TEXT = 200  # characters of a reason
ORDERS = "/api/orders"
MOVING = ("reserved", "released", "picked", "packed", "shipped")


def shape_for(skus: int) -> FloorShape:
    """A floor with a pick bin for each SKU."""
    return FloorShape(max(1, ceil(skus / (BAYS * 2 * PICK_LEVELS))), BAYS, PICK_LEVELS)


def head_of(file: Path) -> dict[str, Any]:
    """The first line."""
    with file.open(encoding="utf-8") as stream:
        return json.loads(stream.readline())


def is_at_rest(figures: dict[str, Any]) -> bool:
    """Whether nothing is on its way: no order moves, no return is open, no goods are expected for orders that wait."""
    states, work = figures["orders"]["by_state"], figures["work"]
    moving = any(count for state, count in states.items() if state.removeprefix("partly ") in MOVING)
    waits_for_goods = work["purchases_open"] and any(count for state, count in states.items() if "backordered" in state)
    return not moving and not waits_for_goods and not work["returns_open"] and not work["parts_waiting"]


class Feed:
    """Posts the file's lines in their time, each once; `is_done` when all is told and at rest."""

    def __init__(self, floor: Floor, file: Path) -> None:
        self._floor, self._world = floor, floor.world
        with file.open(encoding="utf-8") as stream:
            stream.readline()
            self._rows = [json.loads(line) for line in stream]
        self._next = self._unanswered = self._looks = 0
        self.placed = 0
        self.is_done = False
        floor.on_errand["feed"] = self._answered

    def start(self) -> None:
        """Go on behind the last line that was sent."""
        self._unanswered = sum(errand.lane.startswith("feed/") for errand in self._world.errands())
        self._next = self._world.note("fed", 0)
        self._go_on()
        self._floor.every(IDLE_LOOK_S, self._look)

    def _go_on(self) -> None:
        """Wait for the next line's time; slips of returns are not waited for here."""
        if self._next < len(self._rows) and not self._rows[self._next]["last"]:
            row = self._rows[self._next]
            self._floor.at(row["at_ms"], self._tell)

    def _tell(self) -> None:
        if self._unanswered >= UNANSWERED_MOST:
            self._floor.at(self._floor.now_ms + 60_000, self._tell)
            return
        self._send()
        self._go_on()

    def _send(self) -> None:
        row = self._rows[self._next]
        self._next += 1
        self._unanswered += 1
        self._world.set_note("fed", self._next)
        self._world.send(f"feed/{self._next}", row["path"], row["key"], row["body"])

    def _answered(self, errand: Errand, answer: Answer) -> None:
        self._unanswered -= 1
        self.placed += answer.status == 201
        if errand.path == ORDERS and answer.is_final and not answer.ok:
            self._park(json.loads(errand.body), answer)

    def _park(self, order: dict[str, Any], answer: Answer) -> None:
        """Every row has an end: those of a refused order wait for review."""
        reason = "differs_from_order" if answer.body.get("error") == "OrderDiffers" else "out_of_range"
        source = f"{order['channel']}/{order['reference']}"
        text = str(answer.body.get("detail", ""))[:REVIEW_TEXT]
        for row in (line["source_row"] for line in order["lines"]):
            body = {"source": source, "row": row, "column": "", "reason": reason, "text": text}
            self._unanswered += 1
            self._world.send(f"feed/park/{source}/{row}", "/api/commands/ParkRow", f"park/{source}/{row}", body)

    def _look(self) -> None:
        is_told = self._next == len(self._rows) or self._rows[self._next]["last"]
        if is_told and not self._unanswered and not self.is_done:
            self._floor.api.get("/api/figures", self._judge)

    def _judge(self, answer: Answer) -> None:
        self._looks = self._looks + 1 if answer.ok and is_at_rest(answer.body) else 0
        if self._looks < IDLE_LOOKS:
            return
        self._looks = 0
        self.is_done = self._next == len(self._rows)
        while self._next < len(self._rows):  # the slips of returns
            self._send()
