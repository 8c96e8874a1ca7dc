"""What deploy/ and docker-compose.yml promise: a valid schema, no default secret, loopback only, a broker that keeps devices apart."""

import os
import pwd
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

ANSWER_S = 10.0  # a broker on loopback answers within this or not at all
SECRETS = {"GATEWAY_MQTT_PASSWORD": "g-secret", "EDGE_MQTT_PASSWORD": "e-secret"}


@pytest.fixture(scope="module")
def compose(repository) -> str:
    return (repository / "docker-compose.yml").read_text(encoding="utf-8")


def test_the_compose_file_fits_the_compose_schema(repository, require):
    checker = Path(sys.executable).parent / "check-jsonschema"
    require(checker.exists(), "check-jsonschema is not installed")
    words = [str(checker), "--builtin-schema", "vendor.compose-spec", str(repository / "docker-compose.yml")]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_compose_file_says_that_nobody_has_run_it(compose):
    assert compose.startswith("# NOT YET RUN")


def test_no_secret_of_the_compose_file_has_a_default(compose):
    settings = re.findall(r"^\s+(\w*(?:PASSWORD|TOKEN|SECRET|KEY)\w*): (.*)$", compose, flags=re.MULTILINE)
    assert len(settings) >= 5
    assert [(name, value) for name, value in settings if not re.fullmatch(r"\$\{\w+:\?[^}]+\}", value)] == []


def test_every_port_of_the_compose_file_is_published_on_loopback(compose):
    ports = re.findall(r'^\s+- "?([\d.:]*\d+:\d+)"?$', compose, flags=re.MULTILINE)
    assert len(ports) >= 5
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


def test_no_image_is_alpine(repository, compose):
    files = [compose, *(path.read_text() for path in sorted((repository / "deploy").rglob("Dockerfile")))]
    images = [image for text in files for image in re.findall(r"^\s*(?:image:|FROM) (\S+)", text, flags=re.MULTILINE)]
    assert "python:3.11-slim" in images
    assert [image for image in images if "alpine" in image or image.startswith("eclipse-mosquitto")] == []


def test_every_file_that_compose_and_images_copy_is_there(repository, compose):
    named = re.findall(r"(?:dockerfile: |- \./|build: )([\w./-]+)", compose)
    named += re.findall(r"^COPY (?!--)([\w./-]+) ", (repository / "deploy/Dockerfile").read_text(), flags=re.MULTILINE)
    assert len(named) > 8
    assert [name for name in named if not (repository / name).exists()] == []


def test_the_settings_of_the_composed_agent_are_settings_that_the_agent_takes(repository, monkeypatch):
    from floorwise.edge.settings import read_settings

    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    settings = read_settings(repository / "deploy/settings/edge.toml")
    assert (settings.agent, settings.uplink.username, settings.uplink.password) == ("edge", "edge", "e-secret")


def test_the_settings_of_the_composed_gateway_are_settings_that_the_gateway_takes(repository, compose, monkeypatch):
    from floorwise.gateway.settings import read_settings

    monkeypatch.setenv("FLOORWISE_BROKER_PASSWORD", SECRETS["GATEWAY_MQTT_PASSWORD"])
    settings, _ = read_settings(repository / "deploy/settings/gateway.toml")
    assert (settings.broker, settings.broker_username, settings.broker_password) == ("mqtt://mosquitto:1883", "gateway", "g-secret")
    # In a container it has to listen on every address; then the port must not be published beyond the host.
    assert (settings.host, settings.port, settings.allow_outside) == ("0.0.0.0", 8420, True)
    gateway = compose.split("\n  gateway:")[1].split("\n  edge:")[0]
    assert '"127.0.0.1:8420:8420"' in gateway and "FLOORWISE_BROKER_PASSWORD: ${GATEWAY_MQTT_PASSWORD:?" in gateway
    assert "./deploy/settings/gateway.toml:/etc/floorwise/gateway.toml:ro" in gateway


def test_the_units_are_sound_to_systemd(repository, tmp_path, require):
    analyze = require(shutil.which("systemd-analyze"), "systemd-analyze is not on the PATH")
    for unit in sorted((repository / "deploy/systemd").glob("*.service")):
        copy = tmp_path / unit.name
        copy.write_text(unit.read_text().replace("/opt/floorwise/bin/floorwise", "/bin/true"))  # verify wants the program to exist
        done = subprocess.run([analyze, "verify", str(copy)], capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stdout + done.stderr) == (0, ""), unit.name


def test_every_shell_script_parses(repository):
    scripts = [repository / "run", repository / ".ci/run", *sorted((repository / "deploy").rglob("*.sh"))]
    for script in scripts:
        shell = "sh" if script.read_text().startswith("#!/bin/sh") else "bash"
        assert subprocess.run([shell, "-n", str(script)], capture_output=True, text=True).stderr == ""
        assert os.access(script, os.X_OK), f"{script.name} is not executable"


@pytest.fixture(scope="module")
def broker(repository, require) -> Iterator[int]:
    """The port of a mosquitto that deploy/mosquitto/start.sh started, with two more devices."""
    program = require(shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin"), "mosquitto is not on the PATH")
    user = "mosquitto" if os.geteuid() == 0 and "mosquitto" in {one.pw_name for one in pwd.getpwall()} else None
    place = Path(tempfile.mkdtemp(prefix="broker"))
    place.chmod(0o755)
    for name in ("mosquitto.conf", "acl", "start.sh"):
        shutil.copy2(repository / "deploy/mosquitto" / name, place / name)
    (place / "devices").write_text("scale-1:s1\nscale-2:s2\n")
    (place / "state").mkdir()
    if user:
        shutil.chown(place / "state", user)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = SECRETS | {
        "PATH": f"{os.environ['PATH']}:{Path(program).parent}",
        "BROKER_STATE": str(place / "state"),
        "BROKER_SETTINGS": str(place),
        "BROKER_DEVICES": str(place / "devices"),
        "BROKER_PORT": str(port),
    }
    process = subprocess.Popen([place / "start.sh"], env=environment, user=user, stderr=subprocess.PIPE)
    try:
        until(lambda: listens(port) or process.poll() is not None)
        assert process.poll() is None, process.stderr.read().decode()
        yield port
    finally:
        process.terminate()
        process.wait(ANSWER_S)
        process.stderr.close()
        shutil.rmtree(place)


def until(claim) -> None:
    """Wait for `claim`, at most ANSWER_S."""
    end = time.monotonic() + ANSWER_S
    while not claim() and time.monotonic() < end:
        threading.Event().wait(0.02)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Peer:
    """A client that is signed in, or knows why it is not."""

    def __init__(self, port: int, name: str | None, password: str | None, *topics: str) -> None:
        self.client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        self.client.username_pw_set(name, password) if name else None
        self.answered, self.ready = threading.Event(), threading.Event()
        self.code = ""
        self.got: list[tuple[str, bytes]] = []
        self.client.on_connect = self._connected
        self.client.on_subscribe = lambda *_: self.ready.set()
        self.client.on_message = lambda _client, _data, message: self.got.append((message.topic, message.payload))
        self.topics = topics
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        assert self.answered.wait(ANSWER_S)
        if topics and self.code == "Success":
            assert self.ready.wait(ANSWER_S)

    def _connected(self, client, _data, _flags, code, _properties) -> None:
        self.code = str(code)
        self.answered.set()
        if self.topics and self.code == "Success":
            client.subscribe([(topic, 1) for topic in self.topics])
        elif self.code != "Success":
            client.disconnect()

    def say(self, topic: str, payload: bytes) -> None:
        self.client.publish(topic, payload, qos=1).wait_for_publish(ANSWER_S)

    def leave(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.mark.parametrize(("name", "password"), [(None, None), ("gateway", "guess"), ("nobody", "g-secret")])
def test_the_broker_takes_nobody_without_the_right_password(broker, name, password):
    peer = Peer(broker, name, password)
    peer.leave()
    assert peer.code != "Success"


def test_a_device_is_heard_under_its_own_name_and_not_under_another(broker):
    gateway = Peer(broker, "gateway", SECRETS["GATEWAY_MQTT_PASSWORD"], "up/#")
    other = Peer(broker, "scale-2", "s2", "ack/scale-1", "down/scale-1/commands", "up/scale-1/readings", "ack/scale-2")
    scale = Peer(broker, "scale-1", "s1")
    try:
        scale.say("up/scale-2/readings", b"pretended")
        scale.say("up/scale-1/readings", b"honest")
        gateway.say("ack/scale-1", b"for scale-1 only")
        gateway.say("ack/scale-2", b"for scale-2")  # after the others: what comes before it and is allowed has come by then
        until(lambda: other.got and gateway.got)
        assert gateway.got == [("up/scale-1/readings", b"honest")]
        assert other.got == [("ack/scale-2", b"for scale-2")]
    finally:
        for peer in (gateway, other, scale):
            peer.leave()


def test_the_broker_script_refuses_to_start_without_its_passwords(repository, tmp_path):
    environment = {"PATH": os.environ["PATH"], "BROKER_STATE": str(tmp_path), "BROKER_SETTINGS": str(repository / "deploy/mosquitto")}
    done = subprocess.run([repository / "deploy/mosquitto/start.sh"], env=environment, capture_output=True, text=True, timeout=ANSWER_S)
    assert done.returncode != 0
    assert "GATEWAY_MQTT_PASSWORD" in done.stderr
