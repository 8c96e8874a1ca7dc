"""Do the units of an order fit its totes? A packing that shows it: largest first, into the first tote and corner with room.

`pack` is first fit decreasing by volume (Johnson 1973), in three dimensions by guillotine cuts: a block of units goes into the corner of a
free space, and what is left is cut into the space above it, beside it and in front of it. So everything lies on the floor of the tote or
wholly on what is below. Units may be turned to any of six sides. A packing proves that so many totes are enough, never that fewer
are not: nothing is called exact where totes count. Articles without three sides are *loose*: volume and weight count, places do not.
`check_packing` looks at a packing without asking how it was made.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import combinations, permutations

MOST_TOTES = 1_000  # of one order
LARGEST = 2**53  # no limit
SHORTEST_MM = 1


@dataclass(frozen=True)
class Article:
    """One unit: weight, volume, sides (longest first, 0 = not told), stage of picking (lower first), segregation class ("" = none)."""

    weight_g: int = 0
    volume_cm3: int = 0
    sides_mm: tuple[int, ...] = (0, 0, 0)
    stage: int = 0
    segregation: str = ""


@dataclass(frozen=True)
class Tote:
    """What a tote holds: sides (longest first, the last is its height), volume, weight; 0 = no limit."""

    sides_mm: tuple[int, ...] = (0, 0, 0)
    volume_cm3: int = 0
    weight_g: int = 0
    inner_mm: tuple[int, ...] = ()  # length, width, height as told; () = as sides_mm


@dataclass(frozen=True)
class Block:
    """Units of one article side by side: `at_mm` its corner, `unit_mm` the sides of a unit as it lies, `count` units along each."""

    article: str
    at_mm: tuple[int, int, int]
    unit_mm: tuple[int, int, int]
    count: tuple[int, int, int]

    @property
    def units(self) -> int:
        return self.count[0] * self.count[1] * self.count[2]

    @property
    def far_mm(self) -> tuple[int, ...]:
        return tuple(at + side * n for at, side, n in zip(self.at_mm, self.unit_mm, self.count, strict=True))


@dataclass(frozen=True)
class Packed:
    """One tote: blocks with their places, and loose units by article."""

    blocks: tuple[Block, ...]
    loose: tuple[tuple[str, int], ...] = ()


@dataclass
class _Filling:
    volume: int
    weight: int
    spaces: list[tuple[tuple[int, int, int], tuple[int, int, int]]]  # corner, sides
    blocks: list[Block] = field(default_factory=list)
    loose: list[tuple[str, int]] = field(default_factory=list)


def pack(lines: Iterable[tuple[str, int]], articles: Mapping[str, Article], tote: Tote) -> tuple[tuple[Packed, ...], str]:
    """Return the totes that hold these units; or none, and why a unit fits no tote."""
    wanted: dict[str, int] = {}
    for name, units in lines:
        wanted[name] = wanted.get(name, 0) + units
    made: list[_Filling] = []
    box = tote.inner_mm or tote.sides_mm
    for name in sorted(wanted, key=lambda name: (-articles.get(name, Article()).volume_cm3, name)):
        article, left = articles.get(name, Article()), wanted[name]
        too_long = any(side and has > side for has, side in zip(article.sides_mm, sorted(box, reverse=True), strict=True))
        if too_long or article.volume_cm3 > (tote.volume_cm3 or LARGEST) or article.weight_g > (tote.weight_g or LARGEST):
            return (), f"article {name} does not fit the tote"
        at = 0
        while left:
            if at == MOST_TOTES:
                return (), f"fills more than {MOST_TOTES} totes"
            if at == len(made):
                made.append(_Filling(tote.volume_cm3 or LARGEST, tote.weight_g or LARGEST, [((0, 0, 0), box)]))
            left -= _fill(made[at], name, article, left, box)
            at += 1
    return tuple(Packed(tuple(one.blocks), tuple(one.loose)) for one in made), ""


def _fill(tote: _Filling, name: str, article: Article, units: int, box: tuple[int, ...]) -> int:
    """Put as many units in as fit; return how many."""
    rooms = [(tote.volume, article.volume_cm3), (tote.weight, article.weight_g)]
    most = min([units, *(room // has for room, has in rooms if has)])
    if has_place(article, box):
        put = 0
        while put < most and (block := _place(tote, name, article, most - put)):
            tote.blocks.append(block)
            put += block.units
    else:
        put = most
        tote.loose += [(name, put)] if put else []
    tote.volume -= put * article.volume_cm3
    tote.weight -= put * article.weight_g
    return put


def has_place(article: Article, box: tuple[int, ...]) -> bool:
    """Have the article and the tote three sides each, so that a place can be told?"""
    return min(*article.sides_mm, *box) >= SHORTEST_MM


def _place(tote: _Filling, name: str, article: Article, units: int) -> Block | None:
    """Cut a block out of the lowest free space that takes a unit: the turn of which most units fit, then the lowest."""
    for at, (corner, sides) in enumerate(sorted(tote.spaces, key=lambda space: (space[0][2], space[0][1], space[0][0]))):
        turns = []
        for unit in sorted(set(permutations(article.sides_mm))):
            fits = tuple(side // own for side, own in zip(sides, unit, strict=True))
            if min(fits) >= 1:
                turns.append((-min(units, fits[0] * fits[1] * fits[2]), unit[2], unit, fits))
        if not turns:
            continue
        _, _, unit, fits = min(turns)
        along = min(units, fits[0])
        deep = min(units // along, fits[1])
        block = Block(name, corner, unit, (along, deep, min(units // (along * deep), fits[2])))
        tote.spaces = sorted(tote.spaces, key=lambda space: (space[0][2], space[0][1], space[0][0]))
        del tote.spaces[at]
        tote.spaces += _cut(corner, sides, tuple(side * n for side, n in zip(unit, block.count, strict=True)))
        return block
    return None


def _cut(corner, sides, taken):
    """Return the spaces above, beside and in front of a block in the corner; the larger of the two floors stays whole."""
    (x, y, z), (length, width, height), (dx, dy, dz) = corner, sides, taken
    is_wide = (length - dx) * width >= length * (width - dy)
    made = [
        ((x, y, z + dz), (dx, dy, height - dz)),
        ((x + dx, y, z), (length - dx, width if is_wide else dy, height)),
        ((x, y + dy, z), (dx if is_wide else length, width - dy, height)),
    ]
    return [space for space in made if min(space[1]) >= SHORTEST_MM]


def check_packing(lines: Iterable[tuple[str, int]], articles: Mapping[str, Article], tote: Tote, packed: Iterable[Packed]) -> list[str]:
    """Return what is wrong with totes that should hold these units: units, sides, overlaps, floating blocks, volume, weight."""
    wrong: list[str] = []
    missing: dict[str, int] = {}
    for name, units in lines:
        missing[name] = missing.get(name, 0) + units
    box = tote.inner_mm or tote.sides_mm
    for at, one in enumerate(packed):
        held = [(block.article, block.units) for block in one.blocks] + list(one.loose)
        for name, units in held:
            missing[name] = missing.get(name, 0) - units
        for what, limit in (("volume_cm3", tote.volume_cm3), ("weight_g", tote.weight_g)):
            total = sum(getattr(articles.get(name, Article()), what) * units for name, units in held)
            if limit and total > limit:
                wrong.append(f"tote {at} holds {what} {total} > {limit}")
        for name, _ in one.loose:
            article = articles.get(name, Article())
            if has_place(article, box):
                wrong.append(f"tote {at} holds {name} without a place")
            if any(side and has > side for has, side in zip(article.sides_mm, sorted(box, reverse=True), strict=True)):
                wrong.append(f"{name} is longer than tote {at}")
        for block in one.blocks:
            if sorted(block.unit_mm) != sorted(articles.get(block.article, Article()).sides_mm) or min(block.count) < 1:
                wrong.append(f"a block of tote {at} is no block of {block.article}")
            if min(block.at_mm) < 0 or any(far > side for far, side in zip(block.far_mm, box, strict=True)):
                wrong.append(f"{block.article} sticks out of tote {at}")
            if block.at_mm[2] and not any(_carries(below, block) for below in one.blocks):
                wrong.append(f"{block.article} hangs in the air of tote {at}")
        for a, b in combinations(one.blocks, 2):
            if all(a.at_mm[k] < b.far_mm[k] and b.at_mm[k] < a.far_mm[k] for k in range(3)):
                wrong.append(f"{a.article} and {b.article} lie in one place of tote {at}")
    wrong += [f"{left} of {name} are in no tote" if left > 0 else f"{-left} of {name} too many" for name, left in missing.items() if left]
    return wrong


def _carries(below: Block, block: Block) -> bool:
    """Does the top of one block lie under the whole of another?"""
    return below.far_mm[2] == block.at_mm[2] and all(
        below.at_mm[k] <= block.at_mm[k] and block.far_mm[k] <= below.far_mm[k] for k in (0, 1)
    )
