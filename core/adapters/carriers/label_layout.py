"""What stands where on a parcel label, once for every printer language and for the picture.

A label of 4 × 6 inches at 8 dots a millimetre, the resolution of most label printers (203 dpi). The SSCC's bars follow the GS1
logistic label (section 6.6): one module 0.5 mm, bars 32 mm high, ten modules of white at both ends. Who gets the parcel is a
pseudonym and a country: names and addresses never come this far.
"""

from typing import NamedTuple

from floorwise.core.model.labels import LabelWanted

WIDTH, HEIGHT = 812, 1218  # dots
MARGIN = 40
SSCC_MODULE, SSCC_HEIGHT = 4, 256  # 0.5 mm (0.495 is the least), 32 mm (31.75 is the least)
TRACKING_MODULE, TRACKING_HEIGHT = 3, 120
CODE128_OVERHEAD = 35  # modules of start, check and stop character
CODE128_CHARACTER = 11


class Text(NamedTuple):
    """A line of text; (x, y) is its upper left corner, `size` the height of a letter, `name` what it tells."""

    name: str
    x: int
    y: int
    size: int
    text: str


class Rule(NamedTuple):
    """A horizontal line across the label."""

    y: int
    thickness: int


class Bars(NamedTuple):
    """A barcode; GS1-128 where `is_gs1`, else Code 128. `data` begins with two letters (`is_gs1` false) or is digits only."""

    name: str
    x: int
    y: int
    module: int
    height: int
    data: str
    is_gs1: bool


def lay_out(wanted: LabelWanted, tracking: str) -> list[Text | Rule | Bars]:
    """Return the label's parts from top to bottom. Text too long for its line ends in an ellipsis; what is not known has no line."""
    sscc_data = "00" + wanted.sscc
    parts = [
        _line("carrier", MARGIN, 40, 60, wanted.carrier),
        _line("service", MARGIN, 110, 40, wanted.service),
        Rule(165, 4),
        _line("caption", MARGIN, 185, 24, "SHIP TO"),
        _line("customer", MARGIN, 220, 48, wanted.customer),
        _line("ship_to_country", MARGIN, 280, 90, wanted.ship_to_country),
        Rule(390, 4),
        _line("caption", MARGIN, 410, 24, "PARCEL"),
        _line("parcel", MARGIN, 440, 40, wanted.parcel),
        _line("caption", 420, 410, 24, "WEIGHT AND SIZE"),
        _line("weight", 420, 440, 32, f"{wanted.weight_g // 1000}.{wanted.weight_g % 1000:03} kg"),
        _line("size", 420, 485, 26, f"{wanted.length_mm} x {wanted.width_mm} x {wanted.height_mm} mm"),
        Rule(535, 4),
        _line("caption", MARGIN, 555, 24, "TRACKING"),
        _bars("tracking", 590, TRACKING_MODULE, TRACKING_HEIGHT, tracking, False),
        _line("tracking", MARGIN, 720, 32, tracking),
        Rule(775, 4),
        _line("caption", MARGIN, 795, 24, "SSCC"),
        _bars("sscc", 835, SSCC_MODULE, SSCC_HEIGHT, sscc_data, True),
        _line("sscc", MARGIN, 1110, 44, f"(00) {wanted.sscc}"),
    ]
    return [part for part in parts if not isinstance(part, Text) or part.text]


def _line(name: str, x: int, y: int, size: int, text: str) -> Text:
    room = (WIDTH - MARGIN - x) * 10 // (size * 6)  # a letter is at most 0.6 of its height wide on average
    return Text(name, x, y, size, text if len(text) <= room else text[: room - 1] + "…")


def _bars(name: str, y: int, module: int, height: int, data: str, is_gs1: bool) -> Bars:
    # digits go two to a character; FNC1, or two letters and a switch to digits, come before them
    characters = 1 + len(data) // 2 if is_gs1 else 3 + (len(data) - 2) // 2
    width = (CODE128_OVERHEAD + CODE128_CHARACTER * characters) * module
    return Bars(name, (WIDTH - width) // 2, y, module, height, data, is_gs1)
