"""What publishing costs at 15 arms x 7 languages, against the tests' double of the Hub on this machine.

    .venv/bin/python benchmarks/publish/run.py                   # 100 prompts a language; a minute
    .venv/bin/python benchmarks/publish/run.py --prompts 2000

Prints requests, bytes and seconds of the first version, of the same again, and of one with an arm more; then how long
a stranger's `datasets` takes for the list of configs and for one config. The double is on loopback: what a network
adds is the number of requests times its round trip.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "builder"), str(ROOT / "dataset_cards")]

import hub  # noqa: E402
import tgi  # noqa: E402

LANGUAGES = ["ar", "de", "en", "fr", "tr", "uk", "zh"]
TEACHERS = [f"t{n}" for n in range(9)]
ARMS = {
    "reward": {"router": "reward"},
    "random": {"router": "random"},
    **{f"single_{name}": {"router": "single", "teacher": name} for name in TEACHERS[:-1]},
    **{f"reward_{n}": {"router": "reward"} for n in range(5)},
}
ONE_MORE = {"single_t8": {"router": "single", "teacher": "t8"}}
LOAD = """
import sys, time, datasets
start = time.perf_counter()
configs = datasets.get_dataset_config_names("org/data", revision="v1.0.0")
listed = time.perf_counter()
rows = datasets.load_dataset("org/data", "reward", split="train", revision="v1.0.0")
loaded = time.perf_counter()
again = datasets.load_dataset("org/data", "reward", split="train", revision="v1.0.0")
cached = time.perf_counter()
one = datasets.load_dataset("org/data", "reward-tr", split="train", revision="v1.0.0")
language = time.perf_counter()
print(f"{len(configs)} configs listed in {listed - start:.2f} s; reward ({rows.num_rows} rows) loaded in "
      f"{loaded - listed:.2f} s, again in {cached - loaded:.2f} s; reward-tr in {language - cached:.2f} s")
"""


def recipe(servers: list[tgi.Handle], arms: dict[str, Any]) -> str:
    """Return a recipe with nine teachers in seven languages; JSON is YAML."""
    teachers = {
        name: {"endpoint": server.url, "api": "tgi", "model": f"org/{name}", "license": "mit"}
        for name, server in zip(TEACHERS, servers, strict=True)
    }
    return json.dumps(
        {
            "name": "wide",
            "license": "mit",
            "languages": LANGUAGES,
            "prompts": [
                {
                    "path": "prompts.jsonl",
                    "license": "mit",
                    "columns": {"prompt": "prompt", "language": "language", "source_id": "id", "reference": "answer"},
                }
            ],
            "teachers": teachers,
            "rewards": {"chrf": {"python": "chrf"}},
            "arms": arms,
            "publish": {"repo_id": "org/data", "arms": list(arms)},
        }
    )


class Bench:
    """A folder, a Hub, and commands over them."""

    def __init__(self, folder: Path, server: hub.Server) -> None:
        self.folder = folder
        self.server = server
        self.environ = os.environ | {
            "PYTHONPATH": os.pathsep.join(sys.path[:3]),
            "HF_ENDPOINT": server.url,
            "HF_TOKEN": server.token,
            "HF_HOME": str(folder / "home"),
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
        }

    def arbitrage(self, *words: str) -> float:
        """Run a command; return its seconds."""
        start = time.perf_counter()
        command = [sys.executable, "-m", "arbitrage", *words]
        subprocess.run(command, cwd=self.folder, env=self.environ, check=True, capture_output=True)
        return time.perf_counter() - start

    def publish(self, what: str) -> None:
        """Publish and print what it took."""
        before = len(self.server.log)
        seconds = self.arbitrage("publish", "recipe.yaml")
        log = self.server.log[before:]
        puts = [request for request in log if request.method == "PUT"]
        print(
            f"| {what} | {len(self.server.repo('org/data').commits()) - 1} | {len(log)} | {len(puts)} | "
            f"{sum(request.received for request in puts) / 1e6:.2f} | {seconds:.1f} |",
            flush=True,
        )


def main() -> None:
    """Build, publish, publish again, add an arm, load."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompts", type=int, default=100, help="in each language")
    prompts = parser.parse_args().prompts
    with (
        tempfile.TemporaryDirectory() as name,
        hub.serving(Path(name) / "hub") as server,
        tgi.serve([tgi.Double(model_id=f"org/{name}") for name in TEACHERS]) as servers,
    ):
        bench = Bench(Path(name), server)
        with (bench.folder / "prompts.jsonl").open("w") as stream:
            for n in range(prompts):
                for language in LANGUAGES:
                    row = {"id": str(n), "language": language, "prompt": f"{language}: what of {n}?", "answer": f"{n}"}
                    stream.write(json.dumps(row) + "\n")
        (bench.folder / "recipe.yaml").write_text(recipe(servers, ARMS))
        seconds = bench.arbitrage("build", "recipe.yaml")
        files = sum(1 for path in (bench.folder / "runs/wide/dataset").rglob("*") if path.is_file())
        print(f"{len(ARMS)} arms x {len(LANGUAGES)} languages, {prompts} prompts each")
        print(f"{files} files, built in {seconds:.1f} s\n")
        print("| publish | commits so far | requests | uploads | MB | s |\n| --- | ---: | ---: | ---: | ---: | ---: |")
        bench.publish("the first version")
        bench.publish("the same again")
        (bench.folder / "recipe.yaml").write_text(recipe(servers, ARMS | ONE_MORE))
        bench.arbitrage("build", "recipe.yaml")
        bench.publish("one arm more")
        print(flush=True)
        subprocess.run([sys.executable, "-c", LOAD], env=bench.environ, check=True)


if __name__ == "__main__":
    main()
