"""Seeded process faults on a whole reading side, and the proof that the proof works."""

import asyncio
import random
import time

import pytest

from floorwise.core.model.readings import SUM_MASK, digest
from floorwise.edge.agent import serve
from floorwise.edge.audit import faults
from floorwise.edge.settings import read_settings
from floorwise.edge.uplink import Uplink

NOW = 1_767_000_000_000


BOTH_LAYOUTS = pytest.mark.parametrize("layout", ["json", "packed"])


def config(folder, broker):
    table = f'url = "{broker.url}"\nwindow = {broker.address.window}\n'
    (folder / "edge.toml").write_text(f'agent = "edge-1"\nspool = "edge.spool"\n[uplink]\n{table}[devices]\n{table}')
    return folder / "edge.toml"


def found(folder, intake) -> list[str]:
    def stored(device: str, boot: int) -> tuple[int, int]:
        mine = [one for key, one in intake.stored.items() if key[:2] == (device, boot)]
        return len(mine), sum(map(digest, mine)) & SUM_MASK

    return [one.detail for one in faults(folder / "edge.spool", stored, lambda one: intake.stored.get(one.key) == one)]


def test_an_agent_that_trusts_the_brokers_word_is_found_out(mosquitto, tmp_path, play, monkeypatch):
    """The planted bug: forget when the message has been handed over. The gateway is deaf, so the readings are gone."""
    send_some = Uplink._send_some

    async def trusting(self):
        sent = await send_some(self)
        await self._desk.insist(self._desk.spool.forget, list(self._in_flight.values()))
        self._in_flight.clear()
        return sent

    monkeypatch.setattr(Uplink, "_send_some", trusting)

    async def story():
        async with play.intake(mosquitto.address) as intake, play.device(mosquitto.address, "scale-1", 3) as scale:
            intake.deaf = True
            task = asyncio.create_task(serve(read_settings(config(tmp_path, mosquitto)), lambda: NOW))
            for number in range(30):
                scale.look(NOW + number, gross_g=float(number))
            await play.until(lambda: not scale.kept, scale.send, every=0.3)
            await asyncio.sleep(0.5)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            return intake

    assert found(tmp_path, asyncio.run(story())) == ["the store has 0 readings, the agent accounts for 30: 30 lost"]


@pytest.mark.slow
@BOTH_LAYOUTS
@pytest.mark.parametrize("seed", range(10))
def test_random_kills_of_agent_and_broker_lose_and_double_nothing(broker, tmp_path, play, seed):
    rng = random.Random(seed)
    file = config(tmp_path, broker)

    async def story():
        async with play.intake(broker.address) as intake, play.device(broker.address, "scale-1", 3) as scale:
            agent = play.agent(file)
            try:
                for _ in range(5):
                    end = time.monotonic() + rng.uniform(0.1, 2.5)
                    while time.monotonic() < end:
                        for _ in range(rng.randint(1, 20)):
                            scale.look(NOW + scale.seq, gross_g=float(scale.seq))
                        scale.send(size=rng.randint(1, 30))
                        await asyncio.sleep(0.05)
                    if rng.random() < 0.5:
                        agent.kill()
                        agent.wait()
                        agent = play.agent(file)
                    else:
                        broker.kill()
                        broker.start()
                await play.until(lambda: not scale.kept and len(intake.of("scale-1")) == scale.seq, scale.send)
            finally:
                agent.terminate()
                await asyncio.to_thread(agent.wait, 10)
            assert intake.of("scale-1") == list(range(1, scale.seq + 1))
            return intake

    assert found(tmp_path, asyncio.run(story())) == []
