"""Instance files: read to the letter, refused with the place; `solve` answers in numbers an outsider can re-compute."""

import json
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from floorwise.cli.main import build
from floorwise.optimizer.formats import detect, floorwise_json, hessler_irnich
from floorwise.optimizer.formats.errors import FormatError
from floorwise.optimizer.layout import LayoutError
from floorwise.optimizer.routing import shortest_tour

TINY = """NAME : tiny
TYPE : Single_picker_routing
NUM_AISLES : 2
NUM_CELLS : 4
DEPOT_AISLE : 0
DEPOT_LOCATION : bottom
DISTANCE_AISLE_TO_AISLE : 3
DISTANCE_CELL_TO_CELL : 1
DISTANCE_TOP_TO_CELL : 1.5
DISTANCE_BOTTOM_TO_CELL : 1
DISTANCE_TOP_OR_BOTTOM_TO_DEPOT : 2
ARTICLE_SECTION
NUM_ARTICLES : 2
ID 0
ID 1
SKU_SECTION
NUM_SKUS : 2
ID 0 AISLE 0 CELL 3 QUANTITY 1 LEFT_RIGHT_HAND_SIDE left
ID 1 AISLE 1 CELL 0 QUANTITY 1 LEFT_RIGHT_HAND_SIDE right
ORDER_SECTION
NUM_ARTICLES : 2
ID 0 QUANTITY 1
ID 1 QUANTITY 1
EOF
"""


def test_cell_0_lies_next_to_the_top_and_the_way_to_the_depot_is_walked_twice():
    floor = hessler_irnich.parse(TINY).layout()
    assert floor.line_mm.tolist() == [0, 5_500]  # 1 + 3 × 1 + 1.5
    assert floor.location_mm.tolist() == [1_000, 4_000]
    # 2 to the aisles, 1 into aisle 0 and out, 3 across, 4 into aisle 1, and all of it back
    assert shortest_tour(floor, [0, 1]).length_mm == 2 * (2_000 + 1_000 + 3_000 + 4_000)


def test_the_middle_cross_aisle_lies_one_unit_from_each_half():
    floor = hessler_irnich.parse(TINY).layout(2)
    assert floor.line_mm.tolist() == [0, 3_000, 6_500]
    assert floor.location_mm.tolist() == [1_000, 5_000]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("NUM_CELLS : 4", "NUM_CELLS : many", "NUM_CELLS is 'many'"),
        ("DEPOT_AISLE : 0", "DEPOT_AISLE : 2", "DEPOT_AISLE 2 of 2"),
        ("DEPOT_LOCATION : bottom", "DEPOT_LOCATION : left", "neither top nor bottom"),
        ("TOP_TO_CELL : 1.5", "TOP_TO_CELL : 0.0001", "finer than"),
        ("TOP_TO_CELL : 1.5", "TOP_TO_CELL : nan", "outside"),
        ("CELL 3 ", "CELL 4 ", "line 18: cell 4 lies outside"),
        ("ID 1 AISLE", "ID 7 AISLE", "line 19: article 7"),
        ("NUM_SKUS : 2", "NUM_SKUS : 3", "says 3, the section holds 2"),
        ("ID 0 QUANTITY 1", "ID 0 QUANTITY 0", "line 22: QUANTITY is 0"),
        ("ID 0 QUANTITY 1", "ID 0 QUANTITY", "expected pairs"),
        ("NUM_AISLES : 2\n", "", "no NUM_AISLES"),
    ],
)
def test_a_wrong_line_is_named(old, new, words):
    with pytest.raises(FormatError, match=words):
        hessler_irnich.parse(TINY.replace(old, new, 1))


@settings(max_examples=200)
@given(st.data())
def test_no_damage_to_a_file_gets_past_the_readers_as_anything_but_a_refusal(data):
    text = data.draw(st.sampled_from([TINY, json.dumps(shop())]))
    at = data.draw(st.integers(0, len(text) - 1))
    damaged = text[:at] + data.draw(st.text(max_size=4)) + text[at + data.draw(st.integers(0, 12)) :]
    reader = hessler_irnich.parse if text is TINY else floorwise_json.parse
    with suppress(FormatError, LayoutError):
        reader(damaged)


def shop(**more) -> dict:
    """Two aisles; mugs in both, bowls at the end of B."""
    return {
        "format": "floorwise-solve-1",
        "layout": {
            "kind": "blocks",
            "aisles": [{"name": "A", "x_mm": 0}, {"name": "B", "x_mm": 4_000}],
            "cross_aisles_mm": [0, 10_000],
        },
        "depots": [{"name": "desk", "aisle": "A", "at_mm": 0}],
        "locations": [
            {"name": "A-1", "aisle": "A", "at_mm": 3_000, "stock": [{"article": "mug", "units": 9}]},
            {"name": "B-1", "aisle": "B", "at_mm": 2_000, "stock": [{"article": "mug", "units": 5}]},
            {"name": "B-2", "aisle": "B", "at_mm": 4_000, "stock": [{"article": "bowl", "units": 3}]},
        ],
        "orders": [{"name": "1", "lines": [{"article": "mug", "units": 2}, {"article": "bowl"}]}],
        **more,
    }


def schema(repository: Path) -> dict:
    return json.loads((repository / "optimizer" / "formats" / "solve.schema.json").read_text())


def test_the_schema_accepts_what_the_reader_accepts(repository):
    validator = Draft202012Validator(schema(repository))
    Draft202012Validator.check_schema(validator.schema)
    assert list(validator.iter_errors(shop())) == []
    assert floorwise_json.parse(json.dumps(shop())).orders[0].lines == (("mug", 2), ("bowl", 1))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"colour": "red"}, "text.colour is unknown"),
        ({"orders": []}, "orders is empty"),
        ({"orders": [{"name": "1", "lines": [{"article": "mug", "units": 0}]}]}, r"orders\[0\].lines\[0\].units is 0"),
        ({"depots": [{"name": "desk", "aisle": "C", "at_mm": 0}]}, r"depots\[0\].aisle is 'C'"),
        ({"objective": "joy"}, "none of distance, time"),
        ({"objective": "time"}, "speed_mm_s must be above 0"),
        ({"layout": {"kind": "cube"}}, "neither blocks nor graph"),
        ({"pickers": [{"name": "p", "capacity": {"mugs": 1}}]}, r"pickers\[0\].capacity.mugs is unknown"),
        ({"locations": [{"name": "x", "aisle": "A", "at_mm": 1.5}]}, r"locations\[0\].at_mm must be a whole number"),
    ],
)
def test_a_wrong_key_of_the_json_is_named_and_the_schema_objects_too(repository, change, words):
    with pytest.raises(FormatError, match=words):
        floorwise_json.parse(json.dumps(shop(**change)))
    schema_sees = list(Draft202012Validator(schema(repository)).iter_errors(shop(**change)))
    assert schema_sees or "aisle is" in words or "speed" in words  # names and conditions are beyond a schema


def test_two_names_for_one_place_are_refused():
    twins = [{"name": name, "aisle": "A", "at_mm": 5} for name in ("left", "right")]
    with pytest.raises(LayoutError, match="left and right lie in one place"):
        floorwise_json.parse(json.dumps(shop(locations=twins)))
    twins[0]["side"] = "left"
    assert floorwise_json.parse(json.dumps(shop(locations=twins, orders=shop()["orders"]))).floor.locations == 2


def solve(tmp_path: Path, text: str, *words: str, name: str = "case"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return CliRunner().invoke(build("solve"), ["solve", str(path), "--seconds", "1", "--json", *words])


def test_solve_picks_the_mugs_that_lie_on_the_way(tmp_path):
    done = solve(tmp_path, json.dumps(shop()), "--svg", str(tmp_path / "out.svg"))
    assert done.exit_code == 0
    found = json.loads(done.stdout.splitlines()[-1])
    # across 4 m, to the bowls at 4 m and back: 2 × (4 + 4)
    assert (found["objective"], found["lower_bound"], found["gap"], found["proven"]) == (16_000, 16_000, 0.0, True)
    (tour,) = found["tours"]
    assert (tour["orders"], tour["order_names"], tour["length"]) == ([0], ["1"], 16_000)
    assert sorted(zip(tour["stops"], tour["stop_names"], strict=True)) == [(1, "B-1"), (2, "B-2")]
    assert (tmp_path / "out.svg").read_text().startswith("<svg")


def test_solve_batches_orders_that_one_cart_holds(tmp_path):
    orders = [{"name": str(n), "lines": [{"article": "bowl"}]} for n in range(2)]
    cart = [{"name": "cart", "capacity": {"orders": 2}}]
    found = json.loads(solve(tmp_path, json.dumps(shop(orders=orders, pickers=cart))).stdout.splitlines()[-1])
    assert found["tours"] == [{"orders": [0, 1], "stops": [2], "length": 16_000, "order_names": ["0", "1"], "stop_names": ["B-2"]}]
    assert found["proven"] is True


def test_solve_in_time_adds_set_up_stops_and_lines(tmp_path):
    times = {"speed_mm_s": 1_000, "setup_ms": 5_000, "stop_ms": 2_000, "line_ms": 1_000}
    orders = [{"name": "1", "lines": [{"article": "bowl"}]}]
    found = json.loads(solve(tmp_path, json.dumps(shop(orders=orders, objective="time", times=times))).stdout.splitlines()[-1])
    assert (found["objective"], found["unit"], found["proven"]) == (16_000 + 5_000 + 2_000 + 1_000, "ms", True)


def test_the_length_solve_gives_for_a_text_file_can_be_recomputed_from_its_rows(tmp_path):
    found = json.loads(solve(tmp_path, TINY).stdout.splitlines()[-1])
    rows = {0: (0, 1.0), 1: (1, 4.0)}  # aisle, units above the bottom

    def way(a, b):
        over = abs(a[1] - b[1]) if a[0] == b[0] else 3 * abs(a[0] - b[0]) + min(a[1] + b[1], 11 - a[1] - b[1])
        return over

    stops = [(0, 0.0), *(rows[stop] for stop in found["tours"][0]["stops"]), (0, 0.0)]
    assert sum(way(a, b) for a, b in pairwise(stops)) + 2 * 2 == found["objective"] == found["tours"][0]["length"]


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("hello", 2, "neither"),
        ("{", 2, "not JSON"),
        ('{"a": 1}', 2, "without"),
        (TINY.replace("CELL 3", "CELL 9"), 2, "line 18"),
        (TINY.replace("ID 0 QUANTITY 1", "ID 0 QUANTITY 5"), 1, "article 0: 5 wanted, 1 in stock"),
    ],
)
def test_solve_says_in_one_line_what_is_wrong_with_a_file(tmp_path, text, code, words, capsys):
    done = solve(tmp_path, text)
    assert done.exit_code == code
    said = done.stderr
    assert words in said
    assert len(said.splitlines()) == 1


def test_each_format_is_recognised(tmp_path):
    for name, text, expected in (("a", TINY, detect.HESSLER_IRNICH), ("b", json.dumps(shop()), detect.FLOORWISE)):
        (tmp_path / name).write_text(text)
        assert detect.detect(tmp_path / name) == expected
    for name in detect.ZALANDO_FILES:
        (tmp_path / name).write_text("[]")
    assert detect.detect(tmp_path) == detect.ZALANDO
