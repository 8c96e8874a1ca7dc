"""The desk: crowds share a commit, nobody is answered early, and a failing disk is waited out."""

import asyncio
import sqlite3

import pytest

from floorwise.core.model.readings import Reading
from floorwise.edge.desk import Desk
from floorwise.edge.spool import GROUP_READINGS, Item, Spool, SpoolFull, Verdict, read_ledger


def item(seq: int, device: str = "scale-1") -> Item:
    return Item(Reading(device, 1, seq, 1000 + seq, {"gross_g": float(seq)}))


def test_a_hundred_callers_share_a_few_commits_and_each_gets_its_own_verdicts(tmp_path):
    async def story():
        commits = []
        async with Desk(lambda: Spool(tmp_path / "spool", "edge-1", 0)) as desk:
            accept = desk.spool.accept
            desk.spool.accept = lambda items: commits.append(len(items)) or accept(items)
            answers = await asyncio.gather(*(desk.accept([item(seq), item(seq)]) for seq in range(1, 101)))
        assert answers == [[Verdict.ACCEPTED, Verdict.DUPLICATE]] * 100
        assert sum(commits) == 200 and len(commits) <= 5

    asyncio.run(story())


def test_an_answer_means_that_it_is_in_the_file(tmp_path):
    async def story():
        async with Desk(lambda: Spool(tmp_path / "spool", "edge-1", 0)) as desk:
            await desk.accept([item(1)])
            assert read_ledger(tmp_path / "spool")[0].count == 1

    asyncio.run(story())


def test_a_failing_disk_is_waited_out_and_nothing_is_answered_meanwhile(tmp_path, monkeypatch):
    monkeypatch.setattr("floorwise.edge.desk.FULL_RETRY_S", 0.01)

    async def story():
        async with Desk(lambda: Spool(tmp_path / "spool", "edge-1", 0)) as desk:
            accept, left = desk.spool.accept, [3]

            def failing(items):
                if left[0]:
                    left[0] -= 1
                    raise SpoolFull("disk full")
                return accept(items)

            desk.spool.accept = failing
            assert await desk.accept([item(1)]) == [Verdict.ACCEPTED]
            assert left == [0]
            assert not desk.failing

    asyncio.run(story())


def test_more_than_a_group_at_once_is_a_mistake_of_the_caller(tmp_path):
    async def story():
        async with Desk(lambda: Spool(tmp_path / "spool", "edge-1", 0)) as desk:
            with pytest.raises(ValueError, match=f"at most {GROUP_READINGS}"):
                await desk.accept([item(seq) for seq in range(GROUP_READINGS + 1)])

    asyncio.run(story())


def test_beyond_the_bound_callers_wait_their_turn(tmp_path, monkeypatch):
    monkeypatch.setattr("floorwise.edge.desk.WAITING_READINGS", 10)

    async def story():
        held = []
        async with Desk(lambda: Spool(tmp_path / "spool", "edge-1", 0)) as desk:
            accept = desk.spool.accept
            desk.spool.accept = lambda items: held.append(len(items)) or accept(items)
            await asyncio.gather(*(desk.accept([item(5 * n + k) for k in range(5)]) for n in range(40)))
            assert desk.spool.pending == 200
        assert max(held) <= 10

    asyncio.run(story())


def test_a_file_that_breaks_while_it_runs_ends_the_agent_and_leaves_nobody_waiting(tmp_path):
    def broken(items):
        raise sqlite3.DatabaseError("database disk image is malformed")

    async def story():
        async with Desk(lambda: Spool(tmp_path / "spool", "edge-1", 0)) as desk:
            desk.spool.accept = broken
            found = await asyncio.gather(desk.accept([item(1)]), desk.accept([item(2)]), desk.watch(), return_exceptions=True)
            assert [type(one) for one in found] == [sqlite3.DatabaseError] * 3

    asyncio.run(story())
