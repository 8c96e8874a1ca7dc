"""The house's standing limits: what one walk carries, what fits a carton, how long things wait. One place, named."""

from typing import NamedTuple

from floorwise.core.model.planning import Cart

LITRE = 1_000_000  # mm³
MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000

CART = Cart(parts=8, lines=120, units=4_000, weight_g=250_000, volume_mm3=900 * LITRE)
# What one part holds at most: a roll of totes that one person packs in one go. A line beyond it goes by truck from reserve.
PART = Cart(parts=1, lines=60, units=2_000, weight_g=80_000, volume_mm3=300 * LITRE)
PALLET = Cart(parts=1, lines=1, units=20_000, weight_g=800_000, volume_mm3=1_800 * LITRE)

LATEST_MS = 7_258_118_400_000  # 2200-01-01; a time beyond it is a slip of the pen, and calendars end at the year 9999
MOST_DAYS = 36_500  # of shelf life that somebody may ask for
MOST_OF_A_SIZE = 10**12  # mm, mm³, g or minor currency units in one field of a command

PLAN_DEADLINE_MS = 5 * MINUTE_MS  # a part without a tour after this gets an S-shape walk of its own
RUSH_MS = 30 * MINUTE_MS  # before its truck a part goes with somebody who walks already, where there is room
MOST_CHANGED_STOPS = 6  # of a tour that somebody walks; a picker who is sent about like a ball trusts no sheet any more
PLAN_LIFE_MS = 10 * MINUTE_MS  # a plan older than this is refused
WEIGH_TOLERANCE_PERMILLE = 30  # of the expected weight, plus
WEIGH_TOLERANCE_G = 50  # what packing material differs by
EXPIRY_OVERRIDE_ROLES = ("admin", "dispatcher")  # who may let units of an expired lot go out


class Carton(NamedTuple):
    """An outer box; `fill_permille` of its volume can be used."""

    name: str
    volume_mm3: int
    weight_g: int  # most that may go in
    tare_g: int
    length_mm: int
    width_mm: int
    height_mm: int
    fill_permille: int = 850


CARTONS = (  # smallest first; sizes of common single- and double-wall boxes and a four-way pallet
    Carton("S", 12 * LITRE, 10_000, 250, 300, 200, 200),
    Carton("M", 36 * LITRE, 20_000, 500, 400, 300, 300),
    Carton("L", 108 * LITRE, 30_000, 1_000, 600, 450, 400),
    Carton("pallet", 1_920 * LITRE, 800_000, 25_000, 1_200, 800, 2_000, 1_000),
)
