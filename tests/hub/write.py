"""What changes a repository: commits, tags, branches, settings, and whole repositories."""

import base64
import binascii
import json
import re
from collections.abc import Callable
from dataclasses import replace
from fnmatch import fnmatch
from typing import Any

from hub.access import check_known, check_read, check_write
from hub.card import validate
from hub.git import Entry
from hub.lfs import REGULAR_LIMIT, Large, is_large, pointer
from hub.refusal import Refusal, no_entry, no_revision
from hub.repo import Repo, Settings
from hub.wire import Answer, Ask

PREUPLOAD_LIMIT = 256
KINDS = ("model", "dataset", "space")


def _kind(ask: Ask) -> str:
    kind = ask.data.get("type") or "model"
    if kind not in KINDS:
        raise Refusal(400, f'"type" must be one of [{", ".join(KINDS)}]')
    return str(kind)


def _private(ask: Ask) -> bool | None:
    """Whether the body asks for private, None when it says nothing of that."""
    visibility = ask.data.get("visibility")
    if visibility not in (None, "public", "private"):
        raise Refusal(400, '"visibility" must be one of [public, private]')
    private = ask.data.get("private")
    return visibility == "private" if visibility is not None else None if private is None else bool(private)


def _named(ask: Ask) -> str:
    account = check_known(ask.account)
    return f"{ask.data.get('organization') or account.name}/{ask.value('name', str)}"


def create(ask: Ask) -> Answer:
    """Make a repository."""
    kind, name = _kind(ask), _named(ask)
    account = check_write(ask.account, name.partition("/")[0], f"create a {kind}")
    ask.store.create(kind, name, account.name, Settings(private=bool(_private(ask))))
    return Answer.json({"url": ask.store.address(kind, name), "name": name})


def delete(ask: Ask) -> Answer:
    """Delete a repository."""
    repo = check_read(check_known(ask.account), ask.store.find(_kind(ask), _named(ask)))
    check_write(ask.account, repo.id.partition("/")[0], f"delete a {repo.kind}")
    ask.store.delete(repo)
    return Answer(200, b"OK")


def move(ask: Ask) -> Answer:
    """Give a repository another name."""
    repo = check_read(check_known(ask.account), ask.store.find(_kind(ask), ask.value("fromRepo", str)))
    target = ask.value("toRepo", str)
    for name in (repo.id, target):
        check_write(ask.account, name.partition("/")[0], f"move a {repo.kind}")
    ask.store.move(repo, target)
    return Answer(200, b"OK")


def settings(ask: Ask, repo: Repo) -> Answer:
    """Change who may see a repository."""
    changes: dict[str, Any] = {}
    if (private := _private(ask)) is not None:
        changes["private"] = private
    if "gated" in ask.data:
        if ask.data["gated"] not in (False, "auto", "manual"):
            raise Refusal(400, '"gated" must be one of [auto, manual, false]')
        changes["gated"] = ask.data["gated"] or ""
    if not changes:
        raise Refusal(400, "At least one setting must be updated")
    with repo.changing():
        repo.settings = replace(repo.settings, **changes)
        now = repo.settings
    return Answer.json({"private": now.private, "gated": now.gated or False})


def preupload(ask: Ask, repo: Repo, revision: str) -> Answer:
    """Say which files are to come as LFS files, and what is there already."""
    commit = repo.resolve(revision)
    try:
        asked = [(check_path(one["path"]), one["size"] + 0, one["sample"]) for one in ask.value("files", list)]
        files = [(path, size, base64.b64decode(sample)) for path, size, sample in asked]
    except (KeyError, TypeError, binascii.Error) as error:
        raise Refusal(400, f"Invalid file: {error!r}") from error
    if len(files) > PREUPLOAD_LIMIT:
        raise Refusal(400, f'"files" must contain at most {PREUPLOAD_LIMIT} items')
    attributes, shown = repo.attributes(commit), []
    present = {entry.path: entry for entry in repo.git.tree(commit) if entry.kind == "blob"}
    ignored = _ignored(ask.data.get("gitIgnore"), repo, present.get(".gitignore"))
    large = repo.large(present[path] for path, _, _ in files if path in present)
    for path, size, sample in files:
        mode = "lfs" if is_large(path, size, sample, attributes) else "regular"
        one = {"path": path, "uploadMode": mode, "shouldIgnore": ignored(path)}
        if (entry := present.get(path)) is not None:
            # Of a large file, the clients compare the content's sha256.
            one["oid"] = large[entry.oid].oid if entry.oid in large else entry.oid
        shown.append(one)
    return Answer.json({"files": shown, "commitOid": commit})


def _ignored(sent: Any, repo: Repo, there: Entry | None) -> Callable[[str], bool]:
    """Return what a .gitignore leaves out, the one sent or else the one there; patterns of file names alone."""
    text = sent if isinstance(sent, str) else repo.blob(there).decode() if there else ""
    patterns = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return lambda path: any(fnmatch(path.rpartition("/")[2], pattern) for pattern in patterns)


def check_path(path: Any) -> str:
    """Return a path that can stand in a tree."""
    steps = path.split("/") if isinstance(path, str) else [""]
    if any(step in ("", ".", "..") or step.lower() == ".git" for step in steps) or re.search(r"[\0-\x1f\x7f]", path):
        raise Refusal(400, f"Invalid path: {path!r}")
    return str(path)


def commit(ask: Ask, repo: Repo, revision: str) -> Answer:
    """Make one commit of everything in the body, or none."""
    try:
        lines = [json.loads(line) for line in ask.body.splitlines() if line.strip()]
        operations = [(line["key"], line["value"]) for line in lines]
        (first, header), *operations = operations
        summary, description = header["summary"], header.get("description") or ""
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise Refusal(400, f"Invalid commit: {error!r}") from error
    if first != "header" or not isinstance(summary, str) or not summary.strip():
        raise Refusal(400, "The first line must be a header with a summary")
    account = check_known(ask.account)
    with repo.changing():
        ref = revision if revision.startswith("refs/pr/") else f"refs/heads/{revision}"
        head = repo.git.commit_of(ref)
        if head is None:
            raise no_revision(revision)
        parent = header.get("parentCommit")
        if parent is not None and not head.startswith(parent):
            raise Refusal(412, "A commit has happened since. Please refresh and try again.")
        written, deleted = _changes(repo, head, operations)
        repo.check(head, written, deleted)
        number = repo.start_pull_request(head) if ask.flag("create_pr") else None
        if number is not None:
            ref = f"refs/pr/{number}"
        message = f"{summary}\n\n{description}" if description else summary
        made = repo.git.commit(ref, head, written, deleted, account.name, message)
    page = ask.store.address(repo.kind, repo.id)
    answer = {"success": True, "commitOid": made, "commitUrl": f"{page}/commit/{made}", "hookOutput": ""}
    if number is not None:
        answer["pullRequestUrl"] = f"{page}/discussions/{number}"
    return Answer.json(answer)


def _changes(repo: Repo, head: str, operations: list[tuple[str, Any]]) -> tuple[dict[str, bytes], list[str]]:
    """Return what the operations come to, in their order: the files they write and those they delete."""
    before = set(repo.files(head))
    written: dict[str, bytes] = {}
    deleted: dict[str, None] = {}
    for key, value in operations:
        try:
            match key:
                case "file":
                    path = check_path(value["path"])
                    written[path] = _content(value)
                case "lfsFile":
                    path = check_path(value["path"])
                    written[path] = pointer(_uploaded(repo, value))
                case "deletedFile" | "deletedFolder":
                    path = check_path(value["path"].removesuffix("/"))
                    inside = f"{path}/" if key == "deletedFolder" else None
                    now = (before - set(deleted)) | set(written)
                    gone = [one for one in now if (one.startswith(inside) if inside else one == path)]
                    if not gone:
                        raise no_entry(path, head)
                    for one in gone:
                        written.pop(one, None)
                    deleted |= dict.fromkeys(one for one in gone if one in before)
                case _:
                    raise Refusal(400, f"Unknown operation: {key!r}")
        except (KeyError, TypeError, AttributeError) as error:
            raise Refusal(400, f"Invalid operation {key!r}: {error!r}") from error
    return written, [path for path in deleted if path not in written]


def _content(value: dict[str, Any]) -> bytes:
    if value.get("encoding", "utf-8") not in ("base64", "utf-8"):
        raise Refusal(400, '"encoding" must be one of [utf-8, base64]')
    try:
        plain = value.get("encoding") != "base64"
        content = value["content"].encode() if plain else base64.b64decode(value["content"], validate=True)
    except binascii.Error as error:
        raise Refusal(400, f"Invalid base64 in {value['path']}: {error}") from error
    if len(content) > REGULAR_LIMIT:
        text = "Your push was rejected because it contains files larger than 10 MB"
        raise Refusal(400, f"{text}; they have to be LFS files: {value['path']}")
    return bytes(content)


def _uploaded(repo: Repo, value: dict[str, Any]) -> Large:
    oid = value["oid"]
    if value.get("algo", "sha256") != "sha256" or not re.fullmatch("[0-9a-f]{64}", oid):
        raise Refusal(400, f"Invalid oid: {oid!r}")
    size = repo.objects.size(oid)
    if size is None or value.get("size", size) != size:
        text = "Your push was rejected because an LFS pointer pointed to a file that does not exist"
        raise Refusal(400, f"{text}: {value['path']} ({oid})")
    return Large(oid, size)


def tag(ask: Ask, repo: Repo, revision: str) -> Answer:
    """Tag a revision."""
    message = ask.data.get("message") or ""
    repo.tag(ask.value("tag", str), revision, message, check_known(ask.account).name)
    return Answer(200, b"OK")


def branch(ask: Ask, repo: Repo, name: str) -> Answer:
    """Start a branch."""
    start = ask.data.get("startingPoint") if ask.body else None
    repo.branch(name, start or "main")
    return Answer(200, b"OK")


def drop_branch(repo: Repo, name: str) -> Answer:
    """Delete a branch, but never the main one."""
    if name == "main":
        raise Refusal(403, "Cannot delete the default branch")
    repo.drop(f"refs/heads/{name}")
    return Answer(200, b"OK")


def validate_yaml(ask: Ask) -> Answer:
    """Check a card without keeping it."""
    errors, warnings = validate(ask.value("content", str), ask.data.get("repoType") or "model")
    said = {name: [{"message": text} for text in texts] for name, texts in (("errors", errors), ("warnings", warnings))}
    return Answer.json(said, 400 if errors else 200)
