"""Simulated fault schedules: an agent that keeps to the contract, a wire that loses, doubles, swaps and damages, an intake that crashes.

Contract, decoding, repeats, store and acks are the real ones; only sockets, clocks and disks are left out, so that 100,000 schedules can be
run: FLOORWISE_SCHEDULES=100000 with -m slow.
"""

import os
import random

import pytest

from floorwise.core.adapters.store_marks import Marks
from floorwise.core.adapters.store_memory import MemoryStore
from floorwise.core.model.device_messages import up
from floorwise.core.model.packed import encode_packed
from floorwise.core.model.readings import SUM_MASK, BadPayload, Reading, decode_ack, digest, encode_batch
from floorwise.core.model.stored import DeadLetter
from floorwise.gateway.acks import ack_payloads
from floorwise.gateway.gathering import Gathered
from floorwise.gateway.packed_decoding import Tables

NOW = 1_767_000_000_000
FAST, SLOW = 150, int(os.environ.get("FLOORWISE_SCHEDULES", "5000"))
ROUNDS = 200  # in which every schedule must have come to its end
AGENT = "edge-1"


class Floor:
    """One schedule: what was said, what still waits for its ack, and a store."""

    def __init__(self, seed: int) -> None:
        self.rng = rng = random.Random(seed)
        self.store, self.tables = MemoryStore(), Tables()
        self.loss, self.twice, self.damage, self.crash = (rng.choice([0.0, 0.05, 0.3]) for _ in range(4))
        self.said: dict[tuple, Reading] = {}
        self.waiting: dict[tuple, Reading] = {}
        self.changed: set[tuple] = set()  # keys under which somebody has said something else, after the true reading was stored
        self.damaged = self.crashes = self.late = 0
        self.seqs: dict[str, int] = {}

    def look(self) -> None:
        device = f"d{self.rng.randrange(3)}"
        self.seqs[device] = self.seqs.get(device, 0) + self.rng.choice([1, 1, 1, 2])
        kinds = self.rng.sample(["light_lx", "humidity_pct", "gross_g"], self.rng.randint(1, 2))
        values = {kind: float(self.rng.randrange(100)) for kind in kinds}
        reading = Reading(device, 1, self.seqs[device], NOW + len(self.said), values)
        self.said[reading.key] = self.waiting[reading.key] = reading

    def wire(self) -> list[tuple[str, bytes]]:
        """What arrives of one sending of all that waits."""
        rng, arrived = self.rng, []
        waiting = list(self.waiting.values())
        if rng.random() < 0.2:
            rng.shuffle(waiting)
        while waiting:
            size = rng.randint(1, 12)
            some, waiting = waiting[:size], waiting[size:]
            payload = (encode_packed if rng.random() < 0.7 else encode_batch)(AGENT, NOW, some)
            if payload[:4] == b"FWP1" and rng.random() < self.damage:
                at = rng.randrange(len(payload))
                payload = payload[:at] + bytes([payload[at] ^ 1 << rng.randrange(8)]) + payload[at + 1 :]
                self.damaged += 1
            arrived += [(up(AGENT, "batch"), payload)] * ((rng.random() >= self.loss) + (rng.random() < self.twice))
        if rng.random() < 0.1 and (stored := sorted(self.said.keys() - self.waiting.keys())):
            false = self.said[rng.choice(stored)]
            self.changed.add(false.key)
            false = false._replace(ts=false.ts + 1)
            arrived.append((up(AGENT, "batch"), rng.choice([encode_packed, encode_batch])(AGENT, NOW, [false])))
        if rng.random() < 0.3:
            rng.shuffle(arrived)
        return arrived

    def intake(self, group: list[tuple[str, bytes]]) -> list[bytes]:
        """Read, store and acknowledge one group as the intake does; a crash comes before or after the commit, and no ack with it."""
        said = Gathered(self.tables)
        for read, numbers in ((said.take, range(len(group))), (said.take_slowly, None)):
            for number in said.odd() if numbers is None else numbers:
                try:
                    read(number, *group[number])
                except BadPayload as error:
                    said.dead.append(DeadLetter(NOW, group[number][0], AGENT, 0, 0, str(error), b""))
        crash = self.rng.random() < self.crash and self.rng.choice(["before", "after"])
        if crash != "before":
            self.store.write_batch(said.readings(), said.dead)
        if crash:
            self.crashes += 1
            self.store._marks = Marks(self.store._stored)  # a new process knows what stands in the file
            for device, boot, seq in self.store._digests:
                self.store._marks.of(device, boot).add(seq)
            return []
        acks = said.acks().values()
        return [payload for ranges, refused in acks for payload in ack_payloads(ranges, refused) if self.rng.random() >= self.loss]

    def hear(self, payload: bytes) -> None:
        for device, boot, first, last in decode_ack(payload).ranges:
            for seq in range(first, last + 1):
                self.waiting.pop((device, boot, seq), None)

    def run(self) -> None:
        for number in range(ROUNDS):
            if number < 6:
                for _ in range(self.rng.randint(0, 12)):
                    self.look()
            elif not self.waiting:
                return
            arrived = self.wire()
            while arrived:
                size = self.rng.randint(1, 5)
                for payload in self.intake(arrived[:size]):
                    self.hear(payload)
                arrived = arrived[size:]
        assert not self.waiting, "it did not come to an end"

    def require_each_once(self) -> None:
        assert self.store._rows == self.said
        stored = sum(account.sum for account in self.store.accounts()) & SUM_MASK
        assert stored == sum(map(digest, self.said.values())) & SUM_MASK
        letters = {(one.device, one.boot, one.seq) for one in self.store.dead if one.seq}
        assert letters <= self.changed
        assert len([one for one in self.store.dead if not one.seq]) <= 2 * self.damaged


def run(seeds: range) -> tuple[int, int, int, int]:
    """Run them; readings, damaged messages, crashes and changed keys that were found, in all."""
    totals = [0, 0, 0, 0]
    for seed in seeds:
        floor = Floor(seed)
        floor.run()
        try:
            floor.require_each_once()
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error
        found = len({one.device + str(one.seq) for one in floor.store.dead if one.seq})
        for at, more in enumerate((len(floor.said), floor.damaged, floor.crashes, found)):
            totals[at] += more
    return tuple(totals)


def test_whatever_the_wire_and_the_intake_do_each_reading_is_stored_once():
    readings, damaged, crashes, conflicts = run(range(FAST))
    assert min(readings, damaged, crashes, conflicts) > 50  # the faults did happen


@pytest.mark.slow
def test_the_same_over_many_schedules(capsys):
    readings, damaged, crashes, changed = run(range(FAST, FAST + SLOW))
    with capsys.disabled():
        print(f"\n{SLOW} schedules: {readings} readings, {damaged} damaged messages, {crashes} crashes, {changed} changed keys found")


def test_an_ack_that_goes_out_before_the_commit_is_found_out(monkeypatch):
    """The planted bug: acknowledge, then crash before the store has written."""
    seen = Floor.intake

    def hasty(self, group):
        had = self.store.write_batch
        if self.rng.random() < 0.2:
            self.store.write_batch = lambda readings, dead: []
        try:
            return seen(self, group)
        finally:
            self.store.write_batch = had

    monkeypatch.setattr(Floor, "intake", hasty)
    with pytest.raises(AssertionError):
        run(range(20))
