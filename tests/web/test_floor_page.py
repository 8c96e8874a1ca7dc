"""The floor and the conditions, as somebody sees them who opens the pages."""

import pytest

MINUTE_MS = 60_000


def test_the_floor_shows_people_walking_and_orders_changing_without_being_loaded_again(floor, look):
    order_id = floor.order(("MUG", 2), ("BOWL", 1))
    page = look().page("/")
    page.wait_for_selector(".drawing canvas")
    tour = floor.take(order_id, "dora")
    person = page.wait_for_selector(f'.person[data-tour="{tour}"]', state="attached")
    first, *rest = floor.get(f"/api/tours/{tour}")["stops"]
    # Frame by frame from here to the next stop: on, and never back, while a confirmation comes in.
    page.evaluate(
        """element => { window.seen = []; const step = () => { seen.push(Number(element.dataset.walked));
           if (element.isConnected) requestAnimationFrame(step); }; step(); }""",
        person,
    )
    floor.confirm(tour, first["number"], first["quantity"], "dora")
    page.wait_for_selector(f'.walkers a[href="#tour/{tour}"] .count:text-is("1/{1 + len(rest)}")')
    page.wait_for_function("() => new Set(window.seen).size > 5")
    seen = page.evaluate("window.seen")
    assert seen == sorted(seen)
    page.wait_for_selector('.latest li:has-text("dora picked")')
    for stop in rest:
        floor.confirm(tour, stop["number"], stop["quantity"], "dora")
    page.wait_for_selector(f'.person[data-tour="{tour}"]', state="detached")
    assert "Emulated: carriers" in page.inner_text(".emulated")


def test_racks_are_coloured_by_what_lies_in_them(floor, look):
    page = look().page("/")
    page.wait_for_selector(".drawing canvas")
    colours = """() => { const c = document.querySelector(".drawing canvas"), seen = new Set();
        const d = c.getContext("2d").getImageData(0, 0, c.width, c.height).data;
        for (let i = 0; i < d.length; i += 4) if (d[i + 3] === 255) seen.add([d[i], d[i + 1], d[i + 2]].join());
        return seen.size; }"""
    page.wait_for_function(f"() => ({colours})() >= 3")  # empty racks, some units, many units
    page.click("text=Picks, last hour")
    assert page.get_attribute("text=Picks, last hour", "aria-pressed") == "true"


def test_a_number_leads_to_its_orders_and_these_to_one_order_with_its_tour(floor, look):
    order_id = floor.order(("BOWL", 3))
    tour = floor.take(order_id, "emil")
    reference = floor.get(f"/api/orders/{order_id}")["reference"]
    page = look().page("/")
    page.click('a[href="#orders/released"]')
    page.click(f'.drawer a:text-is("{reference}")')
    page.wait_for_selector('.drawer .lead:has-text("is being picked by emil")')
    page.click(f'.drawer a[href="#tour/{tour}"]')
    page.wait_for_selector('.drawer td:text-is("A01-5")')
    page.wait_for_selector(".way path", state="attached")
    page.keyboard.press("Escape")
    page.wait_for_selector(".drawer", state="detached")
    page.goto(f"/#order/{order_id}")
    page.wait_for_selector(f'.drawer h2:has-text("{reference}")')
    floor.confirm(tour, 1, 3, "emil")


def test_a_parcel_shows_its_trace_with_the_gap_the_excursion_and_what_was_exposed(floor, look):
    parcel = floor.parcel(("MUG", 1))
    now_ms = floor.get("/api/clock")["now_ms"]
    began_ms = now_ms - 300 * MINUTE_MS
    floor.do("BindTracker", device="tr-1", subject=parcel, product_class="chilled", at_ms=began_ms)
    # Cool for an hour, silence for half an hour, then too warm for an hour: chilled goods bear 8 °C, and more for 15 minutes.
    warm = [(n, 5.0 if n < 60 else 14.0) for n in (*range(1, 60), *range(90, 150))]
    rest = {"humidity_pct": 50.0, "shock_mps2": 2.0, "lon_deg": -0.1}
    looks = [(began_ms + n * MINUTE_MS, {"temperature_c": t, "lat_deg": 51.5 + n / 1000} | rest) for n, t in warm]
    floor.measure("tr-1", looks)
    page = look().page(f"/shipments#parcel/{parcel}")
    page.wait_for_selector('.trace:has-text("Temperature") canvas')
    assert [text.split("\n")[0] for text in page.locator(".trace b").all_inner_texts()] == ["Temperature", "Humidity", "Shock"]
    assert "2 to 8 °C" in page.inner_text('.trace:has-text("Temperature")')
    page.wait_for_selector('.trace:has-text("Temperature") .pill.alarm:has-text("out of limits")')
    page.wait_for_selector('.case:has-text("above 8 °C"):has-text("1 × MUG")')
    assert "Flagged in orders" in page.inner_text(".case")
    page.wait_for_selector(".track polyline", state="attached")
    # The red of the excursion and the line, and no line where nothing was said.
    shares = page.evaluate(
        """() => { const c = document.querySelector(".trace canvas"), d = c.getContext("2d").getImageData(0, 0, c.width, c.height).data;
           const isBlue = (i) => d[i + 3] > 200 && d[i + 2] > d[i] + 80;
           const blue = (x) => [...Array(c.height).keys()].some((y) => isBlue((y * c.width + Math.round(x)) * 4));
           const [left, right] = [54 * devicePixelRatio, c.width - 20 * devicePixelRatio];
           return [0.1, 0.3, 0.5, 0.75].map((share) => blue(left + (right - left) * share)); }"""
    )
    assert shares == [True, True, False, True]  # minutes 15, 45, 75 and 112 of about 149
    page.click("text=Excursions")
    page.wait_for_selector('.items a:has-text("Temperature high")')
    page.click("text=Devices")
    page.wait_for_selector('.items a:has-text("tr-1")')


def test_a_device_is_listed_as_it_speaks_and_shows_the_limits_of_what_it_is_bound_to(floor, look):
    now_ms = floor.get("/api/clock")["now_ms"]
    floor.do("BindTracker", device="cold-1", subject="A01-5", product_class="chilled", at_ms=now_ms - 10 * MINUTE_MS)
    page = look().page("/shipments#devices")
    floor.measure("cold-1", [(now_ms - n * MINUTE_MS, {"temperature_c": 4.5, "door_open": 0.0}) for n in (5, 4, 3)])
    page.wait_for_selector('.items a[href="#device/cold-1"] .state:text-is("4.5 °C")')
    page.evaluate("window.same = true")
    floor.measure("cold-1", [(now_ms, {"temperature_c": 9.5, "door_open": 1.0})], first=4)
    page.wait_for_selector('.items a[href="#device/cold-1"] .state:text-is("9.5 °C")')
    page.wait_for_selector('.items a[href="#device/cold-1"] small:text-is("door open")')
    assert page.evaluate("window.same")  # the page was not loaded again
    page.click('.items a[href="#device/cold-1"]')
    page.wait_for_selector('.note:has-text("Measures A01-5, chilled goods; dashed lines are their limits.")')
    page.wait_for_selector('.trace:has-text("Temperature") .limits:has-text("2 to 8 °C")')
    assert [text.split("\n")[0] for text in page.locator(".trace b").all_inner_texts()] == ["Temperature", "Door"]
    assert "open" in page.inner_text('.trace:has-text("Door") .reading')


def test_the_stock_of_a_bay_is_asked_for_again_at_the_event_that_changed_it(floor, look):
    before = floor.get("/api/stock", place="A01-5")["units"]
    page = look().page("/")
    page.evaluate("() => { const later = setTimeout; window.setTimeout = (work, ms) => later(work, ms >= 2000 ? 1e6 : ms); }")
    page.wait_for_selector(".live.open")
    page.evaluate("location.hash = 'bay/A01-5'")
    page.wait_for_selector(f'.drawer td.n:text-is("{before}")')
    floor.do("ReceiveStock", sku="BOWL", quantity=7, place="A01-5")  # the page's own round of questions never comes again
    page.wait_for_selector(f'.drawer td.n:text-is("{before + 7}")')


def test_a_cut_feed_is_said_with_its_age_and_forgotten_when_it_is_back(floor, look):
    profile = look()
    page = profile.page("/")
    page.wait_for_selector(".live.open")
    profile.may_fail = True
    profile.context.set_offline(True)
    page.wait_for_selector('.cut:has-text("No word from the gateway")')
    order_id = floor.order(("MUG", 1))  # while the page hears nothing
    profile.context.set_offline(False)
    page.wait_for_function("() => !document.querySelector('.cut').textContent.trim()")
    page.wait_for_selector(f'.latest a[href="#order/{order_id}"]')  # the stream goes on where it was cut
    profile.may_fail = False


@pytest.mark.parametrize("path", ["/", "/#orders/reserved", "/#tours", "/shipments", "/shipments#devices", "/handheld"])
def test_pages_fit_a_telephone_and_axe_finds_nothing_serious(floor, look, path):
    from axe_playwright_python.sync_playwright import Axe

    page = look(viewport={"width": 360, "height": 740}, bypass_csp=True, reduced_motion="reduce").page(path)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.reload()  # not while one scheme fades into the other
        page.wait_for_selector("main h1", state="attached")
        if "#" in path:
            page.wait_for_selector(".drawer h2, .switch")
        assert page.evaluate("document.documentElement.scrollWidth") == 360
        told = Axe().run(page).response
        assert len(told["passes"]) > 10
        serious = [one for one in told["violations"] if one["impact"] in ("serious", "critical")]
        assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in serious] == [], scheme
