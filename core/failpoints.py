"""Named places where a test kills the process, as a power cut would: `FLOORWISE_FAIL=after_commit:3`.

Every name is listed in `NAMES` with the promise it attacks; docs/reference/failpoints.md is checked against it.
Unarmed, `reach` costs one look-up in an empty dict.
"""

import os
import signal

NAMES = {
    "after_savepoint": "a command has begun and has written nothing",
    "after_handler": "a command's records are written, its events too, nothing is committed",
    "before_commit": "a group of commands is complete and not yet durable",
    "after_commit": "the group is durable; no reply has left, the head is not yet in its file",
    "after_head_saved": "the head stands in its file, replies have not left",
    "timers_fired": "a timer's command has run and its row is marked in the same transaction",
    "effects_before_act": "an effect was read from the journal and the outside world not yet asked",
    "effects_after_act": "the outside world has acted, the ledger does not know yet",
    "dispatch_before_publish": "a tour is released and not yet on the bus",
    "dispatch_after_publish": "a tour is on the bus and its delivery is not yet recorded",
    "spool_before_commit": "readings are in the spool's transaction and not yet durable",
    "spool_after_commit": "readings are durable in the spool and not yet acknowledged to the device",
    "store_before_commit": "readings are in the store's transaction and not yet durable",
    "store_after_commit": "readings are durable in the store and not yet acknowledged to the agent",
}

_armed: dict[str, int] = {}


def arm(spec: str) -> None:
    """Arm failpoints from `name:count,…`: the process is killed when `name` is reached for the count-th time.

    Raises ValueError for a name that is not in `NAMES` or a count below 1. An empty spec disarms all.
    """
    wanted: dict[str, int] = {}
    for part in filter(None, spec.split(",")):
        name, _, count = part.partition(":")
        if name not in NAMES:
            raise ValueError(f"FLOORWISE_FAIL names {name!r}; known failpoints: {', '.join(NAMES)}")
        if not (count or "1").isdigit() or int(count or "1") < 1:
            raise ValueError(f"FLOORWISE_FAIL: {part!r} needs a count of 1 or more after the colon")
        wanted[name] = int(count or "1")
    _armed.clear()
    _armed.update(wanted)


def reach(name: str) -> None:
    """Do nothing, unless `name` is armed and this is the time: then SIGKILL, with no chance to tidy up."""
    if name in _armed:
        _armed[name] -= 1
        if _armed[name] == 0:
            os.kill(os.getpid(), signal.SIGKILL)


arm(os.environ.get("FLOORWISE_FAIL", ""))
