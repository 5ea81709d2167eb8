"""Who is behind an endpoint: at the start of a build, and when it comes back in the middle of one."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from arbitrage.errors import TeacherError
from arbitrage.recipe.model import Recipe
from arbitrage.teachers.endpoint import open_session
from arbitrage.teachers.failure import Failed, Kind
from arbitrage.teachers.identity import UNVERIFIED
from arbitrage.teachers.served import ServedTeacher

SHA = "a" * 40
INFO = {"model_id": "org/m", "model_sha": SHA, "max_concurrent_requests": 5}
MODELS = {"data": [{"id": "org/m"}]}
Routes = dict[str, tuple[int, Any]]
"""By path: a status, and what is answered as JSON, or as it is where it is text."""


def _with(routes: list[Routes], do: Callable[[ServedTeacher], Awaitable[None]], **settings: Any) -> None:
    async def main() -> None:
        def answer(place: int) -> Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]:
            async def answered(request: web.BaseRequest) -> web.StreamResponse:
                status, body = routes[place].get(request.path, (404, "not here"))
                if isinstance(body, str):
                    return web.Response(text=body, status=status)
                return web.json_response(body, status=status)

            return answered

        urls, runners = [], []
        for place in range(len(routes)):
            runner = web.ServerRunner(web.Server(answer(place)))
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            urls.append(f"http://127.0.0.1:{runner.addresses[0][1]}")
            runners.append(runner)
        recipe = Recipe.model_validate(
            {
                "name": "n",
                "license": "mit",
                "languages": ["de"],
                "prompts": [{"path": "x.jsonl", "language": "de"}],
                "arms": {"a": {"router": "random"}},
                "teachers": {"t": {"api": "tgi", "model": "org/m", **settings, "endpoint": urls}},
            }
        )
        async with open_session() as session:
            teacher = ServedTeacher("t", recipe, None)
            for endpoint in teacher.endpoints:
                endpoint.session = session
            await do(teacher)
        for runner in runners:
            await runner.cleanup()

    asyncio.run(main())


TGI: Routes = {"/info": (200, INFO), "/tokenize": (200, [])}
VLLM: Routes = {"/v1/models": (200, MODELS)}
DOWN: Routes = dict.fromkeys(["/info", "/v1/models", "/tokenize"], (502, "<html>Bad Gateway"))


def test_tgi_says_its_revision_and_its_limit() -> None:
    async def do(teacher: ServedTeacher) -> None:
        await teacher.identify()
        assert (teacher.revision, teacher.is_down) == (SHA, False)
        assert teacher.endpoints[0].limit.ceiling == 5

    _with([TGI], do)


def test_others_do_not() -> None:
    async def do(teacher: ServedTeacher) -> None:
        await teacher.identify()
        assert (teacher.revision, teacher.is_down, teacher.wire.is_tgi) == (UNVERIFIED, False, False)

    _with([VLLM], do, api="openai")


def test_the_recipes_revision_stands_in() -> None:
    async def do(teacher: ServedTeacher) -> None:
        await teacher.identify()
        assert teacher.revision == "v1"

    _with([VLLM], do, api="openai", revision="v1")


def test_tgi_behind_the_openai_api_is_known_for_what_it_is() -> None:
    async def do(teacher: ServedTeacher) -> None:
        await teacher.identify()
        assert (teacher.revision, teacher.wire.is_tgi) == (SHA, True)

    _with([{**TGI, **VLLM}], do, api="openai")


@pytest.mark.parametrize("api", ["tgi", "openai"])
def test_a_proxy_without_its_server_is_no_server(api: str) -> None:
    # Else what the server says later would be another teacher's, and all that was asked till then lost.
    async def do(teacher: ServedTeacher) -> None:
        await teacher.identify()
        assert (teacher.revision, teacher.is_down) == (None, True)
        assert teacher.trouble.kind is Kind.SERVER

    _with([DOWN], do, api=api)


@pytest.mark.parametrize("status", [401, 403, 404, 405, 500, 502])
def test_a_route_that_the_server_does_not_have_says_nothing(status: int) -> None:
    async def do(teacher: ServedTeacher) -> None:
        await teacher.identify()
        assert (teacher.revision, teacher.is_down) == (UNVERIFIED, False)

    _with([{**VLLM, "/info": (status, "no such route")}], do, api="openai")


@pytest.mark.parametrize(
    ("routes", "settings", "said"),
    [
        ({"/info": (200, {**INFO, "model_id": "org/x"})}, {}, "serves 'org/x', not 'org/m'"),
        ({"/info": (200, [])}, {}, "is this api: openai"),
        (TGI, {"revision": "b" * 40}, f"serves revision '{SHA}', the recipe says"),
        ({"/v1/models": (200, {"data": [{"id": "x"}]})}, {"api": "openai"}, "serves 'x', not 'org/m'"),
        ({"/v1/models": (401, "who?")}, {"api": "openai"}, "does not accept the token"),
        ({"/info": (200, INFO), "/tokenize": (401, "")}, {}, "does not accept the token"),
    ],
)
def test_whoever_is_somebody_else_is_refused(routes: Routes, settings: dict[str, Any], said: str) -> None:
    async def do(teacher: ServedTeacher) -> None:
        with pytest.raises(TeacherError, match=said):
            await teacher.identify()

    _with([routes], do, **settings)


@pytest.mark.parametrize(
    "info",
    [
        {**INFO, "model_sha": "\ud800"},
        {**INFO, "model_sha": ""},
        {**INFO, "model_sha": 5},
        {**INFO, "max_concurrent_requests": -1},
        {**INFO, "max_concurrent_requests": "many"},
    ],
)
def test_odd_info(info: dict[str, Any]) -> None:
    async def do(teacher: ServedTeacher) -> None:
        await teacher.identify()
        assert teacher.revision in (SHA, UNVERIFIED)
        assert teacher.endpoints[0].limit.ceiling in (5, 64)

    _with([{**TGI, "/info": (200, info)}], do)


@pytest.mark.parametrize(
    "body", ["", "<html>", None, [], {"data": None}, {"data": [None]}, {"data": "x"}, {"data": []}]
)
def test_odd_lists_of_models(body: Any) -> None:
    async def do(teacher: ServedTeacher) -> None:
        await teacher.identify()
        assert teacher.revision == UNVERIFIED

    _with([{"/v1/models": (200, body)}], do, api="openai")


def test_coming_back_as_oneself() -> None:
    routes = dict(TGI)

    async def do(teacher: ServedTeacher) -> None:
        await teacher.identify()
        (endpoint,) = teacher.endpoints
        endpoint.park(Failed(Kind.CONNECTION, "gone"))
        await teacher.probe(endpoint)
        assert not endpoint.is_parked
        routes["/info"] = (502, "")
        with pytest.raises(Failed) as raised:
            await teacher.probe(endpoint)
        assert (raised.value.kind, endpoint.is_parked) == (Kind.SERVER, True)

    _with([routes], do)


def test_coming_back_as_somebody_else() -> None:
    routes = dict(TGI)

    async def do(teacher: ServedTeacher) -> None:
        await teacher.identify()
        routes["/info"] = (200, {**INFO, "model_sha": "b" * 40})
        with pytest.raises(Failed, match="came back with revision") as raised:
            await teacher.probe(teacher.endpoints[0])
        assert raised.value.kind is Kind.IDENTITY

    _with([routes], do)


def test_coming_back_by_halves_is_not_coming_back_as_somebody_else() -> None:
    routes = {**TGI, **VLLM}

    async def do(teacher: ServedTeacher) -> None:
        await teacher.identify()
        (endpoint,) = teacher.endpoints
        routes["/info"] = (502, "")
        with pytest.raises(Failed) as raised:
            await teacher.probe(endpoint)
        assert (raised.value.kind, endpoint.is_parked) == (Kind.SERVER, True)
        routes["/info"] = (200, INFO)
        await teacher.probe(endpoint)
        assert (teacher.revision, endpoint.is_parked) == (SHA, False)

    _with([routes], do, api="openai")


def test_one_endpoint_of_two_that_says_no_revision() -> None:
    async def do(teacher: ServedTeacher) -> None:
        await teacher.identify()
        assert teacher.revision == SHA
        teacher.endpoints[1].park(Failed(Kind.CONNECTION, "gone"))
        await teacher.probe(teacher.endpoints[1])
        assert not teacher.is_down

    _with([{**TGI, **VLLM}, VLLM], do, api="openai")


def test_a_revision_that_was_known_has_to_be_said_again() -> None:
    routes = {**TGI, **VLLM, "/info": (502, "")}

    async def do(teacher: ServedTeacher) -> None:
        teacher.revision = SHA  # as the last build found
        await teacher.identify()
        (endpoint,) = teacher.endpoints
        assert (teacher.revision, endpoint.is_parked) == (SHA, True)
        with pytest.raises(Failed, match="does not say its revision, which was 'aaaa"):
            await teacher.probe(endpoint)
        assert endpoint.is_parked
        routes["/info"] = (200, INFO)
        await teacher.probe(endpoint)
        assert (teacher.revision, endpoint.is_parked) == (SHA, False)

    _with([routes], do, api="openai")


def test_an_endpoint_that_was_down_when_others_said_a_revision_has_to_say_one_too() -> None:
    second = dict(DOWN)

    async def do(teacher: ServedTeacher) -> None:
        await teacher.identify()
        second.clear()
        second.update(VLLM)
        with pytest.raises(Failed, match="does not say its revision"):
            await teacher.probe(teacher.endpoints[1])
        assert teacher.endpoints[1].is_parked
        second.update(TGI)
        await teacher.probe(teacher.endpoints[1])
        assert not teacher.endpoints[1].is_parked

    _with([{**TGI, **VLLM}, second], do, api="openai")


def test_where_the_recipe_says_the_revision_nobody_has_to() -> None:
    async def do(teacher: ServedTeacher) -> None:
        await teacher.identify()
        assert (teacher.revision, teacher.is_down) == (SHA, False)

    _with([VLLM], do, api="openai", revision=SHA)
