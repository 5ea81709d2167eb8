"""One endpoint against a server that says what a test tells it to."""

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from aiohttp import web
from arbitrage.teachers import endpoint as module
from arbitrage.teachers.endpoint import FAILURES_TO_PARK, Endpoint, open_session
from arbitrage.teachers.failure import Failed, Kind

TOKEN = "hf_s3cr3tS3CR3T"
Answer = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


def _ask(answer: Answer, do: Callable[[Endpoint], Awaitable[None]], deadline: float = 5.0) -> None:
    async def main() -> None:
        server = web.Server(answer)
        runner = web.ServerRunner(server)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        async with open_session() as session:
            endpoint = Endpoint(f"http://127.0.0.1:{port}/secret-path", TOKEN, 8, deadline)
            endpoint.session = session
            await do(endpoint)
        await runner.cleanup()

    asyncio.run(main())


async def _post(endpoint: Endpoint) -> object:
    return await endpoint.post(endpoint.enter(), "/x", {"a": "ü\U0001f600"}, lambda body, _: body)


async def _failure(endpoint: Endpoint) -> Failed:
    with pytest.raises(Failed) as raised:
        await _post(endpoint)
    return raised.value


def _says(text: str | bytes, status: int = 200, **headers: str) -> Answer:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        await request.read()
        body = text if isinstance(text, bytes) else text.encode()
        return web.Response(body=body, status=status, headers={k.replace("_", "-"): v for k, v in headers.items()})

    return answer


def test_what_is_sent() -> None:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        assert request.path == "/secret-path/x"
        assert request.headers["Authorization"] == f"Bearer {TOKEN}"
        assert request.headers["Content-Type"] == "application/json"
        assert await request.read() == '{"a": "ü😀"}'.encode()
        return web.json_response({"ok": True})

    async def do(endpoint: Endpoint) -> None:
        assert await _post(endpoint) == {"ok": True}
        assert endpoint.in_flight == 0

    _ask(answer, do)


@pytest.mark.parametrize("place", ["json", "text", "ok", "late"])
def test_an_echo_of_the_token_is_taken_out(place: str) -> None:
    bodies = {
        "json": (json.dumps({"error": {"message": f"bad token {TOKEN}"}}), 500),
        "text": (f"<p>Bearer {TOKEN}", 502),
        "ok": (f"<p>Bearer {TOKEN}", 200),
        "late": (" " * 5 + "x" * 70 + TOKEN, 200),
    }

    async def do(endpoint: Endpoint) -> None:
        message = (await _failure(endpoint)).message
        assert TOKEN[:8] not in message
        assert place == "late" or "***" in message

    _ask(_says(*bodies[place]), do)


def test_words_for_a_terminal_are_bounded_and_harmless() -> None:
    async def do(endpoint: Endpoint) -> None:
        message = (await _failure(endpoint)).message
        assert len(message) < 350
        assert message.isprintable()

    _ask(_says("\x1b[31m\x00\u202e" * 10_000, 500), do)


@pytest.mark.parametrize(
    ("header", "least", "most"),
    [
        ("7", 7, 7),
        ("0.5", 0.5, 0.5),
        ("-3", 0, 0),
        ("999999", 3600, 3600),
        (timedelta(seconds=90), 30, 90),
        (timedelta(seconds=-90), 0, 0),
    ],
)
def test_retry_after(header: str | timedelta, least: float, most: float) -> None:
    if isinstance(header, timedelta):
        header = format_datetime(datetime.now(UTC) + header, usegmt=True)

    async def do(endpoint: Endpoint) -> None:
        failure = await _failure(endpoint)
        assert failure.kind is Kind.OVERLOADED
        assert failure.retry_after is not None
        assert least <= failure.retry_after <= most

    _ask(_says("busy", 429, Retry_After=header), do)


@pytest.mark.parametrize("header", ["soon", "nan", "Fri, 99 Foo 2020", ""])
def test_retry_after_in_nonsense(header: str) -> None:
    async def do(endpoint: Endpoint) -> None:
        assert (await _failure(endpoint)).retry_after in (None, 0.0)

    _ask(_says("busy", 429, Retry_After=header), do)


@pytest.mark.parametrize(
    "text", ["", "{", "[" * 100_000, b"\xff\xfe{}", b"\x80", "9" * 5000, "null and more", '{"a": "\x00'], ids=repr
)
def test_what_is_no_json(text: str | bytes) -> None:
    async def do(endpoint: Endpoint) -> None:
        assert (await _failure(endpoint)).kind is Kind.PROTOCOL

    _ask(_says(text), do)


def test_a_body_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BODY", 100_000)

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x" * 10_000)

    async def do(endpoint: Endpoint) -> None:
        failure = await _failure(endpoint)
        assert (failure.kind, "larger than 100000" in failure.message) == (Kind.PROTOCOL, True)

    _ask(answer, do)


def test_a_redirect_is_not_followed() -> None:
    async def do(endpoint: Endpoint) -> None:
        assert (await _failure(endpoint)).kind is Kind.PROTOCOL

    _ask(_says("", 302, Location="http://127.0.0.1:9/"), do)


@contextmanager
def _deaf() -> Iterator[int]:
    """Listen with a queue that is full: whoever connects is never answered."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = []
        for _ in range(4):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(listener.getsockname())
            waiting.append(one)
        yield listener.getsockname()[1]
        for one in waiting:
            one.close()


def test_a_host_that_swallows_connections_is_not_called_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CONNECT_SECONDS", 0.3)

    async def main() -> None:
        with _deaf() as port:
            async with open_session() as session:
                endpoint = Endpoint(f"http://127.0.0.1:{port}", None, 8, 600)
                endpoint.session = session
                failure = await _failure(endpoint)
        assert (failure.kind, failure.message) == (Kind.CONNECTION, "no connection within 0.3 s")

    asyncio.run(main())


# The breaker


def test_it_parks_after_failures_in_a_row_and_a_trial_decides() -> None:
    status = [500]

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        return web.json_response({}, status=status[0])

    async def do(endpoint: Endpoint) -> None:
        for _ in range(FAILURES_TO_PARK):
            assert endpoint.has_room
            assert not (await _failure(endpoint)).excuses_ask or endpoint.is_parked
        assert endpoint.is_parked
        assert not endpoint.has_room
        first_wait = endpoint.parked_until
        endpoint.unpark()
        assert endpoint.has_room
        endpoint.enter()
        assert not endpoint.has_room, "only one is on trial"
        endpoint.in_flight -= 1
        failure = await _failure(endpoint)
        assert endpoint.is_parked, "one failure on trial is enough"
        assert not failure.excuses_ask
        assert first_wait is not None
        assert endpoint.parked_until is not None
        assert endpoint.parked_until > first_wait
        endpoint.unpark()
        status[0] = 200
        await _post(endpoint)
        assert endpoint.is_healthy
        status[0] = 500
        await _failure(endpoint)
        assert endpoint.is_healthy

    _ask(answer, do)


def test_a_success_between_failures_keeps_it_open() -> None:
    calls = [0]

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        calls[0] += 1
        return web.json_response({}, status=200 if calls[0] % FAILURES_TO_PARK == 0 else 500)

    async def do(endpoint: Endpoint) -> None:
        for _ in range(4):
            for _ in range(FAILURES_TO_PARK - 1):
                await _failure(endpoint)
            await _post(endpoint)
        assert endpoint.is_healthy

    _ask(answer, do)


@pytest.mark.parametrize("status", [422, 413, 400])
def test_an_ask_that_is_refused_says_nothing_against_the_endpoint(status: int) -> None:
    async def do(endpoint: Endpoint) -> None:
        for _ in range(3 * FAILURES_TO_PARK):
            await _failure(endpoint)
        assert endpoint.is_healthy

    _ask(_says("{}", status), do)


def test_a_broken_connection_asks_who_is_there_first() -> None:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async def do(endpoint: Endpoint) -> None:
        assert (await _failure(endpoint)).kind is Kind.CONNECTION
        assert endpoint.is_parked
        endpoint.unpark()
        assert endpoint.is_healthy, "no trial where there was only a doubt"

    _ask(answer, do)


def test_an_address_is_shown_without_its_path() -> None:
    assert Endpoint("https://host:8080/secret/v1", None, 1, 1).shown == "https://host:8080"
