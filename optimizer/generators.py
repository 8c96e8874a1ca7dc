"""Seeded instances of the sizes the literature measures on, as text in the Hessler–Irnich format.

Only `random.Random.random` is drawn from: its sequence is promised across Python versions, so a seed names
the same instance for ever and stored best-known values stay comparable.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

UNIFORM, CLASS_BASED = "uniform", "class_based"
# Henn & Wäscher 2012: 10 % of the articles draw 52 % of the demand, the next 30 % draw 36 %, the rest 12 %.
_CLASS_SHARES = ((0.10, 0.52), (0.30, 0.36), (0.60, 0.12))


@dataclass(frozen=True)
class GeneratedOrder:
    """One order: (article, quantity) lines; `boxes` and `due_s` where the instance has them."""

    lines: tuple[tuple[int, int], ...]
    boxes: int = 0
    due_s: int = 0


def _integer(rng: random.Random, low: int, high: int) -> int:
    """Draw uniformly from low..high, both included."""
    return low + int(rng.random() * (high - low + 1))


def _distinct(rng: random.Random, count: int, draw) -> list[int]:
    chosen: dict[int, None] = {}
    while len(chosen) < count:
        chosen.setdefault(draw(rng))
    return list(chosen)


def _class_based_article(articles: int):
    edges, start = [], 0
    for share, demand in _CLASS_SHARES:
        size = round(articles * share)
        edges.append((start, size, demand))
        start += size

    def draw(rng: random.Random) -> int:
        point = rng.random()
        for first, size, demand in edges:
            if point < demand:
                return first + int(rng.random() * size)
            point -= demand
        return articles - 1

    return draw


def henn_waescher_orders(
    seed: int, orders: int = 100, demand: str = UNIFORM, aisles: int = 10, cells: int = 45, fewest: int = 5, most: int = 25
) -> list[GeneratedOrder]:
    """Return orders of U{fewest..most} distinct articles, one unit each, over aisles × cells × 2 sides.

    Article a lies in aisle a // (2 cells), so class-based demand puts the fast movers into the aisle at the depot.
    """
    articles = aisles * cells * 2
    if demand not in (UNIFORM, CLASS_BASED):
        raise ValueError(f"demand is {demand!r}; known are {UNIFORM} and {CLASS_BASED}")
    draw = _class_based_article(articles) if demand == CLASS_BASED else lambda rng: int(rng.random() * articles)
    rng = random.Random(f"henn-waescher {seed} {orders} {demand} {aisles} {cells} {fewest} {most}")
    return [
        GeneratedOrder(tuple((article, 1) for article in sorted(_distinct(rng, _integer(rng, fewest, most), draw))))
        for _ in range(orders)
    ]


def instance_text(
    name: str,
    orders: list[GeneratedOrder],
    capacity: int,
    *,
    aisles: int = 10,
    cells: int = 45,
    aisle_to_aisle: float = 5,
    cell_to_cell: float = 1,
    end_to_cell: float = 1.5,
    depot_aisle: int = 0,
) -> str:
    """Return the Hessler–Irnich text of a batching instance: one location an article, weight 1, capacity in units.

    Orders with boxes or due times carry them as `BOXES n` and `DUE_S n` after NUM_ARTICLES_IN_ORDER; readers of the
    published format skip lines they do not know.
    """
    articles = aisles * cells * 2
    head = [
        f"NAME : {name}",
        "TYPE : Order_batching",
        "COMMENT : generated after Henn & Waescher (2012)",
        "LAYOUT : single-block",
        f"PICKER_CAPACITY : {capacity}",
        f"NUM_AISLES : {aisles}",
        f"NUM_CELLS : {cells}",
        f"DEPOT_AISLE : {depot_aisle}",
        "DEPOT_LOCATION : bottom",
        f"DISTANCE_AISLE_TO_AISLE : {aisle_to_aisle:g}",
        f"DISTANCE_CELL_TO_CELL : {cell_to_cell:g}",
        f"DISTANCE_TOP_TO_CELL : {end_to_cell:g}",
        f"DISTANCE_BOTTOM_TO_CELL : {end_to_cell:g}",
        "DISTANCE_TOP_OR_BOTTOM_TO_DEPOT : 0",
        "ARTICLE_SECTION",
        f"NUM_ARTICLES : {articles}",
        *(f"ID {article} WEIGHT 1" for article in range(articles)),
        "SKU_SECTION",
        f"NUM_SKUS : {articles}",
    ]
    # Supply is what all orders together ask for, so that one location an article is always enough.
    asked = [0] * articles
    for order in orders:
        for article, quantity in order.lines:
            asked[article] += quantity
    for article in range(articles):
        aisle, place = divmod(article, 2 * cells)
        cell, side = divmod(place, 2)
        hand, supply = ("left", "right")[side], max(1, asked[article])
        head.append(f"ID {article} AISLE {aisle} CELL {cell} QUANTITY {supply} LEFT_RIGHT_HAND_SIDE {hand}")
    head += ["ORDER_SECTION", f"NUM_ORDERS : {len(orders)}"]
    for order in orders:
        head.append(f"NUM_ARTICLES_IN_ORDER : {len(order.lines)}")
        if order.boxes:
            head.append(f"BOXES {order.boxes}")
        if order.due_s:
            head.append(f"DUE_S {order.due_s}")
        head += [f"ID {article} QUANTITY {quantity}" for article, quantity in order.lines]
    return "\n".join([*head, "EOF", ""])


def henn_waescher(seed: int, orders: int = 100, capacity: int = 45, demand: str = UNIFORM) -> str:
    """Return one instance of the Henn–Wäscher specification as text: 10 aisles × 45 cells a side, order sizes U{5..25}."""
    name = f"hw_{demand}_n{orders}_c{capacity}_{seed}"
    return instance_text(name, henn_waescher_orders(seed, orders, demand), capacity)


def two_block_orders(seed: int, orders: int, aisles: int = 8, cells: int = 44, most_boxes: int = 4) -> list[GeneratedOrder]:
    """Return supermarket orders for a two-block store: 1..most_boxes boxes an order, five to twelve lines a box.

    Valle, Beasley & da Cunha 2017 pick such orders into trolleys of eight baskets; their file is not used here.
    """
    articles = aisles * cells * 2
    rng = random.Random(f"two-block {seed} {orders} {aisles} {cells} {most_boxes}")
    made = []
    for _ in range(orders):
        boxes = _integer(rng, 1, most_boxes)
        lines = _distinct(rng, sum(_integer(rng, 5, 12) for _ in range(boxes)), lambda r: int(r.random() * articles))
        made.append(GeneratedOrder(tuple((article, 1) for article in sorted(lines)), boxes=boxes))
    return made


def due_date_orders(
    seed: int, orders: int, horizon_s: int, aisles: int = 10, cells: int = 45, fewest: int = 2, most: int = 10
) -> list[GeneratedOrder]:
    """Return orders with hard due times drawn from the quarters of `horizon_s`, as carrier cut-offs fall."""
    articles = aisles * cells * 2
    rng = random.Random(f"due-date {seed} {orders} {horizon_s} {aisles} {cells} {fewest} {most}")
    made = []
    for _ in range(orders):
        lines = _distinct(rng, _integer(rng, fewest, most), lambda r: int(r.random() * articles))
        due_s = horizon_s * _integer(rng, 1, 4) // 4
        made.append(GeneratedOrder(tuple((article, 1) for article in sorted(lines)), due_s=due_s))
    return made
