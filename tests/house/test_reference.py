"""The reference pages that are made from the code say what the code says; `docs/generate.py` writes them, this never does."""

import importlib.util
import re

import pytest

from floorwise.core.flow.table import COMMANDS
from floorwise.core.model import events
from floorwise.core.model.orders import TRANSITIONS


@pytest.fixture(scope="module")
def generate(repository):
    found = importlib.util.spec_from_file_location("generate_reference", repository / "docs/generate.py")
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", ["states.md", "commands.md", "events.md", "records.md"])
def test_a_generated_page_is_what_the_code_says_now(generate, repository, page):
    written = (repository / "docs/reference" / page).read_text(encoding="utf-8")
    assert written == generate.pages()[page], f"docs/reference/{page} is old: run docs/generate.py and read the difference"


def test_every_refusal_that_the_page_of_commands_names_is_one_that_exists(repository):
    from floorwise.core import errors

    page = (repository / "docs/reference/commands.md").read_text(encoding="utf-8")
    refusals = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, errors.Refused)}
    named = set(re.findall(r"\b(?:BadInput|KeyReused|OrderDiffers|[A-Z][a-z]+(?:Stock|Found|Conflict|State|Plan))\b", page))
    headings = set(re.findall(r"^### (\w+)$", page, flags=re.MULTILINE))
    assert named - headings <= refusals and len(named & refusals) > 6
    assert set(COMMANDS) <= headings


def test_every_event_is_told_by_some_flow(generate):
    named = {name for name, event in vars(events).items() if hasattr(event, "_fields")}
    assert named - set(generate.told_by()) == set()
    assert set(generate.told_by()) - named == set()


def test_the_table_of_transitions_names_commands_that_exist():
    assert {way.command for way in TRANSITIONS} - set(COMMANDS) == set()
