"""`api: openai` against llama.cpp itself: who it is, what it answers, how it fails."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from line.trial import Trial, rows, teacher
from servers.llama import Llama
from servers.tiny_gguf import TEMPLATE_TOKENS, write_model

LANGUAGES = ("de", "tr", "zh")
PROMPTS = [
    {**row, "prompt": f"第{row['id']}题：你好吗？"} if row["language"] == "zh" else row for row in rows(7, LANGUAGES)
]


def asks(name: str, server: Llama, **settings: Any) -> dict[str, Any]:
    """Return a teacher block for `org/<name>` behind a server."""
    return teacher(name, server.url, **{"api": "openai", "sampling": {"max_tokens": 48}, **settings})


def trial(folder: Path, *, more: dict[str, Any] | None = None, **teachers: dict[str, Any]) -> Trial:
    made = Trial(folder, teachers, PROMPTS, more={"languages": LANGUAGES, "patience": "20s", **(more or {})})
    made.write()
    return made


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("models")
    paths = [folder / "a.gguf", folder / "b.gguf"]
    for seed, path in enumerate(paths):
        write_model(path, seed)
    return paths


@pytest.fixture(scope="module")
def a(models: list[Path]) -> Iterator[Llama]:
    with Llama(models[0], ["org/a", "org/also-a"]) as server:
        yield server


@pytest.fixture(scope="module")
def b(models: list[Path]) -> Iterator[Llama]:
    with Llama(models[1], ["org/b"]) as server:
        yield server


def test_a_whole_build_through_both_routes(tmp_path: Path, a: Llama, b: Llama) -> None:
    before = [a.generated, b.generated]
    line = trial(tmp_path, a=asks("a", a), b=asks("b", b, format="raw"))
    built = line.cli("build")
    assert built.code == 0, built
    pool = line.pool()
    assert len(pool) == 2 * len(PROMPTS)
    of = {name: {row["prompt_id"]: row for row in pool if row["teacher"] == name} for name in ("a", "b")}
    assert all(row["tokens_from"] == "usage" and row["error"] is None for row in pool)
    # By the servers' own count, nothing was asked twice and every token is accounted for.
    spent = [sum(row["completion_tokens"] for row in of[name].values()) for name in ("a", "b")]
    assert spent == [a.generated - before[0], b.generated - before[1]]
    # Where the chat route was asked, the model's own template was put around the turn; raw is bare.
    assert len(of["a"]) == len(PROMPTS)
    for prompt_id, row in of["a"].items():
        assert row["prompt_tokens"] == of["b"][prompt_id]["prompt_tokens"] + TEMPLATE_TOKENS
    # Random weights say bytes that are no UTF-8: they come as the server replaced them, and the dataset holds them.
    texts = [row["completion"] for row in pool]
    assert any("\ufffd" in text for text in texts)
    assert {row["finish_reason"] for row in pool} <= {"stop", "length"}
    for row in pool:
        assert ("truncated" in row["checks"]) == (row["finish_reason"] == "length")
    assert len(line.table("reward")) == len(PROMPTS)
    assert line.run("build").code == 0
    assert spent == [a.generated - before[0], b.generated - before[1]]


def test_the_same_texts_again_at_temperature_zero(tmp_path: Path, models: list[Path]) -> None:
    texts = []
    for attempt in ("first", "second"):
        with Llama(models[0], ["org/a"], slots=1) as server:
            greedy = {"temperature": 0, "max_tokens": 48}
            line = trial(tmp_path / attempt, a=asks("a", server, sampling=greedy, concurrency=1))
            assert line.run("build").code == 0
            texts.append({row["prompt_id"]: (row["prompt"], row["completion"]) for row in line.pool()})
            if attempt == "second":
                # They are what the server says to anybody, not what we make of it.
                for turns, completion in list(texts[1].values())[:5]:
                    status, raw = server.ask("/v1/chat/completions", {"messages": turns, **greedy})
                    assert (status, json.loads(raw)["choices"][0]["message"]["content"]) == (200, completion)
    assert texts[0] == texts[1]
    assert len({completion for _, completion in texts[0].values()}) > 1


def test_what_is_cut_short_is_flagged(tmp_path: Path, a: Llama) -> None:
    line = trial(tmp_path, a=asks("a", a, sampling={"max_tokens": 3}, extra={"ignore_eos": True}))
    assert line.run("build").code == 0
    assert {(row["finish_reason"], row["completion_tokens"], *row["checks"]) for row in line.pool()} == {
        ("length", 3, "truncated")
    }


@pytest.mark.parametrize("name", ["org/a", "org/also-a"])
def test_each_of_its_aliases_is_its_name(tmp_path: Path, a: Llama, name: str) -> None:
    line = trial(tmp_path, a=asks("a", a, model=name))
    assert line.run("check").code == 0
    line = trial(tmp_path, a=asks("a", a, model="org/other", served_as=name))
    assert line.run("check").code == 0


def test_another_model_is_refused_by_name(tmp_path: Path, a: Llama) -> None:
    before = a.generated
    line = trial(tmp_path, b=asks("b", a))
    for verb in ("check", "build"):
        ran = line.run(verb)
        assert ran.code == 2
        assert "serves 'org/a'" in ran.err and "not 'org/b'" in ran.err and "served_as:" in ran.err
    assert a.generated == before


def test_without_an_alias_its_name_is_the_file(tmp_path: Path, models: list[Path]) -> None:
    with Llama(models[0], []) as server:
        ran = trial(tmp_path, a=asks("a", server)).run("build")
        assert ran.code == 2
        assert f"serves {str(models[0])!r}, not 'org/a'" in ran.err
        line = trial(tmp_path, a=asks("a", server, served_as=str(models[0])))
        assert line.run("build").code == 0
        assert {row["model"] for row in line.pool()} == {"org/a"}


def test_a_wrong_key_is_named_before_anything_is_asked(tmp_path: Path, models: list[Path]) -> None:
    with Llama(models[0], ["org/a"], keys=["sk-right"]) as server:
        line = trial(tmp_path, a=asks("a", server, token="${KEY}"))
        line.environ = {"KEY": "sk-wrong"}
        wrong = line.run("build")
        assert wrong.code == 2
        assert "HTTP 401: Invalid API Key" in wrong.err and "token:" in wrong.err
        assert server.generated == 0
        without = trial(tmp_path, a=asks("a", server)).run("build")
        assert without.code == 2 and "HTTP 401" in without.err
        line = trial(tmp_path, a=asks("a", server, token="${KEY}"))
        line.environ = {"KEY": "sk-right"}
        right = line.run("build")
        assert right.code == 0
        line.assert_nowhere("sk-right", right)
        line.assert_nowhere("sk-wrong", wrong)


def test_a_prompt_longer_than_the_context_is_named(tmp_path: Path, models: list[Path]) -> None:
    with Llama(models[0], ["org/a"], context=512) as server:
        line = trial(tmp_path, a=asks("a", server))
        line.prompts = [*PROMPTS[:-1], {**PROMPTS[-1], "prompt": "zu lang " * 200}]
        line.write()
        ran = line.run("build")
        assert ran.code == 1
        assert f"teacher a: 1 of {len(PROMPTS)} asks have no answer (bad_request): HTTP 400: request (" in ran.out
        assert "exceeds the available context size (512 tokens)" in ran.out
        assert len(line.pool()) == len(PROMPTS)
        # It is no outcome for ever: a server with more room answers it, and nothing else is asked.
        short = server.generated
        server.kill()
        server.context = 4096
        server.start()
        assert line.run("build").code == 0
        tokens = sum(row["completion_tokens"] for row in line.pool())
        assert server.generated == tokens - short


def test_a_server_that_dies_and_comes_back(tmp_path: Path, models: list[Path]) -> None:
    with Llama(models[0], ["org/a"], slots=1) as server:
        long = {"sampling": {"max_tokens": 400}, "extra": {"ignore_eos": True}, "concurrency": 4}
        line = trial(tmp_path, a=asks("a", server, **long))
        with line.start("build") as process:
            try:
                while not server.generated:
                    time.sleep(0.01)
                    assert process.poll() is None
                before = server.generated
                server.kill()
                time.sleep(0.5)
                server.start()
                out, err = process.communicate(timeout=60)
            finally:
                process.kill()
        assert process.returncode == 0, out + err
        assert before > 0 and server.generated > 0
        assert {row["completion_tokens"] for row in line.pool()} == {400}
        assert len(line.pool()) == len(PROMPTS)
