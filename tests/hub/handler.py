"""HTTP: bodies in and out, whatever the faults make of them."""

import json
import socket
import traceback
from collections.abc import Callable
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, cast

from hub.faults import MESSAGES, Fault
from hub.lfs import BLOCK
from hub.log import Request
from hub.refusal import Refusal
from hub.wire import Answer, Ask

if TYPE_CHECKING:
    from hub.serve import Host

DRAIN = 64 << 20
"""What is read of a body that nobody wants, so that the connection can go on."""


class Gone(Exception):
    """The connection ends here, without an answer or in the middle of one."""


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    @property
    def host(self) -> "Host":
        """The listener that the connection came to."""
        return cast("Host", self.server)

    def log_message(self, *_: object) -> None:
        """Print nothing."""

    def parse_request(self) -> bool:
        """Name the one method for all that come."""
        parsed = super().parse_request()
        if parsed and self.command in ("GET", "HEAD", "POST", "PUT", "DELETE"):
            setattr(self, f"do_{self.command}", self._exchange)
        return parsed

    def setup(self) -> None:
        """Let the server end the connection when it stops."""
        super().setup()
        self.host.opened(self.connection)

    def finish(self) -> None:
        """Forget the connection."""
        self.host.closed(self.connection)
        super().finish()

    def handle(self) -> None:
        """Answer until either side has enough."""
        try:
            super().handle()
        except (Gone, ConnectionError):
            self.close_connection = True

    def _exchange(self) -> None:
        path = self.path.partition("?")[0]
        if path.startswith("/__double__/"):
            self._steer(path)
            return
        request = self.host.log.begin(self.command, self.path, self.host.name)
        fault = self.host.faults.pick(self.command, path)
        request.fault = fault.kind if fault else ""
        block = self._blocks(request, fault)
        method = "GET" if self.command == "HEAD" else self.command
        ask = Ask(self.host.store, method, self.path, cast("dict[str, str]", self.headers), block)
        answer = self._answered(ask, request, fault)
        left = 0
        while left < DRAIN and (piece := block()):
            left += len(piece)
        self.close_connection |= left >= DRAIN
        if fault and fault.kind == "lost":
            raise Gone
        self._send(answer, request, cut=fault is not None and fault.kind == "cut")

    def _answered(self, ask: Ask, request: Request, fault: Fault | None) -> Answer:
        try:
            if self.host.name == "hub" and (account := ask.account):
                request.account = f"{account.name} ({account.role})"
            if fault:
                self._spoil(ask, fault)
            return self.host.answer(ask)
        except Refusal as refusal:
            return Answer.json(refusal.body, refusal.status, refusal.headers)
        except (Gone, ConnectionError):
            raise
        except Exception:  # noqa: BLE001 - the test that started the server is told
            self.host.errors.append(traceback.format_exc())
            return Answer.json({"error": "The double itself failed"}, 500)

    def _spoil(self, ask: Ask, fault: Fault) -> None:
        match fault.kind:
            case "refuse":
                raise Refusal(fault.status, MESSAGES.get(fault.status, "Told to fail"), headers=fault.headers)
            case "drop":
                raise Gone
            case "slow":
                self.host.stopping.wait(fault.seconds)
            case "push":
                match ask.steps:
                    case ["api", kinds, org, name, "commit", revision]:
                        if repo := ask.store.find(kinds.removesuffix("s"), f"{org}/{name}"):
                            repo.push(fault.files, branch=revision)

    def _blocks(self, request: Request, fault: Fault | None) -> Callable[[], bytes]:
        """Return what reads the body, piece by piece."""
        chunked = self.headers.get("Transfer-Encoding", "").lower() == "chunked"
        left = 0 if chunked else int(self.headers.get("Content-Length") or 0)
        # A download without a body is cut when it is sent.
        limit = left // 2 if fault and fault.kind == "cut" and left else None
        ended = not chunked and not left

        def block() -> bytes:
            nonlocal left, ended
            if ended:
                return b""
            if chunked and not left:
                left = int(self.rfile.readline().partition(b";")[0], 16)
                if not left:
                    ended = True
                    while self.rfile.readline().strip():
                        pass
                    return b""
            piece = self.rfile.read(min(BLOCK, left if limit is None else max(limit - request.received, 1)))
            left -= len(piece)
            request.received += len(piece)
            if not piece or (limit is not None and request.received >= limit):
                raise Gone
            if chunked and not left:
                self.rfile.readline()
            ended = not chunked and not left
            return piece

        return block

    def _send(self, answer: Answer, request: Request, cut: bool = False) -> None:
        size = answer.size
        stop = answer.start + (size // 2 if cut else size)
        request.status = int(answer.status)
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("X-Request-Id", f"Root=double-{request.index}")
        self.send_header("Content-Length", str(size))
        if self.close_connection:
            self.send_header("Connection", "close")
        # Whoever has the whole answer finds it in the log.
        request.sent = 0 if self.command == "HEAD" else stop - answer.start
        self.end_headers()
        if self.command != "HEAD":
            self._send_content(answer, stop)
        if cut:
            raise Gone

    def _send_content(self, answer: Answer, stop: int) -> None:
        if isinstance(answer.content, bytes):
            self.wfile.write(answer.content[answer.start : stop])
            return
        with answer.content.open("rb") as file:
            file.seek(answer.start)
            while (left := stop - file.tell()) > 0:
                self.wfile.write(file.read(min(BLOCK, left)))

    def _steer(self, path: str) -> None:
        """Answer the test rather than the client: this is in no log."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        faults, answer = self.host.faults, Answer(404)
        if (self.command, path) == ("GET", "/__double__/log"):
            answer = Answer.json([asdict(request) for request in self.host.log.requests])
        elif (self.command, path) == ("GET", "/__double__/faults"):
            answer = Answer.json(faults.listed())
        elif (self.command, path) == ("POST", "/__double__/faults"):
            answer = Answer(204)
            try:
                wanted = json.loads(body)
                if not wanted:
                    faults.clear()
                for fault in wanted if isinstance(wanted, list) else [wanted] if wanted else []:
                    faults.add(**fault)
            except (ValueError, TypeError) as error:
                answer = Answer(400, str(error).encode())
        self._send(answer, Request(0, self.command, path, "hub"))


def end(connection: socket.socket) -> None:
    """End a connection that a thread may be waiting on."""
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        # It has ended by itself.
        return
