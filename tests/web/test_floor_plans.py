"""How good the plans are, as a dispatcher sees it on the floor page."""


def test_a_plan_appears_with_its_gap_and_leads_to_all_plans_with_their_bounds(floor, look):
    page = look().page("/")
    page.wait_for_selector('section[aria-label="Latest plans"]')
    order_id = floor.order(("MUG", 1), ("BOWL", 1))
    tour = floor.take(order_id, "vera")
    row = page.wait_for_selector('.plans li:has-text("1 part, 1 tour"):has-text("18 m"):has-text("0.0 %")')
    # A00-0 lies at the depot, A01-5 is 4 m over and 5 m up: nobody can walk it shorter.
    assert (18_000, 18_000) in [(plan["length_mm"], plan["lower_bound_mm"]) for plan in floor.get("/api/plans")["plans"]]
    row.query_selector("a").click()
    page.wait_for_selector('.drawer h2:text-is("Plans")')
    page.wait_for_selector('.drawer tr:has-text("savings"):has-text("18"):has-text("0.0 %")')
    for stop in floor.get(f"/api/tours/{tour}")["stops"]:
        floor.confirm(tour, stop["number"], stop["quantity"], "vera")


def test_a_dispatcher_blocks_an_aisle_from_one_of_its_bays_and_opens_it_again(floor, look):
    page = look().page("/#bay/A01-5")
    page.click('.drawer button:text-is("Block aisle 1")')
    page.click('.drawer button[name="aisle"]')
    page.wait_for_selector('.alarm-text:has-text("Aisle 1 is blocked")')
    assert [one["aisle"] for one in floor.get("/api/floor", parts="block")["block"]["blocked"]] == [1]
    page.click('.drawer button:text-is("Open aisle 1")')
    page.click('.drawer button[name="aisle"]')
    page.wait_for_selector('.alarm-text:has-text("Aisle 1 is blocked")', state="detached")


def test_a_dispatcher_gives_the_tour_of_somebody_who_is_gone_to_others(floor, look):
    order_id = floor.order(("MUG", 1))
    tour = floor.take(order_id, "wilma")
    page = look().page(f"/#tour/{tour}")
    page.click('.drawer button:text-is("wilma is gone")')
    page.click('.drawer button[name="leave"]')
    page.wait_for_selector('.drawer .pill:text-is("open")')
    floor.take(order_id, "xena")
    page.wait_for_selector('.drawer .lead:has-text("by xena")')
    for stop in floor.get(f"/api/tours/{tour}")["stops"]:
        floor.confirm(tour, stop["number"], stop["quantity"], "xena")
