"""The canonical form of commands and events: the same content gives the same bytes in every process and on every database.

UTF-8 JSON with sorted keys and no spaces; values are strings, booleans, integers below 2^53, lists and objects of these: no
floats (temperatures are m°C) and no nulls.
"""

import hashlib
import json
from typing import Any

LARGEST_INTEGER = 2**53 - 1  # what every JSON reader keeps exactly

_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


def canonical(value: Any) -> str:
    """The one text form of a body; ValueError names the place of a value that has none."""
    _check(value, "body")
    return _encode(value)


def fingerprint(value: Any) -> str:
    """SHA-256 of the canonical form, hex: equal content, equal fingerprint."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def _check(value: Any, where: str) -> None:
    kind = type(value)
    if kind is str or kind is bool:
        return
    if kind is int:
        if -LARGEST_INTEGER <= value <= LARGEST_INTEGER:
            return
        raise ValueError(f"{where}: {value} is beyond 2^53")
    if kind is dict:
        for key, inner in value.items():
            if type(key) is not str:
                raise ValueError(f"{where}: key {key!r} is not a string")
            _check(inner, key)
        return
    if isinstance(value, list | tuple):
        for inner in value:
            _check(inner, where)
        return
    raise ValueError(f"{where}: {value!r} has no canonical form; use integers, strings, booleans and lists")
