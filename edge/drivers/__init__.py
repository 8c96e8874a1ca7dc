"""Where readings come from: one folder a driver, each with a sample.toml and a README.

A driver is a module `floorwise.edge.drivers.<name>` with `async def run(site: Site, device: str, options: dict) -> None` that runs
until it is cancelled. What it raises ends that driver, is logged, and leaves the others running.
"""
