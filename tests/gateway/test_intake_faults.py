"""Edge agent, broker and intake as they run, and each of them killed: no reading is lost and none is stored twice (I1)."""

import os
import random
import signal

import pytest

from floorwise.core.adapters.store_duckdb import DuckStore
from floorwise.core.model.readings import SUM_MASK, Reading, digest
from floorwise.edge.spool import read_ledger

NOW = 1_767_000_000_000
DEVICES = 10
BOTH_LAYOUTS = pytest.mark.parametrize("batches", ["packed", pytest.param("json", marks=pytest.mark.slow)])


def looks(count: int) -> list[Reading]:
    rng = random.Random(3)
    values = [{"temperature_c": round(rng.uniform(2, 8), 2)} for _ in range(count)]
    return [Reading(f"climate-{n % DEVICES}", 1, 1 + n // DEVICES, NOW + n, said) for n, said in enumerate(values)]


def require_each_once(play, agent: str, sent: list[Reading]) -> None:
    """The store holds what was sent, by count, sum and row; the spool holds nothing and says the same."""
    store = DuckStore(play.store)
    held = {(account.device, account.boot): account for account in store.accounts()}
    assert store.doubles(5) == [] and store.aside is None
    assert sorted(store.readings()) == sorted(sent)
    store.close()
    for account in read_ledger(play.folder / f"spool-{agent}.sqlite"):
        if account.device != agent:
            mine = held[account.device, account.boot]
            assert (account.pending, account.dropped, account.count, account.sum) == (0, 0, mine.count, mine.sum)
    assert sum(account.sum for account in held.values()) & SUM_MASK == sum(map(digest, sent)) & SUM_MASK


@BOTH_LAYOUTS
def test_five_thousand_readings_survive_a_broker_that_dies_and_forgets_everything(broker, play):
    sent = looks(5_000)
    play.fill("edge-1", sent)
    with play.intake(broker.url), play.agent("edge-1", broker.url):
        for left in (4_000, 2_000):
            play.until(lambda left=left: play.pending("edge-1") <= left, f"the spool down to {left}")
            os.kill(broker.pid, signal.SIGKILL)
            play.until(lambda: not broker.is_alive)
            broker.restart()
        play.until(lambda: play.pending("edge-1") == 0, "an empty spool")
    require_each_once(play, "edge-1", sent)


@BOTH_LAYOUTS
def test_an_intake_killed_before_and_after_its_commit_loses_and_doubles_nothing(any_broker, play):
    sent = looks(3_000)
    play.fill("edge-1", sent)

    def killed_at(fail: str) -> None:
        with play.intake(any_broker.url, fail) as intake:
            play.until(lambda: intake.poll() is not None, "the failpoint")
            assert intake.returncode == -signal.SIGKILL

    with play.agent("edge-1", any_broker.url):
        killed_at("store_before_commit:1")
    with play.agent("edge-1", any_broker.url) as agent:
        killed_at("store_after_commit:1")
        assert agent.poll() is None and play.pending("edge-1") == 3_000
        with play.intake(any_broker.url):  # the agent waits for acks, then sends all of it again
            play.until(lambda: play.pending("edge-1") == 0, "an empty spool")
    require_each_once(play, "edge-1", sent)


@BOTH_LAYOUTS
def test_agent_broker_and_intake_killed_at_random_moments_lose_and_double_nothing(any_broker, play):
    rng, sent = random.Random(11), looks(4_000)
    play.fill("edge-1", sent)
    for left in (3_200, 2_400, 1_200):
        with play.intake(any_broker.url) as intake, play.agent("edge-1", any_broker.url) as agent:
            play.until(lambda left=left: play.pending("edge-1") <= left, f"the spool down to {left}")
            victim = rng.choice(["agent", "intake", "both"])
            for process in [agent] * (victim != "intake") + [intake] * (victim != "agent"):
                process.send_signal(signal.SIGKILL)
                process.wait()
    with play.intake(any_broker.url), play.agent("edge-1", any_broker.url):
        play.until(lambda: play.pending("edge-1") == 0, "an empty spool")
    require_each_once(play, "edge-1", sent)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(int(os.environ.get("FLOORWISE_KILLS", "25"))))
def test_a_seeded_schedule_of_kills_loses_and_doubles_nothing(any_broker, play, seed):
    """Agent, broker and intake, each killed at random moments while readings are on their way; FLOORWISE_KILLS sets how many schedules."""
    rng, sent = random.Random(seed), looks(1_500)
    play.batches = rng.choice(["packed", "auto", "json"])
    play.fill("edge-1", sent)
    for left in sorted(rng.sample(range(1, 1_500), rng.randint(1, 3)), reverse=True):
        with play.intake(any_broker.url) as intake, play.agent("edge-1", any_broker.url) as agent:
            play.until(lambda left=left: play.pending("edge-1") <= left, f"the spool down to {left}")
            victims = rng.sample(["agent", "intake", "broker"], rng.randint(1, 2))
            for process in [agent] * ("agent" in victims) + [intake] * ("intake" in victims):
                process.send_signal(signal.SIGKILL)
                process.wait()
            if "broker" in victims:
                os.kill(any_broker.pid, signal.SIGKILL)
                play.until(lambda: not any_broker.is_alive)
                any_broker.restart()
    with play.intake(any_broker.url), play.agent("edge-1", any_broker.url):
        play.until(lambda: play.pending("edge-1") == 0, "an empty spool")
    require_each_once(play, "edge-1", sent)
