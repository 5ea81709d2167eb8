"""Good answers gone bad on their way: see `faults` for the kinds."""

import asyncio
import socket
import struct
from typing import Any

from aiohttp import web

from tgi.faults import Faults
from tgi.wire import dumps

DRIPS = 20


def sever(request: web.BaseRequest, *, politely: bool = False) -> None:
    """End the connection under a request: by a reset, or politely once all that was written is sent."""
    transport = request.transport
    if transport is None:
        return
    if politely:
        transport.close()
        return
    if (connection := transport.get_extra_info("socket")) is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


async def spoiled(
    kind: str, request: web.BaseRequest, body: Any, headers: dict[str, str], faults: Faults
) -> web.StreamResponse:
    """Answer with `body` as `kind` spoils it."""
    if kind in ("cut_body", "drip"):
        return await _slow_or_cut(kind, request, dumps(body), headers, faults)
    if kind == "huge":
        body = _with_text(body, "x" * faults.huge_bytes)
    elif kind == "null_content":
        body = _with_text(body, None)
    elif kind == "no_fields":
        body = {}
    elif kind == "no_choices" and "choices" in body:
        body = {**body, "choices": []}
    elif kind == "extra_choices":
        body = _doubled(body)
    raw = dumps(body)
    if kind == "empty":
        raw = b""
    elif kind == "cut_json":
        raw = raw[: len(raw) // 2]
    elif kind == "bad_utf8":
        raw = dumps(_with_text(body, "\x00\x00")).replace(b"\\u0000\\u0000", b"\xff\xfe")
    content_type = "text/html" if kind == "bad_type" else "application/json"
    return web.Response(body=raw, content_type=content_type, headers=headers)


async def _slow_or_cut(
    kind: str, request: web.BaseRequest, raw: bytes, headers: dict[str, str], faults: Faults
) -> web.StreamResponse:
    response = web.StreamResponse(headers={**headers, "content-type": "application/json"})
    response.content_length = len(raw)
    await response.prepare(request)
    if kind == "cut_body":
        await response.write(raw[: len(raw) // 2])
        sever(request, politely=True)
        return response
    step = -(-len(raw) // DRIPS)
    for start in range(0, len(raw), step):
        await response.write(raw[start : start + step])
        await asyncio.sleep(faults.drip_seconds / DRIPS)
    return response


def _with_text(body: Any, text: str | None) -> Any:
    if isinstance(body, list):
        return [_with_text(item, text) for item in body]
    if "choices" not in body:
        return {**body, "generated_text": text}
    choices = [
        {**choice, "message": {**choice["message"], "content": text}}
        if "message" in choice
        else {**choice, "text": text}
        for choice in body["choices"]
    ]
    return {**body, "choices": choices}


def _doubled(body: Any) -> Any:
    if isinstance(body, list):
        return body * 2
    if "choices" not in body:
        return body
    return {**body, "choices": [{**body["choices"][0], "index": index} for index in range(2)]}
