"""`api: openai` against `transformers serve`, where it is installed: pip install 'transformers[serving]'."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from line.trial import Trial, rows, teacher
from rewards.tiny_model import write_chat_model

pytestmark = pytest.mark.skipif(
    not all(find_spec(name) for name in ("torch", "transformers", "fastapi", "uvicorn", "openai")),
    reason="transformers[serving] is not installed",
)
SECONDS = 180


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The address of a server, and the model that it serves."""
    folder = tmp_path_factory.mktemp("serve")
    model = write_chat_model(folder / "model")
    (folder / "home" / "hub").mkdir(parents=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environ = {**os.environ, "HF_HOME": str(folder / "home"), "HF_HUB_OFFLINE": "1", "PYTHONWARNINGS": "default"}
    command = ["serve", str(model), "--device", "cpu", "--dtype", "float32", "--host", "127.0.0.1", "--port", str(port)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "transformers.cli.transformers", *command], env=environ, stdout=log, stderr=log
        )
    try:
        end = time.monotonic() + SECONDS
        while True:
            try:
                urlopen(f"http://127.0.0.1:{port}/health", timeout=1).close()
                break
            except (URLError, TimeoutError, ConnectionError):
                assert process.poll() is None, (folder / "log").read_text()[-3000:]
                assert time.monotonic() < end
                time.sleep(0.2)
        yield f"http://127.0.0.1:{port}", model
    finally:
        process.kill()
        process.wait()


def test_a_whole_build(tmp_path: Path, served: tuple[str, Path]) -> None:
    url, model = served
    sampling = {"temperature": 0, "max_tokens": 12}
    block = teacher("a", url, api="openai", served_as=str(model), sampling=sampling, concurrency=2, deadline="60s")
    line = Trial(tmp_path, {"a": block}, rows(3))
    line.write()
    built = line.cli("build", timeout=SECONDS)
    assert built.code == 0, built
    pool = line.pool()
    assert len(pool) == 6
    assert all(row["tokens_from"] == "usage" and 0 < row["completion_tokens"] <= 12 for row in pool)
    assert {row["finish_reason"] for row in pool} == {"stop", "length"}
    assert all(("truncated" in row["checks"]) == (row["finish_reason"] == "length") for row in pool)
    assert {row["model"] for row in pool} == {"org/a"}
    # Texts and tokens are the model's own, by its own tokenizer and greedy decoding in this process.
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer, own = AutoTokenizer.from_pretrained(model), AutoModelForCausalLM.from_pretrained(model)
    for row in pool:
        turns = [{"role": turn["role"], "content": turn["content"]} for turn in row["prompt"]]
        asked = tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_tensors="pt", return_dict=True)
        said = own.generate(**asked, do_sample=False, max_new_tokens=12)[0, asked["input_ids"].shape[1] :]
        assert row["prompt_tokens"] == asked["input_ids"].shape[1]
        assert row["completion_tokens"] == len(said)
        assert row["completion"] == tokenizer.decode(said, skip_special_tokens=True)
    assert json.loads((line.dataset / "manifest.json").read_text())["pool"]["teachers"]["a"]["served"]
