"""Order files of every format as one stream of drafts in the order of time, with an account of every row."""

import os
from collections.abc import Callable, Collection, Iterator
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

from floorwise.core.model.intake import LineDraft, OrderDraft, ReturnDraft, ReviewRow
from floorwise.gateway.channels import online_retail, order_csv
from floorwise.gateway.channels.catalogue import Catalogue, catalogue_for
from floorwise.gateway.channels.decoding import OrderFileError, check_readable, text_blocks
from floorwise.gateway.channels.fields import CURRENCY_DECIMALS, Row, RowFault, SiteTimes
from floorwise.gateway.channels.layouts import FORMATS, layout_of
from floorwise.gateway.channels.lines import TableRows
from floorwise.gateway.channels.order_jsonl import JsonRows

MAX_ROWS = 10_000_000  # in range: they are sorted in memory
MAX_ORDERS = 10_000_000  # order numbers remembered over the whole file
MAX_TEXT_CHARS = 200  # of a row to review
EVER = date.max.toordinal() + 1

Draft = OrderDraft | ReturnDraft | ReviewRow
OnProgress = Callable[[int, int, int], None]  # rows read so far, bytes of the file read so far, bytes of the file


class _Order:
    """An order while its rows come in; the first row with a customer or country speaks for all."""

    __slots__ = ("country", "currency", "customer", "lines", "placed_at_ms")

    def __init__(self, row: Row, at_ms: int):
        self.customer, self.country, self.currency = row.customer, row.country, row.currency
        self.placed_at_ms, self.lines = at_ms, []


def open_order_file(
    path: str | os.PathLike,
    format: str = "auto",
    from_date: date | None = None,
    days: int | None = None,
    zone: str = "Europe/London",
    catalogue: str | os.PathLike | None = None,
    *,
    currency: str = "GBP",
    units: Collection[str] = ("each",),
    demand_days: int = 0,
    on_progress: OnProgress | None = None,
) -> "OrderFile":
    """Check the file and its header; nothing but the first lines is read yet.

    from_date    first calendar day of the site that counts; None = the earliest day in the file
    days         number of calendar days from there; None = to the end
    zone         time zone of the site, IANA name: times without an offset are its wall clock
    catalogue    a list of SKUs; None = the sibling `<stem without _lines>_skus.csv[.gz]`, else the format's pattern
    currency     of csv and jsonl rows that do not say one;  units: those csv and jsonl rows may name
    demand_days  also sum up what was sold in so many days before `from_date` (`OrderFile.demand_before`)
    Raises OrderFileError, a one-line message, when nothing of it can be used.
    """
    if format not in FORMATS:
        raise OrderFileError(path, f"unknown format {format!r}; the formats are {', '.join(FORMATS)}")
    if days is not None and days < 1:
        raise OrderFileError(path, f"{days} days leave nothing to read; ask for one day or more")
    if currency not in CURRENCY_DECIMALS:
        raise OrderFileError(path, f"unknown currency {currency!r}; give an ISO 4217 code such as GBP")
    try:
        site_zone = ZoneInfo(zone)
    except (OSError, ValueError, LookupError):
        raise OrderFileError(path, f"unknown time zone {zone!r}; give an IANA name such as Europe/London") from None
    check_readable(path)
    layout = layout_of(path, format)
    pattern = online_retail.SKU_PATTERN if layout.format == "online-retail" else order_csv.SKU_PATTERN
    known = catalogue_for(path, pattern, catalogue)
    if layout.format == "online-retail":
        reader = online_retail.OnlineRetail(layout.columns, known)
    else:
        reader = order_csv.GenericOrders(layout.columns, known, currency, units)
    first_day = None if from_date is None else from_date.toordinal()
    return OrderFile(Path(path), layout, reader, site_zone, known, first_day, days, demand_days, on_progress)


def trailing_demand(
    path: str | os.PathLike, format: str, before_date: date, days: int = 28, zone: str = "Europe/London", **options
) -> dict[str, int]:
    """SKU -> units sold in the `days` calendar days before `before_date`, by SKU; one scan, rows to review left out."""
    file = open_order_file(path, format, before_date, 1, zone, demand_days=days, **options)
    for _ in file:
        pass
    return file.demand_before


class OrderFile:
    """Iterates as drafts by (placed_at_ms or at_ms, row); rows to review without a readable time come first, at 0.

    Every iteration reads the file anew. Its figures are complete before the first draft comes out, and then

        rows_read == rows_outside_range + lines_accepted + lines_returned + lines_review

    format, channel, source     "csv", the channel name of the drafts, the file name without its folder
    catalogue                   the SKUs that count as known, with their descriptions
    lines_accepted, orders      sale lines in order drafts, and how many drafts those are
    lines_returned, lines_review  return drafts and rows to review
    blank_lines                 empty lines: they are no rows
    demand_before               SKU -> units, when `demand_days` were asked for
    """

    def __init__(self, path, layout, reader, zone, catalogue, first_day, days, demand_days, on_progress):
        self.path, self.source = path, path.name
        self.format, self.channel = layout.format, layout.channel
        self.catalogue: Catalogue = catalogue
        self._layout, self._reader, self._on_progress = layout, reader, on_progress
        self._times = SiteTimes(layout.time, zone)
        self._first_day, self._days, self._demand_days = first_day, days, demand_days
        self._clear()

    def _clear(self) -> None:
        self.rows_read = self.rows_outside_range = self.blank_lines = 0
        self.lines_accepted = self.lines_returned = self.lines_review = self.orders = 0
        self.demand_before: dict[str, int] = {}
        self._drafts: list[tuple[int, int, Draft]] = []
        self._orders: dict[tuple[str, int], _Order] = {}
        self._day_of_order: dict[str, int] = {}

    def __iter__(self) -> Iterator[Draft]:
        self._clear()
        first = self._first_day
        if first is None:
            first = 0 if self._days is None else self._earliest_day()
        self._scan(first, EVER if self._days is None else first + self._days)
        self._close_orders()
        drafts, self._drafts = self._drafts, []
        drafts.sort(key=lambda draft: draft[:2])
        return (draft for _, _, draft in drafts)

    def _earliest_day(self) -> int:
        time_at, earliest = self._layout.columns.index(self._layout.time), EVER
        for fields, fault in self._rows():
            if fault is None:
                moment = self._times[fields[time_at]]
                if moment.fault is None and moment.day < earliest:
                    earliest = moment.day
        return earliest

    def _scan(self, first: int, end: int) -> None:
        """Give every row its one end; a row outside costs no more than its time and its order number."""
        columns = self._layout.columns
        time_at, order_at = columns.index(self._layout.time), columns.index(self._layout.order)
        times, days, outside = self._times, self._day_of_order, 0
        demand_from = first - self._demand_days
        rows = self._rows()
        for number, (fields, fault) in enumerate(rows, start=1):
            self.rows_read = number
            at_ms, day, bad_time = times[fields[time_at]] if time_at < len(fields) else (0, 0, fault)
            if bad_time is None:
                if fault is None:
                    reference = fields[order_at].strip()
                    if days.get(reference, EVER) > day:
                        days[reference] = day
                if not first <= day < end and not (fault and fault.reason in ("truncated_file", "damaged_file")):
                    outside += 1
                    if fault is None and demand_from <= day < first:
                        self._count_demand(fields)
                    continue
            try:
                if fault := fault or bad_time:
                    raise fault
                self._take(number, at_ms, day, self._reader.row(fields))
            except RowFault as fault:
                self._park(number, at_ms, fields, fault)
        self.rows_outside_range, self.blank_lines = outside, rows.blank_lines

    def _take(self, number: int, at_ms: int, day: int, row: Row) -> None:
        if row.is_return:
            draft = ReturnDraft(self.channel, row.reference, number, row.customer, row.sku, row.quantity, row.price_minor, at_ms)
            self._drafts.append((at_ms, number, draft))
            self.lines_returned += 1
        else:
            key = (row.reference, day)
            order = self._orders.get(key)
            if order is None:
                order = self._orders[key] = _Order(row, at_ms)
            else:
                _join(order, row, at_ms)
            order.lines.append(LineDraft(number, row.sku, row.quantity, row.unit, row.price_minor))
            self.lines_accepted += 1

    def _park(self, number: int, at_ms: int, fields: list[str], fault: RowFault) -> None:
        column, reason, text = fault.column, fault.reason, fault.text
        if tuple(field.strip().lower() for field in fields) == self._layout.columns:
            column, reason, text = "", "repeated_header", "a header line among the rows"
        elif column == "customer" and self.format != "online-retail":
            text = f"{len(text)} characters"  # a name may stand here: people's data goes no further than this
        shown = "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text[:MAX_TEXT_CHARS])
        text = (self._source_rows.where + shown)[:MAX_TEXT_CHARS]
        self._drafts.append((at_ms, number, ReviewRow(self.channel, self.source, number, column, reason, text, at_ms)))
        self.lines_review += 1

    def _close_orders(self) -> None:
        """Rows of one number and day are one order; on a later day the same number is another, `number@day`."""
        first_days = self._day_of_order
        for reference, day in self._orders:
            first_days[reference] = min(day, first_days.get(reference, EVER))
        for (reference, day), order in self._orders.items():
            if day != first_days[reference]:
                reference = f"{reference}@{date.fromordinal(day)}"
                while reference in first_days:
                    reference += "@"
            draft = OrderDraft(
                self.channel, reference, order.customer, order.country, order.currency, order.placed_at_ms, tuple(order.lines)
            )
            self._drafts.append((order.placed_at_ms, order.lines[0].row, draft))
        self.orders = len(self._orders)
        self._orders, self._day_of_order = {}, {}

    def _count_demand(self, fields: list[str]) -> None:
        try:
            row = self._reader.row(fields)
        except RowFault:
            return
        if not row.is_return:
            self.demand_before[row.sku] = self.demand_before.get(row.sku, 0) + row.quantity

    def _rows(self) -> TableRows | JsonRows:
        lines = self._lines()
        if self.format == "jsonl":
            self._source_rows = JsonRows(lines)
        else:
            next(line for line in lines if line.strip())  # the header, read when the file was opened
            self._source_rows = TableRows(lines, self._layout.delimiter, self._layout.columns)
        return self._source_rows

    def _lines(self) -> Iterator[str]:
        progress = self._on_progress
        for block in text_blocks(self.path, progress and (lambda done, size: progress(self.rows_read, done, size))):
            if len(self._drafts) + self.lines_accepted > MAX_ROWS:
                raise OrderFileError(self.path, f"more than {MAX_ROWS} rows in range; ask for fewer days (--from, --days)")
            if len(self._day_of_order) > MAX_ORDERS:
                raise OrderFileError(self.path, f"more than {MAX_ORDERS} order numbers; cut the file into smaller ones")
            yield from block


def _join(order: _Order, row: Row, at_ms: int) -> None:
    for column in ("customer", "country", "currency"):
        told, before = getattr(row, column), getattr(order, column)
        if told and told != before:
            if before:
                raise RowFault(column, "differs_from_order", told)
            setattr(order, column, told)
    order.placed_at_ms = min(order.placed_at_ms, at_ms)
