"""Stopped by a signal, by another build, by a disk or by its permissions: one message, nothing lost."""

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import tgi
from line.trial import SOURCES, Ran, Trial, contents, double, rows, teacher

COMMAND = [sys.executable, "-m", "arbitrage"]
SIGNALS = [signal.SIGINT, signal.SIGTERM]


@pytest.fixture
def served() -> Iterator[list[tgi.Handle]]:
    with tgi.serve([double("a"), double("b")]) as handles:
        yield handles


@pytest.fixture
def trial(tmp_path: Path, served: list[tgi.Handle]) -> Trial:
    made = Trial(
        tmp_path,
        {"a": teacher("a", served[0].url), "b": teacher("b", served[1].url)},
        arms={"reward": {"router": "reward"}},
    )
    made.write()
    return made


def _until(happened: Callable[[], bool], process: subprocess.Popen[str] | None = None) -> None:
    end = time.monotonic() + 30
    while not happened():
        assert time.monotonic() < end
        assert process is None or process.poll() is None, process.communicate()
        time.sleep(0.005)


def _said(trial: Trial, word: str) -> Callable[[], bool]:
    log = trial.run_folder / "run.log"
    return lambda: log.exists() and word in log.read_text()


def _end(process: subprocess.Popen[str]) -> Ran:
    out, err = process.communicate(timeout=30)
    return Ran(process.returncode, out, err).check()


@pytest.mark.parametrize("number", SIGNALS)
def test_one_signal_waits_for_what_is_in_flight(trial: Trial, served: list[tgi.Handle], number: int) -> None:
    for handle in served:
        handle.double.latency = 0.4
    trial.teachers["a"]["concurrency"] = trial.teachers["b"]["concurrency"] = 3
    trial.write()
    with trial.start("build") as process:
        _until(lambda: len(served[0].log) == len(served[1].log) == 3, process)
        process.send_signal(number)
        ran = _end(process)
    assert ran.code == 130
    assert "interrupted; everything" in ran.err
    assert [len(handle.log) for handle in served] == [3, 3]
    assert all(request.status == 200 for handle in served for request in handle.log)
    assert trial.query("SELECT count(*) FROM completion") == [(6,)]
    for handle in served:
        handle.double.latency = 0
    assert trial.cli("build").code == 0
    assert [len(handle.log) for handle in served] == [12, 12]


@pytest.mark.parametrize("number", SIGNALS)
def test_a_second_signal_waits_for_nothing(trial: Trial, served: list[tgi.Handle], number: int) -> None:
    served[0].double.latency = 60
    with trial.start("build") as process:
        _until(lambda: len(served[0].log) == len(served[1].log) == 12, process)
        process.send_signal(number)
        _until(lambda: "once more to leave it" in _line(process))
        process.send_signal(number)
        ran = _end(process)
    assert ran.code == 130
    # What had come in is stored, though its batch was not due yet.
    assert trial.query("SELECT count(*) FROM completion WHERE model = 'org/b'") == [(12,)]
    served[0].double.latency = 0
    assert trial.cli("build").code == 0
    assert len(served[1].log) == 12


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    return process.stderr.readline()


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("stage", ["reading", "scoring"])
def test_a_signal_in_another_stage(trial: Trial, stage: str, number: int) -> None:
    trial.prompts = rows(30_000 if stage == "reading" else 4)
    (trial.folder / "slow.py").write_text(
        "import time\ndef score(prompts, completions, **_):\n    time.sleep(20)\n    return [1.0] * len(completions)\n"
    )
    trial.more["rewards"] = {"slow": {"python": "slow:score"}}
    trial.write()
    with trial.start("build") as process:
        _until(_said(trial, stage), process)
        process.send_signal(number)
        ran = _end(process)
    assert ran.code == 130
    assert "interrupted; everything" in ran.err


def test_a_signal_while_a_dead_teacher_is_waited_for(trial: Trial, served: list[tgi.Handle]) -> None:
    trial.more["patience"] = "10m"
    trial.write()
    served[0].faults.set(down=3600.0)
    with trial.start("build") as process:
        _until(lambda: len(served[1].log) == 12, process)
        process.send_signal(signal.SIGINT)
        assert _end(process).code == 130


def test_two_builds_of_one_run(trial: Trial, served: list[tgi.Handle]) -> None:
    served[0].double.latency = 12
    with trial.start("build") as process:
        _until(lambda: len(served[0].log) > 0, process)
        # Meanwhile nobody else may build, and questions are answered.
        for verb in ("build", "check"):
            second = trial.run(verb)
            assert second.code == 2
            assert f"another build (process {process.pid}) is at work" in second.err
        state = trial.status()
        assert state["teachers"]["a"]["languages"]["de"]["pending"] == 6
        assert trial.cli("show", "--json").json["prompt"]["language"] in ("de", "tr")
        assert trial.cli("show").code == 0
        assert trial.cli("status").code == 0
        assert _end(process).code == 0
    assert [len(handle.log) for handle in served] == [12, 12]


# Disks


def _limited(trial: Trial, size: int) -> Ran:
    """Build in a process that can write no file larger than `size`."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(SOURCES)}
    done = subprocess.run(
        [*COMMAND, "build", str(trial.recipe)],
        env=environment,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)),
    )
    return Ran(done.returncode, done.stdout, done.stderr).check()


@pytest.mark.parametrize("size", [0, 4096, 100_000, 200_000])
def test_files_that_may_not_grow(trial: Trial, served: list[tgi.Handle], size: int) -> None:
    trial.prompts = rows(100)
    trial.write()
    ran = _limited(trial, size)
    assert ran.code == 2
    assert "arbitrage: " in ran.err
    stored = trial.query("SELECT count(*) FROM completion")[0][0] if size > 4096 else 0
    before = [len(handle.log) for handle in served]
    assert trial.cli("build").code == 0
    assert sum(len(handle.log) for handle in served) - sum(before) == 400 - stored


FULL = """
mount -t tmpfs -o size={size} none "$1" && shift && "$@" >/dev/null
code=$?
cp -r "$KEEP_FROM/." "$KEEP_TO" 2>/dev/null
exit $code
"""


@pytest.mark.parametrize("size", ["60k", "200k", "500k", "700k"])
def test_a_full_disk(trial: Trial, served: list[tgi.Handle], size: str) -> None:
    if not shutil.which("unshare") or subprocess.run(["unshare", "-rm", "true"], capture_output=True).returncode:
        pytest.skip("no mount namespaces here: unshare -rm does not work")
    trial.prompts = rows(150)
    trial.write()
    disk, kept = trial.folder / "disk", trial.folder / "kept"
    disk.mkdir()
    kept.mkdir()
    command = [*COMMAND, "build", str(trial.recipe), "--run", str(disk / "run")]
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", FULL.format(size=size), "sh", str(disk), *command],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(SOURCES),
            "KEEP_FROM": str(disk / "run"),
            "KEEP_TO": str(kept),
        },
        capture_output=True,
        encoding="utf-8",
        timeout=60,
    )
    ran = Ran(done.returncode, done.stdout, done.stderr).check()
    assert ran.code == 2
    assert "disk" in ran.err or "No space left" in ran.err
    assert str(disk) in ran.err
    # With more room the same command goes on from what was stored.
    done_before = [len(handle.log) for handle in served]
    again = trial.run("build", "--run", str(kept))
    assert again.code == 0
    stored = 600 - (sum(len(handle.log) for handle in served) - sum(done_before))
    assert 0 <= stored <= sum(done_before)
    assert not list(kept.glob("dataset.*"))


def test_a_run_folder_that_cannot_be(trial: Trial) -> None:
    (trial.folder / "runs").write_text("a file")
    ran = trial.run("build")
    assert ran.code == 2
    assert str(trial.run_folder) in ran.err


def test_a_run_folder_that_cannot_be_written(trial: Trial) -> None:
    if subprocess.run(["unshare", "-rm", "true"], capture_output=True).returncode:
        pytest.skip("no mount namespaces here: unshare -rm does not work")
    assert trial.run("build").code == 0
    before = contents(trial.dataset)
    script = 'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && shift && "$@"'
    for verb, code in (("build", 2), ("check", 2), ("status", 0), ("show", 0)):
        done = subprocess.run(
            ["unshare", "-rm", "sh", "-c", script, "sh", trial.run_folder, *COMMAND, verb, trial.recipe],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(SOURCES)},
            capture_output=True,
            encoding="utf-8",
            timeout=60,
        )
        ran = Ran(done.returncode, done.stdout, done.stderr).check()
        assert ran.code == code, (verb, ran)
        if code:
            assert str(trial.run_folder) in ran.err
    assert contents(trial.dataset) == before


# Surroundings


def test_a_terminal_that_knows_no_unicode(trial: Trial) -> None:
    trial.prompts = rows(3, ["tr"])
    trial.prompts[0]["prompt"] = "😀 ğ"
    trial.write()
    trial.environ = {"PYTHONIOENCODING": "ascii"}
    assert trial.cli("build").code == 0
    assert trial.cli("show").code == 0
    prompts = {
        trial.cli("show", row["prompt_id"], "--json").json["prompt"]["messages"][0]["content"]
        for row in trial.table("reward")
    }
    assert "😀 ğ" in prompts


def test_nobody_reads_the_output(trial: Trial) -> None:
    with trial.start("build") as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        err = process.stderr.read()
        process.wait(timeout=30)
    assert "Traceback" not in err
    assert process.returncode in (0, 1)
    assert trial.dataset.exists()


def test_order_and_concurrency_do_not_matter(trial: Trial, served: list[tgi.Handle], tmp_path: Path) -> None:
    found = []
    trial.prompts = rows(80)
    for place, (concurrency, latencies) in enumerate([(1, (0.0, 0.0)), (64, (0.05, 0.0)), (64, (0.0, 0.02))]):
        for handle, latency in zip(served, latencies, strict=True):
            handle.double.latency = latency
            handle.faults.set(shares={"overloaded": 0.1 * place}, seed=place)
        one = Trial(
            tmp_path / str(place),
            trial.teachers,
            trial.prompts,
            {"reward": {"router": "reward"}, "random": {"router": "random"}},
        )
        for settings in one.teachers.values():
            settings["concurrency"] = concurrency
        assert one.build().code == 0
        found.append(contents(one.dataset))
    assert found[0] == found[1] == found[2]
