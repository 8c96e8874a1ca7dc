"""`floorwise replay FILE --speed X`: the file's rows through the live system, each with its end."""

import json


def rows() -> str:
    """Twenty orders of an hour, a line nobody can read, and a slip for something that was sold."""
    told = ["order,sku,quantity,placed_at,unit,price_minor,is_return,customer,country"]
    for n in range(20):
        told.append(f"{100 + n},MUG,2,2011-12-05 09:{n:02},each,250,no,C{n},United Kingdom")
        told.append(f"{100 + n},BOWL,1,2011-12-05 09:{n:02},each,400,no,C{n},United Kingdom")
    told.append("999,MUG,many,2011-12-05 09:30,each,250,no,C1,United Kingdom")
    told.append("C1,MUG,1,2011-12-05 09:45,each,250,yes,C1,United Kingdom")
    return "\n".join(told) + "\n"


def test_every_row_of_a_file_has_its_end_on_the_live_floor(tmp_path, floorwise):
    file, data = tmp_path / "orders.csv", tmp_path / "data"
    file.write_text(rows())
    told = floorwise("replay", file, "--speed", 600, "--data", data, "--json")
    assert told.returncode == 0, told.stderr[-2_000:]
    figures = json.loads(told.stdout.strip().splitlines()[-1])
    assert (figures["rows_read"], figures["lines_review"], figures["lines_returned"], figures["lines_accepted"]) == (42, 1, 1, 40)
    assert (figures["lines_delivered"], figures["orders_delivered"], figures["unaccounted"]) == (40, 20, 0)
    assert figures["verify_ok"] is True
    again = floorwise("replay", file, "--speed", "max", "--data", data)
    assert again.returncode == 2 and "holds another replay" in again.stderr


def test_a_speed_that_is_none_is_refused_with_one_line(tmp_path, floorwise):
    file = tmp_path / "orders.csv"
    file.write_text(rows())
    for speed in ("fast", "0", "1e9", "nan"):
        told = floorwise("replay", file, "--speed", speed)
        assert told.returncode == 2 and f"--speed {speed}" in told.stderr and len(told.stderr.splitlines()) == 1
