"""`floorwise edge --config FILE`: one edge agent, on gateway hardware beside the shelves."""

from pathlib import Path
from typing import Annotated

import typer

from floorwise.cli.output import fail


def command(
    config: Annotated[Path, typer.Option("--config", "-c", help="TOML settings of this agent; edge/sample.toml shows every one.")],
    check: Annotated[bool, typer.Option("--check", help="Read the settings, say what is wrong with them, and leave.")] = False,
) -> None:
    """Run one edge agent: read devices, keep what they say safe, pass it on until the gateway has it."""
    from floorwise.edge.agent import load_drivers, run
    from floorwise.edge.settings import BadSettings, read_settings

    try:
        settings = read_settings(config)
        load_drivers(settings)
    except BadSettings as error:
        fail(str(error))
    if check:
        print(f"{config}: agent {settings.agent} is ready to start")
    else:
        run(settings)
