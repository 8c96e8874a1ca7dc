"""`floorwise up`: the live gateway, without synthetic people."""

from pathlib import Path
from typing import Annotated

import typer

from floorwise.cli.output import Json, fail, result


def command(
    config: Annotated[Path | None, typer.Option("--config", "-c", help="TOML file of settings; see docs/reference/settings.md.")] = None,
    data: Annotated[Path | None, typer.Option("--data", "-d", help="Data directory.")] = None,
    host: Annotated[str | None, typer.Option("--host", help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option("--port", "-p", help="Port to listen on; 0 = any that is free.")] = None,
    broker: Annotated[str | None, typer.Option("--broker", help="auto, embedded, mosquitto, mqtt://host:port, or none.")] = None,
    speed: Annotated[float | None, typer.Option("--speed", help="Floor time a wall time.")] = None,
    epoch: Annotated[str | None, typer.Option("--epoch", help="ISO 8601 moment at which a new floor begins.")] = None,
    print_config: Annotated[bool, typer.Option("--print-config", help="Show every setting with its source, and leave.")] = False,
    as_json: Json = False,
) -> None:
    """Run the gateway: orders, stock, tours and shipments over HTTP, devices over MQTT. Stop it with Ctrl-C."""
    import asyncio

    from floorwise.gateway.settings import BadSettings, read_settings, shown

    try:
        sourced = read_settings(config, data=data, host=host, port=port, broker=broker, speed=speed, epoch=epoch)
    except BadSettings as error:
        fail(str(error))
    if print_config:
        rows = shown(sourced)
        width = max(len(name) for name, _, _ in rows), max(len(value) for _, value, _ in rows)
        text = "\n".join(f"{name:<{width[0]}}  {value:<{width[1]}}  {source}" for name, value, source in rows)
        result({name: {"value": value, "source": source} for name, value, source in rows}, as_json, text)
        return

    from floorwise.gateway.live import serve
    from floorwise.gateway.logs import to_stderr

    to_stderr(sourced.settings.log)
    asyncio.run(serve(sourced.settings))
