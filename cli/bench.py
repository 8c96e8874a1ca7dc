"""`floorwise bench NAME`: one benchmark of the checkout's benchmarks/ folder, beside its yardstick."""

from pathlib import Path
from typing import Annotated

import typer

from floorwise.cli.output import Json, fail, result

FOLDER = "benchmarks"  # at the root of a checkout; an installed wheel has none


def command(
    name: Annotated[str, typer.Argument(help="Name of a benchmark; without a name: tell which there are.")] = "",
    option: Annotated[list[str] | None, typer.Option("--option", "-o", help="KEY=VALUE, given to the benchmark; may repeat.")] = None,
    as_json: Json = False,
) -> None:
    """Run one named benchmark: its figures, those of a yardstick in the same run, and the ratio."""
    folder = Path(__file__).resolve().parents[1] / FOLDER
    if not folder.is_dir():
        fail(f"there is no {folder}: benchmarks come with a checkout of the source, not with an installed package")
    there = {path.stem: path for path in sorted(folder.glob("*.py")) if not path.stem.startswith("_")}
    if not name:
        result({"benchmarks": sorted(there)}, as_json)
        return
    if name not in there:
        fail(f"benchmark {name!r} is unknown; there are {', '.join(there) or 'none'}")
    figures = _load(there[name]).run(**_options(option or []))
    result(figures, as_json)


def _load(path: Path):
    """The module at `path`, imported by its place: benchmarks/ is no package. Its folder is importable meanwhile, for what it shares."""
    import importlib.util
    import sys

    sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location(f"floorwise_benchmark_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def _options(words: list[str]) -> dict[str, int | str]:
    options: dict[str, int | str] = {}
    for word in words:
        key, sign, value = word.partition("=")
        if not sign or not key.isidentifier():
            fail(f"--option {word!r} is not KEY=VALUE")
        options[key] = int(value) if value.lstrip("-").isdigit() else value
    return options
