"""A bus within one process: for the twin and for tests, with a network's bad habits on request."""

import random
from collections import deque
from typing import NamedTuple

QUEUE_MESSAGES = 10_000  # one subscriber holds untaken; beyond it the newest is dropped and counted
RETAINED_TOPICS = 100_000  # beyond it a new retained topic is refused


class LocalMessage(NamedTuple):
    """A message as a subscriber takes it."""

    topic: str
    payload: bytes
    retained: bool  # it stood there before the subscription


class Subscription:
    """What one subscriber has not taken yet, in order of arrival."""

    def __init__(self, topic_filter: str, bound: int) -> None:
        self.topic_filter = topic_filter
        self.dropped = 0  # messages that found the queue full
        self._bound = bound
        self._queue: deque[LocalMessage] = deque()

    def take(self, limit: int = QUEUE_MESSAGES) -> list[LocalMessage]:
        """Up to `limit` messages, the oldest first; they are the subscriber's now."""
        return [self._queue.popleft() for _ in range(min(limit, len(self._queue)))]

    def put(self, message: LocalMessage) -> None:
        if len(self._queue) >= self._bound:
            self.dropped += 1
        else:
            self._queue.append(message)


class LocalBus:
    """Delivers to every subscription whose filter matches, in order of publication.

    loss, duplicates   shares of deliveries, 0 to 1, that get lost or come twice; drawn from `seed`, so a run repeats.
                       What a topic retains is never lost: that is the broker's memory, not the way to the device.
    queue              messages a subscription holds
    """

    def __init__(self, seed: int = 0, loss: float = 0.0, duplicates: float = 0.0, queue: int = QUEUE_MESSAGES) -> None:
        if not (0 <= loss <= 1 and 0 <= duplicates <= 1 and queue >= 1):
            raise ValueError(f"loss {loss} and duplicates {duplicates} are shares, a queue of {queue} must hold one message")
        self.retained: dict[str, bytes] = {}
        self.lost = self.doubled = 0
        self._loss, self._duplicates, self._bound = loss, duplicates, queue
        self._chance = random.Random(f"bus/{seed}")
        self._subscriptions: list[Subscription] = []

    def publish(self, topic: str, payload: bytes, retain: bool = False) -> None:
        """Hand a message to all who listen; with `retain` whoever subscribes later gets the last one, b"" clears it.

        Raises ValueError for a topic with a wildcard, OverflowError when RETAINED_TOPICS are retained already.
        """
        if not topic or "+" in topic or "#" in topic:
            raise ValueError(f"{topic!r} is not a topic to publish on")
        if retain and payload:
            if topic not in self.retained and len(self.retained) >= RETAINED_TOPICS:
                raise OverflowError(f"{RETAINED_TOPICS} topics are retained; {topic} would be one more")
            self.retained[topic] = payload
        elif retain:
            self.retained.pop(topic, None)
        for subscription in self._subscriptions:
            if matches(subscription.topic_filter, topic):
                self._deliver(subscription, LocalMessage(topic, payload, False))

    def subscribe(self, topic_filter: str) -> Subscription:
        """Listen from now on to topics that match (`+` one level, `#` the rest); retained messages come first, by topic."""
        subscription = Subscription(topic_filter, self._bound)
        self._subscriptions.append(subscription)
        for topic in sorted(self.retained):
            if matches(topic_filter, topic):
                subscription.put(LocalMessage(topic, self.retained[topic], True))
        return subscription

    def forget(self) -> None:
        """Lose what is retained, as a broker does whose state was wiped."""
        self.retained.clear()

    def _deliver(self, subscription: Subscription, message: LocalMessage) -> None:
        if self._loss and self._chance.random() < self._loss:
            self.lost += 1
            return
        subscription.put(message)
        if self._duplicates and self._chance.random() < self._duplicates:
            self.doubled += 1
            subscription.put(message)


def matches(topic_filter: str, topic: str) -> bool:
    """Whether an MQTT filter covers a topic; "a/#" covers "a" too, as MQTT has it (3.1.1, section 4.7.1.2)."""
    levels, wanted = topic.split("/"), topic_filter.split("/")
    for n, level in enumerate(wanted):
        if level == "#":
            return True
        if n >= len(levels) or level not in ("+", levels[n]):
            return False
    return len(levels) == len(wanted)
