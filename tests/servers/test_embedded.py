"""`gguf:`: llama.cpp served by the run itself, on tiny models made here."""

import json
import os
import signal
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import tgi
from line.trial import SOURCES, Trial, contents, double, rows, teacher
from servers.tiny_gguf import write_model

PROMPTS = rows(5)
GREEDY = {"temperature": 0, "max_tokens": 24}


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    paths = [tmp_path_factory.mktemp("gguf") / f"{name}.gguf" for name in "ab"]
    for seed, path in enumerate(paths):
        write_model(path, seed)
    return paths


def own(path: Path, **settings: Any) -> dict[str, Any]:
    return {"gguf": str(path), "license": "mit", "sampling": GREEDY, "context": 512, **settings}


def trial(folder: Path, **teachers: dict[str, Any]) -> Trial:
    made = Trial(folder, teachers, [dict(row) for row in PROMPTS], more={"patience": "20s"})
    made.write()
    return made


def servers(models: list[Path]) -> set[int]:
    """Return the processes of embedded servers of these models; others on this machine are not ours."""
    ours = str(models[0].parent).encode()
    found = set()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            said = path.read_bytes()
            if b"arbitrage.embedded.llama_cpp" in said and ours in said:
                found.add(int(path.parent.name))
        except OSError:
            continue
    return found


def _gone(models: list[Path]) -> bool:
    end = time.monotonic() + 10
    while servers(models) and time.monotonic() < end:
        time.sleep(0.02)
    return not servers(models)


@pytest.fixture(autouse=True)
def nothing_is_left(models: list[Path]) -> Iterator[None]:
    yield
    assert _gone(models)


def test_a_whole_build_serves_what_it_asks_and_nothing_stays(tmp_path: Path, models: list[Path]) -> None:
    line = trial(tmp_path, a=own(models[0]), b=own(models[1], format="raw"))
    said = line.run("check").out
    assert "teacher a is served by the run itself: a.gguf (0.00 GB)" in said
    assert not (line.run_folder / "servers").exists()
    built = line.cli("build")
    assert built.code == 0, built
    pool = line.pool()
    assert len(pool) == 2 * len(PROMPTS)
    digests = {name: sha256(path.read_bytes()).hexdigest() for name, path in zip("ab", models, strict=True)}
    assert {(row["teacher"], row["model"], row["revision"]) for row in pool} == {
        (name, name, digest) for name, digest in digests.items()
    }
    assert all(row["tokens_from"] == "usage" and row["error"] is None for row in pool)
    manifest = json.loads((line.dataset / "manifest.json").read_text())
    assert manifest["recipe"]["teachers"]["a"]["sha256"] == digests["a"]
    assert str(tmp_path) not in (line.dataset / "recipe.yaml").read_text()
    assert line.reproduce().code == 0
    # Everything is stored: nobody is started, and the bytes are the same.
    logs = contents(line.run_folder / "servers")
    whole = contents(line.dataset)
    assert line.run("build").code == 0
    assert contents(line.run_folder / "servers") == logs and contents(line.dataset) == whole


def test_a_moved_file_costs_nothing_and_another_content_or_context_everything(
    tmp_path: Path, models: list[Path]
) -> None:
    line = trial(tmp_path, a=own(models[0], model="org/a"))
    assert line.run("build").code == 0
    stored = "SELECT count(*) FROM completion"
    moved = tmp_path / "elsewhere.gguf"
    moved.write_bytes(models[0].read_bytes())
    line.teachers["a"] |= {"gguf": "elsewhere.gguf", "slots": 2, "threads": 2}
    assert line.build().code == 0
    assert line.query(stored) == [(len(PROMPTS),)]
    line.teachers["a"]["context"] = 1024
    assert line.build().code == 0
    assert line.query(stored) == [(2 * len(PROMPTS),)]
    moved.write_bytes(models[1].read_bytes())
    assert line.build().code == 0
    assert line.query(stored) == [(3 * len(PROMPTS),)]
    line.teachers["a"]["sha256"] = sha256(models[0].read_bytes()).hexdigest()
    ran = line.build()
    assert (ran.code, "it is another file" in ran.err) == (2, True)


def test_nine_at_once(tmp_path: Path, models: list[Path]) -> None:
    nine = {f"t{n}": own(models[n % 2], model=f"org/t{n}") for n in range(9)}
    line = trial(tmp_path, **nine)
    built = line.cli("build", timeout=120)
    assert built.code == 0, built
    assert len(line.pool()) == 9 * len(PROMPTS)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_however_a_build_ends_its_servers_end_too(tmp_path: Path, models: list[Path], number: int) -> None:
    long = {"sampling": {"temperature": 0, "max_tokens": 400}, "extra": {"ignore_eos": True}, "slots": 1}
    line = trial(tmp_path, a=own(models[0], **long), b=own(models[1], **long))
    with line.start("build") as process:
        end = time.monotonic() + 30
        while not servers(models) and time.monotonic() < end:
            time.sleep(0.01)
        if number != signal.SIGKILL:
            while "listening" not in "".join(p.read_text() for p in (line.run_folder / "servers").glob("*.log")):
                time.sleep(0.01)
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
    assert process.returncode == (-signal.SIGKILL if number == signal.SIGKILL else 130), out + err
    assert _gone(models)
    assert line.cli("build").code == 0
    assert len(line.pool()) == 2 * len(PROMPTS)


def test_an_exception_ends_them_as_well(tmp_path: Path, models: list[Path]) -> None:
    line = trial(tmp_path, a=own(models[0]))
    (tmp_path / "bad.py").write_text("def score(prompts, completions, **_):\n    raise KeyError('oops')\n")
    line.more["rewards"] = {"bad": {"python": "bad:score"}}
    assert line.build().code == 2
    assert _gone(models)


def test_a_crashed_server_is_started_again(tmp_path: Path, models: list[Path]) -> None:
    long = {"sampling": {"temperature": 0, "max_tokens": 300}, "extra": {"ignore_eos": True}, "slots": 1}
    line = trial(tmp_path, a=own(models[0], **long))
    with line.start("build") as process:
        # It has been asked: who dies earlier is not started again, since its file may be to blame.
        while "processing task" not in "".join(p.read_text() for p in (line.run_folder / "servers").glob("*.log")):
            time.sleep(0.01)
            assert process.poll() is None
        (pid,) = servers(models)
        os.kill(pid, signal.SIGKILL)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, out + err
    assert "a: its llama.cpp server crashed and is started again: its llama.cpp server was killed by signal 9" in err
    assert {row["completion_tokens"] for row in line.pool()} == {300}


def test_one_that_does_not_start_takes_nothing_from_the_others(tmp_path: Path, models: list[Path]) -> None:
    broken = tmp_path / "broken.gguf"
    # Its description is whole, its weights are not.
    broken.write_bytes(models[0].read_bytes()[:-100_000])
    with tgi.serve([double("b")]) as (handle,):
        line = trial(tmp_path, a=own(broken), b=teacher("b", handle.url))
        ran = line.cli("build")
        assert ran.code == 1
        assert f"teacher a: {len(PROMPTS)} of {len(PROMPTS)} asks have no answer (embedded): its llama.cpp" in ran.out
        assert "failed to load model" in ran.out
        assert len([row for row in line.pool() if row["completion"]]) == len(PROMPTS)
        broken.write_bytes(models[0].read_bytes())
        assert line.cli("build").code == 0


def test_without_xllamacpp_it_says_what_to_install(tmp_path: Path, models: list[Path]) -> None:
    line = trial(tmp_path, a=own(models[0]))
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden" / "xllamacpp.py").write_text("raise ImportError('hidden')")
    line.environ = {"PYTHONPATH": os.pathsep.join([str(tmp_path / "hidden"), *SOURCES])}
    ran = line.cli("build")
    assert ran.code == 1
    assert "xllamacpp is not installed: pip install 'multilingual-arbitrage[gguf]'" in ran.out


def test_what_cannot_be_served_is_named_before_anything_is_asked(tmp_path: Path, models: list[Path]) -> None:
    (tmp_path / "junk.gguf").write_bytes(b"not a model")
    bare = tmp_path / "bare.gguf"
    bare.write_bytes(models[0].read_bytes().replace(b"tokenizer.chat_template", b"tokenizer.chat_templat_"))
    (tmp_path / "m-00001-of-00002.gguf").write_bytes(models[0].read_bytes())
    for block, said in (
        (own(tmp_path / "none.gguf"), "no such file"),
        (own(tmp_path / "junk.gguf"), "junk.gguf: is no GGUF file that can be read (it does not begin with GGUF)"),
        (own(bare), "bare.gguf has no chat template: take another file, or say format: raw"),
        (own(tmp_path / "m-00001-of-00002.gguf"), "is a part of a model"),
        ({**own(bare), "endpoint": "http://x:1"}, "endpoint: is for a teacher with endpoint:"),
        ({"api": "tgi", "model": "org/x"}, "give endpoint:, or gguf:"),
        (teacher("x", "http://x:1", context=5), "context: is for a teacher with gguf:"),
    ):
        ran = trial(tmp_path, a=block).run("build")
        assert (ran.code, said in ran.err) == (2, True), ran.err
    assert trial(tmp_path, a=own(bare, format="raw")).run("build").code == 0
