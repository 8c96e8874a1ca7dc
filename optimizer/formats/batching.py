"""From a Hessler–Irnich file with orders to a batching problem."""

from __future__ import annotations

from floorwise.optimizer.batching import Order, Problem
from floorwise.optimizer.formats.errors import FormatError
from floorwise.optimizer.formats.hessler_irnich import WEIGHT_PARTS, Instance


def problem_of(instance: Instance, blocks: int = 1) -> Problem:
    """Return the batching problem of a file; orders keep their order, locations are rows of SKU_SECTION.

    The capacity counts boxes where the orders have boxes, else weight (thousandths), as PICKER_CAPACITY does. An article in
    several positions is taken from the first rows that cover it, order by order: supply is used once.
    """
    if instance.capacity is None:
        raise FormatError("PICKER_CAPACITY is missing: without it there is nothing to batch")
    rows: dict[int, list[int]] = {}
    for row, article in enumerate(instance.position_article.tolist()):
        rows.setdefault(article, []).append(row)
    left = instance.position_quantity.tolist()
    counts_boxes = any(order.boxes for order in instance.orders)
    orders = []
    for number, order in enumerate(instance.orders):
        locations: dict[int, None] = {}
        for article, quantity in order.lines:
            if article not in rows:
                raise FormatError(f"order {number} asks for article {article}, which has no position")
            for row in rows[article]:
                if quantity > 0 and left[row] > 0:
                    taken = min(quantity, left[row])
                    left[row] -= taken
                    quantity -= taken
                    locations.setdefault(row)
            if quantity > 0:
                raise FormatError(f"order {number} asks for more of article {article} than its positions hold")
        weight = sum(instance.weight[article] * quantity for article, quantity in order.lines)
        orders.append(Order(str(number), tuple(locations), (order.boxes if counts_boxes else weight,)))
    capacity = instance.capacity // WEIGHT_PARTS if counts_boxes else instance.capacity
    return Problem(instance.layout(blocks), tuple(orders), ("boxes" if counts_boxes else "weight",), (capacity,))
