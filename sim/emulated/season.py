"""Demand of a shop through its year: who orders what and when, drawn by seed from a profile of real aggregates.

The profile (sim/profiles/*.toml) is a wholesaler's: its customers are shops that order 15 lines of 3 in the middle, between nine
and five. What is assumed to make a web shop's floor of it:

- a customer orders a tenth of the lines (LINES_SHARE) and a fifth of the units a line (UNITS_SHARE), at least one of each;
- the floor opens at six, and the profile's clock is moved so that its first busy hour, nine, falls there (OPENS_EARLIER_H);
- orders an hour come in bursts: variance 1.48 times the mean (BURSTS), as the real hours of November do.

The level is set by whoever runs the floor: `orders_an_hour` is the mean over the hours 06:00 to 15:00 of the Monday of the busiest week.
"""

import tomllib
from bisect import bisect_right
from collections.abc import Iterator
from datetime import date, datetime, time
from importlib.resources import files
from math import exp, sqrt
from typing import Any, NamedTuple

from floorwise.core.errors import BadInput
from floorwise.core.model.places import local_ms, zone_named
from floorwise.core.model.policies import HOUR_MS
from floorwise.sim.chance import Chance

PROFILE = "gift_shop"
LINES_SHARE, UNITS_SHARE = 0.1, 0.2
OPENS_EARLIER_H = 3
LEVEL_HOURS = range(6, 15)
BURSTS = 1.48
MOST_AN_HOUR = 20_000  # orders; more is no floor for a demo
POISSON_PIECE = 200.0  # a mean drawn at once: e^-200 is still a number
PEAK = 1.5  # a week with this many times the orders of a usual one is a peak week
CUSTOMERS = 4_000
COUNTRIES = (("GB", 0.9), ("IE", 0.94), ("DE", 0.97), ("FR", 1.0))  # cumulative
DEAREST_MINOR = 2_500


class Profile(NamedTuple):
    """A year's shape; see the file's comments."""

    hours: tuple[tuple[float, ...], ...]
    weeks: dict[int, float]
    popular_skus: tuple[float, ...]
    popular_lines: tuple[float, ...]
    percent: tuple[float, ...]
    lines: tuple[float, ...]
    units: tuple[float, ...]


def load(name: str = PROFILE) -> Profile:
    """A profile that comes with floorwise; BadInput for one that does not."""
    file = files("floorwise.sim").joinpath("profiles", f"{name}.toml")
    if not file.is_file():
        raise BadInput(f"season profile {name!r} is not there")
    told = tomllib.loads(file.read_text(encoding="utf-8"))
    return Profile(
        tuple(map(tuple, told["hours"])),
        {int(week): factor for week, factor in told["weeks"].items()},
        tuple(told["popularity"]["skus"]),
        tuple(told["popularity"]["lines"]),
        tuple(told["quantiles"]["percent"]),
        tuple(told["quantiles"]["lines"]),
        tuple(told["quantiles"]["units"]),
    )


def peak_monday(profile: Profile, year: int, seed: int) -> date:
    """The Monday of one of the year's peak weeks; the seed says which."""
    peaks = sorted(week for week, factor in profile.weeks.items() if factor >= PEAK)
    week = peaks[Chance(seed).whole("peak week", year, 0, len(peaks) - 1)]
    return date.fromisocalendar(year, week, 1)


class Season:
    """Orders as a shop's customers place them; the same seed, hour and SKUs give the same orders, whoever asks and when."""

    def __init__(self, profile: Profile, seed: int, orders_an_hour: float, skus: list[str], currency: str, zone: str) -> None:
        """`skus` come in order of popularity, the most wanted first."""
        self._profile, self._chance, self._seed = profile, Chance(seed), seed
        self._skus, self._currency, self._zone = skus, currency, zone_named(zone)
        busiest = max(profile.weeks.values())
        level = sum(self._share(0, hour) for hour in LEVEL_HOURS) / len(LEVEL_HOURS) * busiest
        self._factor = orders_an_hour / level
        if not 0 < orders_an_hour <= MOST_AN_HOUR:
            raise BadInput(f"{orders_an_hour:g} orders an hour; more than 0 and at most {MOST_AN_HOUR:,}")

    def mean_of_hour(self, hour_ms: int) -> float:
        """Orders expected in the hour that begins at `hour_ms`."""
        at = datetime.fromtimestamp(hour_ms / 1000, self._zone)
        week = self._profile.weeks.get(at.isocalendar().week, 1.0)
        return self._factor * week * self._share(at.weekday(), at.hour)

    def orders_of_hour(self, hour_ms: int) -> list[tuple[int, dict[str, Any]]]:
        """(time, order) of one hour in order of time; `hour_ms` is a full hour."""
        assert hour_ms % HOUR_MS == 0
        mean = self.mean_of_hour(hour_ms)
        count = self._count(hour_ms, mean)
        found = [self._order(f"{hour_ms // HOUR_MS}-{number:04}", hour_ms, HOUR_MS) for number in range(1, count + 1)]
        return sorted(found, key=lambda row: (row[0], row[1]["reference"]))

    def overnight(self, opening_ms: int, count: int) -> list[tuple[int, dict[str, Any]]]:
        """Orders that came in while the house was shut, in the six hours before it opens."""
        found = [
            self._order(f"N{opening_ms // HOUR_MS}-{number:04}", opening_ms - 6 * HOUR_MS, 6 * HOUR_MS) for number in range(1, count + 1)
        ]
        return sorted(found, key=lambda row: (row[0], row[1]["reference"]))

    def units_a_day(self, day: date) -> dict[str, float]:
        """Mean units of each SKU that the day asks for."""
        midnight_ms = local_ms(day, time(0), self._zone)
        orders = sum(self.mean_of_hour(midnight_ms + hour * HOUR_MS) for hour in range(24))
        a_day = orders * self._mean(self._profile.lines, LINES_SHARE) * self._mean(self._profile.units, UNITS_SHARE)
        edges = [self._lines_to(rank / len(self._skus)) for rank in range(len(self._skus) + 1)]
        return {sku: a_day * (edges[rank + 1] - edges[rank]) for rank, sku in enumerate(self._skus)}

    def _share(self, weekday: int, hour: int) -> float:
        moved = hour + OPENS_EARLIER_H
        return self._profile.hours[(weekday + moved // 24) % 7][moved % 24]

    def _count(self, hour_ms: int, mean: float) -> int:
        """Orders of the hour: Poisson around a mean that itself varies, so that variance is BURSTS times the mean."""
        if mean <= 0:
            return 0
        varied = self._chance.lognormal("bursts", hour_ms, mean * 1000, sqrt((BURSTS - 1) / mean)) / 1000
        count, piece = 0, 0
        while varied > 0:
            count += _poisson(min(varied, POISSON_PIECE), self._chance.unit("orders", f"{hour_ms}.{piece}"))
            varied, piece = varied - POISSON_PIECE, piece + 1
        return count

    def _order(self, name: str, from_ms: int, span_ms: int) -> tuple[int, dict[str, Any]]:
        chance, key = self._chance, name
        at_ms = from_ms + chance.whole("order at", key, 0, span_ms - 1)
        wanted = self._quantile(self._profile.lines, chance.unit("lines", key), LINES_SHARE)
        lines: dict[str, int] = {}
        for number in range(min(wanted, len(self._skus))):
            sku = self._sku(chance.unit("sku", f"{key}.{number}"))
            units = self._quantile(self._profile.units, chance.unit("units", f"{key}.{number}"), UNITS_SHARE)
            lines[sku] = lines.get(sku, 0) + units
        draw = chance.unit("country", key)
        return at_ms, {
            "channel": "shop",
            "reference": f"S{self._seed}-{name}",
            "customer": f"C{chance.whole('customer', key, 1, CUSTOMERS):05}",
            "country": next(code for code, share in COUNTRIES if draw <= share),
            "currency": self._currency,
            "placed_at_ms": at_ms,
            "lines": [{"sku": sku, "quantity": units, "price_minor": price(sku)} for sku, units in lines.items()],
        }

    def _sku(self, draw: float) -> str:
        """The SKU at which the curve of popularity reaches `draw` of all lines."""
        lines = (0.0, *self._profile.popular_lines)
        skus = (0.0, *self._profile.popular_skus)
        n = min(bisect_right(lines, draw), len(lines) - 1)
        rank = skus[n - 1] + (draw - lines[n - 1]) / (lines[n] - lines[n - 1]) * (skus[n] - skus[n - 1])
        return self._skus[min(len(self._skus) - 1, int(rank * len(self._skus)))]

    def _lines_to(self, share: float) -> float:
        """Share of lines that the first `share` of SKUs gets."""
        return _between((0.0, *self._profile.popular_skus), (0.0, *self._profile.popular_lines), share)

    def _quantile(self, values: tuple[float, ...], draw: float, share: float) -> int:
        return max(1, round(share * _between(self._profile.percent, values, min(100 * draw, self._profile.percent[-1]))))

    def _mean(self, values: tuple[float, ...], share: float) -> float:
        return sum(self._quantile(values, (n + 0.5) / 1000, share) for n in range(1000)) / 1000


def price(sku: str) -> int:
    """What an article costs: an assumption, the same for a SKU in every run."""
    return 99 + Chance(0).whole("price", sku, 0, DEAREST_MINOR)


def hours(from_ms: int) -> Iterator[int]:
    """Full hours from the one that holds `from_ms` on."""
    hour_ms = from_ms // HOUR_MS * HOUR_MS
    while True:
        yield hour_ms
        hour_ms += HOUR_MS


def opening_ms(profile: Profile, year: int, seed: int, zone: str) -> int:
    """06:00 of a peak week's Monday, local to the site."""
    return local_ms(peak_monday(profile, year, seed), time(6), zone_named(zone))


def _between(xs: tuple[float, ...], ys: tuple[float, ...], x: float) -> float:
    n = min(max(1, bisect_right(xs, x)), len(xs) - 1)
    return ys[n - 1] + (x - xs[n - 1]) / (xs[n] - xs[n - 1]) * (ys[n] - ys[n - 1])


def _poisson(mean: float, draw: float) -> int:
    """The count at which the distribution reaches `draw`."""
    count, term = 0, exp(-mean)
    reached = term
    while reached < draw and term > 0.0:
        count += 1
        term *= mean / count
        reached += term
    return count
