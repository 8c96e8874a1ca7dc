"""I1: what readings led to. Each case of an excursion, and what was exposed, as the journal told it."""

from collections import defaultdict

from floorwise.core.model.excursions import Excursion, Exposure
from floorwise.core.ports import Ledger
from floorwise.core.verify.check import Check, Tally, rows
from floorwise.core.verify.history import History

TOLD_OF_A_CASE = ("subject", "device", "kind", "side", "from_ms", "to_ms", "peak_milli", "limit_milli", "state", "decision", "decided_by")


def check(ledger: Ledger, history: History) -> Check:
    """No case or exposure is missing, none was added, and each says what the journal says of it."""
    tally, left = Tally("I1 excursions = journal"), dict(history.cases)
    exposed: dict[str, list[Exposure]] = defaultdict(list)
    for row in rows(ledger, Exposure):
        exposed[row.excursion].append(row)
    for case in rows(ledger, Excursion):
        tally.saw()
        own, told = exposed.pop(case.excursion, []), left.pop(case.excursion, None)
        if told is None:
            tally.broken(f"excursion {case.excursion}: nowhere in the journal")
            continue
        for field in TOLD_OF_A_CASE:
            if getattr(case, field) != told[field]:
                tally.equal(f"excursion {case.excursion} {field}", getattr(case, field), told[field])
        tally.equal(f"excursion {case.excursion} exposures", (case.exposures, len(own)), (len(told["exposed"]),) * 2)
        for row, wanted in zip(own, told["exposed"], strict=False):
            stored = [row.what, row.place, row.sku, row.lot, row.quantity, row.order_id, row.line]
            if stored != wanted:
                tally.equal(f"excursion {case.excursion} exposure {row.number}", stored, wanted)
    for name in sorted(left):
        tally.broken(f"excursion {name}: in the journal, and not filed")
    for name in sorted(exposed):
        tally.broken(f"excursion {name}: {len(exposed[name])} exposures are filed, and no case")
    return tally.check()
