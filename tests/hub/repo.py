"""One repository: git, its large files, and who may see it."""

import json
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath

from hub.card import check_commit
from hub.git import NOTHING, Commit, Entry, Git, GitError
from hub.lfs import ATTRIBUTES, POINTER_SIZES, Large, Objects, is_large, pointed, pointer
from hub.refusal import Refusal, no_entry, no_revision


@dataclass(frozen=True)
class Settings:
    """What is not in git."""

    private: bool = False
    gated: str = ""
    """`auto` or `manual`; empty for open to everyone who may see it."""


class Repo:
    """A repository, as the server has it and as a test looks at it."""

    def __init__(self, kind: str, name: str, path: Path) -> None:
        self.kind = kind
        """model, dataset or space"""
        self.id = name
        self.path = path
        """The bare git repository: `git clone` and `git log` take it."""
        self.git = Git(path)
        self.objects = Objects(path)
        self.lock = threading.RLock()
        """Held by whoever changes it."""
        self._large: dict[str, Large | None] = {}

    @classmethod
    def create(cls, kind: str, name: str, path: Path, author: str, settings: Settings) -> "Repo":
        """Make a repository with the commit that the Hub begins each with."""
        git = Git.init(path)
        git.commit("refs/heads/main", None, {".gitattributes": ATTRIBUTES}, [], author, "initial commit")
        repo = cls(kind, name, path)
        repo.settings = settings
        return repo

    @property
    def settings(self) -> Settings:
        """Who may see it."""
        return Settings(**json.loads((self.path / "hub.json").read_text(encoding="utf-8")))

    @settings.setter
    def settings(self, settings: Settings) -> None:
        temporary = self.path / "hub.json.new"
        temporary.write_text(json.dumps(asdict(settings)), encoding="utf-8")
        temporary.replace(self.path / "hub.json")

    @property
    def prefix(self) -> str:
        """What stands before the id in addresses outside the API."""
        return "" if self.kind == "model" else f"{self.kind}s/"

    def commits(self, revision: str = "main") -> list[Commit]:
        """Return the commits that lead to a revision, newest first."""
        return self.git.log(self.resolve(revision))

    def tags(self) -> dict[str, str]:
        """Return the commit of every tag."""
        return self._named("refs/tags/")

    def branches(self) -> dict[str, str]:
        """Return the commit of every branch."""
        return self._named("refs/heads/")

    def _named(self, prefix: str) -> dict[str, str]:
        refs = self.git.refs().items()
        return {name.removeprefix(prefix): commit for name, commit in refs if name.startswith(prefix)}

    def resolve(self, revision: str) -> str:
        """Return the commit of a revision.

        Raises:
            Refusal: There is none.
        """
        commit = self.git.commit_of(revision)
        if commit is None:
            raise no_revision(revision)
        return commit

    def files(self, revision: str = "main") -> list[str]:
        """Return the paths of all files at a revision."""
        return [entry.path for entry in self.git.tree(self.resolve(revision)) if entry.kind == "blob"]

    def entry(self, commit: str, path: str) -> Entry | None:
        """Return the file or folder at a path."""
        return next((entry for entry in self.git.tree(commit) if entry.path == path), None)

    def large(self, entries: Iterable[Entry]) -> dict[str, Large]:
        """Return what those of the entries that are pointers point to, by blob id."""
        wanted = [entry.oid for entry in entries if entry.kind == "blob" and entry.size in POINTER_SIZES]
        if unread := [oid for oid in dict.fromkeys(wanted) if oid not in self._large]:
            for oid, answer in zip(unread, self.git.objects(unread), strict=True):
                self._large[oid] = pointed(answer[1]) if answer else None
        return {oid: large for oid in wanted if (large := self._large[oid]) is not None}

    def blob(self, entry: Entry) -> bytes:
        """Return the content of a file as git has it: of a large one, the pointer."""
        (answer,) = self.git.objects([entry.oid])
        assert answer is not None
        return answer[1]

    def read(self, revision: str, path: str) -> bytes:
        """Return the bytes of a file at a revision, large or not."""
        entry = self.entry(self.resolve(revision), path)
        if entry is None or entry.kind != "blob":
            raise no_entry(path, revision)
        large = self.large([entry]).get(entry.oid)
        return self.objects.path(large.oid).read_bytes() if large else self.blob(entry)

    def attributes(self, commit: str) -> bytes:
        """Return the `.gitattributes` of a commit."""
        entry = self.entry(commit, ".gitattributes")
        return self.blob(entry) if entry else b""

    def push(
        self,
        files: Mapping[str, bytes | str | None],
        message: str = "Someone else's push",
        author: str = "someone-else",
        branch: str = "main",
    ) -> str:
        """Commit as `git push` would, None deleting a file, and return the commit; nothing is checked."""
        with self.changing():
            head = self.resolve(f"refs/heads/{branch}")
            attributes, written = self.attributes(head), {}
            for path, content in files.items():
                if content is not None:
                    raw = content.encode() if isinstance(content, str) else content
                    large = is_large(path, len(raw), raw[:512], attributes)
                    written[path] = pointer(self.objects.add(raw)) if large else raw
            deleted = [path for path, content in files.items() if content is None]
            return self.git.commit(f"refs/heads/{branch}", head, written, deleted, author, message)

    def tag(self, name: str, revision: str = "main", message: str = "", author: str = "someone-else") -> None:
        """Tag a revision.

        Raises:
            Refusal: No such revision, no name for a tag, or there is such a tag.
        """
        with self.changing():
            commit = self.resolve(revision)
            self._check_name(f"refs/tags/{name}")
            if message:
                person = {"GIT_COMMITTER_NAME": author, "GIT_COMMITTER_EMAIL": f"{author}@users.noreply.huggingface.co"}
                try:
                    self.git.run("tag", "-a", "-F", "-", name, commit, given=message.encode(), environment=person)
                except GitError as error:
                    raise Refusal(409, f"Tag reference exists already: {name}") from error
            elif not self.git.move(f"refs/tags/{name}", commit):
                raise Refusal(409, f"Tag reference exists already: {name}")

    def branch(self, name: str, revision: str = "main") -> None:
        """Start a branch at a revision.

        Raises:
            Refusal: No such revision, no name for a branch, or there is such a branch.
        """
        with self.changing():
            commit = self.resolve(revision)
            self._check_name(f"refs/heads/{name}")
            if not self.git.move(f"refs/heads/{name}", commit):
                raise Refusal(409, f"Reference already exists: refs/heads/{name}")

    def _check_name(self, ref: str) -> None:
        try:
            self.git.run("check-ref-format", ref)
        except GitError as error:
            raise Refusal(400, f"Invalid reference name: {ref}") from error

    def drop(self, ref: str) -> None:
        """Delete a tag or a branch.

        Raises:
            Refusal: There is none.
        """
        with self.changing():
            if ref not in self.git.refs():
                raise no_revision(ref.split("/", 2)[2])
            self.git.run("update-ref", "-d", ref)

    def start_pull_request(self, commit: str) -> int:
        """Open the ref of a new pull request and return its number."""
        number = 1
        while not self.git.move(f"refs/pr/{number}", commit, NOTHING):
            number += 1
        return number

    def check(self, commit: str, written: Mapping[str, bytes], deleted: Iterable[str]) -> None:
        """Turn down a commit that no tree can hold, or that would leave a card which does not fit its files."""
        gone = set(deleted)
        paths = {path for path in self.files(commit) if path not in gone} | set(written)
        if both := paths & {str(parent) for path in paths for parent in PurePosixPath(path).parents}:
            raise Refusal(400, f"{min(both)} cannot be both a file and a folder")
        card = written.get("README.md")
        if card is None and "README.md" in paths:
            card = self.read(commit, "README.md")
        if card is not None:
            check_commit(card.decode(errors="replace"), self.kind, paths, new="README.md" in written)

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Let nobody else change the repository meanwhile."""
        with self.lock:
            if not self.path.exists():
                raise Refusal(404, "Repository not found", "RepoNotFound")
            yield

    def close(self) -> None:
        """End its reading process."""
        self.git.close()
