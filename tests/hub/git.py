"""A bare git repository through git itself; one process answers all reads, one writes each commit."""

import os
import re
import subprocess
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

# Nobody's own settings, hooks, signing keys or maintenance in the background.
ENVIRONMENT = {
    "PATH": os.environ.get("PATH", os.defpath),
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
}
NOTHING = "0" * 40


class GitError(Exception):
    """Git refused; its own words."""


@dataclass(frozen=True)
class Entry:
    """A file or a folder of a tree."""

    path: str
    kind: str
    """`blob` or `tree`, as git says."""
    oid: str
    size: int


@dataclass(frozen=True)
class Commit:
    """One commit, as `git log` shows it."""

    id: str
    parents: tuple[str, ...]
    author: str
    date: str
    """In UTC, written as the Hub writes it."""
    title: str
    message: str
    """What follows the title."""


class Git:
    """The bare repository in one folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._reader: subprocess.Popen[bytes] | None = None
        self._reading = threading.Lock()
        self._trees: dict[str, list[Entry]] = {}
        self._changed: dict[str, list[str]] = {}

    @classmethod
    def init(cls, path: Path) -> "Git":
        """Make a repository without a commit."""
        path.mkdir(parents=True)
        git = cls(path)
        git.run("init", "--quiet", "--bare", "--initial-branch=main", "--template=")
        return git

    def run(self, *arguments: str, given: bytes = b"", environment: Mapping[str, str] | None = None) -> bytes:
        """Return what a git command prints.

        Raises:
            GitError: It failed.
        """
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.path,
            env=ENVIRONMENT | {"GIT_DIR": str(self.path)} | dict(environment or {}),
            input=given,
            capture_output=True,
        )
        if done.returncode:
            raise GitError(done.stderr.decode(errors="replace").strip())
        return done.stdout

    def close(self) -> None:
        """End the reading process."""
        with self._reading:
            if self._reader is not None:
                self._reader.communicate()
                self._reader = None

    def objects(self, names: Sequence[str]) -> list[tuple[str, bytes] | None]:
        """Return id and content of each object, by id or by any name that git understands."""
        with self._reading:
            if self._reader is None:
                self._reader = subprocess.Popen(
                    ["git", "cat-file", "--batch"],
                    cwd=self.path,
                    env=ENVIRONMENT | {"GIT_DIR": str(self.path)},
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                )
            asked, answers = self._reader.stdin, self._reader.stdout
            assert asked and answers
            found: list[tuple[str, bytes] | None] = []
            for name in names:
                asked.write(name.encode() + b"\n")
                asked.flush()
                oid, _, rest = answers.readline().decode().rstrip("\n").partition(" ")
                if " " not in rest or not re.fullmatch("[0-9a-f]{40}", oid):
                    found.append(None)
                    continue
                content = answers.read(int(rest.split(" ")[1]))
                answers.read(1)
                found.append((oid, content))
            return found

    def commit_of(self, revision: str) -> str | None:
        """Return the commit that a branch, a tag, a full ref or an id names."""
        if re.fullmatch("[0-9a-f]{40}", revision):
            if revision in self._trees:
                return revision
            names = [f"{revision}^{{commit}}"]
        elif re.fullmatch(r"(?!.*(\.\.|//|@\{))[^\s~^:?*\[\\]+", revision):
            full = [revision] if revision.startswith("refs/") else [f"refs/heads/{revision}", f"refs/tags/{revision}"]
            names = [f"{name}^{{commit}}" for name in full]
        else:
            return None
        return next((answer[0] for answer in self.objects(names) if answer), None)

    def tree(self, commit: str) -> list[Entry]:
        """Return every file and folder of a commit, sorted by path."""
        if commit not in self._trees:
            listed = self.run("ls-tree", "-r", "-t", "-l", "-z", "--full-tree", commit)
            entries = []
            for line in listed.decode().split("\0")[:-1]:
                head, _, path = line.partition("\t")
                _, kind, oid, size = head.split()
                entries.append(Entry(path, kind, oid, 0 if size == "-" else int(size)))
            self._trees[commit] = sorted(entries, key=lambda entry: entry.path)
        return self._trees[commit]

    def refs(self) -> dict[str, str]:
        """Return the commit of every ref, by its full name."""
        listed = self.run("for-each-ref", "--format=%(refname)%00%(objectname)%00%(*objectname)").decode()
        lines = [line.split("\0") for line in listed.splitlines()]
        return {name: peeled or oid for name, oid, peeled in lines}

    def log(self, revision: str) -> list[Commit]:
        """Return the commits that lead to a revision, newest first."""
        form = ["--format=%H%x1f%P%x1f%an%x1f%ad%x1f%s%x1f%b", "--date=format-local:%Y-%m-%dT%H:%M:%S.000Z"]
        listed = self.run("log", "-z", *form, revision, "--").decode().split("\0")
        lines = [line.split("\x1f") for line in listed if line]
        return [
            Commit(oid, tuple(parents.split()), author, date, title, message.strip())
            for oid, parents, author, date, title, message in lines
        ]

    def changed(self, commit: Commit) -> list[str]:
        """Return the paths that a commit wrote or deleted."""
        if commit.id not in self._changed:
            listed = self.run("diff-tree", "--root", "--no-commit-id", "--name-only", "-r", "-z", commit.id)
            self._changed[commit.id] = listed.decode().split("\0")[:-1]
        return self._changed[commit.id]

    def commit(
        self,
        ref: str,
        parent: str | None,
        written: Mapping[str, bytes],
        deleted: Iterable[str],
        author: str,
        message: str,
    ) -> str:
        """Write one commit and move the ref to it: all of it or nothing."""
        person = f"{author} <{author}@users.noreply.huggingface.co>".encode()
        text = message.encode()
        stream = [b"commit %s\nmark :1\n" % ref.encode()]
        stream += [b"%s %s now\n" % (role, person) for role in (b"author", b"committer")]
        stream.append(b"data %d\n%s\n" % (len(text), text))
        if parent is not None:
            stream.append(b"from %s\n" % parent.encode())
        stream += [b"D %s\n" % quoted(path) for path in deleted]
        for path, content in written.items():
            stream.append(b"M 100644 inline %s\ndata %d\n%s\n" % (quoted(path), len(content), content))
        stream.append(b"get-mark :1\ndone\n")
        said = self.run("fast-import", "--quiet", "--done", "--date-format=now", given=b"".join(stream))
        return said.decode().strip()

    def move(self, ref: str, new: str, old: str = NOTHING) -> bool:
        """Point a ref from an old object to a new one; `NOTHING` for no such ref. False when it stands elsewhere."""
        try:
            self.run("update-ref", ref, new, old)
        except GitError:
            return False
        return True

    @cached_property
    def created(self) -> str:
        """The date of the first commit, which is when the repository was made."""
        return self.log("refs/heads/main")[-1].date


def quoted(path: str) -> bytes:
    """Return a path as `git fast-import` reads it."""
    return b'"' + path.encode().replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n") + b'"'
