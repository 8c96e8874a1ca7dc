"""Replay: every row of a file has one end, whatever is in the file and whenever the replay is cut off."""

import importlib.util
import shutil

import pytest

COUNTS = (
    "rows_read", "rows_outside_range", "lines_accepted", "lines_review", "lines_returned", "orders_placed", "orders_delivered",
    "lines_delivered", "lines_backordered", "lines_cancelled", "unaccounted", "verify_ok",
)  # fmt: skip
FAILPOINTS = (
    "after_savepoint", "after_handler", "before_commit", "after_commit", "after_head_saved", "timers_fired", "effects_before_act",
    "effects_after_act",
)  # fmt: skip
TIMES = (1, 2, 3, 4, 5)
FACTOR = {"after_savepoint": 400, "after_handler": 420, "effects_before_act": 33, "effects_after_act": 35}  # spread over the replay


# The small file sets two timers only.
SPECS = [f"{name}:{n * FACTOR.get(name, 1)}" for name in FAILPOINTS for n in TIMES if name != "timers_fired" or n < 3]


def counts(seen: dict) -> dict:
    return {name: seen[name] for name in COUNTS}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, order_file, floorwise, told):
    """The counts of a replay that nobody disturbed."""
    done = floorwise("replay", order_file, "--json", "--data", tmp_path_factory.mktemp("undisturbed"))
    assert done.returncode == 0, done.stderr
    return counts(told(done))


def test_every_row_of_a_small_file_has_the_end_that_can_be_worked_out_by_hand(order_file, undisturbed):
    rows = order_file.read_text().splitlines()[1:]
    sold = [row for row in rows if row.endswith(",no")]
    assert undisturbed["rows_read"] == len(rows)
    assert undisturbed["lines_accepted"] == undisturbed["lines_delivered"] == len(sold)
    assert (undisturbed["lines_returned"], undisturbed["lines_review"]) == (1, 1)  # the bulk line comes back, NOBODY bought nothing
    assert undisturbed["orders_placed"] == undisturbed["orders_delivered"] == 152
    assert undisturbed["unaccounted"] == 0 and undisturbed["verify_ok"] is True


def test_a_finished_replay_only_tells_its_figures_again(tmp_path, order_file, floorwise, told):
    first, again = (told(floorwise("replay", order_file, "--json", "--data", tmp_path)) for _ in range(2))
    assert counts(first) == counts(again) and first["journal_head"] == again["journal_head"]


@pytest.mark.parametrize("failpoint", FAILPOINTS)
def test_a_replay_killed_at_a_failpoint_goes_on_and_ends_with_the_same_counts(
    tmp_path, order_file, floorwise, told, undisturbed, failpoint
):
    _kill_and_go_on(tmp_path, order_file, floorwise, told, undisturbed, f"{failpoint}:{1 if failpoint == 'timers_fired' else 3}")


@pytest.mark.slow
@pytest.mark.parametrize("spec", SPECS)
def test_every_failpoint_at_five_times(tmp_path, order_file, floorwise, told, undisturbed, spec):
    _kill_and_go_on(tmp_path, order_file, floorwise, told, undisturbed, spec)


def test_a_replay_killed_again_and_again_still_ends_with_the_same_counts(tmp_path, order_file, floorwise, told, undisturbed):
    for count in (400, 900, 1400):
        assert floorwise("replay", order_file, "--json", "--data", tmp_path, FLOORWISE_FAIL=f"after_handler:{count}").returncode == -9
    done = floorwise("replay", order_file, "--json", "--data", tmp_path)
    assert counts(told(done)) == undisturbed


def _kill_and_go_on(tmp_path, order_file, floorwise, told, undisturbed, spec):
    killed = floorwise("replay", order_file, "--json", "--data", tmp_path, FLOORWISE_FAIL=spec)
    assert killed.returncode == -9, f"{spec} was never reached: {killed.stdout}"
    done = floorwise("replay", order_file, "--json", "--data", tmp_path)
    assert done.returncode == 0, done.stderr
    assert counts(told(done)) == undisturbed


def test_another_file_in_the_same_directory_is_refused(tmp_path, order_file, floorwise):
    data, other = tmp_path / "data", tmp_path / "other.csv"
    floorwise("replay", order_file, "--json", "--data", data)
    other.write_text("\n".join(order_file.read_text().splitlines()[:20]) + "\n")
    done = floorwise("replay", other, "--json", "--data", data)
    assert done.returncode == 2 and "another replay" in done.stderr


@pytest.mark.parametrize("text", ["", "order,sku\n", "nothing here\n", "\x00\x01\x02"])
def test_a_file_of_which_nothing_can_be_read_ends_with_exit_2_and_one_line(tmp_path, floorwise, text):
    path = tmp_path / "orders.csv"
    path.write_text(text)
    done = floorwise("replay", path, "--json", "--data", tmp_path / "data")
    assert done.returncode == 2 and len(done.stderr.strip().splitlines()) == 1 and "orders.csv" in done.stderr


def test_the_real_day_with_two_hundred_planted_faults_parks_those_and_delivers_the_rest(tmp_path, shared_data, repository, floorwise, told):
    spec = importlib.util.spec_from_file_location("order_file_faults", repository / "tests/faults/order_file_faults.py")
    faults = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(faults)
    planted = faults.plant(faults.real_day(shared_data, "2011-12-05"), count=200, seed=1)
    path = tmp_path / "online_retail_lines.csv"
    path.write_bytes(planted.data)
    shutil.copy(shared_data / "orders/online_retail_skus.csv.gz", tmp_path / "online_retail_skus.csv.gz")
    seen = told(floorwise("replay", path, "--json", "--data", tmp_path / "data"))
    assert seen["unaccounted"] == 0 and seen["verify_ok"] is True
    assert seen["lines_delivered"] == seen["lines_accepted"]
    sold = sum(1 for row in planted.good_rows.values() if row.split(",")[1] == "False")
    assert seen["lines_accepted"] == sold
    review = _review(tmp_path / "data")
    assert {(fault.row, fault.column, fault.reason) for fault in planted.faults} <= review


@pytest.mark.slow
@pytest.mark.parametrize("start", ("2010-12-01", "2011-08-15", "2011-11-28"))
def test_ten_real_days_are_accounted_for_to_the_last_row(tmp_path, shared_data, floorwise, told, start):
    file = shared_data / "orders/online_retail_lines.csv.gz"
    seen = told(floorwise("replay", file, "--from", start, "--days", 10, "--json", "--data", tmp_path))
    assert seen["unaccounted"] == 0 and seen["verify_ok"] is True
    assert seen["lines_delivered"] >= 0.95 * seen["lines_accepted"] > 0


def _review(directory) -> set[tuple[int, str, str]]:
    from floorwise.core.adapters.ledger_sql.sqlite import open_ledger
    from floorwise.core.model.journal import Review

    ledger = open_ledger(directory)
    rows = {(row.row, row.column, row.reason) for row in ledger.find(Review, "key")}
    ledger.close()
    return rows


def test_a_replay_asks_for_a_directory_of_its_own(tmp_path, order_file, floorwise):
    (tmp_path / "file").write_text("")
    (tmp_path / "floor").mkdir()
    (tmp_path / "floor" / "ledger.sqlite").write_bytes(b"")
    for name, said in (("file", "is a file"), ("floor", "a ledger that no replay made")):
        done = floorwise("replay", order_file, "--json", "--data", tmp_path / name)
        assert done.returncode == 2 and said in done.stderr and not (tmp_path / "floor" / "replay.json").exists()
