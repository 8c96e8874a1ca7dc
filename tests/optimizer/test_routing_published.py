"""Published optima: 480 routing files in two layouts, and scattered storage within the stated gaps. All of them with -m slow."""

import csv
import tarfile
from functools import cache

import pytest

from floorwise.optimizer.check import check_choice, check_tour
from floorwise.optimizer.formats import hessler_irnich
from floorwise.optimizer.location import Offer, choose
from floorwise.optimizer.routing import shortest_tour

UNIT = hessler_irnich.UNIT_MM


@pytest.fixture(scope="module")
def published(shared_data):
    """File name → (instance, row of optima)."""
    folder = shared_data / "optimizer"
    with (folder / "sprp_ss_optima.csv").open() as file:
        optima = {row["file"]: row for row in csv.DictReader(file)}
    with tarfile.open(folder / "sprp_ss.tar.gz") as archive:
        texts = {
            member.name.rpartition("/")[2]: archive.extractfile(member).read().decode("latin-1")
            for member in archive
            if member.isfile() and member.name.endswith(".txt")
        }

    @cache
    def get(name: str):
        return hessler_irnich.parse(texts[name], name), optima[name]

    return get, sorted(optima)


def routed(get, names) -> None:
    for name in names:
        instance, row = get(name)
        for blocks, column in ((1, "single_block_optimum"), (2, "two_block_value")):
            floor = instance.layout(blocks)
            stops = range(floor.locations)
            tour = shortest_tour(floor, stops)
            assert tour.length_mm == int(row[column]) * UNIT, (name, blocks)
            if floor.locations <= 7:
                assert check_tour(floor, tour, stops) == []


def gaps(get, names, blocks: int) -> list[float]:
    found = []
    column = "single_block_optimum" if blocks == 1 else "two_block_value"
    for name in names:
        instance, row = get(name)
        if blocks == 2 and row["two_block_trusted"] != "1":
            continue
        floor = instance.layout(blocks)
        rows = zip(instance.position_article.tolist(), instance.position_quantity.tolist(), strict=True)
        offers = [Offer(at, article, units) for at, (article, units) in enumerate(rows)]
        demand = dict(instance.orders[0].lines)
        choice = choose(floor, offers, demand)
        optimum = int(row[column]) * UNIT
        assert choice.lower_bound_mm <= optimum <= choice.cost_mm, name
        if len(demand) <= 7:
            assert check_choice(floor, offers, demand, choice) == [], name
        found.append(choice.cost_mm / optimum - 1)
    return found


def test_some_routing_files_have_their_published_length_in_one_and_two_blocks(published):
    get, names = published
    routed(get, [name for name in names if "_F1_" in name and name.endswith("_0.txt")])


@pytest.mark.slow
def test_all_480_routing_files_have_their_published_length_in_one_and_two_blocks(published):
    get, names = published
    every = [name for name in names if "_F1_" in name]
    assert len(every) == 480
    routed(get, every)


def test_some_scattered_files_come_near_their_optimum(published):
    get, names = published
    some = [name for name in names if "_F1_" not in name and name.endswith("_4.txt")][::6]
    for blocks in (1, 2):
        found = gaps(get, some, blocks)
        assert sum(found) / len(found) <= 0.01
        assert max(found) <= 0.10


@pytest.mark.slow
@pytest.mark.parametrize("blocks", [1, 2])
def test_all_scattered_files_come_near_their_optimum_on_average(published, blocks):
    get, names = published
    found = gaps(get, [name for name in names if "_F1_" not in name], blocks)
    assert len(found) == (2_160 if blocks == 1 else len(found))
    assert sum(found) / len(found) <= (0.005 if blocks == 1 else 0.01)
