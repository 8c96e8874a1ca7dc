"""`floorwise solve`: answers in the names of the file, with bound, gap and a picture; failures say what and where."""

import json
import re
import signal
from pathlib import Path

import pytest

from floorwise.cli import solve_watch
from floorwise.cli.main import run
from floorwise.optimizer.solving import LOADING, SEARCHING, Clock

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "solve-your-own-warehouse.md"


def said(capsys, *words: object) -> tuple[int, str, str]:
    code = run([str(word) for word in words])
    out, err = capsys.readouterr()
    return code, out, err


def shop(**changes: object) -> dict:
    """The shop of the how-to page, changed."""
    blocks = re.findall(r"```json\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return json.loads(blocks[0]) | changes


@pytest.fixture
def file(tmp_path):
    def write(**changes: object) -> Path:
        path = tmp_path / "shop.json"
        path.write_text(json.dumps(shop(**changes)))
        return path

    return write


def test_people_read_the_names_of_their_file(capsys, file):
    code, out, err = said(capsys, "solve", file(), "--seconds", 1)
    assert code == 0, err
    assert "orders 1001, 1002" in out
    # plate only in B-1; bowl and mug nearest in C-1 and A-1: 2 m up B, 4 m up C, 3 m up A, there and back, and 8 m across and back
    # the bound is what order 1001 needs alone: 3 m up A, 4 m up C, 8 m across, there and back; it holds for every batching
    assert "34,000 mm in 1 tour, at most 13.33% above the best" in out
    assert "lower bound 30,000, gap 13.33%" in out
    stops = out.splitlines()[-1].strip().split(" → ")
    assert sorted(stops) == ["A-1", "B-1", "C-1"]


def test_programs_get_numbers_and_names_side_by_side(capsys, file, tmp_path):
    code, out, _ = said(capsys, "solve", file(), "--seconds", 1, "--svg", tmp_path / "walk.svg", "--json")
    found = json.loads(out.splitlines()[-1])
    (tour,) = found["tours"]
    names = [place["name"] for place in shop()["locations"]]
    assert code == 0
    assert tour["stop_names"] == [names[stop] for stop in tour["stops"]]
    assert tour["order_names"] == ["1001", "1002"]
    assert found["gap"] == pytest.approx(4 / 30) and found["checked"]
    assert (tmp_path / "walk.svg").read_text().startswith("<svg") and found["svg"].endswith("walk.svg")


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"orders": [{"name": "77", "lines": [{"article": "plate", "units": 5}]}]}, 1, "order 77.*plate"),
        ({"orders": [{"name": "78", "boxes": 9, "lines": [{"article": "mug"}]}, {"name": "79", "lines": [{"article": "mug"}]}],
          "pickers": [{"name": "cart", "capacity": {"boxes": 8}}]}, 1, "78.*boxes"),
        ({"orders": [{"name": "80", "due_s": 1, "lines": [{"article": "mug"}]}], "objective": "time", "times": {"speed_mm_s": 1000}}, 1,
         "80.*due"),
        ({"pikers": []}, 2, "pikers"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_named_with_the_reason_and_json_says_the_same(capsys, file, changes, code, words):
    ended, out, err = said(capsys, "solve", file(**changes), "--seconds", 0.5, "--json")
    assert ended == code
    assert re.search(words, err), err
    assert re.search(words, json.loads(out.splitlines()[-1])["error"])


def test_a_picture_that_cannot_be_written_is_refused_before_the_search(capsys, file, tmp_path):
    code, _, err = said(capsys, "solve", file(), "--svg", tmp_path / "nowhere" / "walk.svg")
    assert code == 2 and "there is no folder" in err


@pytest.mark.parametrize("row", range(1, 30))
def test_every_line_of_the_table_of_special_things_is_spelt_as_files_spell_it(row):
    """What the page tells people to write is a key that the schema knows."""
    schema = (PAGE.parents[2] / "optimizer" / "formats" / "solve.schema.json").read_text(encoding="utf-8")
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ") and '"' in line]
    if row <= len(rows):
        keys = re.findall(r'"([a-z_]+)":', rows[row - 1])
        assert [key for key in keys if f'"{key}"' not in schema] == []


def test_the_floor_of_ways_on_the_page_is_solved_too(capsys, tmp_path):
    blocks = re.findall(r"```json\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    path = tmp_path / "ways.json"
    task = {"format": "floorwise-solve-1", "orders": [{"name": "7", "lines": [{"article": "milk"}]}]}
    path.write_text(json.dumps(task | json.loads("{" + blocks[1] + "}")))
    code, out, err = said(capsys, "solve", path, "--seconds", 1)
    assert code == 0, err
    assert out.startswith("36,000 mm in 1 tour") and out.rstrip().endswith("milk")  # 12 m and 6 m, there and back


def test_the_clock_stands_still_while_kernels_are_loaded():
    heard = []
    clock = Clock(5.0, heard.append)
    before = clock.deadline
    clock.load(lambda: sum(range(100_000)))
    assert heard == [LOADING, SEARCHING]
    assert clock.deadline == before + clock.loading_s > before


def test_long_loading_is_called_compiling_and_short_loading_is_not_spoken_of(capsys, monkeypatch):
    monkeypatch.setattr(solve_watch, "LOOK_EVERY_S", 0.001)
    monkeypatch.setattr(solve_watch, "LINE_EVERY_S", 0.01)
    for quiet_s, expected in ((60.0, False), (0.0, True)):
        monkeypatch.setattr(solve_watch, "QUIET_S", quiet_s)
        watch = solve_watch.Watch(1.0)
        with watch:
            watch.told(LOADING)
            for _ in range(200):
                watch._over.wait(0.001)
        err = capsys.readouterr().err
        assert (solve_watch.COMPILING in err, "still compiling" in err) == (expected, expected)


@pytest.mark.parametrize("due_s", [None, 3_600])  # batches, and a schedule
def test_ctrl_c_gives_the_best_plan_so_far(capsys, file, monkeypatch, due_s):
    told = solve_watch.Watch.told

    def pressed(self, phase):
        told(self, phase)
        if phase == SEARCHING and not self.is_stopped:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(solve_watch.Watch, "told", pressed)
    orders = [{"name": str(n), "lines": [{"article": "mug"}]} | ({"due_s": due_s} if due_s else {}) for n in range(15)]
    times = {"objective": "tardiness", "times": {"speed_mm_s": 1_000}} if due_s else {}
    code, out, err = said(capsys, "solve", file(orders=orders, **times), "--seconds", 100_000, "--json")
    found = json.loads(out.splitlines()[-1])
    assert code == 130, err
    assert found["stopped"] and found["checked"]
    assert sorted(n for tour in found["tours"] for n in tour["orders"]) == list(range(15))


def test_ctrl_c_before_there_is_anything_to_show_just_ends(capsys, file, monkeypatch):
    monkeypatch.setattr(solve_watch.Watch, "told", lambda self, phase: signal.raise_signal(signal.SIGINT))
    code, out, _ = said(capsys, "solve", file(), "--json")
    assert code == 130 and json.loads(out.splitlines()[-1])["error"] == "stopped"
