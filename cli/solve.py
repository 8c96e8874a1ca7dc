"""`floorwise solve FILE`: one picking problem, solved, bounded, re-checked, and drawn on request."""

from pathlib import Path
from typing import Annotated

import typer

from floorwise.cli.output import STOPPED, Json, complain, fail, note, result


def command(
    file: Annotated[Path, typer.Argument(help="Hessler–Irnich text, a Zalando folder, or floorwise JSON.")],
    format_name: Annotated[str, typer.Option("--format", help="auto, hessler-irnich, zalando or floorwise.")] = "auto",
    blocks: Annotated[int, typer.Option(min=1, max=2, help="Hessler–Irnich files: walk with 1 block, or 2 by a middle cross-aisle.")] = 1,
    seconds: Annotated[float, typer.Option(min=0.0, help="How long to go on looking for a better plan, or for a proof.")] = 10.0,
    seed: Annotated[int, typer.Option(help="Seed of the search.")] = 0,
    svg: Annotated[Path | None, typer.Option(help="Write a drawing of the tours to this file.")] = None,
    as_json: Json = False,
) -> None:
    """Find short picking tours for one instance; say how far from the best they can be at most.

    Ctrl-C ends the search early, with the best plan so far and exit code 130.
    """
    from floorwise.cli.solve_watch import Watch
    from floorwise.optimizer.formats import detect
    from floorwise.optimizer.formats.errors import FormatError
    from floorwise.optimizer.layout import LayoutError
    from floorwise.optimizer.solving import NoPlan, solve_file

    try:
        if svg is not None and not svg.absolute().parent.is_dir():
            fail(f"--svg {svg}: there is no folder {svg.parent}")
        if svg is not None and (detect.detect(file) if format_name == "auto" else format_name) == detect.ZALANDO:
            fail(f"{file.name}: Zalando folders are not drawn", "leave --svg out")
        with Watch(seconds) as watch:
            answer = solve_file(file, format_name, blocks, seconds, seed, watch.told)
    except NoPlan as error:
        if watch.is_stopped:
            complain(f"{file.name}: stopped before there was a plan: {error}")
            raise typer.Exit(STOPPED) from None
        complain(f"{file.name}: no feasible plan: {error}")
        raise typer.Exit(1) from None
    except (FormatError, LayoutError) as error:
        fail(f"{file.name}: {error}" if file.name not in str(error) else str(error))
    found = {
        "objective": _number(answer.objective),
        "lower_bound": _number(answer.lower_bound),
        "gap": answer.gap,
        "proven": answer.proven,
        "seconds": round(answer.seconds, 3),
        "unit": answer.unit,
        "method": answer.method,
        "checked": not answer.wrong,
        "stopped": watch.is_stopped,
        "tours": [_tour(answer, walk) for walk in answer.tours],
    }
    for tour, shift in zip(found["tours"], answer.schedule, strict=False):
        tour |= {"picker": shift.picker, "begin_ms": shift.begin_ms, "end_ms": shift.end_ms, "lost_ms": shift.lost_ms}
    if svg is not None:
        from floorwise.optimizer.drawing import svg as draw

        svg.write_text(draw(answer.floor, answer.drawn, f"{file.name}: {found['objective']:,} {answer.unit}"), encoding="utf-8")
        found["svg"] = str(svg)
        note(f"drawn to {svg}")
    for objection in answer.wrong:
        complain(f"{file.name}: the check objects: {objection}")
    result(found, as_json, None if as_json else _words(found))
    if answer.wrong:
        raise typer.Exit(1)
    if watch.is_stopped:
        raise typer.Exit(STOPPED)


def _tour(answer, walk) -> dict:
    """One tour by the numbers an outsider recomputes it from, and by the names of the file."""
    return {
        "orders": walk.orders,
        "stops": walk.stops,
        "length": _number(walk.length),
        "order_names": [answer.order_names[n] if answer.order_names else str(n) for n in walk.orders],
        "stop_names": [answer.stop_name(n) for n in walk.stops],
    }


def _number(value: float) -> int | float:
    return int(value) if value == int(value) else value


def _words(found: dict) -> str:
    tours, unit = found["tours"], found["unit"]
    proof = "proven best" if found["proven"] else f"at most {found['gap']:.2%} above the best"
    if not found["proven"] and not found["lower_bound"]:
        proof = "no bound"
    lines = [
        f"{found['objective']:,} {unit} in {len(tours)} tour{'s' if len(tours) != 1 else ''}, {proof}",
        f"lower bound {found['lower_bound']:,}, gap {found['gap']:.2%}, {found['seconds']} s, {found['method']}",
    ]
    for number, tour in enumerate(tours, start=1):
        who = f", {tour['picker']} from {tour['begin_ms'] / 1000:,.0f} to {tour['end_ms'] / 1000:,.0f} s" if "picker" in tour else ""
        orders = f"order{'s' if len(tour['orders']) != 1 else ''} {', '.join(tour['order_names'])}"
        lines += [f"tour {number}: {tour['length']:,}{who}, {orders}", f"    {' → '.join(tour['stop_names'])}"]
    return "\n".join(lines)
