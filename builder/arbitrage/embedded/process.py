"""llama.cpp's HTTP server on 127.0.0.1: `python -m arbitrage.embedded.process SETTINGS`.

Its first line of output is its address. It ends when its input does, so that it never outlives who started it,
however that ended; on Linux the kernel sees to it too, as long as the model is still being loaded.
"""

import ctypes
import json
import os
import signal
import sys
import threading
from typing import Any

PR_SET_PDEATHSIG = 1
NO_XLLAMACPP = 3
"""The exit status where xllamacpp is not installed."""


def main(settings: dict[str, Any]) -> None:
    """Serve a model until the input ends."""
    # Ctrl-C goes to the whole group; whoever started this says when it ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _die_with(settings["parent"])
    threading.Thread(target=_wait_for_end, daemon=True).start()
    try:
        import xllamacpp
    except ImportError as error:
        sys.stderr.write(f"xllamacpp cannot be loaded: {error}\n")
        os._exit(NO_XLLAMACPP)
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
        sys.stderr.write(f"{error}\n")
        os._exit(1)
    sys.stdout.write(f"{server.listening_address}\n")
    sys.stdout.flush()
    threading.Event().wait()


def _die_with(parent: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)


def _wait_for_end() -> None:
    while os.read(0, 4096):
        pass
    os._exit(0)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
