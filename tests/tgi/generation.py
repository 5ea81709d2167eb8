"""The routes that generate: read, take a permit, validate, answer; in TGI's order."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from time import monotonic
from typing import Any

from aiohttp import web

from tgi import bodies
from tgi import request as shapes
from tgi.answers import Answer, Question, finish, key_of, no_recording
from tgi.chat import chat_parameters, forced_tool, last_user_text, render, sampling_of
from tgi.double import Double
from tgi.faults import SILENT, SPOILED, refusal_of
from tgi.log import Log, Request
from tgi.refusal import Refusal
from tgi.rules import Plan, check_best_of, plan
from tgi.spoil import sever, spoiled
from tgi.wire import dumps

SHAPES = {
    "/": shapes.compat_request,
    "/generate": shapes.generate_request,
    "/generate_stream": shapes.generate_request,
    "/v1/chat/completions": shapes.chat_request,
    "/v1/completions": shapes.completion_request,
}
Body = dict[str, Any]
Events = AsyncIterator[Body]


def refused(refusal: Refusal, retry_after: float | str | None = None) -> web.Response:
    """Answer with a refusal."""
    response = web.Response(body=refusal.body, status=refusal.status, content_type=refusal.content_type)
    if refusal.content_type == "text/plain":
        response.charset = "utf-8"
    if retry_after is not None and refusal.status in (429, 503):
        response.headers["Retry-After"] = str(retry_after)
    return response


class Generation:
    """Generates for one double."""

    def __init__(self, double: Double, log: Log) -> None:
        self.double = double
        self.log = log
        self.permits = double.limits.max_concurrent_requests
        self.slots = asyncio.Semaphore(double.slots) if double.slots else None

    async def answer(self, request: web.BaseRequest, raw: bytes) -> web.StreamResponse:
        """Answer one generation request and log it."""
        entry = self.log.begin(request.path)
        try:
            try:
                response = await self._answer(request, raw, entry)
            except Refusal as refusal:
                entry.error_type = refusal.error_type
                response = refused(refusal, self.double.faults.retry_after)
            if entry.fault not in SILENT:
                entry.status = response.status
            return response
        except (asyncio.CancelledError, ConnectionError):
            if entry.end is None:
                entry.status = 499
            raise
        finally:
            self.log.end(entry)

    async def _answer(self, request: web.BaseRequest, raw: bytes, entry: Request) -> web.StreamResponse:
        path = request.path
        body = shapes.read(raw, request.headers.get("Content-Type", ""), SHAPES[path])
        prompt = _prompt_of(body)
        entry.key = key_of(prompt)
        entry.model = body.get("model")
        entry.seed = body.get("parameters", body).get("seed")
        entry.stream = path == "/generate_stream" or body.get("stream", False)
        faults = self.double.faults
        fault = entry.fault = faults.pick(entry.index, entry.key, entry.in_flight)
        if fault:
            if fault in SILENT:
                return await self._silence(request, entry)
            if refusal := refusal_of(fault):
                raise refusal
        if path == "/v1/chat/completions":
            return await self._chat(request, body, entry)
        if path == "/v1/completions":
            return await self._completions(request, body, entry)
        return await self._native(request, body, entry, compat=path == "/")

    async def _silence(self, request: web.BaseRequest, entry: Request) -> web.StreamResponse:
        if entry.fault == "hang":
            await asyncio.Event().wait()
        self.log.end(entry)
        sever(request, politely=entry.fault == "closed")
        return web.Response()

    async def _native(
        self, request: web.BaseRequest, body: Body, entry: Request, *, compat: bool
    ) -> web.StreamResponse:
        inputs = body["inputs"]
        # Left out entirely, the parameters sample; in an object that says nothing they do not.
        parameters = body.get("parameters", {"do_sample": True})
        if compat and parameters.get("return_full_text") is None:
            parameters = {
                **parameters,
                "return_full_text": self.double.pipeline_tag in (None, "text-generation"),
            }
        if entry.stream:
            return await self._stream(request, entry, inputs, self._native_events(inputs, parameters, entry))
        best_of = parameters.get("best_of") or 1
        if best_of > 1:
            check_best_of(best_of, self.double.limits)
        start = monotonic()
        with self._permits(max(best_of, 1)):
            planned = plan(inputs, parameters, self.double.limits)
            answer = await self._generate(planned, inputs, entry)
        answered: Any = bodies.native(planned, answer, others=best_of - 1)
        return await self._whole(
            request, entry, [answered] if compat else answered, bodies.headers_of(planned, answer, start)
        )

    async def _chat(self, request: web.BaseRequest, body: Body, entry: Request) -> web.StreamResponse:
        parameters = chat_parameters(body)
        inputs = render(body["messages"], self.double.template)
        prompt = last_user_text(body["messages"])
        model = body.get("model")
        model = self.double.model_id if model in (None, "tgi") else model
        if entry.stream:
            events = self._chat_events(inputs, parameters, prompt, entry, model, body)
            return await self._stream(request, entry, inputs, events, openai=True)
        start = monotonic()
        with self._permits(1):
            planned = plan(inputs, parameters, self.double.limits)
            answer = await self._generate(planned, prompt, entry)
        answered = bodies.chat(planned, answer, model, body, forced_tool(body))
        return await self._whole(request, entry, answered, bodies.headers_of(planned, answer, start))

    async def _completions(self, request: web.BaseRequest, body: Body, entry: Request) -> web.StreamResponse:
        if body.get("suffix") is not None:
            text = "Suffix is not supported and can be achieved by preprocessing the prompt."
            raise Refusal(422, text, "suffix not supported")
        prompts = body["prompt"] if isinstance(body["prompt"], list) else [body["prompt"]]
        most = self.double.limits.max_client_batch_size
        if len(prompts) > most:
            text = f"Number of prompts exceeds the maximum allowed batch size of {most}"
            raise Refusal(422, text, "batch size exceeded")
        parameters = {**sampling_of(body), "repetition_penalty": body.get("repetition_penalty")}
        if entry.stream:
            events = self._completion_events(prompts, parameters, entry)
            return await self._stream(request, entry, "".join(prompts), events, openai=True)
        start = monotonic()
        with self._permits(len(prompts)):
            planned = [plan(prompt, parameters, self.double.limits) for prompt in prompts]
            answers = await asyncio.gather(*(self._generate(one, one.inputs, entry) for one in planned))
        headers = bodies.headers_of(planned[0], answers[0], start)
        headers["x-prompt-tokens"] = str(sum(one.input_tokens for one in planned))
        headers["x-generated-tokens"] = str(sum(answer.tokens for answer in answers))
        done = list(zip(planned, answers, strict=True))
        return await self._whole(request, entry, bodies.completions(done, self.double.model_id), headers)

    @contextmanager
    def _permits(self, number: int) -> Iterator[None]:
        """Take permits, or refuse: TGI never lets a request wait for one."""
        if self.permits < number:
            raise Refusal.of("overloaded")
        self.permits -= number
        try:
            yield
        finally:
            self.permits += number

    async def _generate(self, planned: Plan, prompt: str, entry: Request, *, wait: bool = True) -> Answer:
        double = self.double
        key = key_of(prompt)
        text = double.answers(Question(double.model_id, prompt, key, planned.seed))
        if text is None:
            raise no_recording()
        if double.reasoning:
            text = f"<think>\nI was asked something with the key {key[:8]}.\n</think>\n\n{text}"
        answer = finish(text, planned, key)
        entry.prompt_tokens += planned.input_tokens
        entry.completion_tokens += answer.tokens
        seconds = double.latency + double.per_token * answer.tokens if wait else 0.0
        if seconds or self.slots:
            async with self.slots or nullcontext():
                await asyncio.sleep(seconds)
        return answer

    async def _whole(
        self, request: web.BaseRequest, entry: Request, body: Any, headers: dict[str, str]
    ) -> web.StreamResponse:
        if entry.fault in SPOILED:
            entry.status = 200
            if entry.fault != "drip":
                self.log.end(entry)
            return await spoiled(entry.fault, request, body, headers, self.double.faults)
        return web.Response(body=dumps(body), content_type="application/json", headers=headers)

    async def _paced(self, events: Iterator[Body]) -> Events:
        async with self.slots or nullcontext():
            await asyncio.sleep(self.double.latency)
            for event in events:
                if self.double.per_token:
                    await asyncio.sleep(self.double.per_token)
                yield event

    async def _native_events(self, inputs: str, parameters: Body, entry: Request) -> Events:
        if parameters.get("best_of") not in (None, 1):
            raise Refusal.of("validation", "`best_of` != 1 is not supported when streaming tokens")
        if parameters.get("decoder_input_details"):
            text = "`decoder_input_details` == true is not supported when streaming tokens"
            raise Refusal.of("validation", text)
        with self._permits(1):
            planned = plan(inputs, parameters, self.double.limits)
            answer = await self._generate(planned, inputs, entry, wait=False)
            async for event in self._paced(bodies.native_events(planned, answer)):
                yield event

    async def _chat_events(
        self, inputs: str, parameters: Body, prompt: str, entry: Request, model: str, body: Body
    ) -> Events:
        with self._permits(1):
            planned = plan(inputs, parameters, self.double.limits)
            answer = await self._generate(planned, prompt, entry, wait=False)
            async for event in self._paced(bodies.chat_events(planned, answer, model, body)):
                yield event

    async def _completion_events(self, prompts: Sequence[str], parameters: Body, entry: Request) -> Events:
        for index, prompt in enumerate(prompts):
            with self._permits(1):
                planned = plan(prompt, parameters, self.double.limits)
                answer = await self._generate(planned, prompt, entry, wait=False)
                events = bodies.completion_events(planned, answer, self.double.model_id, index)
                async for event in self._paced(events):
                    yield event

    async def _stream(
        self, request: web.BaseRequest, entry: Request, inputs: str, events: Events, *, openai: bool = False
    ) -> web.StreamResponse:
        """Stream events; whatever fails from here on is an event too, under the status 200."""
        response = web.StreamResponse(headers=bodies.stream_headers_of(inputs))
        await response.prepare(request)
        entry.status = response.status
        try:
            async for event in events:
                await response.write(b"data: " + dumps(event) + b"\n\n")
                if entry.fault == "cut_body":
                    self.log.end(entry)
                    sever(request, politely=True)
                    return response
        except Refusal as refusal:
            entry.error_type = refusal.error_type
            error: Body = {"error": refusal.error, "error_type": refusal.error_type}
            if openai:
                error = {"error": {"message": refusal.error, "http_status_code": 422}}
            await response.write(b"data: " + dumps(error) + b"\n\n")
        self.log.end(entry)
        if openai:
            await response.write(b"data: [DONE]\n\n")
        await response.write_eof()
        return response


def _prompt_of(body: Body) -> str:
    if "messages" in body:
        return last_user_text(body["messages"])
    text = body["inputs"] if "inputs" in body else body["prompt"]
    return text if isinstance(text, str) else "\n".join(text)
