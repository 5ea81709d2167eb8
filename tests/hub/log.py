"""What was asked, in the order of arrival; no token and no signature is kept."""

import re
import threading
from dataclasses import dataclass


@dataclass(slots=True)
class Request:
    """One request."""

    index: int
    """The order of arrival, from 0."""
    method: str
    path: str
    """With its query, signatures left out."""
    host: str
    """`hub` or `storage`"""
    account: str | None = None
    """Whose token it came with, and for what: `user (write)`."""
    status: int = 0
    """The HTTP status; 0 when none was sent."""
    received: int = 0
    """Bytes of the request's body."""
    sent: int = 0
    """Bytes of the answer's body."""
    fault: str = ""

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class Log:
    """The requests of one server."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.requests: list[Request] = []

    def begin(self, method: str, path: str, host: str) -> Request:
        """Note an arrival."""
        with self._lock:
            request = Request(len(self.requests), method, re.sub("signature=[^&]*", "signature=-", path), host)
            self.requests.append(request)
        return request
