"""Pictures of a day: where people picked, and how orders flowed."""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")  # draws into files; no screen is asked for
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import PowerNorm
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num

from floorwise.core.model.orders import Order
from floorwise.core.model.parcels import Parcel
from floorwise.core.model.policies import MINUTE_MS
from floorwise.core.model.work import Pick
from floorwise.sim.twin import Twin

STEP_MS = 5 * MINUTE_MS  # of the curves
INK, GRID = "#1f2937", "#e5e7eb"
STAGES = (("placed", "#94a3b8"), ("picked", "#3b82f6"), ("packed", "#8b5cf6"), ("on the truck", "#10b981"))


def draw(twin: Twin, directory: Path) -> tuple[Path, Path]:
    """Write floor.png and orders.png into `directory`; give their paths."""
    directory.mkdir(parents=True, exist_ok=True)
    paths = directory / "floor.png", directory / "orders.png"
    for path, picture in zip(paths, (_floor(twin), _orders(twin)), strict=True):
        picture.savefig(path, dpi=130)
        plt.close(picture)
    return paths


def _floor(twin: Twin) -> plt.Figure:
    """Units of work at each bay, as a plan of the floor: aisles upright, the depot at the bottom left."""
    floor = twin.world.scenario.floor
    visits = np.zeros((floor.bays, floor.aisles * 2), dtype=np.int64)
    for pick in twin.ledger.find(Pick, "key"):
        if pick.picked:
            place = twin.world.place(pick.location)
            visits[place.y_mm // floor.bay_mm, place.aisle * 2 + ("R" in pick.location)] += 1
    figure, axes = plt.subplots(figsize=(max(6.0, floor.aisles * 0.55), 7.0), layout="constrained")
    width, length = floor.pitch_mm / 1000, floor.bays * floor.bay_mm / 1000
    rack = width * 0.3
    shown = PowerNorm(0.4, 0, max(1, int(visits.max())))  # a few bays hold most picks: a straight scale shows only those
    colours = plt.colormaps["YlOrRd"]
    for aisle in range(floor.aisles):
        for side, left in ((0, aisle * width - rack - width * 0.12), (1, aisle * width + width * 0.12)):
            image = visits[:, aisle * 2 + side].reshape(-1, 1)
            axes.imshow(image, origin="lower", extent=(left, left + rack, 0, length), aspect="auto", cmap=colours, norm=shown)
    axes.plot([0], [-2.2], marker="s", color=INK, markersize=9, clip_on=False)
    axes.annotate("depot", (0, -2.2), xytext=(8, -4), textcoords="offset points", color=INK)
    axes.set(xlim=(-width, (floor.aisles - 0.4) * width), ylim=(-4, length + 1), xlabel="metres", ylabel="metres")
    axes.set_title(f"{twin.world.scenario.name}: picks at each bay", loc="left", color=INK)
    figure.colorbar(plt.cm.ScalarMappable(shown, colours), ax=axes, label="picks", shrink=0.7)
    return figure


def _orders(twin: Twin) -> plt.Figure:
    """Orders that have reached each stage, over the scenario's own days."""
    begin_ms, end_ms = twin.world.first_days()
    orders = {order.order_id: order for order in twin.ledger.find(Order, "key")}
    reached: dict[str, dict[str, int]] = {
        "placed": {o.order_id: o.placed_at_ms for o in orders.values()},
        "picked": {},
        "packed": {},
        "on the truck": {},
    }
    for pick in twin.ledger.find(Pick, "key"):
        if pick.picked:
            reached["picked"][pick.order_id] = max(reached["picked"].get(pick.order_id, 0), pick.done_at_ms)
    for parcel in twin.ledger.find(Parcel, "key"):
        for stage, at_ms in (("packed", parcel.packed_at_ms), ("on the truck", parcel.handed_over_at_ms)):
            reached[stage][parcel.order_id] = max(reached[stage].get(parcel.order_id, 0), at_ms)
    ticks = np.arange(begin_ms, end_ms + 1, STEP_MS)
    times = date2num((ticks // 1000).astype("datetime64[s]"))
    figure, (above, below) = plt.subplots(2, 1, figsize=(9.0, 6.4), sharex=True, height_ratios=(2, 1), layout="constrained")
    curves = {
        stage: np.searchsorted(np.sort(list(at.values())), ticks, side="right") if at else np.zeros(len(ticks))
        for stage, at in reached.items()
    }
    for stage, colour in STAGES:
        above.plot(times, curves[stage], color=colour, label=stage, linewidth=1.8)
    above.set_ylabel("orders")
    above.legend(frameon=False, loc="upper left")
    above.set_title(f"{twin.world.scenario.name}: how orders flowed", loc="left", color=INK)
    below.fill_between(times, curves["placed"] - curves["on the truck"], color="#fca5a5", step="post")
    below.set_ylabel("orders")
    late = sum(1 for name, order in orders.items() if not 0 < reached["on the truck"].get(name, 0) <= order.cut_off_ms)
    due = sum(1 for name, order in orders.items() if order.cut_off_ms >= end_ms and not reached["on the truck"].get(name, 0) <= end_ms)
    told = f"orders in the house; at the end of the day {due} wait for a later truck, {late} missed theirs"
    below.set_title(told, loc="left", fontsize=10, color=INK)
    below.xaxis.set_major_locator(AutoDateLocator())
    below.xaxis.set_major_formatter(ConciseDateFormatter(AutoDateLocator()))
    below.set_xlabel("UTC")
    for axes in (above, below):
        axes.grid(color=GRID, linewidth=0.8)
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_ylim(bottom=0)
    return figure
