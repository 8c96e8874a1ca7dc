import re
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from xml.etree import ElementTree

import pytest
import zxingcpp
from barcode.charsets.code128 import CODES, STOP
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from floorwise.core.adapters import scans
from floorwise.core.adapters.carriers import svg, zpl
from floorwise.core.adapters.carriers.label_layout import HEIGHT, WIDTH, lay_out
from floorwise.core.adapters.carriers.paper import MAX_LABELS, PaperCarrier, stem_of, tracking_number
from floorwise.core.errors import BadInput, Damaged
from floorwise.core.model import gs1
from floorwise.core.model.gs1 import ScannedItem
from floorwise.core.model.labels import LabelWanted

SSCC = "376104250021234569"
WANTED = LabelWanted("label:P-17:1", "P-17", SSCC, "paper", "same-day", "DE", "C-8f2a", 3456, 1200, 1000, 1800)


def fields_of(label: str) -> dict[str, str]:
    """Read a label back: the value of each field that a comment names, its _hex bytes undone."""
    found = re.findall(r"\^FX ([^^]*)\^FS\^FO[^^]*(?:\^[^F][^^]*)*(?:\^FH)?\^FD([^^]*)\^FS", label)
    return {name: re.sub(rb"_([0-9A-F]{2})", lambda m: bytes.fromhex(m[1].decode()), value.encode()).decode() for name, value in found}


def draw_zpl_bars(label: str, name: str) -> Image.Image:
    """Draw a ^BC field as a printer would: characters from the start and switch codes, checksum, bars of ^BY dots."""
    module, height, data = re.search(rf"\^FX {name} bars\^FS\^FO\d+,\d+\^BY(\d+)\^BCN,(\d+),N,N,N,N\^FD(\S+)\^FS", label).groups()
    is_pairs, values = None, []
    for token in re.findall(r">.|\d\d|.", data) if data.startswith(">;") else re.findall(r">.|(?<=[0-9>5])\d\d|[A-Z]", data):
        if token in (">;", ">:"):
            is_pairs = token == ">;"
            values.append(105 if is_pairs else 104)
        elif token in (">5", ">8"):
            is_pairs = is_pairs or token == ">5"
            values.append(99 if token == ">5" else 102)
        else:
            values.append(int(token) if is_pairs else ord(token) - 32)
    checksum = (values[0] + sum(place * value for place, value in enumerate(values))) % 103
    modules = "".join(CODES[value] for value in [*values, checksum]) + STOP + "11"
    image = Image.new("L", ((len(modules) + 20) * int(module), int(height) + 40), 255)
    draw = ImageDraw.Draw(image)
    for place, dark in enumerate(modules):
        if dark == "1":
            left = (10 + place) * int(module)
            draw.rectangle((left, 20, left + int(module) - 1, 20 + int(height)), fill=0)
    return image


def draw_svg(picture: str) -> Image.Image:
    """Draw the rectangles and bars of a label picture, one pixel a dot; letters are left out."""
    image = Image.new("L", (WIDTH, HEIGHT), 255)
    draw = ImageDraw.Draw(image)
    for element in ElementTree.fromstring(picture).iter("{http://www.w3.org/2000/svg}path"):
        for bar in re.findall(r"M(\d+) (\d+)h(\d+)v(\d+)h-\3z", element.get("d")):
            x, y, width, height = map(int, bar)
            draw.rectangle((x, y, x + width - 1, y + height - 1), fill=0)
    return image


def scanned(image: Image.Image) -> set[str]:
    """What a scanner sends for the barcodes in an image: symbology identifier, then data."""
    found = zxingcpp.read_barcodes(image, text_mode=zxingcpp.TextMode.Plain)
    return {barcode.symbology_identifier + barcode.text for barcode in found}


def test_the_picture_scans_back_to_the_same_sscc_and_tracking_number(tmp_path):
    label = PaperCarrier(tmp_path).buy_label(WANTED)
    sent = scanned(draw_svg((tmp_path / "P-17.svg").read_text()))
    assert sent == {f"]C100{SSCC}", f"]C0{label.tracking}"}
    assert scans.read(f"]C100{SSCC}", 0) == ScannedItem(sscc=SSCC)


def test_the_printed_label_scans_back_to_the_same_sscc_and_tracking_number(tmp_path):
    label = PaperCarrier(tmp_path).buy_label(WANTED)
    printed = (tmp_path / label.document).read_text()
    assert scanned(draw_zpl_bars(printed, "sscc")) == {f"]C100{SSCC}"}
    assert scanned(draw_zpl_bars(printed, "tracking")) == {f"]C0{label.tracking}"}


@settings(max_examples=15)
@given(st.integers(0, 10**10 - 1), st.text(min_size=1))
def test_any_sscc_survives_printing_and_scanning(number, key):
    sscc = gs1.nth_sscc("9501234", number)
    printed = zpl.render(lay_out(WANTED._replace(sscc=sscc), tracking_number(key)), "key")
    assert scanned(draw_zpl_bars(printed, "sscc")) == {f"]C100{sscc}"}
    assert scanned(draw_zpl_bars(printed, "tracking")) == {f"]C0{tracking_number(key)}"}


def test_the_printed_label_says_what_was_wanted(tmp_path):
    label = PaperCarrier(tmp_path).buy_label(WANTED)
    said = fields_of((tmp_path / label.document).read_text())
    assert said["carrier"] == "paper"
    assert said["service"] == "same-day"
    assert said["customer"] == "C-8f2a"
    assert said["ship_to_country"] == "DE"
    assert said["parcel"] == "P-17"
    assert said["weight"] == "3.456 kg"
    assert said["size"] == "1200 x 1000 x 1800 mm"
    assert said["tracking"] == label.tracking
    assert said["sscc"] == f"(00) {SSCC}"


@given(st.text(min_size=1, max_size=20))
def test_no_text_can_break_out_of_its_field(text):
    printed = zpl.render(lay_out(WANTED._replace(customer=text), "PC1"), "key")
    assert printed.isascii()
    assert fields_of(printed)["customer"] == text
    assert printed.count("^XA") == printed.count("^XZ") == 1


@given(st.text(min_size=1, max_size=20))
def test_no_text_can_break_the_picture(text):
    root = ElementTree.fromstring(svg.render(lay_out(WANTED._replace(customer=text), tracking_number(text))))
    line = root.find("{http://www.w3.org/2000/svg}text[@class='customer']")
    assert len(line.text) == len(text)
    assert all(shown in (said, "\N{REPLACEMENT CHARACTER}") for shown, said in zip(line.text, text, strict=True))


def test_text_too_long_for_its_line_is_cut_and_says_so():
    said = fields_of(zpl.render(lay_out(WANTED._replace(customer="C-" + "x" * 500), "PC1"), "key"))
    assert said["customer"].endswith("x…")
    assert len(said["customer"]) <= 30


def test_the_same_key_gives_the_same_label_and_no_second_one(tmp_path):
    first = PaperCarrier(tmp_path).buy_label(WANTED)
    before = (tmp_path / first.document).read_bytes()
    again = PaperCarrier(tmp_path).buy_label(WANTED._replace(parcel="P-18", weight_g=1, sscc=gs1.nth_sscc("9501234", 1)))
    assert again == first
    assert (tmp_path / first.document).read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["P-17.svg", "P-17.zpl", "bought"]


def test_another_key_for_the_same_parcel_is_another_label_beside_the_first(tmp_path):
    carrier = PaperCarrier(tmp_path)
    first, second = carrier.buy_label(WANTED), carrier.buy_label(WANTED._replace(key="label:P-17:2"))
    assert (first.document, second.document) == ("P-17.zpl", "P-17+2.zpl")
    assert first.tracking != second.tracking
    assert carrier.buy_label(WANTED) == first


def test_a_parcel_has_a_bounded_number_of_labels(tmp_path):
    carrier = PaperCarrier(tmp_path)
    for number in range(MAX_LABELS):
        carrier.buy_label(WANTED._replace(key=str(number)))
    with pytest.raises(BadInput, match="20 labels"):
        carrier.buy_label(WANTED._replace(key="one more"))


def test_two_directories_give_the_same_bytes_for_the_same_key(tmp_path):
    for place in ("a", "b"):
        PaperCarrier(tmp_path / place).buy_label(WANTED)
    for name in ("P-17.zpl", "P-17.svg"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_number_that_is_no_sscc_is_never_printed(tmp_path):
    with pytest.raises(BadInput, match="check digit"):
        PaperCarrier(tmp_path).buy_label(WANTED._replace(sscc="376104250021234560"))
    assert [path.name for path in tmp_path.iterdir()] == ["bought"]


def test_a_parcel_without_a_name_gets_no_label(tmp_path):
    with pytest.raises(BadInput, match="no name"):
        PaperCarrier(tmp_path).buy_label(WANTED._replace(parcel=""))


def test_a_torn_receipt_is_named_and_not_bought_again(tmp_path):
    carrier = PaperCarrier(tmp_path)
    label = carrier.buy_label(WANTED)
    receipt = next((tmp_path / "bought").iterdir())
    receipt.write_text("{")
    with pytest.raises(Damaged, match=receipt.name):
        carrier.buy_label(WANTED)
    receipt.unlink()  # what docs/how-to/print-labels.md tells a person to do
    assert carrier.buy_label(WANTED) == label
    assert sorted(path.name for path in tmp_path.iterdir()) == ["P-17.svg", "P-17.zpl", "bought"]


def test_sixteen_buyers_of_one_key_get_one_label(tmp_path):
    with ThreadPoolExecutor(16) as pool:
        labels = list(pool.map(lambda _: PaperCarrier(tmp_path).buy_label(WANTED), range(16)))
    assert set(labels) == {labels[0]}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["P-17.svg", "P-17.zpl", "bought"]
    assert len(list((tmp_path / "bought").iterdir())) == 1


def test_sixteen_keys_of_one_parcel_get_sixteen_labels(tmp_path):
    with ThreadPoolExecutor(16) as pool:
        labels = list(pool.map(lambda n: PaperCarrier(tmp_path).buy_label(WANTED._replace(key=str(n))), range(16)))
    assert len({label.document for label in labels}) == len({label.tracking for label in labels}) == 16


BUYER = """
import os, signal, sys
from pathlib import Path
from floorwise.core.adapters.carriers.paper import PaperCarrier
from floorwise.core.model.labels import LabelWanted

left = int(sys.argv[2])
def deadly(real, is_after):
    def call(*args):
        global left
        left -= 1
        if left == 0 and not is_after:
            os.kill(os.getpid(), signal.SIGKILL)
        real(*args)
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
    return call

os.link, os.replace = deadly(os.link, sys.argv[3] == "after"), deadly(os.replace, sys.argv[3] == "after")
PaperCarrier(Path(sys.argv[1])).buy_label(LabelWanted(*eval(sys.argv[4])))
"""


# a label appears in three steps: zpl, svg, receipt
@pytest.mark.parametrize("step", [1, 2, 3])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_buyer_killed_at_any_step_leaves_no_second_label_behind(tmp_path, step, when):
    killed = subprocess.run([sys.executable, "-c", BUYER, str(tmp_path), str(step), when, repr(tuple(WANTED))], timeout=60, check=False)
    assert killed.returncode == -signal.SIGKILL
    label = PaperCarrier(tmp_path).buy_label(WANTED)
    assert label.tracking == tracking_number(WANTED.key)
    assert sorted(path.name for path in tmp_path.iterdir() if not path.name.startswith(".")) == ["P-17.svg", "P-17.zpl", "bought"]
    assert fields_of((tmp_path / label.document).read_text())["tracking"] == label.tracking
    assert scanned(draw_svg((tmp_path / "P-17.svg").read_text())) == {f"]C100{SSCC}", f"]C0{label.tracking}"}


def test_a_tracking_number_belongs_to_its_key_and_carries_a_check_digit():
    number = tracking_number("label:P-17:1")
    assert number == tracking_number("label:P-17:1")
    assert re.fullmatch(r"PC\d{18}", number)
    assert gs1.check_number(number[2:], [18]) == number[2:]
    assert len({tracking_number(f"label:P-{n}:1") for n in range(20_000)}) == 20_000


@given(st.text(min_size=1, max_size=300))
def test_a_parcel_name_stays_inside_the_label_directory(parcel):
    assert re.fullmatch(r"[A-Za-z0-9_%~-][A-Za-z0-9_%~.-]{0,99}", stem_of(parcel))


@given(st.text(max_size=150), st.text(max_size=150))
def test_two_parcels_never_share_a_file(one, other):
    assert (stem_of(one) == stem_of(other)) == (one == other)


def test_a_label_knows_no_name_and_no_address():
    assert not {"name", "address", "street", "city", "email", "phone"} & set(LabelWanted._fields)


def test_what_nobody_knows_leaves_no_empty_line_on_the_label():
    known, unknown = (lay_out(WANTED._replace(ship_to_country=country), "PC1") for country in ("DE", ""))
    assert [part for part in known if part not in unknown] == [part for part in known if getattr(part, "name", "") == "ship_to_country"]
    assert "ship_to_country" not in zpl.render(unknown, "key")


@pytest.mark.parametrize(
    ("parcel", "stem"),
    [("O00000001.1/1", "O00000001.1_1"), ("P-17", "P-17"), ("a_b", "a%5Fb"), (".hidden", "%2Ehidden"), ("../x", "%2E._x"), ("é", "%C3%A9")],
)
def test_a_label_file_bears_the_parcels_name_as_people_read_it(parcel, stem):
    assert stem_of(parcel) == stem
