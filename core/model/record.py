"""Record declarations: the fields, key, indexes and checks of everything the Ledger stores, told once.

    @record(key="pool", indexes=[Index("by_sku", "sku")], checks=["reserved <= eligible"])
    class Pool(NamedTuple): ...

A record is a NamedTuple of int and str fields whose last field is `version: int = 0`; there are no NULLs: "" and 0
say "none", because SQLite and PostgreSQL sort NULLs differently and journal heads would part.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple, get_type_hints


class Index(NamedTuple):
    """An order in which records are found: by `fields`, then by the key. `where` keeps it small (a partial index)."""

    name: str
    fields: str  # names with blanks between
    where: str = ""  # SQL over the record's own columns, the part of it that SQLite and PostgreSQL share
    unique: bool = False


class Declaration(NamedTuple):
    """What `record` noted about one NamedTuple class."""

    table: str
    fields: dict[str, type]
    key: tuple[str, ...]
    indexes: dict[str, tuple[tuple[str, ...], str, bool]]  # name -> (fields then key, where, unique)
    checks: tuple[str, ...]
    derived: frozenset[str]
    is_append_only: bool


DECLARED: dict[type, Declaration] = {}


def record(
    *,
    key: str,
    indexes: Iterable[Index] = (),
    checks: Iterable[str] = (),
    derived: str = "",
    append_only: bool = False,
) -> Any:
    """Declare the NamedTuple below as a record of the Ledger.

    key          names with blanks between; the primary key, and the order of the index named "key"
    checks       SQL conditions every row meets, guarded again by the database itself
    derived      fields that only `Ledger.append_move` writes
    append_only  rows are inserted and never changed or deleted
    """

    def declare(cls: type) -> type:
        fields = get_type_hints(cls)
        wrong = [name for name, kind in fields.items() if kind not in (int, str)]
        assert not wrong, f"{cls.__name__}: {wrong} must be int or str"
        assert append_only or list(fields)[-1] == "version", f"{cls.__name__}: the last field is version: int = 0"
        keys = tuple(key.split())
        orders = {"key": (keys, "", True)}
        for index in indexes:
            named = tuple(index.fields.split())
            orders[index.name] = (named + tuple(k for k in keys if k not in named), index.where, index.unique)
        for name, (order, _, _) in orders.items():
            assert set(order) <= set(fields), f"{cls.__name__}.{name} names fields that are not there"
        DECLARED[cls] = Declaration(
            _snake(cls.__name__), fields, keys, orders, tuple(checks), frozenset(derived.split()), append_only
        )
        return cls

    return declare


def _snake(name: str) -> str:
    return "".join("_" + c.lower() if c.isupper() else c for c in name).lstrip("_")
