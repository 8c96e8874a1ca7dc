"""Going on after a cut: what was under way is carried on once."""

import pytest

from floorwise.core.model.intake import LineDraft, OrderDraft, ReturnDraft
from floorwise.core.model.returns import Rma
from floorwise.sim.replay import Replay

MONDAY_MS = 1_772_445_600_000  # 2026-03-02 10:00 UTC
DRAFTS = [
    OrderDraft("csv", "N1", "C1", "GB", "GBP", MONDAY_MS, (LineDraft(1, "A1", 2, "each", 250),)),
    ReturnDraft("csv", "R1", 2, "C1", "A1", 2, 250, MONDAY_MS + 60_000),
]


class Cut(Exception):
    """The run ends here, with everything up to here committed."""


def test_a_return_on_its_way_to_the_bench_at_a_cut_is_taken_in_once(tmp_path):
    replay = Replay(DRAFTS, {"A1": 28}, "Europe/London", 1, tmp_path)

    def cut(parcel, at_ms):
        replay.twin.warehouse.commit()
        raise Cut

    replay.twin.on_delivered.append(cut)
    with pytest.raises(Cut):
        replay.run()
    assert [rma.state for rma in replay.twin.ledger.find(Rma, "key")] == ["approved"]
    replay.twin.close()
    again = Replay(DRAFTS, {"A1": 28}, "Europe/London", 1, tmp_path)
    again.run()
    assert [(rma.state, rma.quantity) for rma in again.twin.ledger.find(Rma, "key")] == [("refunded", 2)]
    again.twin.close()
