"""`floorwise twin`: the digital twin of a floor."""

from pathlib import Path
from typing import Annotated, Any

import typer

from floorwise.cli.identity import claim, digest, finish
from floorwise.cli.output import Json, fail, note, progress, result

app = typer.Typer(no_args_is_help=True, help="Rehearse a day on a floor that does not exist yet.")

MOST_REPLICATIONS = 10_000
IDENTITY = "twin.json"


@app.callback()
def _group() -> None:
    """The digital twin: the real order and planning code on a simulated clock."""


@app.command("run")
def run(
    scenario: Annotated[str, typer.Argument(help="A scenario's name (see `twin list`) or a .toml file.")],
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same day, to the last event.")] = 1,
    replications: Annotated[int, typer.Option(min=1, max=MOST_REPLICATIONS, help="Days with seeds seed, seed+1, …; gives intervals.")] = 1,
    engine: Annotated[str, typer.Option(help="simpy: the real order and planning code.")] = "simpy",
    workers: Annotated[int, typer.Option(min=1, help="Processes that share the replications.")] = 1,
    data: Annotated[Path | None, typer.Option(help="Keep the ledger there, in a file; an interrupted run goes on with it.")] = None,
    report: Annotated[Path | None, typer.Option(help="Make pictures of the day there: floor heat map, orders over time.")] = None,
    as_json: Json = False,
) -> None:
    """Run a day from opening stock to the last refund, and tell its figures.

    The journal head is the fingerprint of everything that happened: the same scenario and seed give the same head on every
    machine, with the ledger in memory or in a file.
    """
    from floorwise.sim.replications import Job, summary
    from floorwise.sim.replications import run as run_jobs
    from floorwise.sim.scenario import load

    if engine != "simpy":
        fail(f"--engine {engine}: the engine of this version is simpy")
    if replications > 1 and (data or report):
        fail("--data and --report show one day; leave --replications away")
    wanted = load(scenario)
    if data:
        claim(data, IDENTITY, {"scenario": wanted.name, "content": digest(wanted), "seed": seed})
    jobs = [Job(wanted, seed + n, data, report) for n in range(replications)]
    with progress(f"twin {wanted.name}", replications if replications > 1 else None, "days" if replications > 1 else "steps") as bar:
        days = list(run_jobs(jobs, workers, bar.reach if replications == 1 else None, bar.advance if replications > 1 else None))
    if data:
        finish(data, IDENTITY)
    figures = {"scenario": wanted.name, "seed": seed, "engine": engine, "replications": replications, **summary(days)}
    result(figures, as_json, None if as_json else _text(figures, report))


@app.command("list")
def list_scenarios(as_json: Json = False) -> None:
    """Name the scenarios that come with floorwise."""
    from floorwise.sim.scenario import known, load

    told = {name: f"{load(name).demand.orders:,} orders a day, {load(name).people.pickers} pickers" for name in known()}
    result({"scenarios": told}, as_json, None if as_json else "\n".join(f"{name}  {what}" for name, what in told.items()))


def _text(figures: dict[str, Any], report: Path | None) -> str:
    """The figures in the words of the floor."""
    people = ", ".join(f"{name} {share:.0%}" for name, share in figures["utilisation"].items())
    rows = [
        ("scenario", f"{figures['scenario']}, seed {figures['seed']}"),
        ("orders", f"{figures['orders']:,} with {figures['lines']:,} lines"),
        ("on their truck", f"{figures['on_time_share']:.1%}"),
        ("order to truck", f"{figures['cycle_mean_s'] / 3600:.1f} h mean, {figures['cycle_p95_s'] / 3600:.1f} h for 95 of 100"),
        ("throughput", f"{figures['throughput_lines_h']:,.0f} lines an hour of shift"),
        ("walked", f"{figures['walked_km']:,.1f} km"),
        ("plans", f"{figures['plans']:,} with {figures['planned_km']:,.1f} km, at least {figures['bound_km']:,.1f} for any plan: "
         f"gap {figures['plan_gap']:.1%}; {figures['fallback_tours']:,} tours fell back to an S"),
        ("people busy", f"{people}; {figures['bottleneck']} are the bottleneck"),
        ("journal head", figures["journal_head"]),
        ("took", f"{figures['seconds']:.1f} s"),
    ]
    for name, (low, high) in sorted(figures["ci"].items()):
        rows.append((f"95 % of {name}", f"{low:,.4g} to {high:,.4g}"))
    if report:
        rows.append(("pictures", f"{report}/floor.png, {report}/orders.png"))
    elif figures["replications"] == 1:
        note(f"see the day: ./run twin run {figures['scenario']} --seed {figures['seed']} --report reports")
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in rows)
