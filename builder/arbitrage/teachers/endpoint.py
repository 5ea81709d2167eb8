"""One endpoint: its connections, its limit and its circuit breaker."""

import json
import math
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

import aiohttp

from arbitrage.teachers.failure import STOPS_TEACHER, Failed, Kind, kind_of
from arbitrage.teachers.limit import Limit

MAX_BODY = 64 * 2**20
"""Bytes of an answer that are read before it is called broken."""
CONNECT_SECONDS = 10.0
PROBE = aiohttp.ClientTimeout(total=10.0, sock_connect=CONNECT_SECONDS)
FAILURES_TO_PARK = 5
ONE_THREAD_A_CONNECTION = ("llama.cpp",)
"""Servers whose few threads each wait for more on a connection that is kept, for 5 s, while other requests wait."""
FIRST_PARK, LONGEST_PARK = 0.5, 30.0

Read = TypeVar("Read")
Headers = Mapping[str, str]


class Ticket(NamedTuple):
    """A slot of an endpoint, held by one request."""

    level: int
    """How many slots were taken with it."""
    era: int
    """How often the endpoint had been parked or in doubt: what was sent before says nothing of how it is now."""
    on_trial: bool


class Endpoint:
    """An endpoint of a teacher.

    After `FAILURES_TO_PARK` failures in a row it is parked: nothing is sent until a probe, then one request,
    have worked; each failed trial doubles the wait. A connection that broke puts it in doubt: nothing is sent until
    a probe has worked, since behind the same address another model may have started.
    """

    def __init__(self, url: str, token: str | None, ceiling: int, deadline: float) -> None:
        self.url = url
        self.session: aiohttp.ClientSession | None = None
        """Set while the pool is connected."""
        self.limit = Limit(ceiling)
        self.in_flight = 0
        self.parked_until: float | None = None
        self.last_failure: Failed | None = None
        self.closed_by: Failed | None = None
        """Why nothing more may be sent in this build, where a person has to do something first."""
        self._token = token
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._deadline = aiohttp.ClientTimeout(total=deadline, sock_connect=CONNECT_SECONDS)
        self._failures = 0
        self._park_seconds = FIRST_PARK
        self._on_trial = False
        self._trial_sent = False
        self._in_doubt = False
        self._era = 0
        self.revision: str | None = None
        """What it said its revision was when it was last asked."""

    @property
    def shown(self) -> str:
        """The address as messages show it: a path may hold a secret."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def is_parked(self) -> bool:
        """Whether nothing may be sent."""
        return self.parked_until is not None

    @property
    def is_healthy(self) -> bool:
        """Whether it is neither closed nor parked nor on trial after it was."""
        return not self.closed_by and not self.is_parked and not self._on_trial

    @property
    def has_room(self) -> bool:
        """Whether a request may be sent now."""
        if self.closed_by or self.is_parked or self._trial_sent:
            return False
        if self._on_trial:
            return True
        return self.limit.allows(self.in_flight)

    def enter(self) -> Ticket:
        """Take a slot; `post` gives it back."""
        self.in_flight += 1
        self._trial_sent = self._on_trial
        return Ticket(self.in_flight, self._era, self._on_trial)

    async def post(
        self, ticket: Ticket, path: str, body: dict[str, Any], read: Callable[[object, Headers], Read]
    ) -> Read:
        """Send a request and return what `read` makes of its JSON, keeping limit and breaker up to date.

        Raises:
            Failed: it brought no JSON with status 200, or `read` raised it.
        """
        try:
            answer = read(*await self._exchange("POST", path, body, self._deadline))
        except Failed as failure:
            is_old = ticket.era != self._era
            self._note_failure(failure, ticket)
            # What fails alone on trial, right after the endpoint said that it is well, fails by itself.
            failure.excuses_ask = not ticket.on_trial and (is_old or (self.is_parked and not self._in_doubt))
            raise
        finally:
            self.in_flight -= 1
        self.limit.succeeded(ticket.level)
        if ticket.era == self._era:
            self._failures, self._park_seconds = 0, FIRST_PARK
            self._end_trial()
        return answer

    def park(self, failure: Failed) -> None:
        """Send nothing until a probe has worked."""
        self.last_failure, self._in_doubt = failure, False
        wait = max(self._park_seconds, failure.retry_after or 0.0)
        self.parked_until = time.monotonic() + wait
        self._park_seconds = min(LONGEST_PARK, self._park_seconds * 2)
        self._era += 1
        self._end_trial()

    def unpark(self) -> None:
        """Let one request through, whose outcome decides; or all of them, where there was only a doubt."""
        self.parked_until = None
        if not self._in_doubt:
            self._on_trial, self._failures = True, 0
        self._in_doubt = False

    def close(self, failure: Failed) -> None:
        """Send nothing more in this build."""
        self.last_failure = self.closed_by = failure
        self.parked_until = None
        self._end_trial()

    def _end_trial(self) -> None:
        self._on_trial = self._trial_sent = False

    async def get(self, path: str) -> object:
        """Ask something that costs nothing, as identity checks and probes do.

        Raises:
            Failed: it brought no JSON with status 200.
        """
        return (await self._exchange("GET", path, None, PROBE))[0]

    async def post_free(self, path: str, body: dict[str, Any]) -> object:
        """Send something that costs nothing and takes no slot.

        Raises:
            Failed: it brought no JSON with status 200.
        """
        return (await self._exchange("POST", path, body, PROBE))[0]

    async def get_beside(self, path: str) -> object:
        """Ask at the server's root, where an OpenAI-compatible API stands under `/v1`.

        Raises:
            Failed: it brought no JSON with status 200.
        """
        return (await self._exchange("GET", path, None, PROBE, self.url.removesuffix("/v1")))[0]

    async def post_beside(self, path: str, body: dict[str, Any]) -> object:
        """Send something that costs nothing to the server's root.

        Raises:
            Failed: it brought no JSON with status 200.
        """
        return (await self._exchange("POST", path, body, PROBE, self.url.removesuffix("/v1")))[0]

    def _note_failure(self, failure: Failed, ticket: Ticket) -> None:
        alone = self.in_flight <= 1 or ticket.on_trial
        self.last_failure = failure
        if failure.kind is Kind.OVERLOADED:
            self.limit.refused(ticket.level, self.in_flight - 1)
        if ticket.era != self._era or (failure.kind is Kind.OVERLOADED and not alone):
            return
        if failure.kind in STOPS_TEACHER or failure.kind in (Kind.VALIDATION, Kind.TOO_LARGE, Kind.BAD_REQUEST):
            self._end_trial()
            return
        if failure.kind is Kind.TIMEOUT:
            self.limit.timed_out()
        self._failures += 1
        if self._on_trial or self._failures >= FAILURES_TO_PARK:
            self.park(failure)
        elif failure.kind is Kind.CONNECTION and not self.is_parked:
            self.parked_until, self._in_doubt = time.monotonic(), True
            self._era += 1

    async def _exchange(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None,
        timeout: aiohttp.ClientTimeout,
        root: str | None = None,
    ) -> tuple[object, Headers]:
        data = None if body is None else json.dumps(body, ensure_ascii=False).encode("utf-8")
        headers = self._headers if data is None else {**self._headers, "Content-Type": "application/json"}
        if self.session is None:
            raise RuntimeError("the pool is not connected")
        try:
            async with self.session.request(
                method, (root or self.url) + path, data=data, headers=headers, timeout=timeout, allow_redirects=False
            ) as response:
                raw = await _read_bounded(response)
                if response.headers.get("Server") in ONE_THREAD_A_CONNECTION:
                    self._headers["Connection"] = "close"
                if response.status == 200:
                    return self._json(raw), response.headers
                raise self._refusal(response, raw)
        except aiohttp.ConnectionTimeoutError:
            raise Failed(Kind.CONNECTION, f"no connection within {CONNECT_SECONDS:g} s") from None
        except TimeoutError:
            raise Failed(Kind.TIMEOUT, f"no answer within {timeout.total:g} s") from None
        except aiohttp.ClientPayloadError as error:
            raise Failed(Kind.PROTOCOL, f"the answer broke off: {self.clean(str(error))}") from None
        except aiohttp.ClientConnectorError as error:
            what = error.os_error.strerror or str(error.os_error)
            raise Failed(Kind.CONNECTION, self.clean(f"cannot connect: {what}")) from None
        except (aiohttp.ClientConnectionError, ConnectionError) as error:
            raise Failed(Kind.CONNECTION, self.clean(f"{type(error).__name__}: {error}")) from None
        except (aiohttp.ClientError, aiohttp.http_exceptions.HttpProcessingError) as error:
            raise Failed(Kind.PROTOCOL, self.clean(f"{type(error).__name__}: {error}")) from None

    def _refusal(self, response: aiohttp.ClientResponse, raw: bytes) -> Failed:
        text = raw[:65536].decode("utf-8", "replace")
        error_type, said = None, text
        try:
            body = json.loads(text)
            error_type = body.get("error_type")
            error = body.get("error", body.get("message", text))
            said = error.get("message", text) if isinstance(error, dict) else error
            said = str(said)
        except (ValueError, AttributeError, RecursionError):
            said = text  # an answer that is no JSON object speaks for itself
        kind = kind_of(response.status, error_type if isinstance(error_type, str) else None, text)
        message = f"HTTP {response.status}: {self.clean(said)}"
        return Failed(kind, message, _seconds(response.headers.get("Retry-After")))

    def _json(self, raw: bytes) -> object:
        try:
            return json.loads(raw)
        except (ValueError, RecursionError):
            start = self.clean(raw[:4096].decode("utf-8", "replace"))[:80]
            raise Failed(Kind.PROTOCOL, f"the answer is not JSON; it begins {start!r}") from None

    def clean(self, text: str) -> str:
        """Bound a server's words, take out what a terminal would obey, and any echo of the token."""
        if self._token:
            text = text.replace(self._token, "***")
        text = text.encode("utf-8", "replace").decode("utf-8")
        return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:300]


async def _read_bounded(response: aiohttp.ClientResponse) -> bytes:
    chunks, size = [], 0
    async for chunk in response.content.iter_any():
        size += len(chunk)
        if size > MAX_BODY:
            raise Failed(Kind.PROTOCOL, f"the answer is larger than {MAX_BODY} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


def _seconds(header: str | None) -> float | None:
    """Read `Retry-After`: seconds or an HTTP date (RFC 9110, 10.2.3)."""
    if header is None:
        return None
    try:
        seconds = float(header)
        return None if math.isnan(seconds) else max(0.0, min(3600.0, seconds))
    except ValueError:
        pass
    try:
        return max(0.0, min(3600.0, parsedate_to_datetime(header).timestamp() - time.time()))
    except (TypeError, ValueError):
        return None


def open_session() -> aiohttp.ClientSession:
    """Return a session whose only limit on connections is ours; call it inside the event loop."""
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=60))
