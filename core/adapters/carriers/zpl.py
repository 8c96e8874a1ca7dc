"""A label as ZPL II, the language of Zebra printers and of most others; plain ASCII, so no link on the way can harm it."""

from collections.abc import Iterable

from floorwise.core.adapters.carriers.label_layout import HEIGHT, MARGIN, WIDTH, Bars, Rule, Text

# In a ^BC field (mode N): start in set C (digit pairs) or B (letters), go from B to C, and FNC1, which makes it GS1-128.
START_C, START_B, B_TO_C, FNC1 = ">;", ">:", ">5", ">8"


def render(parts: Iterable[Text | Rule | Bars], mark: str) -> str:
    """Return the label; `mark` stands in a comment and tells whose label it is. Comments before fields name them."""
    lines = [f"^XA^FX {mark}^FS", f"^CI28^PW{WIDTH}^LL{HEIGHT}^LH0,0"]  # ^CI28: escaped bytes are UTF-8
    return "\n".join([*lines, *map(_field, parts), "^PQ1^XZ", ""])


def _field(part: Text | Rule | Bars) -> str:
    match part:
        case Text(name, x, y, size, text):
            return f"^FX {name}^FS^FO{x},{y}^A0N,{size},{size}^FH^FD{escape(text)}^FS"
        case Rule(y, thickness):
            return f"^FO{MARGIN},{y}^GB{WIDTH - 2 * MARGIN},0,{thickness}^FS"
        case Bars(name, x, y, module, height, data, is_gs1):
            code = START_C + FNC1 + data if is_gs1 else START_B + data[:2] + B_TO_C + data[2:]
            return f"^FX {name} bars^FS^FO{x},{y}^BY{module}^BCN,{height},N,N,N,N^FD{code}^FS"


def escape(text: str) -> str:
    """Return `text` for a field that ^FH opened: what ZPL could take for a command, or is not ASCII, as _hex bytes."""
    return "".join(chr(byte) if 0x20 <= byte < 0x7F and byte not in b"^~_\\" else f"_{byte:02X}" for byte in text.encode())
