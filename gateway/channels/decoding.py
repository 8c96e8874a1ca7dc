"""The text lines of an order file, whatever it is wrapped in and however badly it is torn.

Plain or gzip (told by the first bytes, not by the name), UTF-8 with or without a byte order mark, UTF-16 and UTF-32
with one. A line that cannot be trusted comes out as a `DamagedLine` in its place and the lines after it go on.
"""

import codecs
import os
import stat
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

CHUNK_BYTES = 1 << 18
MAX_INFLATED_BYTES = 1 << 20  # of one step: a small gzip may unpack to gigabytes
MAX_LINE_BYTES = 1 << 20  # a JSON order of about 10,000 lines
SHOWN_CHARS = 200  # of a damaged line

GZIP_MAGIC = b"\x1f\x8b"
BYTE_ORDER_MARKS = (  # the longer first: UTF-32 LE begins with the mark of UTF-16 LE
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
NOT_TEXT = (
    (b"PK\x03\x04", "a zip archive or an Excel workbook"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"PAR1", "a Parquet file"),
    (b"SQLite format 3", "an SQLite database"),
    (b"%PDF", "a PDF"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive"),
)

Progress = Callable[[int, int], None]  # bytes of the file read so far, bytes of the file


class OrderFileError(ValueError):
    """Nothing of the file can be used; the text is one line: the path, what is wrong, the way out."""

    def __init__(self, path: str | os.PathLike, problem: str):
        shown = str(path).encode("unicode_escape").decode()  # a name may hold line breaks or escape sequences
        super().__init__(f"{shown}: {problem}")


class DamagedLine(str):
    """What can be shown of a line that must not be used; `reason` is one of intake.REASONS, `raw` its bytes."""

    reason: str
    raw: bytes


class _Torn(Exception):
    """The compressed data ends or breaks here."""

    def __init__(self, reason: str):
        self.reason = reason


def check_readable(path: str | os.PathLike) -> None:
    """Raise OrderFileError unless `path` is a file with bytes in it that do not say they are something else."""
    try:
        status = os.stat(path)
        if stat.S_ISDIR(status.st_mode):
            raise OrderFileError(path, "is a directory; name one order file in it")
        if not stat.S_ISREG(status.st_mode):
            raise OrderFileError(path, "is not a regular file; save the orders to a file first, it is read more than once")
        if status.st_size == 0:
            raise OrderFileError(path, "is empty; export the orders again")
        with open(path, "rb") as file:
            head = file.read(16)
    except OrderFileError:
        raise
    except FileNotFoundError:
        raise OrderFileError(path, "no such file; give the path of an order file (CSV or JSON lines, plain or .gz)") from None
    except (OSError, ValueError) as error:
        raise OrderFileError(path, f"cannot be read ({getattr(error, 'strerror', None) or error}); check the path and its rights") from None
    for magic, kind in NOT_TEXT:
        if head.startswith(magic):
            raise OrderFileError(path, f"is {kind}, not a table of text; export the orders as CSV or JSON lines")


def text_blocks(path: str | os.PathLike, progress: Progress | None = None) -> Iterator[list[str]]:
    """Yield the lines of the file without their ends, some thousands at a time.

    A `DamagedLine` stands where a line is not text (`wrong_encoding`, also a NUL), longer than MAX_LINE_BYTES
    (`line_too_long`), or where compressed data ends early (`truncated_file`) or breaks (`damaged_file`); such a
    break is always the last line, even when nothing of it can be shown.
    """
    pieces = _line_feeds(_as_utf8(_pieces(Path(path), progress)))
    tail, long_head = b"", None
    try:
        for piece in pieces:
            if long_head is not None:  # inside a line that is too long: drop it up to its end
                end = piece.find(b"\n")
                if end < 0:
                    continue
                yield [_damaged(long_head, "line_too_long")]
                piece, long_head = piece[end + 1 :], None
            data = tail + piece
            end = data.rfind(b"\n")
            tail = data[end + 1 :]
            if end >= 0:
                yield _lines(data[:end])
            if len(tail) > MAX_LINE_BYTES:
                tail, long_head = b"", tail[: 4 * SHOWN_CHARS]
    except _Torn as torn:
        yield [_damaged(tail if long_head is None else long_head, torn.reason)]
        return
    except OSError as error:
        raise OrderFileError(path, f"reading stopped ({error.strerror}); check the disk and try again") from None
    if long_head is not None:
        yield [_damaged(long_head, "line_too_long")]
    elif tail:
        yield _lines(tail)


def _lines(data: bytes) -> list[str]:
    try:
        text = data.decode()
        if "\0" not in text:
            if "\r" in text:
                text = text.replace("\r\n", "\n").removesuffix("\r")
            lines = text.split("\n")
            if len(max(lines, key=len)) <= MAX_LINE_BYTES // 4:  # a character is at most four bytes
                return lines
    except UnicodeDecodeError:
        pass
    return [_line(raw.removesuffix(b"\r")) for raw in data.split(b"\n")]


def _line(raw: bytes) -> str:
    if len(raw) > MAX_LINE_BYTES:
        return _damaged(raw[: 4 * SHOWN_CHARS], "line_too_long")
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return _damaged(raw, "wrong_encoding")
    return _damaged(raw, "wrong_encoding") if "\0" in text else text


def _damaged(raw: bytes, reason: str) -> DamagedLine:
    line = DamagedLine(raw.decode("utf-8", "backslashreplace").replace("\0", r"\x00"))
    line.reason, line.raw = reason, raw
    return line


def _line_feeds(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Old Macintosh exports end lines with a lone carriage return: told by a first piece that has no line feed."""
    first = next(pieces, b"")
    bare = b"\r" in first and b"\n" not in first
    yield first.replace(b"\r", b"\n") if bare else first
    for piece in pieces:
        yield piece.replace(b"\r", b"\n") if bare else piece


def _as_utf8(pieces: Iterator[bytes]) -> Iterator[bytes]:
    first, pieces = _with_first_bytes(pieces)
    mark, encoding = next((known for known in BYTE_ORDER_MARKS if first.startswith(known[0])), (b"", "utf-8"))
    first = first[len(mark) :]
    if encoding == "utf-8":
        yield first
        yield from pieces
        return
    # Half a surrogate pair passes through as bytes that are not UTF-8, so its line is parked and no other.
    decoder = codecs.getincrementaldecoder(encoding)("surrogatepass")
    try:
        yield decoder.decode(first).encode("utf-8", "surrogatepass")
        for piece in pieces:
            yield decoder.decode(piece).encode("utf-8", "surrogatepass")
        yield decoder.decode(b"", final=True).encode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        raise _Torn("damaged_file") from None


def _with_first_bytes(pieces: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """As many pieces as the longest byte order mark needs, and the others; a break so early comes with the others."""
    first, broken = b"", []
    try:
        while len(first) < 4 and (piece := next(pieces, None)) is not None:
            first += piece
    except _Torn as torn:
        broken.append(torn)

    def others() -> Iterator[bytes]:
        if broken:
            raise broken[0]
        yield from pieces

    return first, others()


def _pieces(path: Path, progress: Progress | None) -> Iterator[bytes]:
    with path.open("rb") as file:
        size, done = os.fstat(file.fileno()).st_size, 0
        inflate = None
        while chunk := file.read(CHUNK_BYTES):
            if done == 0 and chunk.startswith(GZIP_MAGIC):
                inflate = _Gunzip()
            done += len(chunk)
            if inflate:
                yield from inflate.feed(chunk)
            else:
                yield chunk
            if progress:
                progress(done, size)
        if inflate:
            yield inflate.rest()
            if not inflate.is_complete:
                raise _Torn("truncated_file")


class _Gunzip:
    """gzip members one after the other; hands out every byte that can be had before it raises `_Torn`."""

    def __init__(self):
        self._member = zlib.decompressobj(wbits=31)
        self._begun = False

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        while chunk:
            if not self._begun:
                chunk = chunk.lstrip(b"\0")  # tape and block padding between and after members
                if not chunk:
                    return
            self._begun = True
            before = self._member.copy()
            try:
                piece = self._member.decompress(chunk, MAX_INFLATED_BYTES)
            except zlib.error:
                yield _last_bytes(before, chunk)
                raise _Torn("damaged_file") from None
            yield piece
            chunk = self._member.unconsumed_tail
            if self._member.eof:
                chunk = self._member.unused_data
                self._member, self._begun = zlib.decompressobj(wbits=31), False

    def rest(self) -> bytes:
        """What was unpacked behind the last byte of input; `is_complete` tells the truth only after this."""
        return self._member.flush()

    @property
    def is_complete(self) -> bool:
        return self._member.eof or not self._begun


def _last_bytes(member, chunk: bytes) -> bytes:
    """A failing call keeps what it had unpacked: the same bytes again, one by one, up to the one that fails."""
    saved = []
    for at in range(len(chunk)):
        try:
            saved.append(member.decompress(chunk[at : at + 1]))
        except zlib.error:
            break
    return b"".join(saved)
