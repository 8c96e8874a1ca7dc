"""One order's way over the floor, told by HTTP at every step; and what the pages ask for beside it."""

import pytest


def test_an_order_goes_to_the_door_and_says_at_each_step_what_it_waits_for(house, tools):
    order_id = house.order("whole way", ("MUG", 3), ("BOWL", 2))

    def why() -> str:
        return house.get(f"/api/orders/{order_id}")["why"]

    tools.eventually(lambda: "waits for a picker" in why())
    tour = house.parts(order_id)[0]["tour"]
    stops = house.get(f"/api/tours/{tour}")["stops"]
    assert [(stop["sku"], stop["quantity"], stop["location"], stop["aisle"]) for stop in stops] in (
        [("MUG", 3, "A00-0", 0), ("BOWL", 2, "A01-5", 1)], [("BOWL", 2, "A01-5", 1), ("MUG", 3, "A00-0", 0)],
    )  # fmt: skip
    assert tour in [row["tour"] for row in house.get("/api/tours", state="open")["tours"]]

    assert house.post(f"/api/tours/{tour}/take", picker="anna").json() == {"tour": tour, "picks": 2}
    other = house.post(f"/api/tours/{tour}/take", picker="ben")
    assert (other.status_code, other.json()["error"]) == (409, "WrongState")
    walk = next(row for row in house.get("/api/floor", parts="tours")["tours"] if row["tour"] == tour)
    assert (walk["picker"], [stop["state"] for stop in walk["stops"]]) == ("anna", ["open", "open"])
    assert "is being picked by anna" in why()

    mug = next(stop for stop in stops if stop["sku"] == "MUG")
    bowl = next(stop for stop in stops if stop["sku"] == "BOWL")
    for _ in range(2):  # the second time changes nothing
        assert house.post(f"/api/tours/{tour}/picks/{mug['number']}/confirm", quantity=3, picker="anna").json()["picked"] == 3
    short = house.post(f"/api/tours/{tour}/picks/{bowl['number']}/short", found=1, picker="anna").json()
    assert (short["picked"], short["missing"]) == (1, 1)
    assert "waits for a packer" in why()

    work = house.get("/api/work")
    part = next(row["part"] for row in work["parts"] if row["order_id"] == order_id)
    count = next(row for row in work["counts"] if row["sku"] == "BOWL")
    assert (count["place"], count["cause"]) == ("A01-5", "short pick")
    house.do("RecordCount", place="A01-5", sku="BOWL", counted=24, task=count["task"])  # 25 were there, one is in the tote
    house.do("StartPack", part=part, station="S1")
    parcel = house.do("ClosePack", part=part)["parcels"][0]

    labelled = tools.eventually(lambda: [row for row in house.get("/api/work")["parcels"] if row["parcel"] == parcel])[0]
    assert "waits for the truck of paper" in why()
    house.do("HandOver", carrier="paper", manifest="M1", parcels=[parcel])
    scans = f"/api/shipments/{labelled['tracking']}/scans"
    sent_ms = house.get("/api/clock")["now_ms"]
    assert house.post(scans, status="delivered", at_ms=sent_ms + 2, source="paper").status_code == 422  # without proof
    assert house.post(scans, status="delivered", at_ms=sent_ms + 2, source="paper", proof="code 1").json()["status"] == "delivered"
    assert house.post(scans, status="in_transit", at_ms=sent_ms + 1, source="paper").json()["status"] == "delivered"  # late, and kept

    shipment = house.get(f"/api/shipments/{parcel}")
    assert [scan["status"] for scan in shipment["scans"]] == ["in_transit", "delivered"]
    assert sorted((row["sku"], row["quantity"]) for row in shipment["lines"]) == [("BOWL", 1), ("MUG", 3)]
    assert house.get(f"/api/shipments/{shipment['sscc']}") == house.get(f"/api/shipments/{labelled['tracking']}") == shipment

    # The bowl that was short is promised from what was counted, and walks next.
    house.walked(order_id)
    second = next(row["part"] for row in house.get("/api/work")["parts"] if row["order_id"] == order_id)
    house.do("StartPack", part=second, station="S1")
    rest = house.do("ClosePack", part=second)["parcels"]
    tools.eventually(lambda: any(row["parcel"] in rest for row in house.get("/api/work")["parcels"]))
    house.do("HandOver", carrier="paper", manifest="M2", parcels=rest)
    tracking = house.get(f"/api/shipments/{rest[0]}")["tracking"]
    house.post(f"/api/shipments/{tracking}/scans", status="delivered", at_ms=sent_ms + 3, source="paper", proof="code 2")
    done = house.get(f"/api/orders/{order_id}")
    assert (done["state"], done["why"]) == ("delivered", "")

    figures = tools.eventually(lambda: (f := house.get("/api/figures"))["orders"]["delivered"] == 1 and f)
    assert figures["lines"] == {"picked": 3, "short": 1, "per_hour": 3}
    assert figures["orders"]["by_state"] == {"delivered": 1}
    assert figures["shipments"]["by_status"] == {"delivered": 2}
    assert all(backlog["ok"] for backlog in figures["backlogs"])
    assert house.get("/api/shipments", status="delivered")["shipments"][0]["parcel"] == rest[0]
    assert house.verified() == []


def test_the_floor_tells_racks_and_what_lies_in_them(house):
    floor = house.get("/api/floor")
    assert floor["block"]["aisle_x_mm"] == [0, 4000, 8000]
    bins = {row["location"]: row for row in floor["bins"]}
    assert len(bins) == 30 + 5 and (bins["A02-9"]["aisle"], bins["A02-9"]["y_mm"], bins["A02-9"]["kind"]) == (2, 9000, "pick")
    assert floor["heat"]["bins"]["A02-9"] == [40, 0]
    assert set(house.get("/api/floor", parts="heat")) == {"now_ms", "site", "heat"}
    assert house.http.get("/api/floor", params={"parts": "roof"}).status_code == 422


def test_stock_is_told_by_sku_and_by_place(house):
    by_sku = house.get("/api/stock", sku="MUG")
    assert {row["place"]: row["on_hand"] for row in by_sku["rows"]}["A02-9"] == 40
    assert by_sku["pools"][0]["eligible"] == by_sku["units"]
    assert house.get("/api/stock", place="A02-9")["units"] == 40
    assert house.get("/api/stock", limit=1)["cut"] is True
    assert house.get("/api/stock", sku="NONE")["rows"] == []


def test_work_names_carriers_with_their_next_cut_off(house):
    carrier = house.get("/api/work")["carriers"][0]
    assert (carrier["carrier"], carrier["cut_off"]) == ("paper", "17:00")
    assert carrier["next_cut_off_ms"] == 1_772_470_800_000  # Monday 2 March 2026, 17:00 in London, no summer time yet


def test_commands_lists_what_people_do_and_refuses_what_only_floorwise_does(house):
    names = {row["name"]: row for row in house.get("/api/commands")["commands"]}
    assert [field["name"] for field in names["StartPack"]["fields"]] == ["part", "station"]
    for name in ("FireTimer", "RecordLabel", "ReleaseTours", "ReleaseOrders", "ReviewStock", "RecordDispatch", "FallBack", "Nonsense"):
        assert name not in names
        assert house.post(f"/api/commands/{name}").status_code == 404
    wrong = house.post("/api/commands/StartPack", part=1, station="S1")
    assert (wrong.status_code, wrong.json()["error"]) == (422, "BadInput")


def test_the_process_tells_that_it_lives_and_how_it_does(house):
    assert house.get("/healthz") == {"ok": True}
    ready = house.get("/readyz")
    assert {check["name"] for check in ready["checks"]} == {"writer", "board", "workers", "kernels", "journal", "disk", "clock"}
    metrics = house.http.get("/metrics").text
    assert "floorwise_backlog_count" in metrics and "floorwise_writer_queued" in metrics
    clock = house.get("/api/clock")
    assert clock["kind"] == "paced" and clock["now_ms"] >= 1_772_431_200_000
    assert house.http.get("/openapi.json").json()["info"]["title"] == "floorwise"


def test_the_interface_is_described_on_a_page_that_loads_nothing_from_elsewhere(house):
    page = house.http.get("/docs")
    assert page.status_code == 200 and page.headers["content-type"].startswith("text/html")
    for told in ("/api/orders/{order_id}", "Idempotency-Key", "&quot;sku&quot;: string", "/api/tours/{tour_id}/picks/{number}/confirm"):
        assert told in page.text
    assert "http://" not in page.text and "https://" not in page.text and "<script" not in page.text


@pytest.mark.parametrize("path", ["/static/../app.py", "/static/%2e%2e/app.py", "/static//etc/passwd", "/static/none.js"])
def test_pages_give_nothing_but_their_own_files(house, path):
    answer = house.http.get(path)
    assert (answer.status_code, "no such page" in answer.text or "NotFound" in answer.text) == (404, True)


def test_readings_say_that_there_is_no_store(house):
    for path in ("/api/readings/latest", "/api/readings?device=d&metric=temperature_c", "/api/excursions"):
        answer = house.http.get(path)
        assert (answer.status_code, answer.json()["error"]) == (503, "NoStore")
