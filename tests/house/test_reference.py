"""The reference pages that are made from the code say what the code says; `docs/generate.py` writes them, this never does."""

import importlib.util

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


@pytest.mark.parametrize("page", ["states.md", "events.md", "records.md"])
def test_a_generated_page_is_what_the_code_says_now(generate, repository, page):
    written = (repository / "docs/reference" / page).read_text(encoding="utf-8")
    assert written == generate.pages()[page], f"docs/reference/{page} is old: run docs/generate.py and read the difference"


def test_every_event_is_told_by_some_flow(generate):
    named = {name for name, event in vars(events).items() if hasattr(event, "_fields")}
    assert named - set(generate.told_by()) == set()
    assert set(generate.told_by()) - named == set()


def test_the_table_of_transitions_names_commands_that_exist():
    assert {way.command for way in TRANSITIONS} - set(COMMANDS) == set()
