"""A published dataset brought here: what its manifest names, of the size that it names, and nothing else."""

import os
import shutil
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from arbitrage.dataset.manifest import MAX_BYTES, NAME, Manifest, read_manifest
from arbitrage.dataset.report import Problem, shown
from arbitrage.errors import HubError
from arbitrage.hub.repository import RemoteFile, Repository

RECIPE = "recipe.yaml"
MAX_RECIPE_BYTES = 4 * 2**20
LEEWAY = 2**20
"""Bytes by which a changed file may be larger than twice what the manifest says and still be looked at."""
THREADS = 8


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A dataset folder with the files of a commit, gone when its context is left."""

    folder: Path
    commit: str
    manifest: Manifest
    problems: list[Problem] = field(default_factory=list)
    """Why a file was not brought here, and files that the manifest does not know."""


@contextmanager
def dataset_at(repo_id: str, revision: str | None) -> Iterator[Downloaded]:
    """Bring the manifest, the recipe and the Parquet files of a dataset here, each within its announced size.

    What was downloaded before is taken from the clients' cache.

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
        for path, most in ((NAME, MAX_BYTES), (RECIPE, MAX_RECIPE_BYTES)):
            if path not in files or files[path].size > most:
                continue  # whoever reads the folder says that it is missing
            _place(repository.fetch(commit, path), folder / path)
        manifest = read_manifest(folder)
        problems: list[Problem] = []
        wanted = list(_wanted(files, manifest, problems))
        _check_room(repo_id, cache, [files[path] for path in wanted])
        with ThreadPoolExecutor(THREADS) as threads:
            brought = threads.map(lambda path: repository.fetch(commit, path), wanted)
            for path, file in zip(wanted, brought, strict=True):
                _place(file, folder / path)
        yield Downloaded(folder, commit, manifest, problems)


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
