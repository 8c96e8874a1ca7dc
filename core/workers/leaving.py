"""Opens the tours of pickers who are gone for whoever is there."""

from collections.abc import Iterable

from floorwise.core.flow.leaving import LeaveTour
from floorwise.core.model.work import Tour
from floorwise.core.warehouse import Warehouse

KINDS = ("bulk", "cart")


def step(warehouse: Warehouse, site: str, gone: Iterable[str], cause: str) -> int:
    """Leave every tour that somebody of `gone` still walks; give how many there were."""
    names = set(gone)
    if not names:
        return 0
    tours = [tour for kind in KINDS for tour in warehouse.ledger.find(Tour, "by_state", site, "taken", kind) if tour.picker in names]
    for tour in tours:
        warehouse.execute(LeaveTour(tour.tour, tour.picker, cause))
    return len(tours)
