"""What a carrier is asked for, and what it gives."""

from typing import NamedTuple


class LabelWanted(NamedTuple):
    """A parcel that needs a label; `key` makes buying it twice impossible."""

    key: str
    parcel: str
    sscc: str  # 18 digits
    carrier: str
    service: str
    ship_to_country: str
    customer: str  # a pseudonym
    weight_g: int
    length_mm: int
    width_mm: int
    height_mm: int


class Label(NamedTuple):
    """A bought label; `document` names where it lies for the printer."""

    key: str
    tracking: str
    format: str  # "zpl"
    document: str
