"""What a dispatcher sees of the plans that the house makes."""


def test_a_plan_stands_in_the_list_with_its_bound_and_gap_also_after_a_restart(floor, tools):
    with tools.running(floor) as house:
        order_id = house.order("planned", ("MUG", 3), ("BOWL", 2))
        tour = tools.eventually(lambda: (parts := house.parts(order_id)) and parts[0]["tour"])
        (plan,) = tools.eventually(lambda: house.get("/api/plans")["plans"])
        # A00-0 lies at the depot, A01-5 one aisle to the right and 5 m up: 4 m and 5 m there, the same back; nobody can do better.
        assert (plan["planner"], plan["cause"], plan["planned"], plan["tours"]) == ("savings", "", 1, 1)
        assert (plan["length_mm"], plan["lower_bound_mm"], plan["gap"], plan["unplanned"]) == (18_000, 18_000, 0.0, [])
        assert house.get(f"/api/tours/{tour}")["length_mm"] == 18_000
        assert house.http.get("/api/plans", params={"limit": 201}).status_code == 422
    with tools.running(floor) as house:
        assert tools.eventually(lambda: house.get("/api/plans")["plans"]) == [plan]


def test_a_dispatcher_blocks_an_aisle_the_floor_tells_it_and_walks_go_elsewhere(floor, tools):
    with tools.running(floor) as house:
        assert house.get("/api/floor", parts="block")["block"]["blocked"] == []
        order_id = house.order("around", ("MUG", 3))
        tour = tools.eventually(lambda: (parts := house.parts(order_id)) and parts[0]["tour"])
        house.post(f"/api/tours/{tour}/take", picker="anna")
        (before,) = house.get(f"/api/tours/{tour}")["stops"]
        assert before["location"] == "A00-0"
        assert house.do("BlockAisle", aisle=0, cause="a fork-lift stands in it") == {"elsewhere": 3, "waiting": 0}
        after = house.get(f"/api/tours/{tour}")["stops"]
        assert [(stop["location"], stop["state"]) for stop in after] == [("A00-0", "short"), ("A02-9", "open")]
        (blocked,) = house.get("/api/floor", parts="block")["block"]["blocked"]
        assert (blocked["aisle"], blocked["cause"]) == (0, "a fork-lift stands in it")
        assert house.do("OpenAisle", aisle=0) == {"opened": 1}
        assert house.post("/api/commands/BlockAisle", aisle=9).status_code == 404
    assert house.verified() == []
