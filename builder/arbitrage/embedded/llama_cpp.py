"""llama.cpp's HTTP server on 127.0.0.1: `python -m arbitrage.embedded.llama_cpp SETTINGS`."""

import json
import sys
import threading
from typing import Any

from arbitrage.embedded.process import NOT_INSTALLED, belong_to, give_up


def main(settings: dict[str, Any]) -> None:
    """Serve a model until the input ends."""
    belong_to(settings["parent"])
    try:
        import xllamacpp
    except ImportError as error:
        give_up(f"xllamacpp cannot be loaded: {error}", NOT_INSTALLED)
    params = xllamacpp.CommonParams()
    params.model.path = settings["path"]
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.model_alias = {settings["model"]}
    params.n_parallel = settings["slots"]
    params.n_ctx = settings["slots"] * settings["context"]
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = settings["threads"]
    # A slot keeps its share whatever the others do, and a prompt is computed afresh: what was asked before must
    # not change an answer.
    params.kv_unified = False
    params.cache_prompt = False
    params.cache_ram_mib = 0
    params.warmup = False
    params.ui = False
    try:
        server = xllamacpp.Server(params)
    except RuntimeError as error:
        give_up(str(error))
    sys.stdout.write(f"{server.listening_address}\n")
    sys.stdout.flush()
    threading.Event().wait()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
