"""The review list: each parked row with its place, column and reason."""

import json


def test_parked_rows_are_listed_with_place_column_and_reason(tmp_path, floorwise):
    orders = tmp_path / "shop.csv"
    orders.write_text("order,sku,quantity,placed_at\nA1,MUG,2,2025-03-03 10:00\nA1,MUG,two,2025-03-03 10:00\nA2,MUG,1,yesterday\n")
    done = floorwise("replay", orders, "--json", "--data", tmp_path / "data")
    assert done.returncode == 0, done.stderr
    told = json.loads(floorwise("review", "--data", tmp_path / "data", "--json").stdout.splitlines()[-1])
    places = [(row["row"], row["column"], row["reason"]) for row in told["review"]]
    assert places == [(2, "quantity", "bad_number"), (3, "placed_at", "bad_time")]
    assert told["by_reason"] == {"bad_number": 1, "bad_time": 1}
    one = floorwise("review", "--data", tmp_path / "data", "--reason", "bad_time").stdout
    assert "shop.csv row 3, column placed_at: bad_time" in one and "row 2" not in one


def test_a_directory_without_a_ledger_is_refused_by_name(tmp_path, floorwise):
    done = floorwise("review", "--data", tmp_path)
    assert done.returncode == 2 and str(tmp_path) in done.stderr
