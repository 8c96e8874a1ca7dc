"""Torn, mis-encoded and mangled files: what can be used is used, and the account of rows always closes."""

import gzip
import json
import zlib
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floorwise.core.model.intake import REASONS, OrderDraft, ReturnDraft, ReviewRow
from floorwise.gateway.channels import decoding
from floorwise.gateway.channels.decoding import OrderFileError, text_blocks
from floorwise.gateway.channels.order_file import open_order_file

HEADER = "order_id,is_return,sku,qty,ts,price_pence,customer,country"
ROW = "{},False,10002,1,2011-12-05 10:00:00,85,1,{}"
GENERIC = "order,sku,quantity,placed_at,country"


@pytest.fixture
def write(tmp_path):
    def write(data, name="orders.csv"):
        path = tmp_path / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return path

    return write


def retail(*countries, end="\n"):
    return end.join([HEADER, *(ROW.format(number, country) for number, country in enumerate(countries, start=1)), ""])


def parked(drafts):
    return [(draft.row, draft.column, draft.reason) for draft in drafts if isinstance(draft, ReviewRow)]


def countries(drafts):
    return [draft.country for draft in drafts if isinstance(draft, OrderDraft)]


def test_a_row_that_is_not_utf_8_is_parked_with_its_bytes_escaped(write):
    data = retail("France", "Réunion", "Malta").replace("é", "~").encode().replace(b"~", b"\xe9")
    drafts = list(open_order_file(write(data)))
    (review,) = [draft for draft in drafts if isinstance(draft, ReviewRow)]
    assert (review.row, review.column, review.reason, review.text) == (2, "country", "wrong_encoding", r"R\xe9union")
    assert countries(drafts) == ["France", "Malta"]


def test_a_nul_in_a_row_parks_that_row(write):
    drafts = list(open_order_file(write(retail("France", "Ma\0lta", "Malta"))))
    assert parked(drafts) == [(2, "country", "wrong_encoding")]
    assert countries(drafts) == ["France", "Malta"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_byte_order_mark_tells_the_encoding_and_any_line_end_will_do(write, encoding, end, pack):
    data = pack(retail("Curaçao", "日本", end=end).encode(encoding))
    assert countries(open_order_file(write(data, "whatever.txt"))) == ["Curaçao", "日本"]


def test_half_a_character_in_utf_16_parks_its_row_only(write):
    data = retail("France", "Ma\ud83dlta", "Malta").encode("utf-16", "surrogatepass")
    drafts = list(open_order_file(write(data)))
    assert parked(drafts) == [(2, "country", "wrong_encoding")]
    assert countries(drafts) == ["France", "Malta"]


def test_a_quote_that_never_closes_costs_one_row(write):
    path = write(retail("France", '"Malta', "Malta", "Spain"))
    drafts = list(open_order_file(path))
    assert parked(drafts) == [(2, "country", "bad_quotes")]
    assert countries(drafts) == ["France", "Malta", "Spain"]


def test_two_lost_quotes_do_not_swallow_the_rows_between_them(write):
    drafts = list(open_order_file(write(retail("France", '"Malta', "Malta", 'Spain"', "Italy"))))
    assert parked(drafts) == [(2, "country", "bad_quotes")]
    assert countries(drafts) == ["France", "Malta", 'Spain"', "Italy"]  # inside a field that began without, a quote is a character


def test_quoted_fields_may_hold_delimiters_quotes_and_line_breaks(write):
    path = write(
        "note,order,sku,quantity,placed_at,country\n"
        '"leave at\nthe door, please",A1,MUG,1,2024-05-01T10:00,"Korea, South"\n'
        'plain,A2,MUG,1,2024-05-01T11:00,"the ""South"""\n'
    )
    file = open_order_file(path)
    assert countries(file) == ["Korea, South", 'the "South"']
    assert file.rows_read == 2


def test_a_quoted_field_of_more_lines_than_a_row_may_have_is_given_up_and_the_lines_behind_it_are_rows(write):
    path = write(f'{GENERIC}\nA1,MUG,1,2024-05-01T10:00,"Fr' + "\nx\nx\nx,y" * 10 + '\nance"\nA2,MUG,1,2024-05-01T10:00,Malta\n')
    file = open_order_file(path)
    drafts = list(file)
    assert countries(drafts) == ["Malta"]
    short = [(2 + at, "quantity" if at % 3 == 2 else "sku", "missing_column") for at in range(30)]  # x ends before sku, x,y before quantity
    assert sorted(parked(drafts)) == [(1, "country", "bad_quotes"), *short, (32, "sku", "missing_column")]
    assert file.rows_read == 33


def test_a_second_header_an_extra_field_and_an_endless_line_are_each_parked(write):
    path = write(
        retail("France")
        + HEADER.upper() + "\n"
        + ROW.format(3, "Malta,x") + "\n"
        + ROW.format(4, "M" * decoding.MAX_LINE_BYTES) + "\n"
        + ROW.format(5, "M" * 3 * decoding.MAX_LINE_BYTES) + "\n"
        + ROW.format(6, "Malta") + "\n\n\n"
    )  # fmt: skip
    file = open_order_file(path)
    drafts = list(file)
    reasons = ("repeated_header", "wrong_field_count", "line_too_long", "line_too_long")
    assert sorted(parked(drafts)) == [(row, "", reason) for row, reason in enumerate(reasons, start=2)]
    assert countries(drafts) == ["France", "Malta"]
    assert (file.rows_read, file.blank_lines) == (6, 2)


def test_gzip_members_one_after_the_other_and_padding_are_one_file(write):
    data = gzip.compress(retail("France").encode()) + gzip.compress(ROW.format(2, "Malta").encode() + b"\n") + b"\0" * 512
    assert countries(open_order_file(write(data))) == ["France", "Malta"]


def test_bytes_behind_the_end_of_the_compressed_data_are_one_parked_row(write):
    drafts = list(open_order_file(write(gzip.compress(retail("France").encode()) + b"and more")))
    assert (parked(drafts), countries(drafts)) == ([(2, "", "damaged_file")], ["France"])


def test_a_wrong_checksum_is_told_and_costs_no_row_that_was_unpacked(write):
    data = bytearray(gzip.compress(retail(*["France"] * 500).encode()))
    data[-6] ^= 1
    drafts = list(open_order_file(write(bytes(data))))
    assert (parked(drafts), len(countries(drafts))) == ([(501, "", "damaged_file")], 500)


@pytest.mark.parametrize("bytes_left", range(120, 360, 7))
def test_a_cut_anywhere_in_a_gzip_is_parked_at_the_row_it_hit(write, bytes_left):
    packed = gzip.compress("\n".join([HEADER, *(ROW.format(n * 7919, f"Land {n * n}") for n in range(1, 60)), ""]).encode())
    assert len(packed) > 360
    file = open_order_file(write(packed[:bytes_left]))
    drafts = list(file)
    assert parked(drafts) == [(file.rows_read, "", "truncated_file")]
    assert [draft.lines[0].row for draft in drafts if isinstance(draft, OrderDraft)] == list(range(1, file.rows_read))


def cut_after(text):
    """A gzip file of which exactly `text` arrived: the end of the compressed data is missing."""
    packer = zlib.compressobj(wbits=31)
    return packer.compress(text.encode()) + packer.flush(zlib.Z_SYNC_FLUSH)


def test_a_cut_is_parked_even_when_the_time_of_its_row_lies_outside_the_range(write):
    path = write(cut_after(retail("France", "Malta") + ROW.format(3, "Ma")))
    assert parked(open_order_file(path)) == [(3, "", "truncated_file")]
    file = open_order_file(path, from_date=date(2020, 1, 1))
    assert parked(file) == [(3, "", "truncated_file")]
    assert (file.rows_read, file.rows_outside_range) == (3, 2)


def test_a_cut_between_two_rows_is_a_parked_row_behind_the_last(write):
    file = open_order_file(write(cut_after(retail("France", "Malta"))))
    assert (parked(file), file.lines_accepted) == ([(3, "", "truncated_file")], 2)


def test_small_steps_of_unpacking_give_as_much_of_a_cut_file_as_one_big_step(write, monkeypatch):
    packed = gzip.compress(b"first\n" + b"x" * 10_000)
    monkeypatch.setattr(decoding, "MAX_INFLATED_BYTES", 10)
    for cut in range(20, len(packed) - 8):
        expected = zlib.decompressobj(wbits=31).decompress(packed[:cut]).decode().split("\n")
        lines = [line for block in text_blocks(write(packed[:cut])) for line in block]
        assert lines == expected
        assert lines[-1].reason == "truncated_file"


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", ".csv: is empty; export the orders again"),
        (b"\n\r\n  \n", "no line of text"),
        (b"PK\x03\x04rest", "a zip archive or an Excel workbook"),
        (gzip.compress(retail("France").encode())[:12], "truncated file"),
        (b"\x1f\x8bnonsense", "damaged file"),
        ("order;sku\n1;2\n", "header lacks quantity, placed_at of the format csv"),
        (HEADER.replace("qty", "number") + "\n" + ROW.format(1, "x"), "header lacks qty of the format online-retail"),
        (HEADER + "\n", "no row below it"),
        (HEADER + ",qty\n1\n", "names the column qty twice"),
        ("lorem ipsum\ndolor\n", "no header of an order table"),
        (b"[1, 2]\n", "no header of an order table"),
        ("Pr\u00e9nom,sku\n1,2\n".encode("latin-1"), "not readable (wrong encoding)"),
        (retail("France").encode("utf-16-le"), "not readable (wrong encoding)"),
        (b"x" * (decoding.MAX_LINE_BYTES + 1), "not readable (line too long)"),
    ],
)
def test_a_file_of_which_nothing_can_be_used_is_refused_in_one_line_that_names_it(write, data, told):
    with pytest.raises(OrderFileError) as refusal:
        open_order_file(write(data, "bad\n.csv"))
    assert told in str(refusal.value)
    assert r"bad\n.csv: " in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"format": "edifact"}, "the formats are auto, online-retail, csv, jsonl"),
        ({"format": "csv"}, "header lacks order, quantity, placed_at of the format csv"),
        ({"format": "jsonl"}, "no JSON object"),
        ({"zone": "Europe/Atlantis"}, "unknown time zone"),
        ({"zone": "../etc/passwd"}, "unknown time zone"),
        ({"days": 0}, "one day or more"),
        ({"currency": "XXY"}, "unknown currency"),
        ({"catalogue": "nowhere.csv"}, "nowhere.csv: no such file"),
    ],
)
def test_wishes_that_cannot_be_met_are_refused_in_one_line(write, options, told):
    with pytest.raises(OrderFileError) as refusal:
        open_order_file(write(retail("France")), **options)
    assert told in str(refusal.value)


def test_a_missing_file_and_a_directory_are_refused(tmp_path):
    with pytest.raises(OrderFileError, match="no such file"):
        open_order_file(tmp_path / "none.csv")
    with pytest.raises(OrderFileError, match="is a directory"):
        open_order_file(tmp_path)


def check_account(path, **options):
    """Every row has exactly one end, also when counted again from the drafts."""
    try:
        file = open_order_file(path, **options)
    except OrderFileError:
        return None
    drafts = list(file)
    lines = [line.row for draft in drafts if isinstance(draft, OrderDraft) for line in draft.lines]
    returns = [draft.row for draft in drafts if isinstance(draft, ReturnDraft)]
    reviews = [draft.row for draft in drafts if isinstance(draft, ReviewRow)]
    assert file.rows_read == file.rows_outside_range + len(lines) + len(returns) + len(reviews)
    assert (file.lines_accepted, file.lines_returned, file.lines_review) == (len(lines), len(returns), len(reviews))
    rows = sorted(lines + returns + reviews)
    assert rows == sorted(set(rows))
    assert not rows or (rows[0] >= 1 and rows[-1] <= file.rows_read)
    times = [draft.placed_at_ms if isinstance(draft, OrderDraft) else draft.at_ms for draft in drafts]
    assert times == sorted(times)
    identities = [draft.reference for draft in drafts if isinstance(draft, OrderDraft)]
    assert len(identities) == len(set(identities))
    for draft in drafts:
        if isinstance(draft, ReviewRow):
            assert draft.reason in REASONS
            assert len(draft.text) <= 200
            assert draft.text.isprintable()
    return file


MOMENTS = ["2011-12-05 10:00:00", "2011-12-06 10:00:00"]
NUMBERS = ["1", "2", "-1", "10002"]
MANGLED_CELLS = st.sampled_from([*NUMBERS, *MOMENTS, "x", "", " ", "True", "False", '"', '""', "\0", "\n", ",", "é", "\ud800"])
MANGLED_ROWS = st.lists(
    st.one_of(
        st.just(ROW.format(7, "France")),
        st.just(ROW.format(8, "Malta").replace("False", "True").replace("12-05", "12-06")),
        st.lists(MANGLED_CELLS, max_size=10).map(",".join),
        st.tuples(st.integers(0, 7), MANGLED_CELLS).map(
            lambda change: ",".join(change[1] if at == change[0] else cell for at, cell in enumerate(ROW.format(7, "France").split(",")))
        ),
        st.text(max_size=30),
    ),
    max_size=25,
)


@settings(max_examples=300)
@given(
    rows=MANGLED_ROWS,
    flips=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=5),
    cut=st.floats(0.3, 1),
    packed=st.booleans(),
    first=st.sampled_from([None, date(2011, 12, 5), date(2011, 12, 6)]),
    days=st.sampled_from([None, 1, 2]),
)
def test_every_row_of_a_mangled_table_has_exactly_one_end(tmp_path_factory, rows, flips, cut, packed, first, days):
    body = bytearray("\n".join(rows).encode("utf-8", "surrogatepass"))
    for share, byte in flips:
        if body:
            body[int(share * len(body))] = byte
    data = HEADER.encode() + b"\n" + bytes(body)
    if packed:
        data = gzip.compress(data, mtime=0)
        data = data[: int(len(data) * cut)]
    path = tmp_path_factory.getbasetemp() / "mangled.csv"
    path.write_bytes(data)
    check_account(path, from_date=first, days=days, demand_days=1)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["MUG", "1", "2024-05-01T10:00:00", "EUR", "\ud800", ""]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["order", "sku", "quantity", "placed_at", "lines", "price", "is_return"]), inner, max_size=6),
    max_leaves=12,
)


@settings(max_examples=200)
@given(entries=st.lists(JSON_VALUES, max_size=10), tail=st.text(max_size=20))
def test_every_row_of_mangled_json_lines_has_exactly_one_end(tmp_path_factory, entries, tail):
    good = {"order": "A1", "placed_at": "2024-05-01T10:00:00", "lines": [{"sku": "MUG", "quantity": 1}]}
    path = tmp_path_factory.getbasetemp() / "mangled.jsonl"
    path.write_text("\n".join([*(json.dumps(entry) for entry in [good, *entries]), tail]), encoding="utf-8", errors="surrogatepass")
    file = check_account(path)
    assert file is not None
    assert file.lines_accepted >= 1


@settings(max_examples=150)
@given(data=st.binary(max_size=400), packed=st.booleans())
def test_any_bytes_are_either_refused_or_accounted_for(tmp_path_factory, data, packed):
    path = tmp_path_factory.getbasetemp() / "bytes.csv"
    path.write_bytes(gzip.compress(data) if packed else data)
    check_account(path)


PLAIN_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\n\r"), max_size=40)


@settings(max_examples=100)
@given(
    lines=st.lists(PLAIN_TEXT, min_size=1, max_size=30),
    chunk=st.integers(2, 50),
    packed=st.booleans(),
)
def test_lines_do_not_depend_on_where_the_reading_is_cut_into_pieces(tmp_path_factory, lines, chunk, packed):
    path = tmp_path_factory.getbasetemp() / "pieces.txt"
    data = "\n".join(["first", *lines, ""]).encode()
    path.write_bytes(gzip.compress(data) if packed else data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decoding, "CHUNK_BYTES", chunk)
        patch.setattr(decoding, "MAX_INFLATED_BYTES", chunk)
        assert [line for block in text_blocks(path) for line in block] == ["first", *lines]
