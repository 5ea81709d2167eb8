"""The Hub and its storage, each on a port of its own."""

import socket
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

from hub import routes, upload
from hub.access import OTHER, READ, WRITE, Account
from hub.faults import Faults
from hub.handler import Handler, end
from hub.log import Log, Request
from hub.repo import Repo, Settings
from hub.store import Store
from hub.wire import Answer, Ask


class Host(ThreadingHTTPServer):
    """One listener."""

    daemon_threads = False
    request_queue_size = 256

    def __init__(self, name: str, port: int, server: "Server", answer: Callable[[Ask], Answer]) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.name = name
        # Two names for one machine: some clients take another port of the Hub's host for the Hub.
        self.url = f"http://{'127.0.0.1' if name == 'hub' else 'localhost'}:{self.server_address[1]}"
        self.answer = answer
        self.store, self.log, self.faults = server.store, server.requests, server.faults
        self.errors, self.stopping = server.errors, server.stopping
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), name=name, daemon=True)

    def start(self) -> None:
        """Answer in a thread."""
        self._thread.start()

    def opened(self, connection: socket.socket) -> None:
        """Note a connection."""
        with self._lock:
            self._open.add(connection)
            if self.stopping.is_set():
                end(connection)

    def closed(self, connection: socket.socket) -> None:
        """Forget a connection."""
        with self._lock:
            self._open.discard(connection)

    def stop(self) -> None:
        """Stop at once; open requests are cut off."""
        self.shutdown()
        with self._lock:
            for connection in self._open:
                end(connection)
        self.server_close()
        self._thread.join()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep what went wrong outside of any request."""
        self.errors.append(traceback.format_exc())


class Server:
    """The Hub on a folder; a test works with this."""

    token = WRITE
    """May write in `user`, `org` and `other-org`."""
    read_token = READ
    """The same account, but may only read."""
    other_token = OTHER
    """Another account, `stranger`, that may write in its own namespace alone."""

    def __init__(self, folder: Path, port: int = 0) -> None:
        self.store = Store(folder)
        self.faults = Faults()
        self.requests = Log()
        self.errors: list[str] = []
        """What the double itself failed at."""
        self.stopping = threading.Event()
        self._hosts = [Host("storage", 0, self, upload.storage), Host("hub", port, self, routes.answer)]
        self.store.storage_url, self.store.url = (host.url for host in self._hosts)
        self.url = self.store.url

    @property
    def log(self) -> list[Request]:
        """Every request so far, in the order of arrival."""
        return self.requests.requests

    @property
    def tokens(self) -> dict[str, Account]:
        """Every token and whose it is; a test may add its own."""
        return self.store.tokens

    def start(self) -> None:
        """Listen."""
        for host in self._hosts:
            host.start()

    def stop(self) -> None:
        """Stop at once."""
        self.stopping.set()
        for host in self._hosts:
            host.stop()
        self.store.close()

    def create(self, name: str, kind: str = "dataset", *, private: bool = False, gated: str = "") -> Repo:
        """Make a repository without a request."""
        return self.store.create(kind, name, settings=Settings(private, gated))

    def repo(self, name: str, kind: str = "dataset") -> Repo:
        """Return what is really there.

        Raises:
            LookupError: There is no such repository.
        """
        if (repo := self.store.find(kind, name)) is None:
            raise LookupError(f"no {kind} {name}")
        return repo


@contextmanager
def serving(folder: Path, port: int = 0) -> Iterator[Server]:
    """Serve a Hub on a folder until the block ends; what it has is there for the next one.

    Raises:
        RuntimeError: The double itself failed at a request.
    """
    server = Server(folder, port)
    server.start()
    try:
        yield server
    finally:
        server.stop()
    if server.errors:
        raise RuntimeError("\n".join(server.errors))
