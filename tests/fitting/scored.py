"""A matrix of scores whose truth is known, as a Parquet file."""

from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

LANGUAGES = {"de": "south", "tr": "east", "uk": "late"}
TEACHERS = ["north", "south", "east"]
TOPICS = ["sonne mond sterne himmel", "brot butter salz milch"]


def scores(count: int, teachers: list[str] = TEACHERS, *, seed: int = 1, first: int = 0) -> list[dict[str, Any]]:
    """Return a matrix: each language has a best teacher, and `north` is good at prompts about the sky."""
    random = Random(seed)
    found = []
    for n in range(first, first + count):
        topic = random.choice(TOPICS)
        for language, best in LANGUAGES.items():
            level = random.gauss(0, 3)
            for name in ["north", "south", "east", "late"]:
                merit = (name == best) + (name == "north") * (1.5 if "sonne" in topic else -1)
                row = {"prompt_id": f"p{n}", "language": language, "text": f"{topic} {n}", "teacher": name}
                score = level + merit + random.gauss(0, 0.5)
                if name in teachers:
                    found.append({**row, "score": score, "split": "train" if n % 2 else "test"})
    return found


def written(path: Path, rows: list[dict[str, Any]]) -> Path:
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path
