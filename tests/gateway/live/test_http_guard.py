"""Who is let in while there is no access control: this machine's programs, this gateway's pages, nobody's else."""

import contextlib
import socket

import httpx
import pytest

from floorwise.gateway.http.protocol import HEAD_BYTES

ORDER = {"Content-Type": "application/json"}


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "evil.example:8420", ""])
def test_a_foreign_host_is_refused_on_reads_and_writes(house, host):
    for method, path in (("GET", "/api/clock"), ("GET", "/"), ("GET", "/healthz"), ("POST", "/api/orders")):
        answer = house.http.request(method, path, headers={"Host": host})
        assert (answer.status_code, answer.json()["error"]) == (421, "WrongHost")


def test_localhost_is_as_good_as_its_address(house):
    port = house.url.rsplit(":", 1)[1].strip("/")
    assert house.http.get("/api/clock", headers={"Host": f"localhost:{port}"}).status_code == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1", "http://127.0.0.1:1"])
def test_a_write_from_a_foreign_page_is_refused_and_does_nothing(house, origin):
    before = house.get("/api/figures")["journal_number"]
    answer = house.http.post("/api/orders/X/cancel", headers={"Origin": origin})
    assert (answer.status_code, answer.json()["error"]) == (403, "WrongOrigin")
    assert house.get("/api/figures")["journal_number"] == before


def test_a_write_that_a_browser_calls_cross_site_is_refused(house):
    assert house.http.post("/api/orders/X/cancel", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403


def test_the_gateways_own_page_may_write(house):
    own = {"Origin": house.url.rstrip("/"), "Sec-Fetch-Site": "same-origin"}
    assert house.http.post("/api/orders/NONE/cancel", headers=own).status_code == 404


def test_no_answer_lets_other_sites_read_it(house):
    answer = house.http.get("/api/clock", headers={"Origin": "http://evil.example"})
    assert not [name for name in answer.headers if name.startswith("access-control-")]
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    preflight = house.http.options("/api/orders", headers={"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"})
    assert preflight.status_code == 405


def test_a_body_that_is_no_json_is_refused_before_it_is_read(house):
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        answer = house.http.post("/api/orders", content=b"{}", headers={"Content-Type": kind})
        assert (answer.status_code, answer.json()["error"]) == (415, "NotJson")


def test_a_body_beyond_a_mebibyte_is_refused_whether_it_says_so_or_not(house):
    much = b'{"channel": "' + b"a" * (1 << 20) + b'"}'
    told = house.http.post("/api/orders", content=much, headers=ORDER)
    untold = house.http.post("/api/orders", content=iter([much]), headers=ORDER)  # chunked
    assert (told.status_code, untold.status_code) == (413, 413)


@pytest.mark.parametrize("body", [b"{", b"", b"[]", b"nul", b'"\\ud800"', b"\xff\xfe", b"[" * 100_000, b'{"lines": NaN}', b"1" * 5_000])
def test_a_body_that_cannot_be_understood_is_bad_input(house, body):
    for path in ("/api/orders", "/api/commands/StartPack", "/api/tours/T1/take"):
        answer = house.http.post(path, content=body, headers=ORDER)
        assert (answer.status_code, answer.json()["error"]) == (422, "BadInput"), answer.text


def test_a_key_of_wild_characters_is_bad_input(house):
    for key, status in (("", 422), ("a" * 201, 422), ("\x7f", 400)):  # the last is no HTTP at all
        assert house.http.post("/api/orders/NONE/cancel", headers={"Idempotency-Key": key}).status_code == status


def test_a_head_without_an_end_is_cut_off(house):
    """The parser itself would keep all of it."""
    where, told = httpx.URL(house.url), b""
    with socket.create_connection((where.host, where.port), timeout=30) as line, contextlib.suppress(ConnectionError):
        line.sendall(b"GET /api/clock HTTP/1.1\r\nHost: x\r\nX-Much: " + b"a" * HEAD_BYTES)
        while more := line.recv(1_000):
            told += more
    assert told == b"" or told.startswith(b"HTTP/1.1 400 ")


def test_what_goes_on_behind_a_body_without_being_one_is_refused_at_the_bound(house):
    where, told = httpx.URL(house.url), b""
    head = f"POST /api/orders HTTP/1.1\r\nHost: {where.netloc.decode()}\r\nContent-Type: application/json\r\n"
    with socket.create_connection((where.host, where.port), timeout=30) as line, contextlib.suppress(ConnectionError):
        line.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n1\r\n{{\r\n0\r\n".encode())
        for n in range(16):
            line.sendall(b"X-%d: " % n + b"a" * HEAD_BYTES + b"\r\n")
        while more := line.recv(1_000):
            told += more
    assert told == b"" or told.startswith(b"HTTP/1.1 400 ")


def test_a_large_body_in_small_pieces_is_no_head(house):
    where = httpx.URL(house.url)
    body = b'{"x":"' + b"a" * (3 * HEAD_BYTES) + b'"}'
    head = f"POST /api/orders HTTP/1.1\r\nHost: {where.netloc.decode()}\r\nContent-Type: application/json\r\n"
    with socket.create_connection((where.host, where.port), timeout=30) as line:
        line.sendall(f"{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode())
        for at in range(0, len(body), 1_000):
            line.sendall(body[at : at + 1_000])
        assert line.recv(1_000).startswith(b"HTTP/1.1 422 ")


def test_a_head_up_to_the_bound_is_read(house):
    answer = house.http.get("/api/clock", headers={"X-Much": "a" * (HEAD_BYTES - 1_000)})
    assert answer.status_code == 200
