"""`transformers:`: models that the run itself serves by transformers, on tiny ones made here."""

import asyncio
import json
import os
import re
import shutil
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
import tgi
from arbitrage.embedded.files import fetch
from arbitrage.embedded.folders import find
from arbitrage.embedded.program import TRANSFORMERS
from arbitrage.embedded.server import EmbeddedServer
from arbitrage.errors import TeacherError
from arbitrage.recipe.model import Teacher
from arbitrage.recipe.published import is_pinned_from, published_recipe
from arbitrage.recipe.reader import read_recipe
from arbitrage.store.store import open_store
from line.trial import SOURCES, Trial, contents, double, rows, teacher
from rewards.tiny_model import LONGEST, write_chat_model, write_reward_model

pytestmark = pytest.mark.skipif(
    not all(find_spec(name) for name in ("torch", "transformers", "fastapi", "uvicorn", "openai")),
    reason="transformers[serving] is not installed",
)
GREEDY = {"temperature": 0, "max_tokens": 12}
LONG = {"temperature": 0, "max_tokens": 400}
SECONDS = 180


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("transformers")


@pytest.fixture(scope="module")
def model(folder: Path) -> Path:
    # What follows an @ or a colon is a revision or a file to transformers, where it is part of a name.
    return write_chat_model(folder / "a@b:c" / "student")


@pytest.fixture(scope="module")
def server(folder: Path, model: Path) -> Iterator[EmbeddedServer]:
    settings = {"path": str(model), "model": "student", "threads": 1}
    made = EmbeddedServer("student", TRANSFORMERS, settings, folder / "log")
    asyncio.run(made.start())
    yield made
    made.stop()


def ask(server: EmbeddedServer, content: str = "Frage", **settings: Any) -> dict[str, Any]:
    body = {"model": "student", "messages": [{"role": "user", "content": content}], "max_tokens": 24, **settings}
    headers = {"Content-Type": "application/json"}
    with urlopen(Request(f"{server.url}/chat/completions", json.dumps(body).encode(), headers), timeout=60) as answer:
        return dict(json.load(answer))


def text(answer: dict[str, Any]) -> str:
    return str(answer["choices"][0]["message"]["content"])


def own(path: Path | str, **settings: Any) -> dict[str, Any]:
    return {"transformers": str(path), "license": "mit", "sampling": GREEDY, "threads": 1, **settings}


def trial(folder: Path, **teachers: dict[str, Any]) -> Trial:
    # What starts again after a crash has to import torch within it.
    made = Trial(folder, teachers, rows(3), more={"patience": "3m"})
    made.write()
    return made


def servers(path: Path) -> set[int]:
    """Return the processes that serve models under a folder; others on this machine are not ours."""
    found = set()
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            said = file.read_bytes()
            if TRANSFORMERS.module.encode() in said and str(path).encode() in said:
                found.add(int(file.parent.name))
        except OSError:
            continue
    return found


def gone(path: Path) -> bool:
    end = time.monotonic() + 10
    while servers(path) and time.monotonic() < end:
        time.sleep(0.02)
    return not servers(path)


def logs(line: Trial) -> str:
    return "".join(path.read_text() for path in (line.run_folder / "servers").glob("*.log"))


@pytest.fixture(autouse=True)
def nothing_is_left(tmp_path: Path) -> Iterator[None]:
    yield
    assert gone(tmp_path)


def generated(model: Path, pool: list[dict[str, Any]]) -> list[tuple[int, int, str]]:
    """Return the tokens of each prompt and answer, and that, as transformers generates it in this process."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer, own = AutoTokenizer.from_pretrained(model), AutoModelForCausalLM.from_pretrained(model)
    found = []
    for row in pool:
        turns = [{"role": turn["role"], "content": turn["content"]} for turn in row["prompt"]]
        asked = tokenizer(turns[-1]["content"], return_tensors="pt", return_dict=True)
        if row["teacher"] == "a":
            asked = tokenizer.apply_chat_template(
                turns, add_generation_prompt=True, return_tensors="pt", return_dict=True
            )
        size = asked["input_ids"].shape[1]
        said = own.generate(**asked, do_sample=False, max_new_tokens=GREEDY["max_tokens"])[0, size:]
        found.append((size, len(said), tokenizer.decode(said, skip_special_tokens=True)))
    return found


def test_a_whole_build_and_one_with_the_model_trained_again(tmp_path: Path) -> None:
    # Two words with a slash between: a folder where there is one, whatever the Hub may have under that name.
    model = write_chat_model(tmp_path / "students" / "mine")
    shutil.copytree(model, tmp_path / "elsewhere")
    line = trial(tmp_path, a=own("students/mine"), b=own("students/mine", model="org/b", format="raw"))
    checked = line.run("check").out
    assert "teacher a is served by the run itself: mine (0.00 GB)" in checked
    assert not (line.run_folder / "servers").exists()
    built = line.cli("build", timeout=SECONDS)
    assert built.code == 0, built
    pool = line.pool()
    assert len(pool) == 12
    assert {(row["teacher"], row["model"]) for row in pool} == {("a", "mine"), ("b", "org/b")}
    (revision,) = {row["revision"] for row in pool}
    assert len(revision) == 64
    answers = [(row["prompt_tokens"], row["completion_tokens"], row["completion"]) for row in pool]
    assert answers == generated(model, pool)
    manifest = json.loads((line.dataset / "manifest.json").read_text())
    assert is_pinned_from(manifest["recipe"], published_recipe(read_recipe(line.recipe, {}), {}))
    published = manifest["recipe"]["teachers"]["a"]
    assert (published["transformers"], published["model"], published["revision"]) == ("mine", "mine", revision)
    assert not {"slots", "threads", "context"} & set(published)
    for name in ("recipe.yaml", "manifest.json", "README.md"):
        assert "students" not in (line.dataset / name).read_text()
    assert line.reproduce().code == 0
    # Everything is stored, wherever it lies and whatever its training leaves beside it: nobody is started.
    whole, log = contents(line.dataset), contents(line.run_folder / "servers")
    (tmp_path / "elsewhere" / "checkpoint-7").mkdir()
    (tmp_path / "elsewhere" / "checkpoint-7" / "optimizer.pt").write_bytes(b"much")
    line.teachers["a"] |= {"transformers": str(tmp_path / "elsewhere"), "model": "mine", "slots": 1}
    assert line.build().code == 0
    assert contents(line.run_folder / "servers") == log
    line.teachers["a"]["transformers"] = "students/mine"
    assert line.build().code == 0
    assert contents(line.dataset) == whole
    # Trained again, it is another model, and one that says little.
    write_chat_model(model, seed=1)
    del line.teachers["b"]
    line.more["tolerate"] = 1.0
    line.write()
    assert line.cli("build", timeout=SECONDS).code == 0
    assert line.query("SELECT count(DISTINCT revision) FROM completion WHERE model = 'mine'") == [(2,)]
    assert {row["revision"] for row in line.pool()} != {revision}
    line.teachers["a"]["revision"] = revision
    ran = line.build()
    assert (ran.code, "it is another model; mend transformers: or revision:" in ran.err) == (2, True), ran.err


def test_a_folder_that_changes_while_a_run_goes_on_is_not_asked(tmp_path: Path, model: Path) -> None:
    shutil.copytree(model, tmp_path / "student")
    block = Teacher.model_validate({**own("student"), "api": "openai"})
    with open_store(tmp_path / "store.sqlite") as store:
        found = find("a", block, tmp_path, store)
    assert fetch("a", block, found, tmp_path / "store.sqlite", lambda _: None) == tmp_path / "student"
    (tmp_path / "student" / "generation_config.json").write_text("{}")
    with pytest.raises(TeacherError, match="was changed since this run began: run the same command again"):
        fetch("a", block, found, tmp_path / "store.sqlite", lambda _: None)


def test_an_answer_is_its_requests_own(server: EmbeddedServer) -> None:
    asked = [{"content": f"Frage {n}", "temperature": 0.9, "seed": n} for n in range(6)]
    first = [text(ask(server, **one)) for one in asked]
    assert len(set(first)) == len(first)
    with ThreadPoolExecutor(6) as at_once:
        assert list(at_once.map(lambda one: text(ask(server, **one)), asked)) == first
    greedy = [text(ask(server, **{**one, "temperature": 0})) for one in asked]
    assert [text(ask(server, **{**one, "temperature": 0, "seed": 9})) for one in asked] == greedy
    assert greedy != first
    # What it should stop at is no part of the answer.
    said, n, word = next((said, n, found[0]) for n, said in enumerate(first) if (found := re.search("[a-z]{3}", said)))
    assert text(ask(server, **asked[n], stop=[word])) == said.partition(word)[0]


def test_the_models_length_ends_prompts_and_answers(server: EmbeddedServer) -> None:
    prompt = "z" * (LONGEST - 40)
    answer = ask(server, prompt, temperature=0, max_tokens=LONGEST, logit_bias={"298": -100.0})
    assert answer["usage"]["total_tokens"] == LONGEST
    assert answer["choices"][0]["finish_reason"] == "length"
    with pytest.raises(HTTPError) as caught:
        ask(server, "z" * LONGEST)
    assert caught.value.code == 422
    assert f"the model takes {LONGEST}, answer and all" in caught.value.read().decode()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_however_a_build_ends_its_server_ends_too(tmp_path: Path, model: Path, number: int) -> None:
    path = tmp_path / "student"
    shutil.copytree(model, path)
    line = trial(tmp_path, a=own(path, sampling=LONG))
    with line.start("build") as process:
        end = time.monotonic() + SECONDS
        while not servers(path) and time.monotonic() < end:
            time.sleep(0.01)
        while number != signal.SIGKILL and "Request received" not in logs(line):
            time.sleep(0.01)
        process.send_signal(number)
        out, err = process.communicate(timeout=SECONDS)
    assert process.returncode == (-signal.SIGKILL if number == signal.SIGKILL else 130), out + err
    assert gone(path)


@pytest.mark.long
def test_a_crashed_server_is_started_again(tmp_path: Path, model: Path) -> None:
    path = tmp_path / "student"
    shutil.copytree(model, path)
    line = trial(tmp_path, a=own(path, sampling=LONG))
    with line.start("build") as process:
        while "Request received" not in logs(line):
            time.sleep(0.01)
            assert process.poll() is None
        (pid,) = servers(path)
        os.kill(pid, signal.SIGKILL)
        out, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, out + err
    assert "a: its transformers server crashed and is started again: its transformers server was killed" in err
    assert len([row for row in line.pool() if row["completion"]]) == 6


@pytest.mark.long
def test_what_does_not_load_takes_nothing_from_the_others(tmp_path: Path, model: Path) -> None:
    shutil.copytree(model, tmp_path / "broken")
    weights = tmp_path / "broken" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])
    write_reward_model(tmp_path / "judge")
    with tgi.serve([double("b")]) as (handle,):
        line = trial(tmp_path, a=own("broken"), c=own("judge"), b=teacher("b", handle.url))
        ran = line.cli("build", timeout=SECONDS)
    assert ran.code == 1
    assert "teacher a: 6 of 6 asks have no answer (embedded): its transformers server ended with status 1" in ran.out
    assert "failed to load the model: SafetensorError" in ran.out
    assert "LlamaForSequenceClassification is no model that goes on with a text" in ran.out
    assert len([row for row in line.pool() if row["completion"]]) == 6


def test_without_what_serves_it_says_what_to_install(tmp_path: Path, model: Path) -> None:
    line = trial(tmp_path, a=own(model))
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden" / "fastapi.py").write_text("raise ImportError('hidden')")
    line.environ = {"PYTHONPATH": os.pathsep.join([str(tmp_path / "hidden"), *SOURCES])}
    ran = line.cli("build")
    assert ran.code == 1
    assert "pip install 'multilingual-arbitrage[serve]'" in ran.out


def test_what_cannot_be_served_is_named_before_anything_is_asked(tmp_path: Path, model: Path) -> None:
    for name in ("bare", "adapter", "empty", "changed"):
        shutil.copytree(model, tmp_path / name)
    (tmp_path / "bare" / "chat_template.jinja").unlink()
    (tmp_path / "adapter" / "adapter_config.json").write_text("{}")
    (tmp_path / "empty" / "config.json").unlink()
    for block, said in (
        (own("none"), "none: no such folder; give one with a transformers model"),
        (own("bare"), "bare has no chat template: give its tokenizer one, or say format: raw"),
        (own("adapter"), "adapter is an adapter, which transformers does not serve: merge it into its base model"),
        (own("empty"), "empty holds no model: it has no config.json"),
        (own("changed", revision="main"), "the recipe says revision main: it is another model"),
        (own("bare", context=64), "context: is for a teacher with gguf:, not for one with transformers:"),
        ({**own("bare"), "endpoint": "http://x:1"}, "endpoint: is for a teacher with endpoint:, not for one with"),
        (
            {**own("bare"), "gguf": "x.gguf"},
            "transformers: is for a teacher with transformers:, not for one with gguf:",
        ),
    ):
        ran = trial(tmp_path, a=block).run("build")
        assert (ran.code, said in ran.err) == (2, True), ran.err
    assert trial(tmp_path, a=own("bare", format="raw")).run("check").code == 0
