"""Make a small world in a folder: prompts, nine teachers, two reward models and a judge. What is there stays."""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from importlib.metadata import version
from importlib.resources import files
from multiprocessing import get_context
from pathlib import Path

from arbitrage.errors import ArbitrageError
from arbitrage.identity import sorted_json
from arbitrage.miniature.jobs import ANNOTATED, BASES, make_annotated, make_base, make_teacher
from arbitrage.miniature.mixture import rows
from arbitrage.miniature.world import World

MADE_OF = (
    "auditor.py gguf_file.py implicit.py jobs.py mixture.py model.py phrases.yaml preferences.py tasks.py words.yaml"
).split()
"""The files of this package that decide what is made."""
LIBRARIES = ("gguf", "tokenizers", "torch", "transformers")
PROCESSES = 2
"""One thread each; more would share two cores."""
KEY = "world.json"

Tell = Callable[[str], None]
Job = tuple[str, Callable[[World, Path, str], None], str]
"""What it makes, in words; what makes it; the name that this is given."""


def make(world: World, folder: Path, tell: Tell) -> float:
    """Make what a folder lacks of a world; return the seconds that took.

    The folder belongs to one world: what another one left there is removed.

    Raises:
        ArbitrageError: the folder holds something else, or a library is missing.
    """
    start = time.monotonic()
    made = _claimed(folder, world_key(world)) / "made"
    made.mkdir(exist_ok=True)
    for name, count, exam in (("prompts.jsonl", world.sources, False), ("exam.jsonl", world.exam, True)):
        lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows(world.seed, count, exam=exam))
        (folder / name).write_text("".join(lines), encoding="utf-8")
    for stage in _stages(world):
        jobs = [job for job in stage if not (made / job[2]).exists()]
        for what, name in _done(jobs, world, folder):
            (made / name).touch()
            tell(f"{time.monotonic() - start:4.0f} s  {what} {name}")
    return time.monotonic() - start


def world_key(world: World) -> str:
    """Return what tells a world from any other: its parameters, what makes it, and the libraries that do."""
    package = files("arbitrage.miniature")
    made_of = {name: hashlib.sha256((package / name).read_bytes()).hexdigest() for name in MADE_OF}
    try:
        libraries = {name: version(name) for name in LIBRARIES}
    except ImportError as error:
        raise ArbitrageError(
            f"the small world needs {error.name}, which is not installed: pip install '.[miniature]'"
        ) from None
    return hashlib.sha256(sorted_json([world.model_dump(), made_of, libraries])).hexdigest()


def _stages(world: World) -> Iterator[list[Job]]:
    yield [("base", make_base, family) for family in BASES]
    yield [("teacher", make_teacher, name) for name in world.teachers]
    yield [("learned from its annotators:", make_annotated, name) for name in ANNOTATED]


def _done(jobs: list[Job], world: World, folder: Path) -> Iterator[tuple[str, str]]:
    """Do some jobs side by side; yield each one's words when it is done."""
    if not jobs:
        return
    with ProcessPoolExecutor(PROCESSES, get_context("spawn"), _alone) as pool:
        waiting: dict[Future[None], Job] = {pool.submit(job[1], world, folder, job[2]): job for job in jobs}
        try:
            for future in as_completed(waiting):
                future.result()
                what, _, name = waiting[future]
                yield what, name
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in list(pool._processes.values()):
                process.terminate()
            raise


def _alone() -> None:
    """Keep a process to one thread: two of them on two cores are slower with more."""
    os.environ |= {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}


def _claimed(folder: Path, key: str) -> Path:
    """Return the folder, without what another world left in it."""
    kept = folder / KEY
    if folder.is_dir() and any(folder.iterdir()) and not kept.is_file():
        raise ArbitrageError(f"{folder} is no small world's folder and is not empty: give another")
    if not kept.is_file() or json.loads(kept.read_text(encoding="utf-8")) != {"key": key}:
        if folder.is_dir():
            shutil.rmtree(folder)
        folder.mkdir(parents=True)
        kept.write_text(json.dumps({"key": key}), encoding="utf-8")
    return folder
