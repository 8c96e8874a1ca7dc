"""Does a schedule keep the rules of its file? Asked of articles, lines and stock themselves, not of what the solver made of them."""

from collections.abc import Sequence

from floorwise.optimizer.check import check_takes
from floorwise.optimizer.check_schedule import keeps_stages
from floorwise.optimizer.formats.floorwise_json import RESOURCES, Task
from floorwise.optimizer.packing import Article, check_packing
from floorwise.optimizer.schedule import Person, Trip

Takes = Sequence[tuple[int, int]]  # offer, units


def check_rules(task: Task, people: Sequence[Person], trips: Sequence[Trip], takes: Sequence[Takes]) -> list[str]:
    """Return what is wrong: stock and lots, every line brought, heavy before light and cold last, what must stay apart, totes."""
    demands = []
    for order in task.orders:
        demand: dict[int | str, int] = {}
        for article, units in order.lines:
            demand[article] = demand.get(article, 0) + units
        demands.append(demand)
    wrong = check_takes(task.offers, demands, takes)
    for at, trip in enumerate(trips):
        names = {article for n in trip.orders for article, _ in task.orders[n].lines}
        classes = {task.articles[name].segregation for name in names if name in task.articles} - {""}
        if len(classes) > 1:
            wrong.append(f"trip {at} carries {' and '.join(sorted(classes))}, which never meet")
        visits = set()
        for n in trip.orders:
            for number, _ in takes[n]:
                offer = task.offers[number]
                visits.add((offer.location, task.articles.get(offer.article, Article()).stage))
        if not keeps_stages(trip.stops, visits):
            wrong.append(f"trip {at} does not stop where its units lie, lower stages first")
        if task.tote:
            totes = sum(len(task.orders[n].totes) for n in trip.orders)
            most = people[trip.person].capacity[RESOURCES.index("totes")]
            if totes > most:
                wrong.append(f"trip {at} carries {totes} totes, the cart takes {most}")
    for order in task.orders if task.tote else ():
        wrong += [f"order {order.name}: {fault}" for fault in check_packing(order.lines, task.articles, task.tote, order.totes)]
    return wrong
