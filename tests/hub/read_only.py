"""The Hub's read path over plain HTTP, for one folder a commit: what its clients ask when they only load."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

LFS = (".parquet",)


@dataclass
class Repo:
    """A dataset repository: the folder of each commit, by its 40 hex digits, and names for commits."""

    commits: dict[str, Path]
    refs: dict[str, str]
    gated: bool = False

    def resolve(self, revision: str) -> str | None:
        revision = self.refs.get(revision, revision)
        return revision if revision in self.commits else None


@dataclass
class Hub:
    """The repositories of a server, and the requests that it was sent."""

    url: str
    repos: dict[str, Repo] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)


@contextmanager
def serving() -> Iterator[Hub]:
    """Serve a Hub on a free port of this machine."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    server.hub = Hub(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server.hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Refused(Exception):
    def __init__(self, status: int, code: str | None, message: str) -> None:
        self.status, self.code, self.message = status, code, message


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        self.server.hub.requests.append(f"{self.command} {self.path}")
        try:
            self._route()
        except _Refused as refused:
            headers = {"X-Error-Message": refused.message}
            if refused.code is not None:
                headers["X-Error-Code"] = refused.code
            self._json({"error": refused.message}, refused.status, headers)

    def _route(self) -> None:
        url = urlsplit(self.path)
        steps = [unquote(step) for step in url.path.strip("/").split("/")]
        match steps:
            case ["api", "datasets", org, name]:
                self._info(f"{org}/{name}", "main")
            case ["api", "datasets", org, name, "auth-check"]:
                self._check_access(f"{org}/{name}")
                self._json({})
            case ["api", "datasets", org, name, "revision", revision]:
                self._info(f"{org}/{name}", revision)
            case ["api", "datasets", org, name, "tree", revision, *path]:
                recursive = parse_qs(url.query).get("recursive", [""])[0].lower() in ("true", "1")
                self._tree(f"{org}/{name}", revision, "/".join(path), recursive)
            case ["datasets", org, name, "resolve", revision, *path]:
                self._file(f"{org}/{name}", revision, "/".join(path))
            case _:
                raise _Refused(404, None, "no such route")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        self.server.hub.requests.append(f"POST {self.path}")
        try:
            steps = [unquote(step) for step in urlsplit(self.path).path.strip("/").split("/")]
            match steps:
                case ["api", "datasets", org, name, "paths-info", revision]:
                    _, _, folder = self._commit(f"{org}/{name}", revision)
                    paths = [folder / path for path in parse_qs(body).get("paths", [])]
                    self._json([_entry(folder, path) for path in paths if path.exists()])
                case _:
                    raise _Refused(404, None, "no such route")
        except _Refused as refused:
            headers = {"X-Error-Code": refused.code} if refused.code else {}
            self._json({"error": refused.message}, refused.status, headers)

    def _commit(self, repo_id: str, revision: str) -> tuple[Repo, str, Path]:
        repo = self.server.hub.repos.get(repo_id)
        if repo is None:
            raise _Refused(404, "RepoNotFound", "Repository not found")
        commit = repo.resolve(revision)
        if commit is None:
            raise _Refused(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return repo, commit, repo.commits[commit]

    def _check_access(self, repo_id: str) -> None:
        repo = self.server.hub.repos.get(repo_id)
        if repo is not None and repo.gated:
            raise _Refused(403, "GatedRepo", f"Access to dataset {repo_id} is restricted")

    def _info(self, repo_id: str, revision: str) -> None:
        repo, commit, folder = self._commit(repo_id, revision)
        siblings = [{"rfilename": path.relative_to(folder).as_posix()} for path in _files(folder)]
        self._json(
            {
                "_id": commit[:24],
                "id": repo_id,
                "sha": commit,
                "private": False,
                "gated": "auto" if repo.gated else False,
                "disabled": False,
                "tags": [],
                "downloads": 0,
                "likes": 0,
                "lastModified": "2024-01-01T00:00:00.000Z",
                "createdAt": "2024-01-01T00:00:00.000Z",
                "siblings": siblings,
            }
        )

    def _tree(self, repo_id: str, revision: str, path: str, recursive: bool) -> None:
        _, _, folder = self._commit(repo_id, revision)
        root = folder / path
        if not root.is_dir():
            raise _Refused(404, "EntryNotFound", f"{path} does not exist on {revision}")
        found = sorted(root.rglob("*") if recursive else root.iterdir())
        self._json([_entry(folder, entry) for entry in found])

    def _file(self, repo_id: str, revision: str, path: str) -> None:
        self._check_access(repo_id)
        _, commit, folder = self._commit(repo_id, revision)
        file = folder / path
        if not file.is_file():
            raise _Refused(404, "EntryNotFound", "Entry not found")
        content = file.read_bytes()
        size, status, headers = len(content), 200, {}
        if range_ := self.headers.get("Range"):
            first, _, last = range_.removeprefix("bytes=").partition("-")
            start = int(first) if first else size - int(last)
            stop = min(int(last) + 1 if first and last else size, size)
            if start >= size:
                self._send(416, b"", {"Content-Range": f"bytes */{size}"})
                return
            content, status = content[start:stop], 206
            headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
        headers |= {
            "X-Repo-Commit": commit,
            "ETag": f'"{_oid(file)}"',
            "X-Linked-Size": str(size),
            "Accept-Ranges": "bytes",
            "Content-Type": "application/octet-stream",
        }
        self._send(status, content, headers)

    def _json(self, value: object, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self._send(status, json.dumps(value).encode(), {"Content-Type": "application/json", **(headers or {})})

    def _send(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _entry(folder: Path, path: Path) -> dict[str, object]:
    name = path.relative_to(folder).as_posix()
    if path.is_dir():
        return {"type": "directory", "path": name, "oid": hashlib.sha1(name.encode()).hexdigest(), "size": 0}
    content = path.read_bytes()
    entry: dict[str, object] = {"type": "file", "path": name, "size": len(content), "oid": _git_oid(content)}
    if path.suffix in LFS:
        entry["lfs"] = {"oid": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 130}
    return entry


def _oid(file: Path) -> str:
    content = file.read_bytes()
    return hashlib.sha256(content).hexdigest() if file.suffix in LFS else _git_oid(content)


def _git_oid(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
