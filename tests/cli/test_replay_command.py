"""`floorwise replay FILE` on the twin's clock: what it says to people and to programs."""

import json

import pytest

from floorwise.cli.main import run

ROWS = [
    "order,sku,quantity,placed_at,customer",
    *(f"B-{n},MUG-{n},40,2024-04-20 09:00,C-1" for n in range(2)),  # sold before: of these there is stock on the first day
    *(f"A-{n},MUG-{n % 3},2,2024-05-01 09:{n:02},C-{n}" for n in range(6)),
    "A-9,mug blue,1,2024-05-01 10:05,C-9",
]


@pytest.fixture
def orders(tmp_path):
    file = tmp_path / "orders.csv"
    file.write_text("\n".join(ROWS) + "\n")
    return file


def told(capsys, *words) -> tuple[int, str, str]:
    code = run([str(word) for word in words])
    return code, *capsys.readouterr()


def test_people_read_what_became_of_their_orders_and_programs_the_same_as_figures(orders, tmp_path, capsys):
    words = ("replay", orders, "--from", "2024-05-01", "--data", tmp_path / "data")
    code, out, _ = told(capsys, *words)
    said = dict(line.split("  ", 1) for line in out.splitlines())
    assert code == 0
    assert said["orders"].strip() == "6 placed, 6 at the door in full"
    assert said["on their truck"].strip() == "66.7%: left with the truck that they were placed for"  # MUG-2 has to be bought first
    assert said["for a person"].strip() == f"1 rows: ./run review --data {tmp_path / 'data'}"
    assert "_" not in "".join(said)  # no names of fields
    code, out, err = told(capsys, *words, "--json")
    figures = json.loads(out)
    assert (code, figures["orders_on_time"], figures["on_time_share"], figures["lines_review"]) == (0, 4, 0.6667, 1)
    assert "this replay is finished; its figures are told again" in err and "cut off" not in err


def test_a_file_that_is_empty_is_said_to_be_empty(tmp_path, capsys):
    file = tmp_path / "none.csv"
    file.write_bytes(b"")
    code, out, err = told(capsys, "replay", file, "--json")
    assert code == 2 and "is empty; export the orders again" in err and "rights" not in err
    assert "is empty" in json.loads(out)["error"]


def test_the_help_shows_how_a_day_is_written(capsys):
    _, out, _ = told(capsys, "replay", "--help")
    assert "YYYY-MM-DD" in out and "%Y" not in out
