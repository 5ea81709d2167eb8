"""Results of evaluations, as `arbitrage eval` writes them and datasets carry them."""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from arbitrage_cards import results_section

from arbitrage.errors import DatasetError

RESULTS = re.compile(r"results/[a-z0-9][a-z0-9_-]*\.json")
"""Where a dataset has them."""
MAX_BYTES = 16 * 2**20


def read_results(path: Path) -> dict[str, Any]:
    """Read results: a file, or the run folder of an evaluation.

    Raises:
        DatasetError: there are none, or nothing that a card can show.
    """
    path = path / "results.json" if path.is_dir() else path
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise DatasetError(f"{path} is too large for results: more than {MAX_BYTES:,} bytes")
        found: dict[str, Any] = json.loads(content)
        path_in_dataset(found)
        results_section([found])
        json.dumps(found, ensure_ascii=False).encode("utf-8")
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read: {error.strerror or error}; `arbitrage eval` writes it") from error
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise DatasetError(f"{path} is nothing that this version of `arbitrage eval` writes") from error
    return found


def path_in_dataset(found: dict[str, Any]) -> str:
    """Return the path at which a dataset has results: they are named after their suite.

    Raises:
        ValueError: the suite has no name.
    """
    path = f"results/{found['suite']['name']}.json"
    if not RESULTS.fullmatch(path):
        raise ValueError(f"no suite is called {found['suite']['name']!r}")
    return path


def for_dataset(paths: Iterable[Path]) -> dict[str, bytes]:
    """Return by path in a dataset the files that hold results.

    Raises:
        DatasetError: one cannot be read, or two are of suites of the same name.
    """
    files: dict[str, bytes] = {}
    for path in paths:
        found = read_results(path)
        name = path_in_dataset(found)
        if name in files:
            raise DatasetError(f"{path}: there are results of another suite {found['suite']['name']}: rename one")
        files[name] = (json.dumps(found, ensure_ascii=False, indent=1) + "\n").encode("utf-8")
    return files
