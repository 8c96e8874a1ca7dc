"""A whole agent between real brokers: what a device hands over is stored exactly once, whatever breaks in between."""

import asyncio
import signal
import time
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from floorwise.core.model.device_messages import Birth, Command, Death, commands, decode, encode, up
from floorwise.core.model.readings import SUM_MASK, digest
from floorwise.edge.agent import serve
from floorwise.edge.link import Link
from floorwise.edge.settings import read_settings
from floorwise.edge.spool import StreamLedger, read_ledger

NOW = 1_767_000_000_000
BOTH_LAYOUTS = pytest.mark.parametrize("layout", ["json", "packed"])


def config(folder: Path, broker, more: str = "") -> Path:
    file = folder / "edge.toml"
    table = f'url = "{broker.url}"\nwindow = {broker.address.window}\n'
    file.write_text(f'agent = "edge-1"\nspool = "edge.spool"\n[uplink]\n{table}[devices]\n{table}{more}')
    return file


@asynccontextmanager
async def running(file: Path):
    task = asyncio.create_task(serve(read_settings(file), lambda: time.time_ns() // 1_000_000))
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def floor(play, broker, file: Path, device: str):
    """A gateway's intake, a running agent and a device, all on one broker."""
    async with play.intake(broker.address) as intake, running(file), play.device(broker.address, device, 3) as one:
        yield intake, one


def test_readings_of_a_device_are_stored_once_and_then_forgotten_on_both_sides(broker, tmp_path, play):
    async def story():
        async with floor(play, broker, config(tmp_path, broker), "scale-1") as (intake, scale):
            for number in range(120):
                scale.look(NOW + number, gross_g=1000.0 + number)
            scale.send()
            await play.until(lambda: not scale.kept, scale.send)
            await play.until(lambda: len(intake.of("scale-1")) == 120)
        assert intake.of("scale-1") == list(range(1, 121))
        assert intake.stored["scale-1", 3, 120].values == {"gross_g": 1119.0}

    asyncio.run(story())
    account = account_of(tmp_path, "scale-1")
    assert (account.count, account.first, account.last, account.missing, account.dropped) == (120, 1, 120, 0, 0)


@BOTH_LAYOUTS
def test_an_agent_killed_at_any_failpoint_loses_and_doubles_nothing(broker, tmp_path, play):
    file = config(tmp_path, broker)

    async def story():
        async with play.intake(broker.address) as intake, play.device(broker.address, "scale-1", 3) as scale:

            def go_on():
                scale.look(NOW + scale.seq, gross_g=float(scale.seq))
                scale.send(size=7)

            for fail in ("spool_before_commit:2", "spool_after_commit:3", ""):
                for _ in range(40):
                    scale.look(NOW + scale.seq, gross_g=float(scale.seq))
                agent = play.agent(file, fail)
                try:
                    if fail:
                        await play.until(lambda agent=agent: agent.poll() is not None, go_on, every=0.2)
                        assert agent.returncode == -signal.SIGKILL
                    else:
                        await play.until(lambda: not scale.kept and len(intake.of("scale-1")) == scale.seq, scale.send, every=0.3)
                        await play.until(lambda: not account_of(tmp_path, "scale-1").pending)
                finally:
                    agent.terminate()
                    await asyncio.to_thread(agent.wait, 10)
            assert intake.of("scale-1") == list(range(1, scale.seq + 1))
            return scale.seq, sum_of(intake.stored.values(), "scale-1")

    sent, stored = asyncio.run(story())
    account = account_of(tmp_path, "scale-1")
    assert (account.count, account.pending, account.sum) == (sent, 0, stored)


@BOTH_LAYOUTS
def test_a_broker_killed_with_all_it_knew_costs_nothing(broker, tmp_path, play):
    async def story():
        async with floor(play, broker, config(tmp_path, broker), "scale-1") as (intake, scale):
            for number in range(300):
                scale.look(NOW + number, gross_g=float(number))
                if number in (100, 200):
                    scale.send(size=5)
                    await play.until(lambda: len(intake.stored) > 20, lambda: scale.send(size=5), every=0.3)
                    broker.kill()
                    broker.start()
            await play.until(lambda: not scale.kept and len(intake.of("scale-1")) == 300, scale.send)
        assert intake.of("scale-1") == list(range(1, 301))

    asyncio.run(story())


def test_an_agent_packs_once_the_gateway_has_said_that_it_reads_it_and_sends_texts_in_json(mosquitto, tmp_path, play):
    async def story():
        async with floor(play, mosquitto, config(tmp_path, mosquitto), "scan-1") as (intake, scanner):
            for number in range(3):  # the first message comes before the gateway has said anything
                scanner.look(NOW + number, battery_pct=50.0)
                await play.until(lambda n=number: len(intake.stored) == n + 1, scanner.send, every=0.3)
            assert 0 < intake.packed < intake.messages
            packed = intake.packed
            scanner.look(NOW + 9, code="]C1010")
            await play.until(lambda: len(intake.stored) == 4, lambda: scanner.send("scan"), every=0.3)
            assert intake.packed == packed
            intake.takes = ()  # a gateway that reads JSON only has come in its place
            scanner.look(NOW + 10, battery_pct=49.0)
            await play.until(lambda: len(intake.stored) == 5, scanner.send, every=0.3)
            packed = intake.packed
            await play.until(lambda: not scanner.kept, scanner.send)
            scanner.look(NOW + 11, battery_pct=48.0)
            await play.until(lambda: len(intake.stored) == 6, scanner.send, every=0.3)
            assert intake.packed == packed

    asyncio.run(story())


@pytest.mark.parametrize("batches, packed", [("packed", True), ("json", False)])
def test_an_agent_may_be_told_to_pack_always_or_never(mosquitto, tmp_path, play, batches, packed):
    file = config(tmp_path, mosquitto)
    file.write_text(f'batches = "{batches}"\n' + file.read_text())

    async def story():
        async with floor(play, mosquitto, file, "scale-1") as (intake, scale):
            for number in range(2):
                scale.look(NOW + number, gross_g=1.0)
                await play.until(lambda n=number: len(intake.stored) == n + 1, scale.send, every=0.3)
            assert intake.packed == (intake.messages if packed else 0)

    asyncio.run(story())


def test_readings_taken_while_the_gateway_is_away_arrive_when_it_is_back(mosquitto, tmp_path, play, monkeypatch):
    monkeypatch.setattr("floorwise.edge.uplink.ACK_WAIT_FIRST_S", 0.3)

    async def story():
        async with floor(play, mosquitto, config(tmp_path, mosquitto), "scale-1") as (intake, scale):
            intake.deaf = True
            for number in range(500):
                scale.look(NOW + number, gross_g=float(number))
            scale.send()
            await play.until(lambda: not scale.kept, scale.send)  # the device may forget: the spool has them
            assert not intake.stored
            intake.deaf = False
            await play.until(lambda: len(intake.of("scale-1")) == 500)

    asyncio.run(story())


@BOTH_LAYOUTS
def test_a_lost_ack_causes_a_repeat_and_no_second_row(mosquitto, tmp_path, play, monkeypatch):
    monkeypatch.setattr("floorwise.edge.uplink.ACK_WAIT_FIRST_S", 0.3)

    async def story():
        async with floor(play, mosquitto, config(tmp_path, mosquitto), "scale-1") as (intake, scale):
            intake.mute = True
            scale.look(NOW, gross_g=1.0)
            await play.until(lambda: intake.repeats >= 1, scale.send)
            intake.mute = False
            before = intake.messages
            await play.until(lambda: intake.messages > before)
            await play.until(lambda: not scale.kept)
        assert intake.of("scale-1") == [1]

    asyncio.run(story())
    assert (account_of(tmp_path, "scale-1").count, account_of(tmp_path, "scale-1").pending) == (1, 0)


def test_a_local_alarm_sounds_while_the_gateway_is_cut_off_and_is_told_later(tmp_path, play, mosquitto):
    (tmp_path / "far").mkdir()
    far = type(mosquitto)("mosquitto", tmp_path / "far")
    more = '[[rules]]\nname = "cold_room_warm"\ndevices = "climate-*"\nkind = "temperature_c"\nabove = 8.0\n'
    more += 'clear = 7.0\nsiren = "siren-1"\n'
    file = config(tmp_path, mosquitto, more)
    file.write_text(file.read_text().replace(mosquitto.url, far.url, 1))  # the uplink's broker is not there yet

    async def story():
        siren = Link(mosquitto.address, "siren-1", [commands("siren-1")])
        async with running(file), siren, play.device(mosquitto.address, "climate-1", 1) as climate:
            await asyncio.wait_for(siren.connected.wait(), 10)
            climate.look(NOW, temperature_c=5.0)
            climate.look(NOW + 1000, temperature_c=9.5)
            await asyncio.sleep(0)
            heard = asyncio.create_task(siren.messages())
            await play.until(heard.done, climate.send, every=0.2)
            command = decode(Command, heard.result()[0].payload)
            assert (command.command, command.level) == ("alarm", 1)
            far.start()
            async with play.intake(far.address) as intake:
                await play.until(lambda: len(intake.of("climate-1")) == 2)
                await play.until(lambda: any(one.values.get("alarm") for one in intake.stored.values()))
                (alarm,) = [one for one in intake.stored.values() if "alarm" in one.values]
                assert alarm.device == "edge-1"
                assert alarm.values == {"alarm": "cold_room_warm", "about": "climate-1", "alarm_on": 1.0, "observed": 9.5}

    try:
        asyncio.run(story())
    finally:
        far.kill()


def test_an_agent_may_live_in_the_time_of_its_devices(mosquitto, tmp_path, play):
    file = config(tmp_path, mosquitto, '[[rules]]\nname = "heavy"\ndevices = "*"\nkind = "gross_g"\nabove = 5.0\n')
    file.write_text('clock = "heard"\n' + file.read_text())

    async def story():
        async with floor(play, mosquitto, file, "scale-1") as (intake, scale):
            scale.look(1_000_000, gross_g=1.0)
            scale.look(2_000_000, gross_g=9.0)
            await play.until(lambda: any("alarm" in one.values for one in intake.stored.values()), scale.send, every=0.3)
            (alarm,) = [one for one in intake.stored.values() if "alarm" in one.values]
            assert alarm.ts == 2_000_000

    asyncio.run(story())


@BOTH_LAYOUTS
def test_nonsense_is_refused_by_name_and_its_neighbours_are_kept(broker, tmp_path, play):
    async def story():
        async with floor(play, broker, config(tmp_path, broker), "climate-1") as (intake, climate):
            climate.look(NOW, temperature_c=4.0)
            climate.look(NOW, temperature_c=4000.0)  # no such air
            climate.look(NOW, temperature_c=5.0)
            climate.look(NOW, temperature_f=50.0)  # another unit: 50 °F is 10 °C
            climate.look(NOW, pressure_hpa=1000.0)  # no such kind
            climate._link.publish("up/climate-1/readings", b"{not json")
            climate._link.publish("up/climate-1/readings", b'{"device":"climate-2","boot":3,"seq":1,"ts":1,"values":{"temperature_c":1}}')
            climate.send()
            await play.until(lambda: not climate.kept and len(intake.of("climate-1")) == 3, climate.send)
            assert len(climate.refused) == 2
            assert "4000.0 °C is outside -100…200" in climate.refused[0] or "4000.0 °C is outside -100…200" in climate.refused[1]
            await play.until(lambda: any(one.values.get("gap_reason") == "unreadable" for one in intake.stored.values()))
        assert intake.of("climate-1") == [1, 3, 4]
        assert round(intake.stored["climate-1", 3, 4].values["temperature_c"], 9) == 10.0
        assert not intake.of("climate-2")

    asyncio.run(story())


def test_births_and_deaths_of_devices_reach_the_gateway_once(mosquitto, tmp_path, play):
    async def story():
        async with floor(play, mosquitto, config(tmp_path, mosquitto), "scale-1") as (intake, scale):
            birth = encode(Birth("scale-1", 3, NOW, "scale", "1.0", ["gross_g"], 100))
            scale._link.publish(up("scale-1", "birth"), birth, retain=True)
            await play.until(lambda: bool(intake.stored))
            scale._link.publish(up("scale-1", "death"), encode(Death("scale-1", 2, NOW)))  # of the boot before: says nothing
            scale._link.publish(up("scale-1", "death"), encode(Death("scale-1", 3, NOW)))
            await play.until(lambda: len(intake.stored) == 2)
        assert [one.values for one in intake.stored.values()] == [{"about": "scale-1", "alive": 1.0}, {"about": "scale-1", "alive": 0.0}]

    asyncio.run(story())


def account_of(folder: Path, device: str) -> StreamLedger:
    (account,) = [one for one in read_ledger(folder / "edge.spool") if one.device == device]
    return account


def sum_of(readings, device: str) -> int:
    return sum(digest(one) for one in readings if one.device == device) & SUM_MASK
