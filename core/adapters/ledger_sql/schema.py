"""Tables, indexes and checks of every declared record, for one SQL dialect."""

import sqlalchemy as sa

from floorwise.core.model import catalog, excursions, handling, journal, orders, parcels, places, returns, stock, supply, work
from floorwise.core.model.record import DECLARED, Declaration

SCHEMA_VERSION = 4
MODEL = (catalog, excursions, handling, journal, orders, parcels, places, returns, stock, supply, work)  # these declare the records

# Text sorts by code point everywhere, or journal heads of two databases part; quantities and ms need 64 bits everywhere.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
WHOLE = sa.BigInteger()
ROW_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")  # SQLite's rowid itself: half the cost of a second tree


def build() -> tuple[sa.MetaData, dict[type, sa.Table]]:
    """Metadata and the table of each record."""
    metadata = sa.MetaData()
    return metadata, {cls: _table(metadata, told) for cls, told in DECLARED.items()}


def _table(metadata: sa.MetaData, told: Declaration) -> sa.Table:
    is_numbered = len(told.key) == 1 and told.fields[told.key[0]] is int
    columns = [
        sa.Column(
            name,
            ROW_NUMBER if is_numbered and name in told.key else (WHOLE if kind is int else TEXT),
            primary_key=name in told.key,
            nullable=False,
            autoincrement=False,
        )
        for name, kind in told.fields.items()
    ]
    table = sa.Table(told.table, metadata, *columns, sqlite_with_rowid=is_numbered)
    for number, check in enumerate(told.checks):
        table.append_constraint(sa.CheckConstraint(check, name=f"{told.table}_check_{number}"))
    for name, (fields, where, is_unique) in told.indexes.items():
        if name != "key":
            # A unique index is unique in its declared fields alone: the key behind them would make it say nothing.
            own = [f for f in fields if not (is_unique and f in told.key)] if is_unique else list(fields)
            partial = {f"{d}_where": sa.text(where) for d in ("sqlite", "postgresql")} if where else {}
            sa.Index(f"{told.table}_{name}", *(table.c[f] for f in own), unique=is_unique, **partial)
    return table


def append_only_triggers(dialect: str) -> list[str]:
    """Statements that make the database itself refuse to change or delete what is append-only."""
    statements = []
    for told in (told for told in DECLARED.values() if told.is_append_only):
        for verb in ("UPDATE", "DELETE"):
            name = f"{told.table}_no_{verb.lower()}"
            if dialect == "sqlite":
                statements.append(
                    f"CREATE TRIGGER IF NOT EXISTS {name} BEFORE {verb} ON {told.table} "
                    f"BEGIN SELECT RAISE(ABORT, '{told.table} is append-only'); END"
                )
            else:
                statements.append(
                    f"CREATE OR REPLACE TRIGGER {name} BEFORE {verb} ON {told.table} EXECUTE FUNCTION floorwise_append_only()"
                )
    if dialect != "sqlite":
        refuse = "BEGIN RAISE EXCEPTION ''append-only''; END"
        function = "CREATE OR REPLACE FUNCTION floorwise_append_only() RETURNS trigger LANGUAGE plpgsql AS"
        statements.insert(0, f"{function} '{refuse}'")
    return statements
