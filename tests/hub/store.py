"""All repositories of a server, in one folder that outlives it."""

import hmac
import json
import re
import secrets
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

from hub.access import ACCOUNTS, Account
from hub.refusal import Refusal
from hub.repo import Repo, Settings

NAME = re.compile(r"(?!.*(--|\.\.))(?!.*\.git$)[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?")


class Store:
    """The repositories in a folder: FOLDER/datasets/NAMESPACE/NAME.git."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.tokens: dict[str, Account] = dict(ACCOUNTS)
        self.url = ""
        self.storage_url = ""
        self.multipart_above = 100_000_000
        """Larger objects are uploaded in parts."""
        self.chunk_size = 16_000_000
        self.page_size = 1000
        """Entries of a tree in one answer."""
        self.lock = threading.RLock()
        self._repos: dict[tuple[str, str], Repo] = {}
        secret = self.folder / "secret"
        if not secret.exists():
            secret.write_text(secrets.token_hex(), encoding="ascii")
        self._secret = secret.read_bytes()

    def _path(self, kind: str, name: str) -> Path:
        namespace, _, short = name.partition("/")
        if not NAME.fullmatch(namespace) or not NAME.fullmatch(short):
            raise Refusal(400, f"Invalid repo name: {name}")
        return self.folder / f"{kind}s" / namespace / f"{short}.git"

    def find(self, kind: str, name: str) -> Repo | None:
        """Return a repository."""
        with self.lock:
            if (repo := self._repos.get((kind, name))) is None:
                try:
                    path = self._path(kind, name)
                except Refusal:
                    return None
                if not path.exists():
                    return None
                repo = self._repos[kind, name] = Repo(kind, name, path)
            return repo

    def repos(self, kind: str) -> Iterator[Repo]:
        """Return every repository of a kind, by name."""
        for path in sorted((self.folder / f"{kind}s").glob("*/*.git")):
            if repo := self.find(kind, f"{path.parent.name}/{path.name.removesuffix('.git')}"):
                yield repo

    def create(self, kind: str, name: str, author: str = "user", settings: Settings | None = None) -> Repo:
        """Make a repository.

        Raises:
            Refusal: There is one, or it cannot be called so.
        """
        with self.lock:
            path = self._path(kind, name)
            if path.exists():
                raise Refusal(
                    409,
                    f"You already created this {kind} repo: {name}",
                    body={"error": f"You already created this {kind} repo", "url": self.address(kind, name)},
                )
            # Made aside, so that nobody sees half a repository; one that a kill left there is nobody's.
            new = self.folder / "new"
            shutil.rmtree(new, ignore_errors=True)
            Repo.create(kind, name, new, author, settings or Settings()).close()
            path.parent.mkdir(parents=True, exist_ok=True)
            new.rename(path)
            self._repos[kind, name] = repo = Repo(kind, name, path)
            self._write_moved({place: to for place, to in self._moved().items() if place != f"{kind}s/{name}"})
            return repo

    def delete(self, repo: Repo) -> None:
        """Delete a repository."""
        with self.lock, repo.lock:
            del self._repos[repo.kind, repo.id]
            repo.close()
            shutil.rmtree(repo.path)

    def move(self, repo: Repo, name: str) -> None:
        """Give a repository another name; the one before leads to it.

        Raises:
            Refusal: There is one of that name, or it cannot be called so.
        """
        with self.lock, repo.lock:
            path = self._path(repo.kind, name)
            if path.exists():
                raise Refusal(409, f"A {repo.kind} repo called {name} exists already")
            del self._repos[repo.kind, repo.id]
            repo.close()
            path.parent.mkdir(parents=True, exist_ok=True)
            repo.path.rename(path)
            self._write_moved(self._moved() | {f"{repo.kind}s/{repo.id}": name})

    def _moved(self) -> dict[str, str]:
        path = self.folder / "moved.json"
        moved: dict[str, str] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        return moved

    def _write_moved(self, moved: dict[str, str]) -> None:
        (self.folder / "moved.json").write_text(json.dumps(moved), encoding="utf-8")

    def moved(self, kind: str, name: str) -> str | None:
        """Return the name that a repository has now."""
        with self.lock:
            return self._moved().get(f"{kind}s/{name}")

    def address(self, kind: str, name: str) -> str:
        """Return the address of a repository's page."""
        return f"{self.url}/{'' if kind == 'model' else kind + 's/'}{name}"

    def signature(self, method: str, path: str) -> str:
        """Return what makes an address of the storage good for one method."""
        return hmac.digest(self._secret, f"{method} {path}".encode(), "sha256").hex()

    def signed(self, method: str, base: str, path: str) -> str:
        """Return an address that needs no token."""
        return f"{base}{path}&signature={self.signature(method, path)}"

    def close(self) -> None:
        """End every reading process."""
        with self.lock:
            for repo in self._repos.values():
                repo.close()
