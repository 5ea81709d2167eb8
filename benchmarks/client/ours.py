"""This project as its user runs it: `arbitrage build RECIPE --until completions`, from this checkout.

Nothing of it is imported here: the measured process is the command itself, start-up included.
"""

import json
import os
import subprocess
import sys
from importlib.machinery import PathFinder
from importlib.metadata import version
from pathlib import Path

from peers.asking import SAMPLING
from scenarios import Scenario

ROOT = Path(__file__).parents[2]
SOURCES = [str(ROOT / "builder"), str(ROOT / "dataset_cards")]
# not the installed script, which may belong to another checkout
ARBITRAGE = [sys.executable, "-c", "import sys; from arbitrage.cli import main; sys.exit(main())"]


def recipe(scenario: Scenario, urls: list[str], prompts: Path) -> dict:
    """Return the recipe that asks every teacher for every prompt: one `single` arm a teacher."""
    names = [f"t{number}" for number in range(len(urls))]
    return {
        "name": f"bench-{scenario.name}",
        "license": "cc0-1.0",
        "languages": ["en"],
        "prompts": [{"path": str(prompts), "language": "en", "license": "cc0-1.0"}],
        "test": 0,
        "teachers": {
            name: {
                "endpoint": url,
                "api": "openai",
                "model": f"mock/{name}",
                "license": "cc0-1.0",
                "concurrency": lanes,
            }
            for name, url, lanes in zip(names, urls, scenario.concurrency, strict=True)
        },
        "sampling": SAMPLING,
        "arms": {f"single_{name}": {"router": "single", "teacher": name} for name in names},
        "tolerate": 0,
    }


class Ours:
    """The runner beside the peers."""

    name = "ours"
    settings = "as shipped; the peers' sampling and limits in the recipe"
    durable = "SQLite, synchronous=FULL"

    def missing(self) -> str | None:
        path = [*SOURCES, *sys.path]
        spec = PathFinder.find_spec("arbitrage", path)
        if spec is None or spec.submodule_search_locations is None:
            return "not in this checkout"
        cli = PathFinder.find_spec("arbitrage.cli", spec.submodule_search_locations)
        return None if cli else "this checkout has no arbitrage.cli"

    def environment(self) -> dict[str, str]:
        return {"PYTHONPATH": os.pathsep.join(SOURCES)}

    def command(self, scenario: Scenario, urls: list[str], prompts: Path, folder: Path) -> list[str]:
        # JSON is YAML: no need of a YAML library here
        (folder / "recipe.yaml").write_text(json.dumps(recipe(scenario, urls, prompts), indent=1))
        return [*ARBITRAGE, "build", *self.where(folder), "--until", "completions"]

    def where(self, folder: Path) -> list[str]:
        return [str(folder / "recipe.yaml"), "--run", str(folder / "run")]

    def outcome(self, folder: Path) -> dict:
        """Ask `arbitrage status` how many completions are durable; only here its answer's shape is known."""
        done = subprocess.run(
            [*ARBITRAGE, "status", *self.where(folder), "--json"],
            env={**os.environ, **self.environment()},
            capture_output=True,
            text=True,
        )
        versions = {name: version(name) for name in ("aiohttp",)}
        try:
            teachers = json.loads(done.stdout)["teachers"].values()
            rows = sum(counts["answered"] for t in teachers for counts in t["languages"].values())
        except (ValueError, KeyError, TypeError) as error:
            why = f"status --json does not count answers: {error!r} {done.stderr[-200:]}"
            return {"rows": 0, "versions": versions, "error": why}
        return {"rows": rows, "versions": versions, "error": None}
