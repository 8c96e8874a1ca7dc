"""Handling units as a tree: pallet ⊃ case, tote, parcel; each stands in exactly one place."""

from typing import NamedTuple

from floorwise.core.model.record import Index, record

TREE_DEPTH = 8  # units within units; deeper is a mistake in the data
UNIT_STATES = ("open", "closed", "gone")  # a closed unit is sealed: it moves as it is; a gone one never comes back
GONE = "SCRAP"  # where what is left of a unit goes: wrapping, a label


@record(key="unit", indexes=[Index("by_parent", "parent unit")])
class HandlingUnit(NamedTuple):
    """A unit and where it stands: `parent` is a bin, a virtual place, or the place of another unit ("pallet:P1")."""

    unit: str  # LPN or SSCC
    kind: str  # pallet, case, tote, parcel
    parent: str
    site: str
    state: str
    version: int = 0

    @property
    def place(self) -> str:
        """The place that its contents lie at."""
        return f"{self.kind}:{self.unit}"


def unit_of(place: str) -> str:
    """The unit's name in a place such as "pallet:P1", or "" for bins and virtual places."""
    kind, _, unit = place.partition(":")
    return unit if kind in ("pallet", "case", "tote", "parcel") else ""
