"""The HTTP face of one double: who may come in, and every route."""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any

from aiohttp import web

from tgi import bodies
from tgi import request as shapes
from tgi.chat import chat_parameters, render
from tgi.double import Double
from tgi.generation import SHAPES, Generation, refused
from tgi.log import Log
from tgi.refusal import Refusal
from tgi.tokens import simple
from tgi.wire import dumps, loads

Get = Callable[[], web.Response]
Post = Callable[[web.BaseRequest, bytes], Awaitable[web.StreamResponse]]


def _json(value: object) -> web.Response:
    return web.Response(body=dumps(value), content_type="application/json")


class App:
    """Answers the requests of one double; made inside the event loop that serves it."""

    def __init__(self, double: Double, log: Log) -> None:
        self.double = double
        self.log = log
        generation = Generation(double, log)
        self.get: dict[str, Get] = {
            "/": web.Response,
            "/health": web.Response,
            "/ping": web.Response,
            "/info": self._info,
            "/v1/models": self._models,
            "/metrics": self._metrics,
            "/__double__/log": lambda: _json([asdict(request) for request in log.requests]),
            "/__double__/stats": lambda: _json(log.stats()),
        }
        self.post: dict[str, Post] = {
            **dict.fromkeys(SHAPES, generation.answer),
            "/tokenize": self._tokenize,
            "/chat_tokenize": self._chat_tokenize,
            "/__double__/faults": self._faults,
        }

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer any request."""
        path, method = request.path, request.method
        if method == "POST" and (post := self.post.get(path)):
            if (path in SHAPES or path == "/tokenize") and not self._allowed(request):
                if path in SHAPES:
                    self.log.refused(path, 401)
                return web.Response(status=401)
            limit = self.double.limits.payload_limit
            if (request.content_length or 0) > limit or len(raw := await request.read()) > limit:
                if path in SHAPES:
                    self.log.refused(path, 413)
                response = refused(Refusal(413, "Failed to buffer the request body: length limit exceeded"))
                response.force_close()
                return response
            try:
                return await post(request, raw)
            except Refusal as refusal:
                return refused(refusal)
        if method in ("GET", "HEAD") and (get := self.get.get(path)):
            return get()
        methods = [name for name, known in (("GET,HEAD", path in self.get), ("POST", path in self.post)) if known]
        if not methods:
            return web.Response(status=404)
        return web.Response(status=405, headers={"Allow": ",".join(methods)})

    def _allowed(self, request: web.BaseRequest) -> bool:
        """Whether the request carries the key; TGI compares it without regard to case."""
        key = self.double.api_key
        return key is None or request.headers.get("Authorization", "").lower() == f"bearer {key}".lower()

    def _info(self) -> web.Response:
        double, limits = self.double, self.double.limits
        return _json(
            {
                "model_id": double.faults.info_model or double.model_id,
                "model_sha": double.faults.info_sha or double.model_sha,
                "model_pipeline_tag": double.pipeline_tag,
                "max_concurrent_requests": limits.max_concurrent_requests,
                "max_best_of": limits.max_best_of,
                "max_stop_sequences": limits.max_stop_sequences,
                "max_input_tokens": limits.max_input_tokens,
                "max_total_tokens": limits.max_total_tokens,
                "validation_workers": 2,
                "max_client_batch_size": limits.max_client_batch_size,
                "router": "text-generation-router",
                "version": bodies.VERSION,
                "sha": None,
                "docker_label": None,
            }
        )

    def _models(self) -> web.Response:
        model = self.double.faults.info_model or self.double.model_id
        return _json({"object": "list", "data": [{"id": model, "object": "model", "created": 0, "owned_by": model}]})

    def _metrics(self) -> web.Response:
        requests = list(self.log.requests)
        done = sum(request.status == 200 and not request.error_type for request in requests)
        failed = Counter(request.error_type for request in requests if request.error_type)
        lines = [f"tgi_request_count {len(requests)}", f"tgi_request_success {done}", "tgi_queue_size 0"]
        lines += [f'tgi_request_failure{{err="{kind}"}} {count}' for kind, count in failed.items()]
        return web.Response(text="\n".join(lines) + "\n")

    async def _tokenize(self, request: web.BaseRequest, raw: bytes) -> web.Response:
        body = shapes.read(raw, request.headers.get("Content-Type", ""), shapes.generate_request)
        return _json(simple(body["inputs"]))

    async def _chat_tokenize(self, request: web.BaseRequest, raw: bytes) -> web.Response:
        body = shapes.read(raw, request.headers.get("Content-Type", ""), shapes.chat_request)
        chat_parameters(body)
        text = render(body["messages"], self.double.template)
        return _json({"tokenize_response": simple(text), "templated_text": text})

    async def _faults(self, request: web.BaseRequest, raw: bytes) -> web.Response:
        """Change the faults; an empty object ends them all."""
        try:
            changes: dict[str, Any] = loads(raw)
            if changes:
                self.double.faults.set(**changes)
            else:
                self.double.faults.clear()
        except (ValueError, TypeError) as error:
            return web.Response(status=400, text=str(error))
        return web.Response(status=204)
