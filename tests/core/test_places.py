"""Cut-offs in local time, on the two odd days of the year, over midnight; zones and check digits."""

from datetime import UTC, datetime, time
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floorwise.core.adapters.ids import CountedIds
from floorwise.core.adapters.ledger_sql.sqlite import open_ledger
from floorwise.core.errors import BadInput
from floorwise.core.flow.masterdata import AddSite, LocationWanted
from floorwise.core.flow.table import HANDLERS
from floorwise.core.model.places import Location, Site, check_digits, next_cut_off_ms, zone_named
from floorwise.core.warehouse import Warehouse

LONDON, AUCKLAND = ZoneInfo("Europe/London"), ZoneInfo("Pacific/Auckland")
DAILY = (0, 1, 2, 3, 4, 5, 6)
FIVE = time(17)


def ms(text: str) -> int:
    """A UTC time as milliseconds."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def cut_off(now: str, at: time = FIVE, zone: ZoneInfo = LONDON, days: tuple[int, ...] = DAILY) -> str:
    return f"{datetime.fromtimestamp(next_cut_off_ms(ms(now), at, zone, days) / 1000, UTC):%Y-%m-%d %H:%M}"


def test_five_in_the_afternoon_is_an_hour_earlier_by_utc_from_the_day_the_clocks_go_forward():
    assert cut_off("2011-03-26 12:00") == "2011-03-26 17:00"
    assert cut_off("2011-03-27 12:00") == "2011-03-27 16:00"  # clocks went from 01:00 to 02:00 that night


def test_five_in_the_afternoon_is_an_hour_later_by_utc_from_the_day_the_clocks_go_back():
    assert cut_off("2011-10-29 12:00") == "2011-10-29 16:00"
    assert cut_off("2011-10-30 12:00") == "2011-10-30 17:00"


def test_an_order_in_the_last_hour_before_the_cut_off_of_an_odd_day_catches_its_truck():
    assert cut_off("2011-03-27 15:59") == "2011-03-27 16:00"  # 16:59 on the wall
    assert cut_off("2011-03-27 16:01") == "2011-03-28 16:00"
    assert cut_off("2011-10-30 16:59") == "2011-10-30 17:00"


def test_a_cut_off_in_the_hour_that_occurs_twice_is_the_first_of_the_two():
    assert cut_off("2011-10-29 23:59", time(1, 30)) == "2011-10-30 00:30"  # 01:30 BST; 01:30 GMT is an hour later
    assert cut_off("2011-10-30 00:31", time(1, 30)) == "2011-10-31 01:30"


def test_a_cut_off_in_the_hour_that_is_left_out_counts_on_from_the_hour_before():
    assert cut_off("2011-03-27 00:10", time(1, 30)) == "2011-03-27 01:30"  # 02:30 on the wall


def test_the_truck_takes_what_comes_in_its_very_millisecond_and_nothing_after():
    at = ms("2011-12-05 17:00")
    assert next_cut_off_ms(at, FIVE, LONDON, DAILY) == at
    assert next_cut_off_ms(at + 1, FIVE, LONDON, DAILY) == ms("2011-12-06 17:00")


def test_a_night_shift_belongs_to_the_truck_after_midnight():
    assert cut_off("2011-12-05 23:30", time(2)) == "2011-12-06 02:00"
    assert cut_off("2011-12-06 01:59", time(2)) == "2011-12-06 02:00"


def test_a_night_truck_of_friday_does_not_leave_on_saturday_morning_when_saturday_is_closed():
    # Friday 2 December 2011, 23:30; 02:00 next comes on Saturday, which is closed, then Sunday, then Monday.
    assert cut_off("2011-12-02 23:30", time(2), days=(0, 1, 2, 3, 4)) == "2011-12-05 02:00"


def test_the_day_is_that_of_the_site_not_of_utc():
    # In Auckland it is Monday 5 December 09:00 (UTC+13) while UTC still has Sunday.
    assert cut_off("2011-12-04 20:00", zone=AUCKLAND, days=(0,)) == "2011-12-05 04:00"


@given(
    st.integers(ms("2010-01-01 00:00"), ms("2030-01-01 00:00")),
    st.integers(3, 23),  # hours that no zone below leaves out or repeats
    st.sets(st.integers(0, 6), min_size=1),
    st.sampled_from(["Europe/London", "America/New_York", "Pacific/Auckland", "Asia/Kathmandu"]),
)
def test_a_cut_off_is_the_first_open_day_with_that_time_on_the_wall(now_ms, hour, days, name):
    zone = ZoneInfo(name)
    due = datetime.fromtimestamp(next_cut_off_ms(now_ms, time(hour), zone, tuple(sorted(days))) / 1000, zone)
    now = datetime.fromtimestamp(now_ms / 1000, zone)
    assert (due.hour, due.minute, due.weekday() in days) == (hour, 0, True)
    first = 0 if (now.hour, now.minute, now.second, now.microsecond) <= (hour, 0, 0, 0) else 1
    between = range(now.date().toordinal() + first, due.date().toordinal())
    assert not [day for day in between if datetime.fromordinal(day).weekday() in days]


@pytest.mark.parametrize("name", ["", "London", "Mars/Olympus", "Europe", "/etc/localtime", "../Europe/London", "Europe/London\0"])
def test_a_zone_that_is_none_is_refused_by_name(name):
    with pytest.raises(ValueError, match="time zone"):
        zone_named(name)


@pytest.fixture
def empty(floor):
    """A warehouse without a site."""
    ledger = open_ledger(None)
    return Warehouse(ledger, floor.clock, CountedIds(ledger), HANDLERS)


def site(zone: str = "Europe/London", prefix: str = "5012345", locations: tuple[LocationWanted, ...] = ()) -> AddSite:
    return AddSite(zone, "GBP", prefix, 2, 3000, 10_000, 0, locations)


def test_a_site_without_a_zone_is_refused_and_leaves_nothing(empty):
    with pytest.raises(BadInput, match="''"):
        empty.execute(site(zone=""))
    assert empty.ledger.find(Site, "key") == []


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        (site(locations=(LocationWanted("X", "shelf", 0, 0),)), "kind 'shelf'"),
        (site(locations=(LocationWanted("X", "pick", 2, 0),)), "location X: aisle 2"),
        (site(locations=(LocationWanted("X", "pick", 0, 10_001),)), "10001 mm"),
        (site(locations=(LocationWanted("X", "pick", 0, 0), LocationWanted("X", "pick", 1, 0))), "X is named twice"),
        (site(locations=(LocationWanted("pallet:X", "pick", 0, 0),)), "handling unit"),
        (site(locations=(LocationWanted("SCRAP", "pick", 0, 0),)), "virtual"),
        (site(prefix="50"), "company prefix '50'"),
    ],
)
def test_a_floor_that_cannot_be_is_refused_with_what_is_wrong(empty, wanted, names):
    with pytest.raises(BadInput, match=names):
        empty.execute(wanted)
    assert empty.ledger.find(Location, "key") == []


def test_the_same_site_again_changes_nothing(floor):
    head = floor.ledger.head
    assert floor.do(site()) == {"site": "main", "again": 1}
    assert floor.ledger.head == head


def test_check_digits_tell_neighbours_and_swapped_characters_apart():
    names = [f"A{aisle:02}-{bay:03}-{level}" for aisle in range(3) for bay in range(20) for level in range(3)]
    for one, other in pairwise(names):
        assert check_digits(one) != check_digits(other)
    assert check_digits("A01-012-0") != check_digits("A10-012-0")
    assert check_digits("A1") == "83"  # (2 × 65 + 3 × 49) mod 97 = 277 mod 97 = 83
