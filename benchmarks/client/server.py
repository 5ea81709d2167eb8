"""A teacher that costs almost nothing to ask: constant latency, a hard cap, random refusals, and a tally.

    python server.py '[{"port": 8101, "latency": 0.2}, {"port": 0, "latency": 0.4, "cap": 32}]'

One process serves every port. It writes one JSON line, the ports in order, when it listens.
A hand-written HTTP/1.1 protocol instead of a web framework, because server and client share the cores and it
is the client that is measured. It understands what HTTP clients send (keep-alive, Content-Length), no more.
"""

import asyncio
import gc
import hashlib
import json
import signal
import sys
import time
from collections import Counter
from dataclasses import dataclass, field

import answers

HOST = "127.0.0.1"
REASONS = {200: "OK", 404: "Not Found", 411: "Length Required", 422: "Unprocessable Entity"}
REASONS |= {429: "Too Many Requests", 500: "Internal Server Error"}
JSON_HEAD = "HTTP/1.1 {} {}\r\nContent-Type: application/json\r\n{}Content-Length: "
ASKING = {
    b"/v1/chat/completions": answers.chat,
    # the openai SDK under datatrove is given the root, as datatrove adds /v1 to it for its readiness probe
    b"/chat/completions": answers.chat,
    b"/generate": answers.generate,
}


@dataclass
class Settings:
    """How one port behaves."""

    port: int = 0
    latency: float = 0.2
    cap: int | None = None  # requests in flight above which it answers 429, at once
    refuse: float = 0.0  # share of requests answered 429, at once
    fail: float = 0.0  # share of requests answered 500, after the latency
    retry_after: str | None = None  # TGI sends none
    model: str = "mock/teacher"
    # what /info says: not the cap, since a client that reads the cap there is not put to the test
    max_concurrent_requests: int = 512
    seed: int = 0


@dataclass
class Tally:
    """What one port saw since the last reset; times are of one monotonic clock."""

    requests: int = 0
    first_request: float | None = None
    last_request: float | None = None
    last_answer: float | None = None
    in_flight: int = 0
    max_in_flight: int = 0
    connections: int = 0
    abandoned: int = 0
    held: float = 0.0  # seconds that 200s were held, to see how late the timers are
    statuses: Counter = field(default_factory=Counter)
    answered: set[int] = field(default_factory=set)
    cpu_from: float = field(default_factory=time.process_time)

    def stats(self) -> dict:
        values = dict(vars(self))
        values["answered"] = len(self.answered)  # distinct prompts: less than the 200s where some were paid twice
        values["mean_held"] = self.held / max(1, self.statuses[200])
        values["server_cpu_s"] = time.process_time() - self.cpu_from
        return values


class Port:
    """One port: its settings and its tally."""

    def __init__(self, settings: Settings):
        self.settings = settings
        self.tally = Tally()
        retry = f"Retry-After: {settings.retry_after}\r\n" if settings.retry_after else ""
        self.heads = {
            status: JSON_HEAD.format(status, reason, retry if status == 429 else "").encode()
            for status, reason in REASONS.items()
        }
        self.pages = {
            b"/health": b"{}",
            b"/info": answers.info(settings.model, settings.max_concurrent_requests),
            b"/v1/models": answers.models(settings.model),
        }

    def fate(self) -> int:
        """Return the status of the request just counted: a function of seed and count, so runs are alike."""
        settings, tally = self.settings, self.tally
        if settings.cap is not None and tally.in_flight >= settings.cap:
            return 429
        if settings.refuse or settings.fail:
            key = f"{settings.seed}:{tally.requests}".encode()
            share = int.from_bytes(hashlib.blake2b(key, digest_size=8).digest()) / 2**64
            if share < settings.refuse:
                return 429
            if share < settings.refuse + settings.fail:
                return 500
        return 200


class Connection(asyncio.Protocol):
    """One client connection; it answers one request at a time and keeps early bytes for the next."""

    def __init__(self, port: Port):
        self.port = port
        self.loop = asyncio.get_running_loop()
        self.transport: asyncio.Transport | None = None
        self.buffer = b""
        self.busy = False
        self.close_after = False

    def connection_made(self, transport):
        self.transport = transport
        self.port.tally.connections += 1

    def connection_lost(self, exc):
        self.transport = None  # breaks the cycle, so that the connection goes without the collector

    def data_received(self, data):
        self.buffer = self.buffer + data if self.buffer else data
        if not self.busy:
            self.next_request()

    def next_request(self):
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self.buffer[:end]
        method, path, _ = head.split(b"\r\n", 1)[0].split(b" ", 2)
        lower = head.lower()
        self.close_after = b"\r\nconnection: close" in lower
        length = 0
        at = lower.find(b"\r\ncontent-length:")
        if at >= 0:
            length = int(lower[at + 17 :].split(b"\r\n", 1)[0])
        elif b"\r\ntransfer-encoding:" in lower:
            self.close_after = True
            self.answer(411, answers.error("send a Content-Length", "validation"))
            return
        if len(self.buffer) < end + 4 + length:
            return
        body = self.buffer[end + 4 : end + 4 + length]
        self.buffer = self.buffer[end + 4 + length :]
        self.busy = True
        if method == b"POST" and path in ASKING:
            self.ask(ASKING[path], body)
        elif method == b"POST" and path == b"/reset":
            self.port.tally = Tally()
            self.answer(200, b"{}")
        elif path == b"/stats":
            self.answer(200, json.dumps(self.port.tally.stats()).encode())
        elif path in self.port.pages:
            self.answer(200, self.port.pages[path])
        else:
            self.answer(404, answers.error(f"no route {path.decode()}", "not_found"))

    def ask(self, shape, body):
        tally, now = self.port.tally, self.loop.time()
        tally.requests += 1
        tally.last_request = now
        if tally.first_request is None:
            tally.first_request = now
        status = self.port.fate()
        if status == 429:
            self.tell(tally, status, answers.OVERLOADED)
            return
        try:
            prompt, answer = shape(json.loads(body))
        except (ValueError, KeyError, TypeError) as error:
            self.tell(tally, 422, answers.error(f"{error!r}", "validation"))
            return
        tally.in_flight += 1
        tally.max_in_flight = max(tally.max_in_flight, tally.in_flight)
        latency = self.port.settings.latency
        if latency:
            self.loop.call_later(latency, self.finish, tally, status, answer, hash(prompt), now)
        else:
            self.finish(tally, status, answer, hash(prompt), now)

    def finish(self, tally, status, answer, prompt, since):
        tally.in_flight -= 1
        if self.transport is None or self.transport.is_closing():
            tally.abandoned += 1
            return
        if status == 200:
            tally.answered.add(prompt)
            tally.held += self.loop.time() - since
        self.tell(tally, status, answer if status == 200 else answers.INCOMPLETE)

    def tell(self, tally, status, body):
        tally.statuses[status] += 1
        tally.last_answer = self.loop.time()
        self.answer(status, body)

    def answer(self, status, body):
        self.transport.write(b"%b%d\r\n\r\n%b" % (self.port.heads[status], len(body), body))
        self.busy = False
        if self.close_after:
            self.transport.close()
        elif self.buffer:
            self.loop.call_soon(self.next_request)


async def serve(ports: list[Port]) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop.set)
    bound = []
    for port in ports:
        # a client may open hundreds of connections at once; the default backlog would reset some of them
        server = await loop.create_server(lambda port=port: Connection(port), HOST, port.settings.port, backlog=2048)
        bound.append(server.sockets[0].getsockname()[1])
    gc.freeze()
    print(json.dumps(bound), flush=True)
    await stop.wait()


if __name__ == "__main__":
    given = json.loads(sys.argv[1]) if len(sys.argv) > 1 else [{}]
    asyncio.run(serve([Port(Settings(**settings)) for settings in given]))
