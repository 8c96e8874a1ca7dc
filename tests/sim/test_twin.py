"""One seed is one day: in every process, on every kind of ledger, on any number of workers; and the day adds up."""

import pytest

from floorwise.core.adapters.ledger_sql.sqlite import saved_heads
from floorwise.core.model.orders import OrderLine
from floorwise.core.verify.all_checks import verify
from floorwise.sim import demand
from floorwise.sim.figures import figures
from floorwise.sim.replications import Job, one, run, summary
from floorwise.sim.scenario import Demand, Faults, load
from floorwise.sim.twin import run_scenario


@pytest.fixture(scope="module")
def tiny():
    """A day of forty orders on which everything happens: shorts, pickers who are gone, lost parcels, returns."""
    quiet = load("quiet_day")
    return quiet._replace(
        demand=Demand(orders=40, skus=8),
        supply=quiet.supply._replace(cover_days=0.6),
        carriers=quiet.carriers._replace(lost_share=0.1),
        faults=Faults(short_share=0.6, return_share=0.3, gone_share=0.1),
    )


def test_the_journal_head_is_the_same_under_every_hash_seed_and_in_a_file(tmp_path, floorwise, told):
    words = ("twin", "run", "quiet_day", "--seed", 5, "--json")
    heads = {told(floorwise(*words, PYTHONHASHSEED=seed))["journal_head"] for seed in ("0", "1", "2")}
    heads.add(told(floorwise(*words, "--data", tmp_path / "day"))["journal_head"])
    assert len(heads) == 1
    assert told(floorwise("twin", "run", "quiet_day", "--seed", 6, "--json"))["journal_head"] not in heads


def test_a_day_of_faults_ends_with_every_unit_at_the_door_and_every_invariant_true(tmp_path, tiny):
    twin, ended = run_scenario(tiny, 3, tmp_path)
    kinds = {row[0] for row in twin.ledger._run("SELECT DISTINCT kind FROM event")}
    assert {"PickShort", "ParcelLost", "RefundGiven", "StockCounted", "PurchaseReceived", "TourLeft"} <= kinds
    assert ended.is_drained
    lines = twin.ledger.find(OrderLine, "key")
    assert all(line.delivered + line.returned + line.lost == line.ordered for line in lines)
    assert sum(line.ordered for line in lines if line.replaces_line) == sum(line.lost for line in lines) > 0
    assert [check for check in verify(twin.ledger, saved_heads(tmp_path)) if not check.ok] == []
    twin.close()


def test_figures_follow_from_the_orders(tiny):
    twin, _ = run_scenario(tiny, 3)
    seen = figures(twin)
    twin.close()
    placed = [order for _, order in demand.orders(tiny, 3)]
    assert (seen.orders, seen.lines) == (len(placed), sum(len(order.lines) for order in placed) + seen.lines_replaced)
    assert 0 <= seen.on_time_share <= 1
    assert 0 < seen.cycle_mean_s <= seen.cycle_p95_s
    assert seen.bottleneck == max(seen.utilisation, key=seen.utilisation.get)


def test_replications_do_not_depend_on_the_number_of_workers(tiny):
    jobs = [Job(tiny, seed) for seed in (1, 2, 3)]
    alone, shared = summary(list(run(jobs, 1))), summary(list(run(jobs, 2)))
    for day in (alone, shared):
        day.pop("seconds")
    assert alone == shared
    low, high = alone["ci"]["lines"]
    assert low < alone["lines"] < high


def test_another_seed_is_another_day(tiny):
    assert one(Job(tiny, 1)).journal_head != one(Job(tiny, 2)).journal_head


def test_a_report_holds_two_pictures_with_something_on_them(tmp_path, tiny):
    from PIL import Image

    one(Job(tiny, 1, None, tmp_path))
    for name in ("floor.png", "orders.png"):
        with Image.open(tmp_path / name) as picture:
            assert min(picture.size) > 400
            assert len(picture.convert("RGB").getcolors(maxcolors=1 << 20)) > 50


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("twin", "run", "nosuch"), "nosuch"),
        (("twin", "run", "quiet_day", "--engine", "warp"), "warp"),
        (("twin", "run", "quiet_day", "--replications", 3, "--data", "x"), "--data"),
    ],
)
def test_bad_words_end_with_exit_2_and_one_line(floorwise, words, said):
    done = floorwise(*words)
    assert done.returncode == 2 and said in done.stderr and len(done.stderr.strip().splitlines()) == 1


@pytest.mark.slow
def test_the_peak_day_ends_and_adds_up(tmp_path):
    twin, ended = run_scenario(load("peak_day"), 1, tmp_path)
    assert ended.is_drained
    assert [check for check in verify(twin.ledger, saved_heads(tmp_path)) if not check.ok] == []
    twin.close()


def test_a_directory_goes_on_with_its_own_scenario_and_seed_only(tmp_path, floorwise, told):
    words = ("twin", "run", "quiet_day", "--data", tmp_path / "day", "--json", "--seed")
    head = told(floorwise(*words, 1))["journal_head"]
    refused = floorwise(*words, 2)
    assert refused.returncode == 2 and "holds another twin" in refused.stderr
    assert told(floorwise(*words, 1))["journal_head"] == head
