"""Make a small world in a folder: prompts, nine teachers, two reward models and a judge. What is there stays."""

import fcntl
import hashlib
import json
import os
import re
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from multiprocessing import active_children, get_context, parent_process
from pathlib import Path

from arbitrage.errors import ArbitrageError, WorldUnfinished
from arbitrage.identity import sorted_json
from arbitrage.miniature.jobs import ANNOTATED, BASES, STUDENT, make_annotated, make_base, make_student, make_teacher
from arbitrage.miniature.mixture import rows
from arbitrage.miniature.world import World

MADE_OF = (
    "auditor.py gguf_file.py implicit.py jobs.py mixture.py model.py phrases.yaml preferences.py tasks.py words.yaml"
).split()
"""The files of this package that decide what is made."""
LIBRARIES = ("gguf", "tokenizers", "torch", "transformers")
"""What trains and writes; another version of one may make other bytes."""
INSTALL = "pip install '.[miniature]'"
PROCESSES = 2
"""One thread each; more would share two cores."""
KEY, MADE = "world.json", "made"

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
    with _claimed(folder, world_key(world)):
        made = folder / MADE
        made.mkdir(exist_ok=True)
        for name, count, exam in (("prompts.jsonl", world.sources, False), ("exam.jsonl", world.exam, True)):
            lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows(world.seed, count, exam=exam)]
            (folder / name).write_text("".join(lines), encoding="utf-8")
        with _workers(folder) as pool:
            for stage in _stages(world):
                jobs = [job for job in stage if not (made / _mark(job)).exists()]
                waiting = {pool.submit(job[1], world, folder, job[2]): job for job in jobs}
                for future in as_completed(waiting):
                    future.result()
                    job = waiting[future]
                    (made / _mark(job)).touch()
                    tell(f"{time.monotonic() - start:4.0f} s  {job[0]} {job[2]}")
    return time.monotonic() - start


def world_key(world: World) -> str:
    """Return what tells a world from any other: its parameters, what makes it, and the libraries that do."""
    package = files("arbitrage.miniature")
    made_of = {name: hashlib.sha256((package / name).read_bytes()).hexdigest() for name in MADE_OF}
    try:
        libraries = {name: version(name) for name in LIBRARIES}
        version("xllamacpp")  # makes nothing, but serves what is made: better known now than in minutes
    except PackageNotFoundError as error:
        raise ArbitrageError(f"the small world needs {error.name}, which is not installed: {INSTALL}") from None
    return hashlib.sha256(sorted_json([world.model_dump(), made_of, libraries])).hexdigest()


def _stages(world: World) -> Iterator[list[Job]]:
    bases: list[Job] = [("base", make_base, family) for family in BASES]
    yield [*bases, ("student to be", make_student, STUDENT)]
    yield [("teacher", make_teacher, name) for name in world.teachers]
    yield [("learned from its annotators:", make_annotated, name) for name in ANNOTATED]


def _mark(job: Job) -> str:
    return f"{job[1].__name__}-{job[2]}"


@contextmanager
def _workers(folder: Path) -> Iterator[ProcessPoolExecutor]:
    """Lend processes that work side by side; whatever ends this ends them too."""
    others = active_children()
    with ProcessPoolExecutor(PROCESSES, get_context("spawn"), _alone) as pool:
        try:
            yield pool
        except BaseException as error:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in active_children():
                if process not in others:
                    process.terminate()
            if isinstance(error, BrokenProcessPool):
                raise WorldUnfinished(
                    f"a process that trains models in {folder} was killed, or ran out of memory: run the same command "
                    "again; what is finished stays"
                ) from error
            raise


def _alone() -> None:
    """Keep a process to one thread, since two of them on two cores are slower with more, and end it with its parent."""
    # Ctrl-C goes to the whole group; whoever started this says when it ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ |= {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


@contextmanager
def _claimed(folder: Path, key: str) -> Iterator[None]:
    """Hold a folder for one world, without what another world left in it."""
    kept = folder / KEY
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not _is_worlds(folder):
            raise ArbitrageError(f"{folder} is no small world's folder and is not empty: give another")
        with kept.open("a+", encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise ArbitrageError(f"another process makes a small world in {folder}: wait for it") from error
            file.seek(0)
            if file.read() != (content := json.dumps({"key": key})):
                # The marks of what is finished go first and the key last: killed in between, all is made again.
                for path in sorted(folder.iterdir(), key=lambda path: path.name != MADE):
                    if path.is_dir() and not path.is_symlink():
                        shutil.rmtree(path)
                    elif path != kept:
                        path.unlink()
                file.truncate(0)
                file.write(content)
                file.flush()
            yield
    except OSError as error:
        raise ArbitrageError(
            f"{error.filename or folder}: {error.strerror}: mend it, or give another folder"
        ) from error


def _is_worlds(folder: Path) -> bool:
    """Say whether a folder is a small world's, or nobody's."""
    kept = folder / KEY
    if all(path == kept for path in folder.iterdir()):
        # Killed while it was written, the key may be empty.
        return not kept.exists() or not kept.stat().st_size or _is_key(kept)
    return kept.is_file() and _is_key(kept)


def _is_key(kept: Path) -> bool:
    return re.fullmatch(r'\{"key": "[0-9a-f]{64}"\}', kept.read_text(encoding="utf-8", errors="replace")) is not None
