"""Which request means what, and what it needs."""

from hub import read, upload, write
from hub.access import check_content, check_known, check_write
from hub.refusal import Refusal
from hub.repo import Repo
from hub.wire import Answer, Ask

KINDS = {"models": "model", "datasets": "dataset", "spaces": "space"}


def answer(ask: Ask) -> Answer:
    """Answer a request to the Hub.

    Raises:
        Refusal: It is turned down.
    """
    match ask.method, ask.steps:
        case "GET", ["api", "whoami-v2"]:
            return read.whoami(ask)
        case "POST", ["api", "repos", "create"]:
            return write.create(ask)
        case "DELETE", ["api", "repos", "delete"]:
            return write.delete(ask)
        case "POST", ["api", "repos", "move"]:
            return write.move(ask)
        case "POST", ["api", "validate-yaml"]:
            return write.validate_yaml(ask)
        case "POST", ["api", "complete_multipart", kinds, org, name, oid] if kinds in KINDS:
            return upload.complete(ask, KINDS[kinds], f"{org}/{name}", oid)
        case "GET", ["api", kinds] if kinds in KINDS:
            return read.listing(ask, KINDS[kinds])
        case _, ["api", kinds, name] if kinds in KINDS:
            read.visible(ask, KINDS[kinds], name)
        case _, ["api", kinds, org, name, *rest] if kinds in KINDS:
            return _api(ask, KINDS[kinds], f"{org}/{name}", rest)
        case _, [("datasets" | "spaces") as kinds, org, name, *rest]:
            return _files(ask, KINDS[kinds], f"{org}/{name}", rest)
        case _, [org, name, *rest] if org != "api":
            return _files(ask, "model", f"{org}/{name}", rest)
    raise Refusal(404, "Sorry, we can't find the page you are looking for.")


def _files(ask: Ask, kind: str, name: str, rest: list[str]) -> Answer:
    match ask.method, rest:
        case "GET", ["resolve", revision, *path] if path:
            return read.resolve(ask, read.visible(ask, kind, name), revision, "/".join(path))
        case "POST", ["info", "lfs", "objects", "batch"]:
            return upload.batch(ask, _writable(ask, kind, name.removesuffix(".git")))
        case "POST", ["info", "lfs", "objects", "verify"]:
            return upload.verify(ask, _writable(ask, kind, name.removesuffix(".git")))
    raise Refusal(404, "Sorry, we can't find the page you are looking for.")


def _api(ask: Ask, kind: str, name: str, rest: list[str]) -> Answer:
    if (ask.method, rest[:1]) not in CHANGES:
        return _look(ask, read.visible(ask, kind, name), rest)
    repo = _writable(ask, kind, name)
    match ask.method, rest:
        case "POST", ["preupload", revision]:
            return write.preupload(ask, repo, revision)
        case "POST", ["commit", revision]:
            return write.commit(ask, repo, revision)
        case "POST", ["tag", revision]:
            return write.tag(ask, repo, revision)
        case "DELETE", ["tag", tag]:
            repo.drop(f"refs/tags/{tag}")
            return Answer(200, b"OK")
        case "POST", ["branch", branch]:
            return write.branch(ask, repo, branch)
        case "DELETE", ["branch", branch]:
            return write.drop_branch(repo, branch)
        case "PUT", ["settings"]:
            return write.settings(ask, repo)
    raise Refusal(404, "Sorry, we can't find the page you are looking for.")


CHANGES = [("POST", [step]) for step in ("preupload", "commit", "tag", "branch")]
CHANGES += [("DELETE", ["tag"]), ("DELETE", ["branch"]), ("PUT", ["settings"])]


def _look(ask: Ask, repo: Repo, rest: list[str]) -> Answer:
    match ask.method, rest:
        case "GET", []:
            return read.info(ask, repo, "main")
        case "GET", ["revision", revision]:
            return read.info(ask, repo, revision)
        case "GET", ["auth-check"]:
            check_content(ask.account, repo)
            return Answer.json({})
        case "GET", ["tree", revision, *path]:
            return read.tree(ask, repo, revision, "/".join(path).strip("/"))
        case "POST", ["paths-info", revision]:
            return read.paths_info(ask, repo, revision)
        case "GET", ["refs"]:
            return read.refs(repo)
        case "GET", ["commits", revision]:
            return read.commits(ask, repo, revision)
    raise Refusal(404, "Sorry, we can't find the page you are looking for.")


def _writable(ask: Ask, kind: str, name: str) -> Repo:
    """Return a repository that the asker may change; who may not even see it learns nothing of it."""
    check_known(ask.account)
    repo = read.visible(ask, kind, name)
    check_write(ask.account, repo.id.partition("/")[0], f"change a {kind}")
    return repo
