"""HTTP to the gateway: a few threads with kept-alive connections, answers handed to whoever runs the floor.

Nothing here waits for floor time, and nothing is lost with a gateway that is away: questions come back without an answer and are
asked again by whoever needs them, errands (what happened and must be told) stay with the world until they are answered.
"""

import http.client
import json
import threading
from collections import deque
from collections.abc import Callable
from queue import Empty, Queue
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from floorwise.sim.emulated.world import Errand

CONNECTIONS = 8
WAITING = 2_000  # questions not yet asked; beyond it a question comes back unanswered at once
TIMEOUT_S = 10.0
BACK_OFF_S = (0.1, 3.0)  # between attempts at an errand while the gateway is away: first, then doubled up to the last
AWAY = 0  # the status of a gateway that does not answer


class Answer(NamedTuple):
    """What came back: an HTTP status, AWAY when nothing did, and the body."""

    status: int
    body: dict[str, Any]

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def is_final(self) -> bool:
        """Asking again would get the same answer."""
        return self.status not in (AWAY, 503) and self.status < 500


Then = Callable[[Answer], None]


class Api:
    """`post_back` is given a function to call for each answer; it decides on which thread (the floor's)."""

    def __init__(self, url: str, post_back: Callable[[Callable[[], None]], None]) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 80
        self._post_back = post_back
        self._queue: Queue[tuple[str, str, str, str, Then] | None] = Queue()
        self._stop = threading.Event()
        self._lanes: dict[str, deque[Errand]] = {}
        self._pause_s: dict[str, float] = {}
        self.on_told: Callable[[Errand, Answer], None] = lambda errand, answer: None
        self.asked = self.refused = self.unanswered = 0
        self._threads = [threading.Thread(target=self._work, name=f"http-{n}", daemon=True) for n in range(CONNECTIONS)]

    def start(self) -> None:
        """Begin to ask."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End the threads; what was not asked is not asked."""
        self._stop.set()
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join(TIMEOUT_S)

    @property
    def waiting(self) -> int:
        """Questions and errands that have not been answered."""
        return self._queue.qsize() + sum(map(len, self._lanes.values()))

    def get(self, path: str, then: Then) -> None:
        """Ask; `then` gets the answer."""
        self._put("GET", path, "", "", then)

    def post(self, path: str, body: dict[str, Any], then: Then, key: str = "") -> None:
        """Ask for something to be done; `then` gets the answer."""
        self._put("POST", path, json.dumps(body), key, then)

    def run(self, errand: Errand) -> None:
        """Tell it, after all of its lane, until there is a final answer. Call on the floor's thread."""
        lane = self._lanes.setdefault(errand.lane, deque())
        lane.append(errand)
        if len(lane) == 1:
            self._tell(errand)

    def _tell(self, errand: Errand) -> None:
        self._queue.put(("POST", errand.path, errand.body, errand.key, lambda answer: self._told(errand, answer)))

    def _told(self, errand: Errand, answer: Answer) -> None:
        if not answer.is_final:
            pause_s = self._pause_s.get(errand.lane, BACK_OFF_S[0])
            self._pause_s[errand.lane] = min(2 * pause_s, BACK_OFF_S[1])
            timer = threading.Timer(pause_s, self._tell, (errand,))
            timer.daemon = True
            timer.start()
            return
        self._pause_s.pop(errand.lane, None)
        lane = self._lanes[errand.lane]
        lane.popleft()
        self.on_told(errand, answer)
        if lane:
            self._tell(lane[0])
        else:
            del self._lanes[errand.lane]

    def _put(self, method: str, path: str, body: str, key: str, then: Then) -> None:
        if self._queue.qsize() >= WAITING:
            self.unanswered += 1
            self._post_back(lambda: then(Answer(AWAY, {})))
        else:
            self._queue.put((method, path, body, key, then))

    def _work(self) -> None:
        connection = http.client.HTTPConnection(self._host, self._port, timeout=TIMEOUT_S)
        while not self._stop.is_set():
            try:
                question = self._queue.get(timeout=1.0)
            except Empty:
                continue
            if question is None:
                break
            *words, then = question
            answer = ask(connection, *words)
            self.asked += 1
            self.refused += 400 <= answer.status < 500
            self.unanswered += answer.status == AWAY
            self._post_back(lambda then=then, answer=answer: then(answer))
        connection.close()


def ask(connection: http.client.HTTPConnection, method: str, path: str, body: str = "", key: str = "") -> Answer:
    """One question on one connection; AWAY when there is no answer. A connection that was closed meanwhile is opened again once."""
    headers = {"Content-Type": "application/json"} if body else {}
    if key:
        headers["Idempotency-Key"] = key
    for _ in range(2):
        try:
            connection.request(method, path, body.encode() if body else None, headers)
            response = connection.getresponse()
            return Answer(response.status, _object(response.read()))
        except (OSError, http.client.HTTPException):
            connection.close()
    return Answer(AWAY, {})


def _object(text: bytes) -> dict[str, Any]:
    try:
        told = json.loads(text)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {"told": told}
