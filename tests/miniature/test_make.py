"""Making a world: whose folder it takes, and that it ends with the same bytes however it is stopped."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from miniature.worlds import COMMAND, ENVIRON, TINY, miniature, write_world

JOBS = ["base llama", "base qwen2"]
JOBS += [f"learned from its annotators: {name}" for name in ("auditor", "judge", "reward")]
JOBS += ["student to be cohere", "teacher multi", "teacher west"]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def told(out: str) -> list[str]:
    """Return what a command says that it has made."""
    return sorted(line.partition(" s  ")[2] for line in out.splitlines() if " s  " in line)


def processes(session: int) -> list[int]:
    """Return the processes of a session, but for its leader and for what Python tracks shared memory with."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            of = int((path / "stat").read_text().rpartition(")")[2].split()[3])
            if of == session != int(path.name) and b"spawn_main" in (path / "cmdline").read_bytes():
                found.append(int(path.name))
        except (OSError, IndexError):
            continue
    return found


def wait_for(what: Callable[[], object], process: subprocess.Popen[str] | None = None) -> None:
    end = time.monotonic() + 300
    while not what():
        assert time.monotonic() < end
        assert process is None or process.poll() is None
        time.sleep(0.02)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("worlds")
    write_world(made / "world.yaml")
    return made


@pytest.fixture(scope="module")
def whole(folder: Path) -> Iterator[Path]:
    """A world that was made without a disturbance."""
    ran = miniature("make", "whole", "--world", "world.yaml", folder=folder)
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == ""
    assert told(ran.stdout) == JOBS
    yield folder / "whole"


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, "make", *arguments],
        cwd=folder,
        env=ENVIRON,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_it_has_all_that_a_recipe_and_an_examination_need(whole: Path) -> None:
    assert len((whole / "prompts.jsonl").read_text().splitlines()) == 7 * TINY["sources"]
    assert len((whole / "exam.jsonl").read_text().splitlines()) == 7 * TINY["exam"]
    assert [path.name for path in sorted((whole / "teachers").iterdir())] == ["multi.gguf", "west.gguf"]
    for model in ("reward", "auditor", "judge"):
        assert (whole / model / "model.safetensors").is_file()
    assert not [name for name, text in contents(whole).items() if str(whole).encode() in text]


def test_what_is_there_stays(whole: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in whole.rglob("*.safetensors")}
    ran = miniature("make", "whole", "--world", "world.yaml", folder=whole.parent)
    assert (ran.returncode, told(ran.stdout), ran.stderr) == (0, [], "")
    assert {path: path.stat().st_mtime_ns for path in whole.rglob("*.safetensors")} == before


def test_stopped_in_every_way_it_goes_on_to_the_same_bytes(folder: Path, whole: Path) -> None:
    made = folder / "stopped/made"
    seen: list[str] = []

    with start(folder, "stopped", "--world", "world.yaml") as process:
        # One of those that work is killed, as the kernel does where memory ends.
        wait_for(lambda: processes(process.pid), process)
        os.kill(processes(process.pid)[0], signal.SIGKILL)
        out, err = process.communicate(timeout=120)
    assert (process.returncode, out) == (1, "")
    assert err.startswith("arbitrage.miniature: a process that trains models in stopped was killed, or ran out of")
    assert "Traceback" not in err
    wait_for(lambda: not processes(process.pid))

    for number, until in ((signal.SIGKILL, "make_base-llama"), (signal.SIGINT, "make_teacher-west")):
        with start(folder, "stopped", "--world", "world.yaml") as process:
            wait_for(lambda until=until: (made / until).exists(), process)  # type: ignore[misc]
            os.kill(process.pid, number)
            out, err = process.communicate(timeout=120)
        seen += told(out)
        if number == signal.SIGINT:
            assert process.returncode == 130
            assert (
                err
                == "arbitrage.miniature: interrupted; what is finished stays, and the same command goes on from here\n"
            )
        else:
            assert process.returncode == -number
        wait_for(lambda process=process: not processes(process.pid))  # type: ignore[misc]

    finished = {path.name for path in made.iterdir()}
    assert {"make_base-llama", "make_teacher-west"} <= finished
    ran = miniature("make", "stopped", "--world", "world.yaml", folder=folder)
    assert (ran.returncode, ran.stderr) == (0, "")
    # What was finished is not made again; what was told and not marked, or marked and not told, is the last one killed.
    assert len(told(ran.stdout)) == len(JOBS) - len(finished)
    assert len({*seen, *told(ran.stdout)}) >= len(JOBS) - 1
    assert contents(folder / "stopped") == contents(whole)


def test_another_world_takes_the_place_of_one_and_of_nothing_else(folder: Path, whole: Path) -> None:
    shutil.copytree(whole, folder / "changed")
    (folder / "changed/notes.txt").write_text("of the old world")
    with start(folder, "changed", "--world", "world.yaml", "--seed", "2") as process:
        wait_for(lambda: processes(process.pid), process)
        there = {path.name for path in (folder / "changed").iterdir()}
        ran = miniature("make", "changed", "--world", "world.yaml", folder=folder)
        assert (ran.returncode, "another process makes a small world in changed: wait" in ran.stderr) == (2, True)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate(timeout=120)
    assert there <= {"world.json", "made", "prompts.jsonl", "exam.jsonl", "bases"}
    wait_for(lambda: not processes(process.pid))


@pytest.mark.parametrize(
    "files",
    [{"mine.txt": "x"}, {"world.json": "{}", "mine.txt": "x"}, {"world.json": '{"key": "mine"}'}, {"world.json": "["}],
    ids=str,
)
def test_a_folder_of_something_else_is_refused_and_stays_as_it_is(tmp_path: Path, files: dict[str, str]) -> None:
    write_world(tmp_path / "world.yaml")
    (tmp_path / "w").mkdir()
    for name, text in files.items():
        (tmp_path / "w" / name).write_text(text)
    before = contents(tmp_path)
    ran = miniature("make", "w", "--world", "world.yaml", folder=tmp_path)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr == "arbitrage.miniature: w is no small world's folder and is not empty: give another\n"
    assert contents(tmp_path) == before


def test_what_is_no_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "w").write_text("a file")
    ran = miniature("make", "w", folder=tmp_path)
    assert (ran.returncode, ran.stderr.startswith("arbitrage.miniature: w: File exists: mend it")) == (2, True)


HIDDEN = """
import importlib.metadata

see = importlib.metadata.version

def version(name):
    if name == LACKING:
        raise importlib.metadata.PackageNotFoundError(name)
    return see(name)

importlib.metadata.version = version
"""


@pytest.mark.parametrize("lacking", ["torch", "xllamacpp"])
def test_what_is_not_installed_is_named_before_anything_is_made(tmp_path: Path, lacking: str) -> None:
    hidden = HIDDEN.replace("LACKING", repr(lacking))
    (tmp_path / "sitecustomize.py").write_text(hidden)
    environ = ENVIRON | {"PYTHONPATH": os.pathsep.join([str(tmp_path), ENVIRON["PYTHONPATH"]])}
    ran = subprocess.run([*COMMAND, "make", "w"], cwd=tmp_path, env=environ, capture_output=True, text=True)
    assert ran.returncode == 2
    assert f"needs {lacking}, which is not installed: pip install '.[miniature]'" in ran.stderr
    assert not (tmp_path / "w").exists()
