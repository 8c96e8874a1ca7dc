"""What every store does with rows outside its own file: bounds of a question, points of an answer, letters for conflicts."""

from collections.abc import Iterable, Iterator
from itertools import groupby

from floorwise.core.errors import BadInput
from floorwise.core.model.readings import Reading, encode_values
from floorwise.core.model.stored import PAYLOAD_KEPT, QUERY_POINTS, DeadLetter, Point, Span

CONFLICT = "same key, other content"


def conflict_letter(reading: Reading) -> DeadLetter:
    """Keep what was said under a key that is taken; its own time stands for the time it came."""
    payload = encode_values(reading.values).encode()[:PAYLOAD_KEPT]
    return DeadLetter(reading.ts, "", *reading.key, CONFLICT, payload)


def require_fit(from_ms: int, to_ms: int, step_ms: int) -> None:
    """Refuse a question whose answer would hold more than QUERY_POINTS steps, or none that makes sense."""
    if from_ms > to_ms or step_ms < 0:
        raise BadInput(f"readings from {from_ms} to {to_ms} in steps of {step_ms} ms make no sense")
    if step_ms and (to_ms - from_ms) // step_ms >= QUERY_POINTS:
        raise BadInput(f"{(to_ms - from_ms) // step_ms + 1} steps; at most {QUERY_POINTS}: take step_ms={fitting_step(from_ms, to_ms)}")


def fitting_step(from_ms: int, to_ms: int) -> int:
    """The smallest step that QUERY_POINTS of cover the time."""
    return (to_ms - from_ms) // QUERY_POINTS + 1


def spans(looks: list[tuple[int, float | str]], from_ms: int, step_ms: int) -> Iterator[Span]:
    """Looks in order of time as points: each by itself for step 0, else one a step that holds any."""
    if not step_ms:
        if len(looks) > QUERY_POINTS:
            step = fitting_step(looks[0][0], looks[-1][0])
            raise BadInput(f"more than {QUERY_POINTS} looks; ask for less time, or in steps (step_ms={step} fits)")
        yield from (_single(ts, value) for ts, value in looks)
        return
    for number, group in groupby(looks, key=lambda look: (look[0] - from_ms) // step_ms):
        inside = list(group)
        numbers = [value for _, value in inside if not isinstance(value, str)]
        if len(numbers) < len(inside):
            raise BadInput("texts have no mean: ask with step_ms=0")
        mean = sum(numbers) / len(numbers)
        yield Span(Point(from_ms + number * step_ms, mean, min(numbers), max(numbers), len(numbers)), inside[0][0], inside[-1][0])


def singles(looks: Iterable[tuple[int, float | str]]) -> list[Span]:
    """Each look as a point of its own."""
    return [_single(ts, value) for ts, value in looks]


def _single(ts: int, value: float | str) -> Span:
    number = 0.0 if isinstance(value, str) else value
    return Span(Point(ts, value, number, number, 1), ts, ts)
