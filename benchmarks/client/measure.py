"""One run, measured from outside: the server's tally, and what the kernel counted for the client."""

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from scenarios import Scenario

SERVER = Path(__file__).parent / "server.py"


class Server:
    """The stand-in teachers of one scenario, in a process of their own."""

    def __init__(self, scenario: Scenario):
        settings = [{"model": f"mock/t{n}", **port} for n, port in enumerate(scenario.ports)]
        self.process = subprocess.Popen(
            [sys.executable, str(SERVER), json.dumps(settings)], stdout=subprocess.PIPE, text=True
        )
        self.ports = json.loads(self.process.stdout.readline())
        self.urls = [f"http://127.0.0.1:{port}" for port in self.ports]

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *error: object) -> None:
        self.process.terminate()
        self.process.wait()

    def call(self, method: str, path: str) -> list[dict]:
        answers = []
        for port in self.ports:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            connection.request(method, path)
            answers.append(json.loads(connection.getresponse().read()))
            connection.close()
        return answers


def process(command: list[str], environment: dict[str, str], folder: Path, limit: float) -> dict:
    """Run a command to its end or the limit; return its exit, wall time, CPU and peak memory.

    wait4 counts the process and those it waited for. Its peak memory is never below this script's own, which
    the kernel carries over the exec, so this script stays small.
    """
    with (folder / "stdout").open("w") as out, (folder / "stderr").open("w") as err:
        begun = time.monotonic()
        child = subprocess.Popen(
            command, stdout=out, stderr=err, env={**os.environ, **environment}, start_new_session=True
        )
        timer = threading.Timer(limit, os.killpg, (child.pid, signal.SIGKILL))
        timer.start()
        try:
            _, status, usage = os.wait4(child.pid, 0)
        except BaseException:
            os.killpg(child.pid, signal.SIGKILL)
            raise
        finally:
            timer.cancel()
        wall = time.monotonic() - begun
    child.returncode = os.waitstatus_to_exitcode(status)
    return {
        "exit": child.returncode,
        "wall_s": wall,
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "user_s": usage.ru_utime,
        "sys_s": usage.ru_stime,
        "rss_mb": usage.ru_maxrss / 1024,
        "timed_out": wall >= limit,
    }


def last_line(path: Path) -> str:
    lines = path.read_text(errors="replace").strip().splitlines()
    return lines[-1][:200] if lines else ""


def run(runner, scenario: Scenario, server: Server, prompts: Path, folder: Path) -> dict:
    """Measure one runner once; `failed` says why its times are not to be compared."""
    folder.mkdir(parents=True)
    command = runner.command(scenario, server.urls, prompts, folder)
    server.call("POST", "/reset")
    result = process(command, runner.environment(), folder, scenario.limit)
    tallies = server.call("GET", "/stats")
    if result["timed_out"]:
        outcome = {"rows": 0, "versions": {}, "error": f"ended at its limit of {scenario.limit:.0f} s"}
    else:
        outcome = runner.outcome(folder)
    failed = outcome["error"]
    if failed is None and result["exit"]:
        failed = f"exit {result['exit']}: {last_line(folder / 'stderr')}"
    if failed is None and outcome["rows"] != scenario.asks:
        failed = f"{outcome['rows']} of {scenario.asks} rows"
    spans = [t["last_answer"] - t["first_request"] if t["last_answer"] is not None else None for t in tallies]
    statuses = {s: sum(t["statuses"].get(s, 0) for t in tallies) for s in ("200", "429", "500")}
    return {
        **result,
        "rows": outcome["rows"],
        "versions": outcome["versions"],
        "failed": failed,
        "span_s": spans,
        "span_ratio": [span and span / floor for span, floor in zip(spans, scenario.floors, strict=True)],
        "cpu_s_per_1k": result["cpu_s"] / max(1, outcome["rows"]) * 1000,
        "refusals": statuses["429"],
        "failures": statuses["500"],
        # generated beyond one answer a row: for a row that had one, or for nobody who still listened
        "paid_extra": sum(t["statuses"].get("200", 0) - t["answered"] + t["abandoned"] for t in tallies),
        "max_in_flight": [t["max_in_flight"] for t in tallies],
        "server_cpu_s": tallies[0]["server_cpu_s"],
        "server_held_s": [t["mean_held"] for t in tallies],
    }
