"""What is vendored is what was published, with its licence; nothing of ours asks another host."""

import hashlib
import json
import re
from pathlib import Path

import pytest

WEB = Path(__file__).resolve().parents[2] / "gateway" / "web"
VENDOR = WEB / "static" / "vendor"
OURS = sorted(path for path in WEB.rglob("*") if path.suffix in (".js", ".css", ".html") and VENDOR not in path.parents)
LICENCES = {"MIT", "Apache-2.0", "OFL-1.1"}
NAMESPACE = "http://www.w3.org/2000/svg"


def listed() -> list[dict]:
    return json.loads((VENDOR / "vendor.json").read_text(encoding="utf-8"))["files"]


@pytest.mark.parametrize("row", listed(), ids=lambda row: row["file"])
def test_a_vendored_file_is_the_published_one_but_for_relative_names(row):
    data = (VENDOR / row["file"]).read_bytes()
    if row["made_relative"]:
        text = data.decode()
        for published, here in row["made_relative"].items():
            assert text.count(here) and not text.count(published)
            text = text.replace(here, published)
        data = text.encode()
    assert hashlib.sha256(data).hexdigest() == row["sha256"]
    assert row["licence"] in LICENCES and (VENDOR / row["licence_file"]).stat().st_size > 500
    assert row["version"] and row["package"] and row["path"]


def test_every_vendored_file_is_listed():
    there = {path.name for path in VENDOR.iterdir() if path.is_file()} - {"vendor.json"}
    assert there == {row["file"] for row in listed()}


def test_a_page_imports_only_files_that_are_there_and_by_relative_names():
    for path in [one for one in OURS if one.suffix == ".js"] + sorted(VENDOR.glob("*.js")):
        for name in re.findall(r"""(?:^|[;}\s])(?:import|export)\b[^;"']*?from\s*["']([^"']+)["']""", path.read_text(encoding="utf-8")):
            assert name.startswith((".", "/")), f"{path.name} imports {name}"
            assert (path.parent / name).is_file(), f"{path.name} imports {name}"


def test_pages_hold_no_script_of_their_own_and_no_other_host():
    """The policy the gateway sends forbids both; a browser would only say so on its console."""
    for path in OURS:
        text = path.read_text(encoding="utf-8").replace(NAMESPACE, "")
        assert not re.search(r"""["'(]\s*(?:https?:)?//[a-z0-9]""", text), path.name
        if path.suffix == ".html":
            assert not re.search(r"<script(?![^>]*\bsrc=)", text) and not re.search(r"\son\w+=", text), path.name


def test_every_file_that_a_page_or_the_service_worker_names_is_there():
    for path in OURS:
        for name in re.findall(r"""["'(](/(?:static/|manifest|sw\.js)[\w./-]+)["')]""", path.read_text(encoding="utf-8")):
            assert (WEB / name.lstrip("/")).is_file(), f"{path.name} names {name}"


@pytest.mark.parametrize("page", ["index.html", "shipments.html", "handheld.html"])
def test_a_page_fetches_all_its_modules_at_once(page):
    """Without the hint each level of imports is a round trip more until something is drawn."""
    text = (WEB / page).read_text(encoding="utf-8")
    todo, seen = [WEB / re.search(r'<script type="module" src="/([^"]+)"', text)[1]], set()
    while todo:
        path = todo.pop().resolve()
        if path not in seen:
            seen.add(path)
            todo += [path.parent / name for name in re.findall(r"""from\s*["'](\.[^"']+)["']""", path.read_text(encoding="utf-8"))]
    hinted = re.findall(r'rel="modulepreload" href="/([^"]+)"', text)
    assert len(hinted) == len(set(hinted))
    assert {(WEB / name).resolve() for name in hinted} == {path for path in seen if path.name != "page.js"}


def test_the_service_worker_keeps_everything_the_handheld_imports():
    kept = set(re.findall(r'"(/static/[^"]+)"', (WEB / "sw.js").read_text(encoding="utf-8")))
    todo, seen = [WEB / "static/handheld/page.js"], set()
    while todo:
        path = todo.pop().resolve()
        if path in seen:
            continue
        seen.add(path)
        todo += [path.parent / name for name in re.findall(r"""from\s*["'](\.[^"']+)["']""", path.read_text(encoding="utf-8"))]
    assert {f"/{path.relative_to(WEB.resolve())}" for path in seen} <= kept
    shown = re.findall(r'(?:src|href)="(/static/[^"]+)"', (WEB / "handheld.html").read_text(encoding="utf-8"))
    assert {name for name in shown if not name.endswith((".ico",))} <= kept
