"""Worlds that are made in seconds, and the command that makes them."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml
from commands import ROOT

ENVIRON = {
    **os.environ,
    "PYTHONPATH": os.pathsep.join(str(ROOT / name) for name in ("builder", "dataset_cards", "eval")),
}
COMMAND = [sys.executable, "-m", "arbitrage.miniature"]

TINY: dict[str, Any] = {
    "seed": 1,
    "sources": 4,
    "exam": 2,
    "vocabulary": 400,
    "base": {"samples": 300, "steps": 6, "early": 3},
    "teacher_steps": 3,
    "focus": 6,
    "identical": False,
    "teachers": {"multi": {"favours": ["order"]}, "west": {"languages": ["de", "en", "fr"]}},
    "preferences": {"prompts": 12, "noise": 0.15},
    "reward_steps": 2,
    "auditor_steps": 2,
    "student_steps": 2,
}


def write_world(path: Path, **changes: Any) -> Path:
    """Write the tiny world, with changes, as a file."""
    path.write_text(yaml.safe_dump(TINY | changes, sort_keys=False), encoding="utf-8")
    return path


def miniature(*arguments: str | Path, folder: Path, timeout: float = 300) -> subprocess.CompletedProcess[str]:
    """Run `python -m arbitrage.miniature` in a folder."""
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        cwd=folder,
        env=ENVIRON,
        capture_output=True,
        text=True,
        timeout=timeout,
    )


def small_world() -> dict[str, Any]:
    """Return the package's world, with its nine teachers, so small that it is made in a minute and knows little."""
    data = yaml.safe_load((ROOT / "builder/arbitrage/miniature/world.yaml").read_text(encoding="utf-8"))
    return {
        **data,
        "sources": 16,
        "exam": 8,
        "vocabulary": 1200,
        "base": {"samples": 3000, "steps": 80, "early": 40},
        "teacher_steps": 24,
        "preferences": {**data["preferences"], "prompts": 60},
        "reward_steps": 16,
        "auditor_steps": 16,
        "student_steps": 2,
    }
