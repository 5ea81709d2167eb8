"""The whole line on recorded completions of real models: `python examples/recorded_pool.py FILE`.

FILE is a Parquet with the columns dataset, prompt_id, language, prompt, teacher, completion and
derived_line_pass. Each teacher is served by a double of TGI that replays its recordings; then a recipe goes
from `arbitrage check` to `arbitrage reproduce`, the dataset is loaded with the installed `datasets` and with
an old one, and one changed value is found. Exits with 0 only if all of that held.
"""

import argparse
import fnmatch
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import plumbing_test_reward
import pyarrow as pa
import pyarrow.parquet as pq
from recordings import HERE, Recordings, name_of, read, recipe_text, single_arm, write_world

OLD = "3.6.0"
LOAD = """
import json, sys, datasets
found = {}
for config in datasets.get_dataset_config_names(sys.argv[1]):
    loaded = datasets.load_dataset(sys.argv[1], config)
    found[config] = {split: len(loaded[split].to_list()) for split in loaded}
print(json.dumps({"datasets": datasets.__version__, "found": found}))
"""
SHOWN = 14
"""Lines of a command's output that are printed."""


class Steps:
    """Prints what is done and whether it held."""

    def __init__(self) -> None:
        self.number = 0
        self.failed: list[str] = []
        self._start = time.monotonic()

    def step(self, what: str) -> None:
        """Begin a step."""
        self.number += 1
        print(f"\n[{time.monotonic() - self._start:5.1f} s] {self.number}. {what}", flush=True)

    def held(self, true: bool, what: str) -> None:
        """Note whether something held."""
        print(f"    {'ok    ' if true else 'FAILED'} {what}", flush=True)
        if not true:
            self.failed.append(what)

    def say(self, text: str) -> None:
        """Print some lines, or the first and last of many."""
        lines = text.splitlines()
        if len(lines) > SHOWN:
            lines = [*lines[: SHOWN - 4], f"... {len(lines) - SHOWN + 1} more lines ...", *lines[-3:]]
        for line in lines:
            print(f"    | {line}"[:200])

    def run(self, code: int, *command: str) -> str:
        """Run `arbitrage`, show what it prints and note whether it exits with `code`; return its standard output."""
        print(f"    $ arbitrage {' '.join(command)}", flush=True)
        done = subprocess.run([sys.executable, "-m", "arbitrage", *command], capture_output=True, text=True)
        if "--json" not in command:
            self.say(done.stdout)
        self.say(done.stderr)
        self.held(done.returncode == code, f"exit code {done.returncode}, expected {code}")
        return done.stdout


def main() -> int:
    """Read the command line and do the steps."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument("--languages", nargs="+", default=["ar", "en", "fr", "zh"])
    parser.add_argument("--prompts", type=int, default=200, help="prompts, each in every language")
    parser.add_argument("--folder", type=Path, help="keep everything here; else in a temporary folder")
    parser.add_argument("--no-old-datasets", action="store_true", help=f"do not install and try datasets {OLD}")
    options = parser.parse_args()
    if options.folder:
        options.folder.mkdir(parents=True, exist_ok=True)
        return do(options, options.folder.resolve())
    with tempfile.TemporaryDirectory() as folder:
        return do(options, Path(folder))


def do(options: argparse.Namespace, folder: Path) -> int:
    """Do all steps in a folder; return the exit code."""
    steps = Steps()
    steps.step(f"read {options.file}")
    recordings = read(options.file, options.languages, options.prompts)
    empty = sum(not text.strip() for text in recordings.completions.values())
    steps.say(
        f"{len(recordings.teachers)} teachers answered in {' '.join(options.languages)}: "
        f"{', '.join(recordings.teachers)}\nleft out: {', '.join(recordings.left_out) or 'none'}\n"
        f"{len(recordings.prompts)} prompts, {len(recordings.completions)} recorded completions, {empty} of them empty"
    )
    recipe, dataset = str(folder / "recipe.yaml"), folder / "runs/recorded-pool/dataset"
    with served(write_world(recordings, folder)) as ports:
        Path(recipe).write_text(recipe_text(recordings, ports), encoding="utf-8")
        steps.step("check: who answers, what it would ask")
        steps.run(0, "check", recipe)
        steps.held(requests(ports) == 0, "nothing was generated")
        steps.step("build")
        start = time.monotonic()
        steps.run(0, "build", recipe)
        seconds, asked = time.monotonic() - start, requests(ports)
        pairs = len(recordings.completions)
        steps.held(asked == pairs, f"{asked} requests for {pairs} pairs of prompt and teacher, in {seconds:.1f} s")
        check_rows(steps, recordings, dataset)
        steps.step("status")
        state = json.loads(steps.run(0, "status", recipe, "--json"))
        answered = [sum(row["answered"] for row in x["languages"].values()) for x in state["teachers"].values()]
        steps.held(sum(answered) == pairs, f"{sum(answered)} answered")
        steps.step("build again")
        before = sums(dataset)
        steps.run(0, "build", recipe)
        steps.held(requests(ports) == asked, "nobody was asked again")
        steps.held(sums(dataset) == before, f"the same {len(before)} files, byte for byte")
    steps.step("reproduce, with every teacher stopped")
    steps.run(0, "reproduce", str(dataset))
    steps.step("load every config with the installed datasets")
    load(steps, sys.executable, dataset, folder)
    if not options.no_old_datasets:
        steps.step(f"load every config with datasets {OLD}, in a virtual environment of its own")
        load(steps, old_python(steps, folder), dataset, folder)
    steps.step("change one value in a copy, then reproduce")
    tamper(steps, dataset, folder)
    print(f"\n{'all held' if not steps.failed else 'FAILED: ' + '; '.join(steps.failed)}")
    return 1 if steps.failed else 0


@contextmanager
def served(config: Path) -> Iterator[dict[str, int]]:
    """Serve the doubles in a process of their own; yield their ports by name."""
    command = [sys.executable, str(HERE.parent / "tests/tgi/__main__.py"), "--config", str(config)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())["ports"]
        finally:
            process.terminate()


def requests(ports: dict[str, int]) -> int:
    """Return how many completions the doubles were asked for."""
    total = 0
    for port in ports.values():
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/__double__/stats") as answer:
            total += json.load(answer)["requests"]
    return total


def rows_of(dataset: Path, table: str) -> list[dict[str, Any]]:
    """Return the rows of a config."""
    return [row for path in sorted(dataset.glob(f"{table}/*/*.parquet")) for row in pq.read_table(path).to_pylist()]


def check_rows(steps: Steps, recordings: Recordings, dataset: Path) -> None:
    """Compare what was built with what was recorded."""
    recorded = {(name_of(who), tag, prompt): text for (who, tag, prompt), text in recordings.completions.items()}
    pool = {(r["teacher"], r["language"], r["prompt"][0]["content"]): r["completion"] for r in rows_of(dataset, "pool")}
    steps.held(pool == recorded, f"the pool holds each of {len(recorded)} recordings under its own teacher")
    single = name_of(recordings.steadiest)
    wanted = sum(who == single and text.strip() != "" for (who, _, _), text in recorded.items())
    found = len(rows_of(dataset, single_arm(recordings)))
    steps.held(found == wanted, f"{single_arm(recordings)}: {found} rows, {wanted} recordings that are not empty")
    best: dict[tuple[str, str], float] = {}
    for (_, tag, prompt), text in recorded.items():
        label = recordings.labels.get(plumbing_test_reward.key(tag, prompt, text))
        if text.strip() and label is not None:
            best[tag, prompt] = max(best.get((tag, prompt), 0.0), plumbing_test_reward.score(label, text))
    chosen = {(r["language"], r["prompt"][0]["content"]): r["reward"] for r in rows_of(dataset, "reward")}
    chosen = {key: reward for key, reward in chosen.items() if reward is not None}
    steps.held(chosen == best, f"reward: the highest of the pool's rewards in each of {len(chosen)} rows")


def sums(dataset: Path) -> dict[str, str]:
    """Return the checksum of every file."""
    paths = sorted(path for path in dataset.rglob("*") if path.is_file())
    return {str(path.relative_to(dataset)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def old_python(steps: Steps, folder: Path) -> str:
    """Make a virtual environment with the old datasets; return its Python."""
    subprocess.run([sys.executable, "-m", "venv", str(folder / "old")], check=True)
    python = str(folder / "old/bin/python")
    done = subprocess.run([python, "-m", "pip", "install", f"datasets=={OLD}"], capture_output=True, text=True)
    if done.returncode:
        steps.say(done.stderr)
    return python


def load(steps: Steps, python: str, dataset: Path, folder: Path) -> None:
    """Load every config and compare its rows with the manifest."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment |= {"HF_HOME": tempfile.mkdtemp(dir=folder), "HF_HUB_OFFLINE": "1"}
    command = [python, "-c", LOAD, str(dataset)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=folder)
    if done.returncode:
        steps.say(done.stderr)
        steps.held(False, "load_dataset")
        return
    result = json.loads(done.stdout.splitlines()[-1])
    manifest = json.loads((dataset / "manifest.json").read_text(encoding="utf-8"))
    wanted = {
        config: {
            split: sum(
                file["rows"]
                for path, file in manifest["files"].items()
                if any(fnmatch.fnmatch(path, pattern) for pattern in patterns)
            )
            for split, patterns in splits.items()
        }
        for config, splits in manifest["configs"].items()
    }
    for config in (name for name in wanted if "-" not in name):
        steps.say(f"{config}: {wanted[config]}")
    same = result["found"] == wanted
    steps.held(same, f"datasets {result['datasets']}: all {len(wanted)} configs load, with the manifest's rows")


def tamper(steps: Steps, dataset: Path, folder: Path) -> None:
    """Change one value of one file of a copy, and see that `reproduce` says where."""
    copy = folder / "changed"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(dataset, copy)
    path = sorted(copy.glob("reward/*/train-*.parquet"))[0]
    table = pq.read_table(path)
    rewards = table["reward"].to_pylist()
    row = len(rewards) // 2
    rewards[row] = (rewards[row] or 0.0) + 0.001
    place = table.schema.get_field_index("reward")
    pq.write_table(table.set_column(place, table.schema.field(place), pa.array(rewards, pa.float64())), path)
    shown = path.relative_to(copy)
    steps.say(f"changed: {shown}, row {row}, prompt {table['prompt_id'][row]}, column reward")
    output = steps.run(1, "reproduce", str(copy))
    steps.held(f"{shown}, row {row}, " in output, "it names the file and the row")


if __name__ == "__main__":
    sys.exit(main())
