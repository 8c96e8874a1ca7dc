"""Writes the reference pages that follow from the code: docs/reference/states.md, commands.md, events.md and records.md.

    .venv/bin/python docs/generate.py

tests/house/test_reference.py makes the same pages and compares; it never writes them.
"""

import inspect
import re
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from floorwise.core import flow
from floorwise.core.adapters.ledger_sql.schema import MODEL
from floorwise.core.flow.table import HANDLERS
from floorwise.core.model import events, orders, parcels, returns, work
from floorwise.core.model.record import DECLARED

REFERENCE = Path(__file__).parent / "reference"
MADE = "<!-- Made by docs/generate.py from {source}; change it there. -->\n\n"
FIELD = re.compile(r"^    (\w+): ([^#=\n]+?)(?: = [^#\n]+?)?(?:  # (.*))?$", re.MULTILINE)
TYPES = {"int": "whole number", "str": "text"}


def pages() -> dict[str, str]:
    """The text of each page by its file name."""
    return {"states.md": states(), "commands.md": commands(), "events.md": told_events(), "records.md": records()}


def states() -> str:
    """Buckets of order lines and what may become what; states of parts, parcels and returns."""
    text = "# States\n\n" + MADE.format(source="core/model/orders.py, work.py, parcels.py and returns.py")
    text += (
        "An order line spreads its units over buckets (6 picked, 3 short, 1 backordered). Each unit is in exactly one, so the buckets\n"
        "sum to what was ordered. The state of an order is derived from its lines, never stored.\n\n"
        "## Units of an order line\n\n```mermaid\nstateDiagram-v2\n"
    )
    for way in orders.TRANSITIONS:
        text += f"    {way.source or '[*]'} --> {way.target}: {way.command}\n"
    text += "```\n\n"
    text += table(
        ("from", "to", "by the command", "triggered by", "what undoes it"),
        [(f"`{w.source}`" if w.source else "(new)", f"`{w.target}`", f"`{w.command}`", w.by, w.compensation) for w in orders.TRANSITIONS],
    )
    ends = [bucket for bucket in orders.BUCKETS if not orders.targets_of(bucket)]
    text += f"\nWhat is not in the table is refused, and the refusal names what is possible. Nothing leaves {and_list(ends)}.\n\n"
    text += f"## State of an order\n\n{paragraphs(orders.state_of)}\n\n"
    text += "## Parts\n\n" + paragraphs(work.Part) + "\n\n" + " → ".join(f"`{state}`" for state in work.PART_STATES[:-1])
    text += f"; `{work.PART_STATES[-1]}` from `waiting` or `touring`, when nothing of it could be picked.\n\n"
    text += "## Parcels\n\nA carrier's scans are read into one status: that of the latest scan by its own time,\n"
    text += "at equal times the one further down. A delivery holds whatever is seen later; only `delivered_in_error` takes it back.\n\n"
    ranks = sorted(parcels.RANK.items(), key=lambda item: item[1])
    text += table(("rank", "status"), [(str(rank), f"`{status}`") for status, rank in ranks])
    text += "\n## Returns\n\n`approved` → `received` → `graded` → `refunded`; each step once. The grade says where the goods go:\n\n"
    return text + table(("grade", "status of the goods"), [(grade, f"`{status}`") for grade, status in returns.GRADES.items()])


def commands() -> str:
    """Every command with its fields, what it does and what refuses it."""
    text = "# Commands\n\n" + MADE.format(source="core/flow/table.py and the modules it names")
    text += (
        "What can be asked of a warehouse, over [a file](../how-to/execute-commands.md) or any other door: the same names, the same\n"
        "fields. A command is done completely or refused completely; a refusal is named and writes nothing. Fields are whole numbers\n"
        '(below 2^53) and texts, lists of these, and rows; a field with a default may be left out. `0` and `""` say "none".\n\n'
        "Whatever the command, `BadInput` names a field that is missing, unknown or of the wrong kind, `NotFound` a thing that is not\n"
        "there, and `KeyReused` an idempotency key that belongs to another command.\n"
    )
    modules: dict[str, list[tuple[type, Any]]] = {}
    for command, handler in HANDLERS.items():
        modules.setdefault(command.__module__, []).append((command, handler))
    rows: dict[str, type] = {}
    for name, here in modules.items():
        module = inspect.getmodule(here[0][0])
        text += f"\n## {name.rpartition('.')[2]}\n\n{first_line(module)}\n"
        for command, handler in here:
            text += f"\n### {command.__name__}\n\n{paragraphs(command)}\n\n{paragraphs(handler)}\n\n" + asked_fields(command, rows)
    text += "\n## Rows within commands\n"
    done: set[str] = set()
    while left := sorted(set(rows) - done):  # a row may name further rows
        for name in left:
            text += f"\n### {name}\n\n{paragraphs(rows[name])}\n\n" + asked_fields(rows[name], rows)
            done.add(name)
    return text


def asked_fields(cls: type, rows: dict[str, type]) -> str:
    """The fields of a command with kind, default and meaning; row types on the way go into `rows`."""
    meanings = {name: (meaning or "").replace("|", "\\|") for name, _, meaning in FIELD.findall(inspect.getsource(cls))}
    hints = get_type_hints(cls)
    made = []
    for name in cls._fields:
        default = cls._field_defaults.get(name)
        shown = "" if default is None else f"`{default!r}`".replace("'", '"')
        made.append((f"`{name}`", kind_of(hints[name], rows), shown, meanings.get(name, "")))
    return table(("field", "kind", "default", "meaning"), made)


def kind_of(kind: Any, rows: dict[str, type]) -> str:
    """A field's kind in words, with a link to the row type it names."""
    if kind in (int, str):
        return TYPES[kind.__name__]
    if get_origin(kind) is tuple:
        inner = get_args(kind)
        if len(inner) == 2 and inner[1] is Ellipsis:
            return f"list: {kind_of(inner[0], rows)}"
        return f"list of {len(inner)}: {', '.join(kind_of(each, rows) for each in inner)}"
    rows[kind.__name__] = kind
    return f"[{kind.__name__}](#{kind.__name__.lower()})"


def told_events() -> str:
    """Every event with its fields and the flows that tell it."""
    text = "# Events\n\n" + MADE.format(source="core/model/events.py")
    text += (
        "What the journal tells. A line of the journal is canonical JSON (sorted keys, no spaces, no floats, no nulls)\n"
        '`{"at_ms":…,"body":{…},"kind":"<name>","number":…,"schema":1}` with the fields below as body, and the head after it is\n'
        "SHA-256(head before ‖ line). [trace](../explain/trace.md) shows them in their places, [journal](../explain/journal.md)\n"
        "says who reads them.\n\n"
    )
    tellers = told_by()
    for name, event in vars(events).items():
        if inspect.isclass(event) and event.__module__ == events.__name__ and hasattr(event, "_fields"):
            modules = ", ".join(f"`{module}`" for module in tellers.get(name, ()))
            text += f"## {name}\n\nTold by {modules}.\n\n" + fields_of(event) + "\n"
    return text.rstrip("\n") + "\n"


def told_by() -> dict[str, list[str]]:
    """The modules of core.flow that tell each event."""
    found: dict[str, list[str]] = {}
    for path in sorted(Path(inspect.getfile(flow)).parent.glob("*.py")):
        for name in sorted(set(re.findall(r"\bevents\.([A-Z]\w+)\(", path.read_text(encoding="utf-8")))):
            found.setdefault(name, []).append(f"flow.{path.stem}")
    return found


def records() -> str:
    """Every record of the ledger with key, indexes, checks and fields."""
    text = "# Records\n\n" + MADE.format(source="the declarations in core/model")
    text += (
        'What the ledger stores. Fields are whole numbers (64 bits) and texts; there are no NULLs, `0` and `""` say "none".\n'
        "`version` counts the changes of a record: a writer that read an older one is turned away. An *append-only* record is never\n"
        "changed or deleted, the database itself refuses to. Checks hold after every command; the database holds them too.\n"
        "An index is an order in which records are found.\n\n"
    )
    for module in MODEL:
        here = [(record, told) for record, told in DECLARED.items() if record.__module__ == module.__name__]
        text += f"## {module.__name__.rpartition('.')[2]}\n\n{first_line(module)}\n\n"
        for record, told in here:
            text += f"### {record.__name__}\n\n{paragraphs(record)}\n\n"
            kind = "Append-only; table" if told.is_append_only else "Table"
            text += f"{kind} `{told.table}`, key {code_list(told.key)}.\n\n"
            if told.derived:
                text += f"Only moves of stock write {code_list(sorted(told.derived))}.\n\n"
            for check in told.checks:
                text += f"- check `{check}`\n"
            for name, (order, where, is_unique) in told.indexes.items():
                if name != "key":
                    own = [field for field in order if not (is_unique and field in told.key)]
                    only = f", of those with `{where}`" if where else ""
                    text += f"- {'unique ' if is_unique else ''}index `{name}`: {code_list(own)}{only}\n"
            text += "\n" * bool(told.checks or len(told.indexes) > 1) + fields_of(record) + "\n"
    return text.rstrip("\n") + "\n"


def fields_of(cls: type) -> str:
    """A table of the fields of a NamedTuple, with the comment behind each as its meaning."""
    body = inspect.getsource(cls).partition("NamedTuple):\n")[2]
    rows = [(f"`{name}`", TYPES.get(kind, f"`{kind}`"), (meaning or "").replace("|", "\\|")) for name, kind, meaning in FIELD.findall(body)]
    assert [row[0].strip("`") for row in rows] == list(cls._fields), f"{cls.__name__}: its source does not show its fields one a line"
    return table(("field", "kind", "meaning"), rows)


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)]) + "\n"


def paragraphs(thing: Any) -> str:
    return inspect.cleandoc(thing.__doc__)


def first_line(thing: Any) -> str:
    return paragraphs(thing).splitlines()[0]


def code_list(names: Any) -> str:
    return ", ".join(f"`{name}`" for name in names)


def and_list(names: list[str]) -> str:
    return " and ".join([", ".join(f"`{name}`" for name in names[:-1]), f"`{names[-1]}`"] if len(names) > 1 else [f"`{names[0]}`"])


if __name__ == "__main__":
    for name, text in pages().items():
        (REFERENCE / name).write_text(text, encoding="utf-8")
