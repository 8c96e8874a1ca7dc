"""The canonical form of commands and events: the same content gives the same bytes in every process and on every database.

UTF-8 JSON with sorted keys and no spaces; values are strings, booleans, integers below 2^53, lists and objects of these: no
floats (temperatures are m°C) and no nulls.
"""

import hashlib
import json
from json.encoder import c_make_encoder, encode_basestring
from typing import Any

LARGEST_INTEGER = 2**53 - 1  # what every JSON reader keeps exactly

_slow = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
# JSONEncoder makes this very encoder anew for each value, which costs as much as encoding an event.
_chunks = c_make_encoder and c_make_encoder(None, _slow.default, encode_basestring, None, ":", ",", True, False, False)


def _encode(value: Any) -> str:
    return "".join(_chunks(value, 0)) if _chunks else _slow.encode(value)



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
            if type(inner) is not str:
                _check(inner, key)
        return
    if isinstance(value, list | tuple):
        for inner in value:
            if type(inner) is not str:
                _check(inner, where)
        return
    raise ValueError(f"{where}: {value!r} has no canonical form; use integers, strings, booleans and lists")
