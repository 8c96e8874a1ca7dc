"""The same label as a picture that any browser shows and any office printer prints in true size."""

from collections.abc import Iterable
from itertools import groupby
from xml.sax.saxutils import escape

from barcode.codex import Code128, Gs1_128

from floorwise.core.adapters.carriers.label_layout import HEIGHT, MARGIN, WIDTH, Bars, Rule, Text

DOTS_PER_MM = 8


def render(parts: Iterable[Text | Rule | Bars]) -> str:
    """Return the label as SVG, one unit a printer dot; bars are whole units wide, so they stay sharp."""
    size = f'width="{WIDTH / DOTS_PER_MM}mm" height="{HEIGHT / DOTS_PER_MM}mm" viewBox="0 0 {WIDTH} {HEIGHT}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="Helvetica, Arial, sans-serif">'
    ground = f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>'
    return "\n".join([head, ground, *map(_element, parts), "</svg>", ""])


def _element(part: Text | Rule | Bars) -> str:
    match part:
        case Text(name, x, y, size, text):
            shown = escape("".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text))
            # SVG places text by its base line, about 0.8 of the letter's height below its top
            return f'<text class="{name}" x="{x}" y="{y + size * 4 // 5}" font-size="{size}">{shown}</text>'
        case Rule(y, thickness):
            return f'<rect x="{MARGIN}" y="{y}" width="{WIDTH - 2 * MARGIN}" height="{thickness}"/>'
        case Bars(name, x, y, module, height, data, is_gs1):
            return f'<path class="{name}-bars" d="{_path(x, y, module, height, (Gs1_128 if is_gs1 else Code128)(data).build()[0])}"/>'


def _path(x: int, y: int, module: int, height: int, modules: str) -> str:
    """Return the bars as one path: a rectangle for each run of dark modules ("1")."""
    rectangles = []
    for dark, run in groupby(modules):
        width = module * len(list(run))
        if dark == "1":
            rectangles.append(f"M{x} {y}h{width}v{height}h-{width}z")
        x += width
    return "".join(rectangles)
