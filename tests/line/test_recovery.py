"""Trouble that passes: how soon a teacher works again, and that nothing paid is thrown away meanwhile."""

import time
from pathlib import Path

import pytest
import tgi
from line.trial import Trial, double, rows, teacher


def wait_for(handle: tgi.Handle, count: int, seconds: float = 30) -> float:
    """Wait until a double was asked so often; return how long that took."""
    start = time.monotonic()
    while len(handle.log) < count:
        assert time.monotonic() - start < seconds, f"asked {len(handle.log)} times, not {count}"
        time.sleep(0.02)
    return time.monotonic() - start


def test_a_restart_with_many_in_flight_parks_for_a_moment_only(tmp_path: Path) -> None:
    with tgi.serve(double("a", latency=0.5)) as handle:
        trial = Trial(tmp_path, {"a": teacher("a", handle.url)}, prompts=rows(200), more={"patience": "60s"})
        trial.write()
        with trial.start("build") as process:
            wait_for(handle, 100)
            seen = len(handle.log)
            handle.faults.set(down=1.0)
            took = wait_for(handle, seen + 100)
            assert process.wait(60) == 0
    assert took < 10


@pytest.mark.long
def test_requests_that_hang_from_before_do_not_hold_up_a_server_that_is_well_again(tmp_path: Path) -> None:
    with tgi.serve(double("a")) as handle:
        handle.faults.set(next=["hang"] * 30 + ["unavailable"] * 36)
        settings, patient = {"deadline": "20s", "concurrency": 64}, {"patience": "60s"}
        trial = Trial(tmp_path, {"a": teacher("a", handle.url, **settings)}, prompts=rows(100), more=patient)
        trial.write()
        with trial.start("build") as process:
            wait_for(handle, 64)
            assert wait_for(handle, 66 + 170, 15) < 15
            assert process.wait(60) == 0
    assert len(trial.table("reward")) == 200


@pytest.mark.parametrize("fault", ["payment", "unauthorized"])
def test_what_is_in_flight_when_the_last_door_closes_is_kept(tmp_path: Path, fault: str) -> None:
    with tgi.serve(double("a", latency=1.0)) as handle:
        trial = Trial(tmp_path, {"a": teacher("a", handle.url)}, prompts=rows(100))
        trial.write()
        with trial.start("build") as process:
            wait_for(handle, 64)
            handle.faults.set(next=[fault])
            assert process.wait(60) == 1
        answered = sum(request.status == 200 for request in handle.log)
    assert answered >= 63
    assert trial.query("SELECT count(*) FROM completion") == [(answered,)]


def test_one_endpoint_whose_token_runs_out_leaves_the_work_to_the_other(tmp_path: Path) -> None:
    with tgi.serve([double("a"), double("a")]) as (first, second):
        first.faults.set(shares={"payment": 1.0})
        trial = Trial(tmp_path, {"a": teacher("a", first.url, second.url)}, prompts=rows(20))
        ran = trial.build()
    assert ran.code == 0
    assert "is asked no more" in ran.err
    assert len(second.log) == 40
    assert len(trial.table("reward")) == 40
