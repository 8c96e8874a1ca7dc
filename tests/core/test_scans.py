import json
import re
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floorwise.core.adapters import scans
from floorwise.core.adapters.scans import FNC1, Element, ScannerProfile, elements, enrol, read
from floorwise.core.model import gs1
from floorwise.core.model.gs1 import Fault, ScannedItem

APPLE = "09501234567891"
AT_MS = 1_771_243_200_000  # 2026-02-16 12:00 UTC
END_OF_2026_MS = 1_798_761_600_000  # 2027-01-01 00:00 UTC
PROVEN = ScannerProfile(FNC1)


def vectors(shared_data: Path, kind: str) -> list[dict]:
    found = json.loads((shared_data / "conformance/gs1/gs1_syntax_engine_vectors.json").read_text())["vectors"]
    return next(rows for name, rows in found.items() if name.startswith(kind))


def unbracketed(found: tuple[Element, ...]) -> str:
    """The notation of the vectors: ^ is FNC1, which follows only elements of variable length."""
    ends = ["^" if scans._identifier(ai).separator_required else "" for ai, _ in found[:-1]] + [""]
    return "^" + "".join(ai + value + end for (ai, value), end in zip(found, ends, strict=True))


def test_a_full_case_label_says_item_lot_expiry_serial_pieces_and_weight():
    scan = f"]C101{APPLE}17261231310300345610A1{FNC1}21S7{FNC1}3024"
    assert read(scan, AT_MS) == ScannedItem(APPLE, "A1", END_OF_2026_MS, "S7", "", 24, 3456)


def test_typed_text_and_scan_say_the_same():
    typed = read(f"(01){APPLE}(17)261231(3103)003456(10)A1(21)S7(30)24", AT_MS)
    assert typed == ScannedItem(APPLE, "A1", END_OF_2026_MS, "S7", "", 24, 3456)


def test_a_pallet_names_itself_and_what_it_holds():
    assert read(f"(00)376104250021234569(02){APPLE}(37)48", AT_MS) == ScannedItem(gtin=APPLE, sscc="376104250021234569", pieces=48)


@pytest.mark.parametrize("scan", ["9501234567891", "]E09501234567891", "]I109501234567891", "0109501234567891", "]e00109501234567891"])
def test_one_item_has_one_key_whatever_carried_it(scan):
    assert read(scan, AT_MS) == ScannedItem(gtin=APPLE)


def test_a_plain_sscc_is_a_logistic_unit():
    assert read("376104250021234569", AT_MS) == read("00376104250021234569", AT_MS) == ScannedItem(sscc="376104250021234569")


@pytest.mark.parametrize(
    "scan", ["9501234567892", "]E09501234567892", f"]C101{APPLE[:-1]}2", "(00)376104250021234560", "376104250021234560"]
)
def test_a_misread_digit_is_told_apart_from_an_unknown_item(scan):
    assert read(scan, AT_MS).reason == "check_digit"
    assert isinstance(read("9506000134352", AT_MS), ScannedItem)  # nobody stocks it, yet it is well read


@pytest.mark.parametrize("scan", ["A-01-03", "TOTE-17", "10A-03", "]C0HELLO", "]Q1TESTING", "]", "]X", "(1)2", "()", "hello (01)", "12345"])
def test_what_is_not_gs1_is_left_to_the_labels_of_the_house(scan):
    assert read(scan, AT_MS).reason == "not_gs1"


def test_a_lost_separator_with_two_readings_is_refused_and_both_are_shown():
    fault = read(f"01{APPLE}10A117261231", AT_MS)
    assert fault.reason == "ambiguous"
    assert "(10)A117261231" in fault.text
    assert "(10)A1(17)261231" in fault.text


def test_a_scanner_proved_to_send_separators_is_believed_when_none_comes():
    assert read(f"01{APPLE}10A117261231", AT_MS, profile=PROVEN) == ScannedItem(APPLE, "A117261231")


def test_a_separator_that_arrived_is_proof_enough():
    assert read(f"01{APPLE}10A1{FNC1}17261231", AT_MS) == ScannedItem(APPLE, "A1", END_OF_2026_MS)
    assert read(f"01{APPLE}10A117261231{FNC1}", AT_MS) == ScannedItem(APPLE, "A117261231")


def test_without_separators_a_text_of_one_reading_is_taken():
    assert read(f"01{APPLE}1726123110LOT-B", AT_MS) == ScannedItem(APPLE, "LOT-B", END_OF_2026_MS)
    assert read(f"01{APPLE}10X17261331", AT_MS) == ScannedItem(APPLE, "X17261331")  # month 13: no date hides in it


def test_a_separator_sent_as_another_character_is_read_by_the_profile_or_refused():
    scan = f"01{APPLE}10A1|17261231"
    assert read(scan, AT_MS).reason == "separator_mangled"
    assert read(scan, AT_MS, profile=ScannerProfile("|")) == ScannedItem(APPLE, "A1", END_OF_2026_MS)


def test_three_scans_of_the_enrolment_barcode_make_a_profile():
    sent = scans.ENROLMENT
    assert enrol([sent] * 3) == PROVEN
    assert enrol(["]C1" + sent.replace(FNC1, "|")] * 3) == ScannerProfile("|")
    assert enrol([sent.replace(FNC1, "") + "\r"] * 3) == scans.UNPROVEN
    assert isinstance(read(sent, AT_MS), ScannedItem)


def test_a_scanner_that_wavers_or_mangles_is_not_enrolled():
    sent = scans.ENROLMENT
    assert enrol([sent, sent, sent.replace(FNC1, "")]).reason == "ambiguous"
    assert enrol([sent.swapcase()] * 3).reason == "separator_mangled"  # caps lock turns lot aB into Ab
    assert enrol([sent.replace(FNC1, "029")] * 3).reason == "separator_mangled"  # digits could be part of a lot
    assert enrol([sent] * 2).reason == "wrong_length"


def test_a_best_before_date_stands_in_only_where_no_expiry_is_given():
    end_of_june = 1_782_864_000_000  # 2026-07-01 00:00 UTC
    assert read(f"(01){APPLE}(15)260600", AT_MS).expires_at_ms == end_of_june
    assert read(f"(01){APPLE}(15)260600(17)261231", AT_MS).expires_at_ms == END_OF_2026_MS


def test_an_expiry_with_a_time_ends_at_that_time_at_the_site():
    eight = int(datetime(2026, 6, 30, 8, 30, tzinfo=UTC).timestamp() * 1000)
    assert read(f"(01){APPLE}(7003)2606300830", AT_MS).expires_at_ms == eight
    assert read(f"(01){APPLE}(7003)2606300830", AT_MS, ZoneInfo("Europe/Berlin")).expires_at_ms == eight - 7_200_000
    assert read(f"(01){APPLE}(7003)2606002400", AT_MS).reason == "bad_time"


@pytest.mark.parametrize("scan", [f"(01){APPLE}(10)A(10)B", f"(01){APPLE}(02){APPLE}(37)2", f"(01){APPLE}(3103)000001(3102)000001"])
def test_elements_that_speak_against_each_other_are_refused(scan):
    assert read(scan, AT_MS).reason == "contradiction"


def test_an_empty_or_endless_scan_is_refused():
    assert read("", AT_MS).reason == "wrong_length"
    assert read("1" * 401, AT_MS).reason == "wrong_length"
    assert read(f"01{APPLE}10" + "1" * 120, AT_MS).reason == "ambiguous"
    assert read(f"01{APPLE}10" + "1021" * 24, AT_MS).reason == "ambiguous"  # thousands of readings, looked at up to a bound


@given(st.text(max_size=60) | st.text(f"0123456789]CE()AB{FNC1}", max_size=60), st.sampled_from(["", FNC1, "|"]))
def test_any_text_is_read_or_refused_with_a_declared_reason(text, separator):
    said = read(text, AT_MS, profile=ScannerProfile(separator))
    assert isinstance(said, ScannedItem) or said.reason in gs1.REASONS


lots = st.text("ABab-/.017", min_size=1, max_size=20)


@given(lots, lots, st.booleans())
def test_a_lost_separator_never_gives_a_wrong_lot(lot, serial, is_lost):
    scan = f"01{APPLE}10{lot}{'' if is_lost else FNC1}21{serial}"
    said = read(scan, AT_MS)
    # lost, it is refused, or read right where no other reading is valid (a full lot of 20 characters ends by itself)
    assert said == ScannedItem(APPLE, lot, 0, serial) or (is_lost and isinstance(said, Fault))


def test_every_reason_given_is_a_declared_one():
    source = Path(gs1.__file__).read_text() + Path(scans.__file__).read_text()
    assert set(re.findall(r'Fault\("(\w+)"', source)) == set(gs1.REASONS)


# Rules of elements that no flow reads: floorwise passes them by and takes none of their values.
UNREAD = re.compile(
    r"^\^8003|\(8003|\(89\)"  # returnable assets; an identifier of the engine's tests alone
    r"|\((?:255|394\d|395\d|392\d|8030)\)"  # coupons, discounts, prices, signatures
)


def test_our_readings_agree_with_the_gs1_engine(shared_data, capsys):
    compared, differ, skipped = 0, [], 0

    def compare(row, text, expected=None):
        nonlocal compared
        found = elements(text, PROVEN)
        is_same = (not isinstance(found, Fault)) == row["ok"] and (not row["ok"] or expected is None or unbracketed(found) == expected)
        compared += 1
        if not is_same:
            differ.append((row, found))

    for row in vectors(shared_data, "bracketed_ai"):
        compare(row, row["args"][0], row["args"][1])
    for row in vectors(shared_data, "unbracketed_ai"):
        text = row["args"][0]
        if UNREAD.search(text):
            skipped += 1
            continue
        compare(row, "]C1" + text[1:].replace("^", FNC1) if text.startswith("^") else text)
    for row in vectors(shared_data, "ai_combination"):
        # what else must stand on the same thing (requisites) may stand on a second barcode beside the first
        if row["rule"] in ("validateAIrepeats", "validateAImutex") and not UNREAD.search(row["data"]):
            compare(row, row["data"])
        else:
            skipped += 1
    for row in vectors(shared_data, "scan_data"):
        text, expected = row["args"][0].replace("\\x1D", FNC1), row["args"][2]
        if text[:3] in ("]C1", "]e0", "]d2", "]Q3"):
            compare(row, text, expected)
        elif text[:3] in ("]E0", "]E4") and "|" not in text:  # composites of two symbols are not read
            compare(row, text, "^01" + expected.zfill(14))
        else:
            skipped += 1
    for row in vectors(shared_data, "ai_linters"):
        if re.match(r"\((?:0[0-3]|1[0-7]|2[01]|30|310\d|37|7003)\)", row["data"]):
            compare({**row, "ok": row["expect"] == "OK"}, row["data"])
        else:
            skipped += 1
    with capsys.disabled():
        print(f"\n  GS1 engine readings: {compared} compared, {len(differ)} differ, {skipped} not applicable")
    assert differ == []
    assert compared >= 150


def test_expected_reasons_of_the_engine_are_ours(shared_data):
    ours = {"INCORRECT_CHECK_DIGIT": "check_digit", "ILLEGAL_MONTH": "bad_time", "NON_DIGIT_CHARACTER": "bad_number"}
    rows = [row for row in vectors(shared_data, "ai_linters") if row["expect"] in ours and row["data"].startswith(("(00)", "(01)"))]
    assert len(rows) == 4
    assert all(elements(row["data"]).reason == ours[row["expect"]] for row in rows)
