"""Peak memory of `arbitrage build` against the number of prompts, with a teacher that answers at once.

    .venv/bin/python benchmarks/memory/run.py                    # 10,000, 100,000 and 1,000,000 prompts
    .venv/bin/python benchmarks/memory/run.py 10000 100000       # without the quarter of an hour that a million takes

The whole line is measured, from reading prompts to the dataset folder, with two arms and a Python reward.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
SERVER = ROOT / "benchmarks" / "client" / "server.py"
SIZES = (10_000, 100_000, 1_000_000)
REWARD = """
def length(prompts, completions, **columns):
    return [float(len(completion[-1]["content"])) for completion in completions]
"""
RECIPE = """
name: memory
license: cc0-1.0
languages: [en]
prompts: [{{path: prompts.jsonl, columns: {{prompt: prompt, source_id: id}}, language: en}}]
teachers: {{t: {{endpoint: "http://127.0.0.1:{port}", api: openai, model: mock/teacher}}}}
rewards: {{length: {{python: "lengths:length"}}}}
arms: {{single: {{router: single, teacher: t}}, reward: {{router: reward}}}}
"""


def measure(prompts: int, port: int) -> tuple[float, float, float]:
    """Build a dataset of so many prompts; return peak memory in MB, wall and CPU seconds."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "lengths.py").write_text(REWARD)
        (folder / "recipe.yaml").write_text(RECIPE.format(port=port))
        with (folder / "prompts.jsonl").open("w") as stream:
            for n in range(prompts):
                text = f"Question number {n}: write about the number {n * 7919 % 1000003} in a few words."
                stream.write(json.dumps({"id": str(n), "prompt": text}) + "\n")
        path = os.pathsep.join([str(ROOT / "builder"), str(ROOT / "dataset_cards")])
        start = time.monotonic()
        command = [sys.executable, "-m", "arbitrage", "build", "recipe.yaml"]
        with (folder / "out").open("w") as out:
            child = subprocess.Popen(command, cwd=folder, env=os.environ | {"PYTHONPATH": path}, stdout=out, stderr=out)
            _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            sys.exit(f"the build of {prompts} prompts ended with {child.returncode}:\n{(folder / 'out').read_text()}")
        return usage.ru_maxrss / 1024, time.monotonic() - start, usage.ru_utime + usage.ru_stime


def main() -> None:
    """Measure the sizes given, or all."""
    sizes = [int(size) for size in sys.argv[1:]] or SIZES
    server = subprocess.Popen([sys.executable, str(SERVER), '[{"latency": 0.0}]'], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        port = json.loads(server.stdout.readline())[0]
        print("| prompts | peak MB | wall s | CPU ms a prompt |\n| ---: | ---: | ---: | ---: |", flush=True)
        for size in sizes:
            peak, wall, cpu = measure(size, port)
            print(f"| {size:,} | {peak:.0f} | {wall:.0f} | {1000 * cpu / size:.2f} |", flush=True)
    finally:
        server.kill()
        server.wait()


if __name__ == "__main__":
    main()
