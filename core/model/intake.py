"""What a channel hands to the order flows: drafts in canonical form, and rows that a person must look at.

Every row of an order file ends as exactly one of: a line of an `OrderDraft`, a `ReturnDraft`, a `ReviewRow`,
or a row outside the range asked for. Times are UTC milliseconds, money is minor units of `currency`.
"""

from typing import NamedTuple


class LineDraft(NamedTuple):
    """One requested line; `row` is its number in the source (1 = first data row), so equal rows stay two lines."""

    row: int
    sku: str
    quantity: int  # in `unit`
    unit: str  # "each" is the smallest stock unit of every SKU
    price_minor: int  # for one `unit`


class OrderDraft(NamedTuple):
    """An order as a channel understood it; (channel, reference) is its identity for ever."""

    channel: str
    reference: str
    customer: str  # a pseudonym; names and addresses never come this far
    country: str
    currency: str
    placed_at_ms: int
    lines: tuple[LineDraft, ...]


class ReturnDraft(NamedTuple):
    """A customer sends `quantity` of `sku` back; which delivered line it belongs to is for the return flow to find."""

    channel: str
    reference: str
    row: int
    customer: str
    sku: str
    quantity: int
    price_minor: int
    at_ms: int


class ReviewRow(NamedTuple):
    """A row that cannot be an order line or a return, with its place and the reason a person needs to mend it."""

    channel: str
    source: str  # file name without its folder
    row: int  # 1 = first data row; 0 = the file as a whole
    column: str  # header name of the offending column, "" when the whole row is meant
    reason: str  # one of intake.REASONS
    text: str  # the offending text, cut to 200 characters, or what was expected
    at_ms: int  # time of the row where it could be read, else 0


REASONS = (
    "bad_flag",
    "bad_json",
    "bad_number",
    "bad_quotes",  # a quote that never closes, or one in the wrong place
    "bad_text",  # characters that do not belong in a number or a name
    "bad_time",
    "blank_field",
    "currency_unknown",
    "damaged_file",  # compressed data breaks here: what follows cannot be read
    "differs_from_order",  # customer, country or currency is not that of the order's first row
    "line_too_long",
    "missing_column",  # the row ends before this column
    "no_sale_in_history",
    "not_positive",
    "out_of_range",
    "repeated_header",
    "truncated_file",  # the file ends here in the middle of its compressed data
    "unit_unknown",
    "unknown_sku",
    "wrong_encoding",
    "wrong_field_count",  # more fields than the header has
)
