"""What the documents promise exists: commands, options, settings, links, words; and nothing in the repository names a private place."""

import importlib
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from floorwise.cli.main import COMMANDS

OWN_WORDS = {"test"}  # handled by the run script itself
# Settings read from the environment, wherever code or script reads them; a document may name no other FLOORWISE_ word.
SETTING = re.compile(r"\bFLOORWISE_[A-Z_]+\b")
# Private places: home and work directories, temporary files of a machine, addresses of package indexes.
PRIVATE = re.compile(
    r"(?<![\w.])/(?:work|root|opt/pypi|home/\w+)/|(?:https?://)?\b(?:pypi\.org|files\.pythonhosted\.org|test\.pypi\.org)\b"
)
PRIVATE_SUFFIXES = {".py", ".md", ".toml", ".yml", ".yaml", ".lock", ".sh", ".txt", ".json", ".service", ".conf", ".h", ".js", ".html", ""}


def tracked(repository: Path) -> list[Path]:
    listed = subprocess.run(["git", "-C", str(repository), "ls-files", "-z"], capture_output=True, check=True, text=True).stdout
    return [repository / name for name in listed.split("\0") if name and (repository / name).is_file()]


def documents(repository: Path) -> list[Path]:
    return [repository / "README.md", *sorted((repository / "docs").rglob("*.md"))]


def commands_in(text: str) -> Iterator[list[str]]:
    """Yield the words of every `./run …` in `text`: in back quotes to the closing one, in a code block to the end of the line."""
    for found in re.finditer(r"`\./run ([^`\n]+)`|^\s*(?:\$ )?\./run ([^\n`#|]+)", text, flags=re.MULTILINE):
        words = (found[1] or found[2]).split(" #")[0].split()
        if words and re.fullmatch(r"[a-z-]+", words[0]):
            yield words


def accepted(words: list[str]) -> list[str]:
    """Return what `floorwise` would not know of these words: a command, a word below it, an option."""
    if words[0] in OWN_WORDS:
        return []
    if words[0] not in COMMANDS:
        return [words[0]]
    module = importlib.import_module(COMMANDS[words[0]].module)
    app = getattr(module, "app", None)
    if app is None:
        app = typer.Typer(add_completion=False)
        app.command()(module.command)
    command = typer.main.get_command(app)
    rest = words[1:]
    if hasattr(command, "commands"):
        if not rest or rest[0] not in command.commands:
            return [] if not rest or not re.fullmatch(r"[a-z-]+", rest[0]) else [rest[0]]
        command, rest = command.commands[rest[0]], rest[1:]
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)} | {"--help"}
    given = re.findall(r"(?<![\w-])--[a-z][a-z-]*", " ".join(rest))
    return [option for option in given if option not in known]


def test_every_command_in_the_documents_is_one_that_exists(repository):
    unknown = [
        f"{path.relative_to(repository)}: ./run {' '.join(words)}: {', '.join(missing)}"
        for path in documents(repository)
        for words in commands_in(path.read_text(encoding="utf-8"))
        if (missing := accepted(words))
    ]
    assert unknown == []


def test_every_setting_in_the_documents_is_one_that_something_reads(repository):
    sources = [path for path in tracked(repository) if path.suffix in (".py", ".sh") or path.name == "run"]
    read = {name for path in sources for name in SETTING.findall(path.read_text(encoding="utf-8"))}
    named = {(path, name) for path in documents(repository) for name in SETTING.findall(path.read_text(encoding="utf-8"))}
    assert sorted(f"{path.relative_to(repository)}: {name}" for path, name in named if name not in read) == []


def test_every_link_between_documents_leads_somewhere(repository):
    broken = []
    for path in documents(repository):
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8")):
            if not re.match(r"[a-z]+:", target) and not (path.parent / target).exists():
                broken.append(f"{path.relative_to(repository)}: {target}")
    assert broken == []


def test_every_picture_that_the_readme_shows_is_there(repository):
    text = (repository / "README.md").read_text(encoding="utf-8")
    pictures = re.findall(r"!\[[^\]]*\]\(([^)]+)\)|<img[^>]+src=\"([^\"]+)\"", text)
    assert pictures
    assert [name for found in pictures for name in found if name and not (repository / name).is_file()] == []


def test_the_map_of_the_readme_names_every_room(repository):
    text = (repository / "README.md").read_text(encoding="utf-8")
    rooms = [path.name for path in sorted(repository.iterdir()) if (path / "__init__.py").is_file()]
    assert rooms == ["cli", "core", "edge", "gateway", "optimizer", "sim"]
    assert [room for room in rooms if f"| `{room}/` |" not in text] == []


def test_the_index_of_decisions_is_complete(repository):
    folder = repository / "docs/decisions"
    index = (folder / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in sorted(folder.glob("0*.md")) if f"({path.name})" not in index] == []


def test_the_glossary_has_one_line_a_word_in_order(repository):
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", (repository / "docs/glossary.md").read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    words = [word for word, meaning in rows if not word.startswith("--")]
    assert len(words) == len(set(words)) > 60
    assert words == sorted(words, key=str.lower)


def test_the_table_of_parts_is_that_of_pyproject(repository):
    import tomllib

    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))
    groups = {"edge": project["project"]["dependencies"], **project["project"]["optional-dependencies"]}
    groups |= {name: lines for name, lines in project["dependency-groups"].items() if name != "yardsticks"}
    text = (repository / "docs/decisions/0007-parts-and-their-licences.md").read_text(encoding="utf-8")
    missing = []
    for group, lines in groups.items():
        for line in lines:
            name, span = re.fullmatch(r"([\w.-]+)(.*)", line).groups()
            if name != "floorwise" and f"| {name} | {span} | {group} |" not in text:
                missing.append(f"{name} {span} ({group})")
    assert missing == []


def test_no_tracked_file_names_a_private_place(repository):
    named = []
    for path in tracked(repository):
        if path.suffix not in PRIVATE_SUFFIXES or path == Path(__file__).resolve():
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            if found := PRIVATE.search(line):
                named.append(f"{path.relative_to(repository)}:{number}: {found[0]}")
    assert named == []


@pytest.mark.parametrize("line", ["see /work/x/data", "in /root/.cache", "https://pypi.org/simple", "from /home/anna/floor"])
def test_a_private_place_is_recognised(line):
    assert PRIVATE.search(line)


@pytest.mark.parametrize("line", ["a unit of work/hour", "docs.python.org", "/var/lib/floorwise", "../shared/data", "the root/leaf"])
def test_a_public_place_is_left_alone(line):
    assert not PRIVATE.search(line)


def test_a_command_that_does_not_exist_is_found_and_named():
    text = "Use `./run fly --high` or\n\n```\n./run edge --config box.toml --loud   # comment\n```\n"
    assert [accepted(words) for words in commands_in(text)] == [["fly"], ["--loud"]]
