"""An environment with an old `datasets`, which cannot stand beside today's; made once, kept beside the project."""

import fcntl
import subprocess
import sys
from pathlib import Path

VERSION = "3.6.0"
ENVIRONMENT = Path(__file__).parents[2] / f".venv-datasets-{VERSION}"


def old_python() -> Path:
    """Return the Python of the environment, having made it where there is none.

    Raises:
        subprocess.CalledProcessError: it cannot be made.
    """
    ready = ENVIRONMENT / "ready"
    with ENVIRONMENT.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.exists():
            pip = [str(ENVIRONMENT / "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            subprocess.run([sys.executable, "-m", "venv", "--clear", str(ENVIRONMENT)], check=True)
            subprocess.run([*pip, f"datasets=={VERSION}"], check=True)
            ready.touch()
    return ENVIRONMENT / "bin/python"
