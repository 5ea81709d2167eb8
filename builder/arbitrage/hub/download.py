"""A published dataset brought here: what its manifest names, of the size that it names, and nothing else."""

import os
import shutil
from collections.abc import Callable, Container, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from arbitrage.dataset import readme
from arbitrage.dataset.manifest import MAX_BYTES, NAME, Manifest, read_manifest
from arbitrage.dataset.report import Problem, shown
from arbitrage.errors import DatasetError, HubError
from arbitrage.hub.repository import RemoteFile, Repository
from arbitrage.recipe.model import REPO_ID

RECIPE = "recipe.yaml"
MAX_RECIPE_BYTES = 4 * 2**20
LEEWAY = 2**20
"""Bytes by which a changed file may be larger than twice what the manifest says and still be looked at."""
THREADS = 8


Leave = Callable[[Manifest], Container[str]]


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A dataset folder with the files of a commit, gone when its context is left."""

    folder: Path
    commit: str
    manifest: Manifest
    problems: list[Problem] = field(default_factory=list)
    """Why a file was not brought here, and files that the manifest does not know."""


@contextmanager
def dataset_at(repo_id: str, revision: str | None, leave: Leave = lambda manifest: ()) -> Iterator[Downloaded]:
    """Bring the manifest, the recipe, the card and the Parquet files of a dataset here, each within its announced size.

    What was downloaded before is taken from the clients' cache; `leave` names Parquet files that nobody needs.

    Raises:
        HubError: there is no such dataset, or it does not fit onto the disk.
        DatasetError: it has no manifest that this version understands.
    """
    from huggingface_hub.constants import HF_HUB_CACHE

    repository = Repository(repo_id)
    commit = repository.resolve(revision)
    files = repository.files(commit)
    cache = Path(HF_HUB_CACHE)
    cache.mkdir(parents=True, exist_ok=True)
    # Beside the cache's own files, which are linked to instead of copied.
    with TemporaryDirectory(prefix="arbitrage-", dir=cache) as name:
        folder = Path(name)
        for path, most in ((NAME, MAX_BYTES), (RECIPE, MAX_RECIPE_BYTES), (readme.NAME, readme.MAX_BYTES)):
            if path not in files or files[path].size > most:
                continue  # whoever reads the folder says that it is missing
            _place(repository.fetch(commit, path), folder / path)
        if NAME not in files:
            raise HubError(f"{_at(repo_id, revision)}: holds no {NAME}, so it was not published from here")
        try:
            manifest = read_manifest(folder)
        except DatasetError as error:
            raise DatasetError(str(error).replace(str(folder), _at(repo_id, revision))) from error
        problems: list[Problem] = []
        left = leave(manifest)
        wanted = [path for path in _wanted(files, manifest, problems) if path not in left]
        _check_room(repo_id, cache, [files[path] for path in wanted])
        with ThreadPoolExecutor(THREADS) as threads:
            brought = threads.map(lambda path: repository.fetch(commit, path), wanted)
            for path, file in zip(wanted, brought, strict=True):
                _place(file, folder / path)
        yield Downloaded(folder, commit, manifest, problems)


def at_hub(what: str, revision: str | None) -> tuple[str, str | None]:
    """Return the dataset's id and revision that `ORG/NAME` or `ORG/NAME@REVISION` names.

    Raises:
        HubError: it names none, or two revisions.
    """
    repo_id, at, named = what.partition("@")
    if not REPO_ID.fullmatch(repo_id) or (at and not named):
        raise HubError(
            f"{what!a} is neither a folder here nor a dataset on the Hub such as org/name or org/name@v1.0.0"
        )
    if named and revision is not None and named != revision:
        raise HubError(f"{what} names {named}, --revision {revision}: say one")
    return repo_id, named or revision


def _at(repo_id: str, revision: str | None) -> str:
    return f"{repo_id}@{revision}" if revision else repo_id


def _wanted(files: Mapping[str, RemoteFile], manifest: Manifest, problems: list[Problem]) -> Iterator[str]:
    for path, file in manifest.files.items():
        found = files.get(path)
        if found is None:
            continue  # as above
        if found.size > 2 * file.bytes + LEEWAY:
            message = f"has {found.size} bytes on the Hub, the manifest says {file.bytes}: not downloaded"
            problems.append(Problem(path, message))
            continue
        yield path
    for path in files:
        if path.endswith(".parquet") and path not in manifest.files:
            problems.append(Problem(shown(path)[1:-1], "is not in the manifest"))


def _check_room(repo_id: str, cache: Path, files: list[RemoteFile]) -> None:
    needed, free = sum(file.size for file in files), shutil.disk_usage(cache).free
    if needed > free:
        raise HubError(
            f"{repo_id}: needs {needed / 1e9:.1f} GB, the disk that holds {cache} has {free / 1e9:.1f} GB free: "
            "free some, or set HF_HUB_CACHE to another disk"
        )


def _place(file: Path, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(file, path)
    except OSError:
        shutil.copyfile(file, path)
