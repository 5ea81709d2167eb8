"""Serving doubles: their sockets, and a thread for those of a test."""

import asyncio
import socket
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from threading import Thread, get_ident
from typing import Any, overload

from aiohttp import web

from tgi.answers import Question, key_of
from tgi.app import App
from tgi.double import Double
from tgi.faults import Faults
from tgi.log import Log, Request

BACKLOG = 2048
"""More than the clients that a test starts at once; the kernel resets those that find the queue full."""


def _bound(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    return listener


class Server:
    """One double on one port."""

    def __init__(self, double: Double) -> None:
        self.double = double
        self.log = Log(double.log)
        self.port = 0
        self._listener: asyncio.Server | None = None
        self._placeholder: socket.socket | None = None
        self._return: asyncio.TimerHandle | None = None

    async def start(self) -> None:
        """Listen."""
        self._loop = asyncio.get_running_loop()
        self._thread = get_ident()
        app = App(self.double, self.log)
        # A client that leaves frees its permit, as in TGI.
        self._web = web.Server(
            app.handle,
            request_factory=_request,
            access_log=None,
            handler_cancellation=True,
            keepalive_timeout=75,
        )
        await self._listen(_bound(self.double.port))
        self.double.faults.on_down = self._go_down_soon
        if self.double.faults.down:
            self._go_down(self.double.faults.down)

    async def stop(self) -> None:
        """Stop at once; open requests are cut off."""
        self.double.faults.on_down = None
        self._close()
        if self._placeholder:
            self._placeholder.close()
        await self._web.shutdown(0.1)
        self.log.close()

    async def _listen(self, sock: socket.socket) -> None:
        self.port = sock.getsockname()[1]
        # asyncio sets TCP_NODELAY on every connection.
        self._listener = await self._loop.create_server(self._web, sock=sock, backlog=BACKLOG)

    def _close(self) -> None:
        if self._return:
            self._return.cancel()
            self._return = None
        if self._listener:
            self._listener.close()
            self._listener = None
        for connection in self._web.connections:
            if (transport := connection.transport) is not None:
                transport.abort()

    def _go_down_soon(self, seconds: float) -> None:
        if get_ident() == self._thread:
            # Steered over HTTP: let the answer out first.
            self._loop.call_later(0.02, self._go_down, seconds)
        else:
            asyncio.run_coroutine_threadsafe(self._go_down_now(seconds), self._loop).result()

    async def _go_down_now(self, seconds: float) -> None:
        self._go_down(seconds)
        if seconds <= 0:
            await self._come_back()

    def _go_down(self, seconds: float) -> None:
        if seconds <= 0:
            if self._listener is None:
                self._loop.create_task(self._come_back())
            return
        self._close()
        if self._placeholder is None:
            # Keeps the port from everybody else while connections to it are refused.
            self._placeholder = _bound(self.port)
        self._return = self._loop.call_later(seconds, lambda: self._loop.create_task(self._come_back()))

    async def _come_back(self) -> None:
        if self._placeholder:
            sock, self._placeholder = self._placeholder, None
            await self._listen(sock)


def _request(*args: Any) -> web.BaseRequest:
    message, payload, protocol, writer, task = args
    # The double enforces the payload limit itself, with TGI's answer.
    return web.BaseRequest(message, payload, protocol, writer, task, asyncio.get_running_loop(), client_max_size=0)


class Handle:
    """A double that is being served."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.double = server.double
        self.port = server.port
        self.url = f"http://127.0.0.1:{server.port}"

    @property
    def log(self) -> list[Request]:
        """Every generation request so far, in the order of arrival."""
        return self._server.log.requests

    @property
    def faults(self) -> Faults:
        """What goes wrong now."""
        return self.double.faults

    @property
    def stats(self) -> dict[str, Any]:
        """Sums over the log."""
        return self._server.log.stats()

    def says(self, prompt: str, seed: int | None = None) -> str | None:
        """Return what the double answers to a prompt when nothing cuts it short."""
        return self.double.answers(Question(self.double.model_id, prompt, key_of(prompt), seed))


@overload
def serve(doubles: Double) -> AbstractContextManager[Handle]: ...
@overload
def serve(doubles: Sequence[Double]) -> AbstractContextManager[list[Handle]]: ...
def serve(doubles: Double | Sequence[Double]) -> AbstractContextManager[Any]:
    """Serve one double, or several in one thread, until the block ends."""
    if isinstance(doubles, Double):
        return _first([doubles])
    return _served(doubles)


@contextmanager
def _first(doubles: Sequence[Double]) -> Iterator[Handle]:
    with _served(doubles) as handles:
        yield handles[0]


@contextmanager
def _served(doubles: Sequence[Double]) -> Iterator[list[Handle]]:
    servers = [Server(double) for double in doubles]
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever, name="tgi", daemon=True)
    thread.start()
    started: list[Server] = []
    try:
        for server in servers:
            asyncio.run_coroutine_threadsafe(server.start(), loop).result()
            started.append(server)
        yield [Handle(server) for server in servers]
    finally:
        asyncio.run_coroutine_threadsafe(_stop(started), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _stop(servers: Sequence[Server]) -> None:
    for server in servers:
        await server.stop()
    # What was hanging is cancelled by now; wait until it is gone.
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)
