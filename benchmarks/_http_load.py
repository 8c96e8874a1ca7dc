"""Requests on many kept connections from a process of its own: `python _http_load.py closed|open URL … < requests`.

    closed PORT CLIENTS       each client sends its next request when it has the answer to the last one
    open PORT CLIENTS PER_S   requests leave at their moment, whoever still waits; a wait counts from that moment on
    bare PORT                 the yardstick: an application behind the same server that reads the body and answers 201

stdin of the first two: one JSON body a line, posted to /api/orders. They print {"seconds", "waits_ms", "failed"}.
"""

import asyncio
import json
import sys
import time
from collections import deque

HOST = "127.0.0.1"
PATIENCE_S = 100.0
WARM = 50  # requests of the yardstick's kind are the same: nothing is warmed but caches, so the first few do not count


class Client(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self) -> None:
        self._answered: asyncio.Future | None = None
        self._seen = b""

    def connection_made(self, transport) -> None:
        self._transport = transport

    def connection_lost(self, error) -> None:
        if self._answered and not self._answered.done():
            self._answered.set_exception(ConnectionError(str(error)))

    def ask(self, request: bytes) -> asyncio.Future:
        self._answered = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._answered

    def data_received(self, data: bytes) -> None:
        self._seen += data
        head, found, body = self._seen.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        if len(body) >= length:
            self._seen = body[length:]
            self._answered.set_result(int(head[9:12]))


def request(body: bytes, port: int) -> bytes:
    head = f"POST /api/orders HTTP/1.1\r\nHost: {HOST}:{port}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def connect(port: int, count: int) -> list[Client]:
    loop = asyncio.get_running_loop()
    return [(await loop.create_connection(Client, HOST, port))[1] for _ in range(count)]


async def closed(port: int, clients: int, requests: list[bytes]) -> dict:
    waits, failed, left = [], 0, deque(requests)

    async def work(client: Client) -> None:
        nonlocal failed
        while left:
            one, began = left.popleft(), time.perf_counter()
            failed += await client.ask(one) >= 300
            waits.append((time.perf_counter() - began) * 1000)

    there = await connect(port, clients)
    began = time.perf_counter()
    await asyncio.wait_for(asyncio.gather(*(work(client) for client in there)), PATIENCE_S)
    return {"seconds": time.perf_counter() - began, "waits_ms": waits, "failed": failed}


async def at_a_rate(port: int, clients: int, per_s: float, requests: list[bytes]) -> dict:
    waits, failed = [], 0
    free: asyncio.Queue[Client] = asyncio.Queue()
    for client in await connect(port, clients):
        free.put_nowait(client)
    began = time.perf_counter()

    async def one(body: bytes, at: float) -> None:
        nonlocal failed
        client = await free.get()
        failed += await client.ask(body) >= 300
        waits.append((time.perf_counter() - at) * 1000)
        free.put_nowait(client)

    tasks = []
    for n, body in enumerate(requests):
        at = began + n / per_s
        if (pause := at - time.perf_counter()) > 0:
            await asyncio.sleep(pause)
        tasks.append(asyncio.create_task(one(body, at)))
    await asyncio.wait_for(asyncio.gather(*tasks), PATIENCE_S)
    return {"seconds": time.perf_counter() - began, "waits_ms": waits, "failed": failed}


def bare(port: int) -> None:
    import uvicorn

    async def app(scope, receive, send) -> None:
        while (await receive()).get("more_body"):
            pass
        body = b'{"order_id":"0123456789abcdef","lines":1,"parked":0,"reserved":1,"backordered":0}'
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 201, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    uvicorn.run(app, host=HOST, port=port, lifespan="off", log_config=None, access_log=False)


if __name__ == "__main__":
    role, port, *more = sys.argv[1:]
    if role == "bare":
        bare(int(port))
    else:
        bodies = [request(line.rstrip(b"\n"), int(port)) for line in sys.stdin.buffer]
        clients = int(more[0])
        work = closed(int(port), clients, bodies) if role == "closed" else at_a_rate(int(port), clients, float(more[1]), bodies)
        print(json.dumps(asyncio.run(work)))
