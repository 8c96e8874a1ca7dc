"""The contract for firmware: topics, schemas, C header, vectors and examples say what the code does."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from referencing import Registry, Resource

from floorwise.core.model.device_messages import UP, Answer, Birth, Command, Confirm, Death, TourSheet, decode, encode, read_up
from floorwise.core.model.packed import decode_packed, encode_packed
from floorwise.core.model.readings import (
    KINDS,
    BadPayload,
    Number,
    Reading,
    decode_ack,
    decode_batch,
    decode_readings,
    encode_ack,
    encode_batch,
    encode_reading,
    encode_readings,
)

FOLDER = Path(__file__).resolve().parents[2] / "firmware-interfaces"
MESSAGES = {"birth": Birth, "death": Death, "command": Command, "answer": Answer, "tour": TourSheet, "confirm": Confirm}
VECTORS = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted((FOLDER / "vectors").glob("*.json"))}
PACKED = VECTORS.pop("packed")
SCHEMAS = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in sorted((FOLDER / "schemas").glob("*.json"))}
REGISTRY = Registry().with_resources([(one["$id"], Resource.from_contents(one)) for one in SCHEMAS.values()])
GOOD = [pytest.param(name, one, id=f"{name}: {one['name']}") for name, file in VECTORS.items() for one in file["good"]]
BAD = [pytest.param(name, one, id=f"{name}: {one['name']}") for name, file in VECTORS.items() for one in file["bad"]]


def schema(name: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(SCHEMAS[f"{name}.schema.json"], registry=REGISTRY)


def understood(name: str, topic: str, payload: bytes) -> object:
    """Decode as the receiver of this topic would; BadPayload also where a single reading is refused."""
    device = topic.split("/")[1]
    if name == "ack":
        return decode_ack(payload)
    if name in MESSAGES:
        return decode(MESSAGES[name], payload, device if topic.startswith("up/") else None)
    read_up(topic)
    decoded = (decode_batch if name == "batch" else decode_readings)(payload, device)
    if decoded.refused:
        raise BadPayload(decoded.refused[0].reason)
    return decoded


def again(name: str, found: object) -> bytes:
    """Encode what was understood."""
    if name == "ack":
        keys = [(one.device, one.boot, seq) for one in found.ranges for seq in range(one.first, one.last + 1)]
        return encode_ack(keys, found.refused, found.takes)
    if name in MESSAGES:
        return encode(found)
    if name == "batch":
        return encode_batch(found.sender, found.ts, found.readings)
    return encode_reading(found.readings[0]) if name == "reading" else encode_readings(found.readings)


@pytest.mark.parametrize("name, one", GOOD)
def test_a_good_payload_is_understood_and_fits_its_schema(name, one):
    found = understood(name, one["topic"], one["payload"].encode())
    schema(name).validate(json.loads(one["payload"]))
    if one["payload"] not in ("{}",) and not (name == "readings" and not found.readings):
        assert understood(name, one["topic"], again(name, found)) == found


@pytest.mark.parametrize("name, one", BAD)
def test_a_bad_payload_is_refused_with_its_reason(name, one):
    with pytest.raises(BadPayload, match=re.escape(one["reason"])):
        understood(name, one["topic"], one["payload"].encode())
    if one["schema_sees_it"]:
        assert not schema(name).is_valid(json.loads(one["payload"]))


@pytest.mark.parametrize("one", [pytest.param(one, id=one["name"]) for one in PACKED["good"]])
def test_a_packed_payload_is_understood_byte_for_byte_as_the_json_beside_it(one):
    agent, payload = one["topic"].split("/")[1], bytes.fromhex(one["hex"])
    found, said = decode_packed(payload, agent), decode_batch(one["says"].encode(), agent)
    assert (found.ts, sorted(found.readings), found.refused) == (said.ts, sorted(said.readings), [])
    assert decode_packed(encode_packed(agent, found.ts, found.readings), agent) == found
    if "tracker.c" not in one["name"]:  # a device may list kinds in an order of its own
        assert encode_packed(agent, found.ts, found.readings) == payload


@pytest.mark.parametrize("one", [pytest.param(one, id=one["name"]) for one in PACKED["bad"]])
def test_a_bad_packed_payload_is_refused_with_its_reason(one):
    with pytest.raises(BadPayload, match=re.escape(one["reason"])):
        decoded = decode_packed(bytes.fromhex(one["hex"]), one["topic"].split("/")[1])
        raise BadPayload(decoded.refused[0].reason)


def test_a_tracker_in_c_writes_the_golden_bytes(tmp_path, require):
    compiler = require(shutil.which("cc"), "there is no C compiler")
    words = [compiler, "-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror", f"-I{FOLDER / 'include'}"]
    subprocess.run([*words, str(FOLDER / "examples/tracker.c"), "-o", str(tmp_path / "tracker"), "-lm"], check=True, timeout=60)
    said = subprocess.run([tmp_path / "tracker"], check=True, capture_output=True, text=True, timeout=10).stdout.strip()
    assert [one["hex"] for one in PACKED["good"] if "tracker.c" in one["name"]] == [said]


def test_there_are_vectors_for_every_message_and_profile():
    assert set(VECTORS) == {"reading", "readings", "batch", "ack", *MESSAGES}
    births = {json.loads(one["payload"])["profile"] for one in VECTORS["birth"]["good"]}
    assert births == {"scale", "scanner", "tracker", "climate", "handheld", "agent"}


def test_the_schemas_are_sound_and_know_every_kind_with_its_range():
    for one in SCHEMAS.values():
        jsonschema.Draft202012Validator.check_schema(one)
    values = SCHEMAS["values.schema.json"]["properties"]
    assert set(values) == set(KINDS)
    for kind, rule in KINDS.items():
        if isinstance(rule, Number):
            assert (values[kind]["minimum"], values[kind]["maximum"]) == (rule.low, rule.high), kind
        else:
            assert values[kind]["maxLength"] == rule.length, kind


def test_the_page_names_every_topic_and_kind():
    page = (FOLDER / "topics.md").read_text(encoding="utf-8")
    assert all(f"`up/<device>/{what}`" in page for what in UP)
    assert all(f"| `{kind}` |" in page for kind in KINDS)


def async_document() -> dict:
    from ruamel.yaml import YAML

    return YAML(typ="safe").load((FOLDER / "asyncapi.yaml").read_text(encoding="utf-8"))


def test_the_asyncapi_document_fits_the_official_schema_and_every_reference_leads_somewhere(shared_data):
    official = json.loads((shared_data / "conformance/asyncapi/asyncapi-3.0.0-without-id.json").read_text(encoding="utf-8"))
    validator = jsonschema.Draft7Validator(official)
    document = async_document()
    validator.validate(document)
    assert not validator.is_valid(document | {"channels": {"readings": {"addres": "up/{device}/readings"}}})  # the check can fail
    for one in document["components"]["messages"].values():
        assert (FOLDER / one["payload"]["schema"]["$ref"]).is_file()


def test_the_asyncapi_document_names_the_topics_of_the_code():
    addresses = {channel["address"] for channel in async_document()["channels"].values()}
    wanted = {f"up/{{device}}/{what}" for what in UP} | {"ack/{device}", "down/{device}/commands", "down/{device}/tours/{tour}"}
    assert addresses == wanted


def test_a_device_in_c_says_what_the_contract_says_and_forgets_what_it_is_told(tmp_path, require):
    compiler = require(shutil.which("cc"), "there is no C compiler")
    words = [compiler, "-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror", f"-I{FOLDER / 'include'}"]
    subprocess.run([*words, str(FOLDER / "examples/scale.c"), "-o", str(tmp_path / "scale"), "-lm"], check=True, timeout=60)

    def said(*ack: str) -> list[tuple[str, bytes]]:
        found = subprocess.run([tmp_path / "scale", *ack], check=True, capture_output=True, timeout=10).stdout
        return [(topic.decode(), payload) for topic, _, payload in (line.partition(b" ") for line in found.splitlines())]

    death, birth, one, many = said()
    assert decode(Death, death[1], "scale-7") == Death("scale-7", 3, 1766991590000)
    assert decode(Birth, birth[1], "scale-7") == Birth("scale-7", 3, 1766991590000, "scale", "1.4.0", ["gross_g"], 64)
    assert decode_readings(one[1], "scale-7").readings == [Reading("scale-7", 3, 7, 1766991600000, {"gross_g": 3700.0})]
    assert [one.values["gross_g"] for one in decode_readings(many[1], "scale-7").readings] == [3700.0, 3699.5, 3700.1]
    told = encode_ack([("scale-7", 3, 7), ("scale-7", 3, 9), ("scale-7", 2, 8), ("scale-8", 3, 8)]).decode()
    assert [one.seq for one in decode_readings(said(told)[3][1]).readings] == [8]
    assert all(read_up(topic)[0] == "scale-7" for topic, _ in said())


def test_a_device_in_python_gets_every_reading_acknowledged(mosquitto, tmp_path):
    config = tmp_path / "edge.toml"
    table = f'url = "{mosquitto.url}"\n'
    config.write_text(f'agent = "edge-1"\n[uplink]\n{table}[devices]\n{table}')
    code = "from floorwise.cli.main import main; main()"
    agent = subprocess.Popen([sys.executable, "-c", code, "edge", "--config", str(config)], stderr=subprocess.DEVNULL)
    try:
        words = ["--broker", f"127.0.0.1:{mosquitto.port}", "--looks", "30"]
        found = subprocess.run([sys.executable, str(FOLDER / "examples/device.py"), *words], capture_output=True, text=True, timeout=60)
        assert found.returncode == 0, found.stderr
        assert found.stdout == "30 of 30 readings acknowledged\n"
    finally:
        agent.terminate()
        agent.wait(10)


NAMES = ["device", "boot", "seq", "ts", "values", "readings", "agent", "blocks", "acks", "ranges", "refused", "gross_g", "code"]
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("scale-7")
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=6))


@given(st.binary(max_size=300) | JSON.map(lambda value: json.dumps(value).encode()))
def test_no_payload_whatever_raises_anything_but_bad_payload(payload):
    readers = [decode_readings, decode_batch, decode_ack, *(lambda text, kind=kind: decode(kind, text) for kind in MESSAGES.values())]
    for read in readers:
        try:
            read(payload)
        except BadPayload as error:
            str(error).encode()  # a reason goes into acks and logs, so it must be writable
