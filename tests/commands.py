"""Run the command line as a process, installed or not."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def arbitrage(
    *arguments: str | Path, folder: Path, environ: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `arbitrage` in a folder."""
    sources = os.pathsep.join(str(ROOT / name) for name in ("builder", "dataset_cards", "eval"))
    return subprocess.run(
        [sys.executable, "-m", "arbitrage", *map(str, arguments)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": sources, **(environ or {})},
        capture_output=True,
        text=True,
        timeout=120,
    )
