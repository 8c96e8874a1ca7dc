"""Derives sim/profiles/gift_shop.toml from the real order lines: only aggregates of them enter the repository.

    .venv/bin/python benchmarks/season_profile.py ../shared/data/orders/online_retail_lines.csv.gz sim/profiles/gift_shop.toml

Source of the lines: Chen, Sain, Guo (2012), J. Database Marketing & Customer Strategy Management 19(3) 197-208,
doi:10.1057/dbm.2012.17; one UK wholesaler of gifts, 2010-12-01 to 2011-12-09.
"""

import csv
import gzip
import sys
from collections import Counter
from datetime import date, datetime
from pathlib import Path
from statistics import mean

TOP_SHARES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0)
PERCENTILES = (0, 5, 10, 25, 50, 75, 90, 95, 99)
FULL_WEEK_DAYS = 5  # trading days from which a week tells something; the house is shut on Saturdays and over Christmas


def main(source: Path, target: Path) -> None:
    """Read the lines, write the profile."""
    target.write_text(profile(source), encoding="utf-8")


def profile(source: Path) -> str:
    """The profile as TOML."""
    orders: dict[str, datetime] = {}
    lines, skus, units = Counter(), Counter(), []
    with gzip.open(source, "rt", encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            if row["is_return"] == "False":
                orders.setdefault(row["order_id"], datetime.fromisoformat(row["ts"]))
                lines[row["order_id"]] += 1
                skus[row["sku"]] += 1
                units.append(int(row["qty"]))
    hours = Counter((at.weekday(), at.hour) for at in orders.values())
    days: dict[tuple[int, int], set[date]] = {}
    weeks: Counter[tuple[int, int]] = Counter()
    for at in orders.values():
        week = at.isocalendar()[:2]
        weeks[week] += 1
        days.setdefault(week, set()).add(at.date())
    full = {week: count for week, count in weeks.items() if len(days[week]) >= FULL_WEEK_DAYS}
    usual = mean(full.values())
    by_number: dict[int, list[float]] = {}
    for (_, number), count in sorted(full.items()):
        by_number.setdefault(number, []).append(count / usual)
    told = [
        "# A shop's year, as shares and quantiles. Written by benchmarks/season_profile.py; do not edit the figures by hand.",
        "# Aggregates of real order lines: Chen, Sain, Guo (2012), doi:10.1057/dbm.2012.17.",
        f"# {len(orders):,} orders, {sum(lines.values()):,} sale lines, {len(skus):,} SKUs, "
        f"{min(orders.values()):%Y-%m-%d} to {max(orders.values()):%Y-%m-%d}.",
        "",
        "# Share of a week's orders by weekday (rows, Monday first) and hour of the clock (24 columns).",
        "hours = [",
        *(f"  [{', '.join(_short(hours[day, hour] / len(orders)) for hour in range(24))}]," for day in range(7)),
        "]",
        "",
        "# Orders of an ISO week, the mean full week being 1. Weeks that are not named (Christmas, or not full) count as 1.",
        "[weeks]",
        *(f"{number} = {mean(found):.3f}" for number, found in sorted(by_number.items())),
        "",
        "# Share of all lines that the most wanted SKUs get: the first figure belongs to the first share of SKUs, and so on.",
        "[popularity]",
        f"skus = [{', '.join(map(str, TOP_SHARES))}]",
        f"lines = [{', '.join(_short(share) for share in _top_shares(skus))}]",
        "",
        "# Quantiles of lines an order and units a line. This is a wholesaler's customer, a shop: see sim/emulated/season.py.",
        "[quantiles]",
        f"percent = [{', '.join(map(str, PERCENTILES))}]",
        f"lines = [{', '.join(str(_quantile(sorted(lines.values()), p)) for p in PERCENTILES)}]",
        f"units = [{', '.join(str(_quantile(sorted(units), p)) for p in PERCENTILES)}]",
        "",
    ]
    return "\n".join(told)


def _top_shares(skus: Counter[str]) -> list[float]:
    ranked = sorted(skus.values(), reverse=True)
    return [sum(ranked[: round(len(ranked) * share)]) / sum(ranked) for share in TOP_SHARES]


def _quantile(ranked: list[int], percent: int) -> int:
    return ranked[min(len(ranked) - 1, len(ranked) * percent // 100)]


def _short(value: float) -> str:
    return f"{value:.5f}".rstrip("0").rstrip(".") or "0"


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
