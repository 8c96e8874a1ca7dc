"""What floorwise refuses and what it cannot trust, as one tree.

    FloorError
    ├── Refused                 a request that cannot be met; the ledger is as it was
    │   ├── BadInput            the command itself makes no sense
    │   ├── NotFound            it names something that is not there
    │   ├── OutOfStock          fewer eligible units than asked for
    │   ├── StockConflict       the units are there, but bound, held or elsewhere
    │   ├── WrongState          legal in another state; names the state and what is possible in it
    │   ├── OrderDiffers        same channel and reference, other content; names the difference
    │   ├── KeyReused           same idempotency key, other command
    │   ├── StalePlan           the plan read versions that have changed, or came too late
    │   └── TreeConflict        a handling unit would get a second parent, a cycle, or is closed
    ├── Conflict                another command came first; execute retries from its reads
    └── Damaged                 stored bytes do not say what they said when they were written

HTTP, MQTT and the command line each translate these once, at their boundary.
"""


class FloorError(Exception):
    """Root of all errors that callers may act on."""


class Refused(FloorError):
    """A request that cannot be met; nothing was written."""


class BadInput(Refused):
    """The command makes no sense whatever the state of the floor."""


class NotFound(Refused):
    """The command names something that is not there."""


class OutOfStock(Refused):
    """Fewer eligible units than the command needs; the message gives the eligible count."""


class StockConflict(Refused):
    """The units exist but are bound, held or somewhere else."""


class WrongState(Refused):
    """The command is legal in another state; the message names the present one and the way out."""


class OrderDiffers(Refused):
    """An order with this channel and reference exists and says something else; the message names the difference."""


class KeyReused(Refused):
    """This idempotency key belongs to another command."""


class StalePlan(Refused):
    """The plan was made from stock that has changed since, or it came after its parts had been released."""


class TreeConflict(Refused):
    """The move would give a handling unit a second parent, make a cycle, or touch a closed unit."""


class Conflict(FloorError):
    """Another command changed the record after it was read; the whole command may be tried again."""


class Damaged(FloorError):
    """Stored bytes contradict each other; the message says where."""
