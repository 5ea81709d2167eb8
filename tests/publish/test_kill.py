"""kill -9 at ten moments of a publish: in the end there is exactly one version, and nothing half of one."""

import subprocess
import sys
import time
from random import Random

import pytest
from line.trial import SOURCES
from publish.site import Site

MOMENTS = sorted(Random(7).sample(range(2, 60), 10))
"""Requests that the Hub has seen of a publish when it is killed; a whole one takes about as many."""


def start(site: Site) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "arbitrage", "publish", str(site.trial.recipe)]
    environ = {**site.env(), "PYTHONPATH": ":".join(SOURCES)}
    return subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def test_killed_at_any_request_there_is_one_version_in_the_end(site: Site) -> None:
    # Every answer takes a moment, so that a kill falls between what is asked and what is answered too.
    site.server.faults.add("slow", "", seconds=0.02, times=None)
    killed = 0
    for number, moment in enumerate(MOMENTS):
        begun = len(site.server.log)
        process = start(site)
        while process.poll() is None and len(site.server.log) - begun < moment:
            time.sleep(0.002)
        killed += process.poll() is None
        process.kill()
        process.wait()
        assert len(site.titles() if site.server.store.find("dataset", "org/data") else []) <= number // 5 + 1
        if number == 4:
            # The second half is killed while it publishes a second version.
            site.publish()
            site.assert_published("v1.0.0")
            site.trial.teachers["c"] = site.teachers["c"]
            site.build()
    assert killed >= 7
    site.server.faults.clear()
    site.publish()
    site.assert_published("v1.0.0", "v1.1.0")


@pytest.mark.parametrize("route", ["POST /api/datasets/org/data/commit/", "POST /api/datasets/org/data/tag/"])
def test_killed_just_after_it_landed_the_next_publish_finds_it(site: Site, route: str) -> None:
    # The answer is held back while the commit or the tag is there already.
    site.server.faults.add("lost", route)
    process = start(site)
    while not any(f"{request.method} {request.path}".startswith(route) for request in site.server.log):
        assert process.poll() is None
        time.sleep(0.002)
    process.kill()
    process.wait()
    site.publish()
    site.assert_published("v1.0.0")
