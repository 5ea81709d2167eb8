"""A dataset repository on the Hub: its head, its versions and its files at a commit."""

import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from arbitrage.errors import HubError
from arbitrage.hub.refusals import explained
from arbitrage.hub.version import Version, version_of
from arbitrage.recipe.model import REPO_ID

TYPE = "dataset"
BRANCH = "main"


class RemoteFile(NamedTuple):
    """A file at a commit; its content is named by a sha256 where it is stored as LFS, else by git's blob id."""

    size: int
    blob_id: str
    sha256: str | None


@dataclass(frozen=True, slots=True)
class Content:
    """The content of a file, by every name that the Hub may know it under."""

    size: int
    sha256: str
    blob_id: str

    def is_in(self, file: RemoteFile | None) -> bool:
        """Say whether a file of the Hub's holds this content."""
        if file is None or file.size != self.size:
            return False
        return file.sha256 == self.sha256 if file.sha256 else file.blob_id == self.blob_id


def content_of(source: Path | bytes) -> Content:
    """Return the names of a file's content, or of some bytes."""
    if isinstance(source, bytes):
        return _content(len(source), [source])
    with source.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        return _content(size, iter(lambda: file.read(2**20), b""))


def _content(size: int, pieces: Iterable[bytes]) -> Content:
    sha256, blob_id = hashlib.sha256(), hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    for piece in pieces:
        sha256.update(piece)
        blob_id.update(piece)
    return Content(size, sha256.hexdigest(), blob_id.hexdigest())


@dataclass(frozen=True, slots=True)
class Seen:
    """A repository at one moment."""

    private: bool
    head: str
    """The commit of `main`."""
    versions: Sequence[Version]
    """In order."""


class Repository:
    """A dataset repository; every call asks the Hub."""

    def __init__(self, repo_id: str) -> None:
        from huggingface_hub import HfApi

        if not REPO_ID.fullmatch(repo_id):
            raise HubError(f"{repo_id!a} is no dataset's id on the Hub, such as org/name")
        self.id = repo_id
        self.api = HfApi()

    def look(self) -> Seen | None:
        """Return what there is; None where there is no such repository, or none that the token may see.

        Raises:
            HubError: the Hub refuses to say, or the repository cannot be used.
        """
        from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

        with explained(self.id):
            try:
                info = self.api.dataset_info(self.id)
            except GatedRepoError:
                raise
            except RepositoryNotFoundError:
                return None
            if info.id != self.id:
                # A card with the old name would one day lead to whoever takes it.
                raise HubError(f"{self.id}: is called {info.id} on the Hub: give that name")
            if info.sha is None:
                raise HubError(f"{self.id}: has no commit; delete it, or give another name")
            refs = self.api.list_repo_refs(self.id, repo_type=TYPE)
        versions = [version for tag in refs.tags if (version := version_of(tag.name))]
        return Seen(bool(info.private), info.sha, sorted(versions))

    def log_in(self) -> None:
        """Make sure that there is a token that the Hub takes: without one, a private repository looks like none.

        Raises:
            HubError: there is none.
        """
        with explained(self.id):
            self.api.whoami()

    def resolve(self, revision: str | None) -> str:
        """Return the commit of a revision, or of the head.

        Raises:
            HubError: there is no such repository or revision.
        """
        shown = f"{self.id}@{revision}" if revision else self.id
        with explained(shown):
            sha = self.api.dataset_info(self.id, revision=revision).sha
        if sha is None:
            raise HubError(f"{shown}: the Hub names no commit for it")
        return sha

    def title(self, commit: str) -> str:
        """Return the title of a commit."""
        with explained(self.id):
            return self.api.list_repo_commits(self.id, repo_type=TYPE, revision=commit)[0].title

    def files(self, commit: str) -> dict[str, RemoteFile]:
        """Return every file at a commit, by its path."""
        from huggingface_hub.hf_api import RepoFile

        with explained(f"{self.id}@{commit}"):
            return {
                entry.path: RemoteFile(entry.size, entry.blob_id, entry.lfs.sha256 if entry.lfs else None)
                for entry in self.api.list_repo_tree(self.id, recursive=True, revision=commit, repo_type=TYPE)
                if isinstance(entry, RepoFile)
            }

    def fetch(self, commit: str, path: str) -> Path:
        """Download a file at a commit into the client's cache, where it is not there yet; return the file itself."""
        with explained(f"{self.id}@{commit}/{path}"):
            return Path(self.api.hf_hub_download(self.id, path, repo_type=TYPE, revision=commit)).resolve()
