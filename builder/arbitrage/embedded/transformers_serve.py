"""transformers' own serving of one model on 127.0.0.1: `python -m arbitrage.embedded.transformers_serve SETTINGS`.

Its handlers answer, as `transformers serve` has them; beside them are no routes, so that no other model is loaded.
"""

import asyncio
import json
import os
import socket
import sys
import threading
import time
import warnings
from typing import Any

from arbitrage.embedded.process import NOT_INSTALLED, belong_to, give_up

HERE = "."
"""The model, by its path: an address with a colon or an @ would be taken for a file or a revision."""


def main(settings: dict[str, Any]) -> None:
    """Serve a model until the input ends."""
    belong_to(settings["parent"])
    # Whatever libraries print is for the log: the first line of output is the address.
    output = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    # All files lie here; what libraries will change next is no news for a run.
    os.environ["HF_HUB_OFFLINE"] = "1"
    warnings.simplefilter("default")
    try:
        import fastapi  # noqa: F401 - the handlers come without it, and fail at the first request
        import openai  # noqa: F401 - likewise
        import uvicorn

        import torch  # isort: skip - it takes longest
        from transformers.cli.serving.model_manager import ModelManager
    except ImportError as error:
        give_up(f"transformers cannot serve: {error}", NOT_INSTALLED)
    torch.set_num_threads(settings["threads"])
    os.chdir(settings["path"])
    try:
        manager = ModelManager(force_model=HERE)
        model, _ = manager.load_model_and_processor(manager.process_model_name(HERE))
    except Exception as error:  # noqa: BLE001 - whatever keeps it from loading is for the log
        give_up(f"failed to load the model: {type(error).__name__}: {error}")
    if not model.can_generate() or getattr(model.config, "is_encoder_decoder", False):
        give_up(f"{type(model).__name__} is no model that goes on with a text (a causal language model)")
    # By itself it takes the most likely token, whatever temperature it is asked for, or one of 50.
    model.generation_config.do_sample = True
    if model.generation_config.top_k is None:
        model.generation_config.top_k = 0
    room = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    server = uvicorn.Server(uvicorn.Config(_app(settings["model"], manager, room), log_level="info"))
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    # In another thread: in this one it would take Ctrl-C for itself.
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
        if not thread.is_alive():
            give_up("the server did not start")
    output.write(f"http://127.0.0.1:{listening.getsockname()[1]}\n")
    output.flush()
    thread.join()
    os._exit(1)


def _app(name: str, manager: Any, room: int | None) -> Any:
    """Return the application that answers for a model, one request after the other."""
    from fastapi import FastAPI, HTTPException, Request
    from fastapi.responses import Response
    from transformers.cli.serving.chat_completion import ChatCompletionHandler
    from transformers.cli.serving.completion import CompletionHandler
    from transformers.cli.serving.utils import GenerateManager, GenerationState

    class Within(GenerateManager):
        """Ends an answer before what it should stop at, and where the model has no positions left."""

        async def generate_non_streaming(
            self, model: Any, processor: Any, inputs: Any, gen_config: Any, request_id: str
        ) -> Any:
            size = inputs["input_ids"].shape[-1]
            if room is not None:
                if size >= room:
                    raise HTTPException(422, f"the prompt has {size} tokens; the model takes {room}, answer and all")
                gen_config.max_new_tokens = min(gen_config.max_new_tokens, room - size)
            text, size, ids = await super().generate_non_streaming(model, processor, inputs, gen_config, request_id)
            # Other servers leave out what they were told to stop at.
            for stop in gen_config.stop_strings or ():
                text = text.partition(stop)[0]
            return text, size, ids

    within = Within()  # type: ignore[no-untyped-call]

    class State(GenerationState):
        """The one model's."""

        def get_manager(self, model_id: str, use_cb: bool = False) -> Any:
            return within

    # A request sets the seed of all: one that came between would change an answer.
    state, alone = State(), asyncio.Lock()
    routes = {
        "messages": ("/v1/chat/completions", ChatCompletionHandler(manager, state)),
        "prompt": ("/v1/completions", CompletionHandler(manager, state)),
    }
    app = FastAPI(openapi_url=None)

    @app.get("/v1/models")
    async def models() -> dict[str, Any]:
        return {"object": "list", "data": [{"id": name, "object": "model"}]}

    def add(asks: str, path: str, handler: Any) -> None:
        @app.post(path, response_model=None)
        async def answer(request: Request) -> Response:
            body = await request.json()
            if asks not in body:
                raise HTTPException(422, f"{asks} is missing")
            async with alone:
                # Whoever asked may have given up while others were answered.
                if await request.is_disconnected():
                    raise HTTPException(499, "nobody waits for it")
                found: Response = await handler.handle_request({**body, "model": HERE, "stream": False}, "1")
            return found

    for asks, (path, handler) in routes.items():
        add(asks, path, handler)
    return app


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
