"""What can be asked of a repository without changing it."""

import json
from typing import Any
from urllib.parse import parse_qs, quote, urlencode

import yaml

from hub.access import check_content, check_known, check_read
from hub.card import head
from hub.git import Entry
from hub.refusal import Refusal, no_entry
from hub.repo import Repo
from hub.wire import Answer, Ask

COMMITS = 50
"""Commits in one answer."""


def whoami(ask: Ask) -> Answer:
    """Say whose token it is."""
    account = check_known(ask.account)
    return Answer.json(
        {
            "type": "user",
            "id": account.name.encode().hex().ljust(24, "0")[:24],
            "name": account.name,
            "fullname": account.name,
            "isPro": False,
            "orgs": [{"type": "org", "id": org, "name": org, "roleInOrg": "write"} for org in account.orgs],
            "auth": {"type": "access_token", "accessToken": {"displayName": account.role, "role": account.role}},
        }
    )


def listing(ask: Ask, kind: str) -> Answer:
    """List the repositories that the asker may see."""
    author, found = ask.query.get("author"), []
    for repo in ask.store.repos(kind):
        namespace = repo.id.partition("/")[0]
        visible = not repo.settings.private or (ask.account is not None and ask.account.belongs(namespace))
        if visible and author in (None, namespace):
            found.append(_facts(repo, repo.resolve("main")))
    return Answer.json(found[: ask.number("limit", 1000)])


def _facts(repo: Repo, commit: str) -> dict[str, Any]:
    settings = repo.settings
    return {
        "_id": repo.id.encode().hex().ljust(24, "0")[:24],
        "id": repo.id,
        "author": repo.id.partition("/")[0],
        "sha": commit,
        "private": settings.private,
        "gated": settings.gated or False,
        "disabled": False,
        "tags": [],
        "downloads": 0,
        "likes": 0,
        "createdAt": repo.git.created,
    }


def info(ask: Ask, repo: Repo, revision: str) -> Answer:
    """Describe a repository at a revision."""
    commit = repo.resolve(revision)
    entries = [entry for entry in repo.git.tree(commit) if entry.kind == "blob"]
    siblings: list[dict[str, Any]] = [{"rfilename": entry.path} for entry in entries]
    if ask.flag("blobs"):
        large = repo.large(entries)
        for sibling, entry in zip(siblings, entries, strict=True):
            sibling |= {"blobId": entry.oid, "size": entry.size}
            if entry.oid in large:
                oid, size = large[entry.oid]
                sibling |= {"size": size, "lfs": {"sha256": oid, "size": size, "pointerSize": entry.size}}
    facts = _facts(repo, commit) | {"siblings": siblings, "lastModified": repo.git.log(commit)[0].date}
    if (card := repo.entry(commit, "README.md")) is not None:
        try:
            data = head(repo.blob(card).decode(errors="replace"))
        except yaml.YAMLError:
            data = None
        # The dates that YAML knows are text in JSON.
        facts["cardData"] = json.loads(json.dumps(data, default=str)) if isinstance(data, dict) else {}
    return Answer.json(facts)


def _shown(repo: Repo, entries: list[Entry]) -> list[dict[str, Any]]:
    large, shown = repo.large(entries), []
    for entry in entries:
        kind = "file" if entry.kind == "blob" else "directory"
        one: dict[str, Any] = {"type": kind, "oid": entry.oid, "size": entry.size, "path": entry.path}
        if entry.oid in large:
            oid, size = large[entry.oid]
            one |= {"size": size, "lfs": {"oid": oid, "size": size, "pointerSize": entry.size}}
        shown.append(one)
    return shown


def _expanded(repo: Repo, commit: str, shown: list[dict[str, Any]]) -> list[dict[str, Any]]:
    last: dict[str, dict[str, str]] = {}
    wanted = {one["path"] for one in shown}
    for made in repo.git.log(commit):
        facts = {"id": made.id, "title": made.title, "date": made.date}
        for path in repo.git.changed(made):
            steps = path.split("/")
            for place in ("/".join(steps[: count + 1]) for count in range(len(steps))):
                last.setdefault(place, facts)
        if wanted <= set(last):
            break
    return [one | {"lastCommit": last[one["path"]]} for one in shown]


def tree(ask: Ask, repo: Repo, revision: str, path: str) -> Answer:
    """List a folder, a page at a time."""
    commit = repo.resolve(revision)
    prefix = f"{path}/" if path else ""
    entries = [entry for entry in repo.git.tree(commit) if entry.path.startswith(prefix)]
    if path and not entries:
        raise no_entry(path, revision)
    if not ask.flag("recursive"):
        entries = [entry for entry in entries if "/" not in entry.path.removeprefix(prefix)]
    expand = ask.flag("expand")
    # The Hub's pages are shorter where it has more to look up.
    size = ask.store.page_size // 10 or 1 if expand else ask.store.page_size
    size = min(size, ask.number("limit", size))
    start = ask.number("cursor", 0)
    shown = _shown(repo, entries[start : start + size])
    headers = {}
    if start + size < len(entries):
        query = urlencode(ask.query | {"cursor": str(start + size)})
        headers["Link"] = f'<{ask.store.url}{ask.path}?{query}>; rel="next"'
    return Answer.json(_expanded(repo, commit, shown) if expand else shown, headers=headers)


def paths_info(ask: Ask, repo: Repo, revision: str) -> Answer:
    """Describe some paths; what is not there is left out."""
    commit = repo.resolve(revision)
    if "json" in ask.headers.get("Content-Type", ""):
        paths, expand = ask.value("paths", list), bool(ask.data.get("expand"))
    else:
        form = parse_qs(ask.body.decode())
        paths, expand = form.get("paths", []), form.get("expand", [""])[-1].lower() in ("true", "1")
    wanted = {str(path).strip("/") for path in paths}
    shown = _shown(repo, [entry for entry in repo.git.tree(commit) if entry.path in wanted])
    return Answer.json(_expanded(repo, commit, shown) if expand else shown)


def refs(repo: Repo) -> Answer:
    """List branches and tags."""
    shown: dict[str, list[dict[str, str]]] = {"branches": [], "converts": [], "tags": [], "pullRequests": []}
    groups = {"heads": "branches", "tags": "tags", "convert": "converts", "pr": "pullRequests"}
    for ref, commit in repo.git.refs().items():
        _, group, name = ref.split("/", 2)
        if group in groups:
            shown[groups[group]].append({"name": name, "ref": ref, "targetCommit": commit})
    return Answer.json(shown)


def commits(ask: Ask, repo: Repo, revision: str) -> Answer:
    """List the commits that lead to a revision, newest first."""
    made = repo.commits(revision)
    page = ask.number("p", 0)
    shown = [
        {
            "id": commit.id,
            "title": commit.title,
            "message": commit.message,
            "authors": [{"user": commit.author}],
            "date": commit.date,
        }
        for commit in made[page * COMMITS : (page + 1) * COMMITS]
    ]
    headers = {"X-Total-Count": str(len(made))}
    if (page + 1) * COMMITS < len(made):
        query = urlencode(ask.query | {"p": str(page + 1)})
        headers["Link"] = f'<{ask.store.url}{ask.path}?{query}>; rel="next"'
    return Answer.json(shown, headers=headers)


def resolve(ask: Ask, repo: Repo, revision: str, path: str) -> Answer:
    """Give a file: a regular one at once, a large one from the storage."""
    commit = repo.resolve(revision)
    check_content(ask.account, repo)
    entry = repo.entry(commit, path)
    if entry is None or entry.kind != "blob":
        raise Refusal(404, "Entry not found", "EntryNotFound", {"X-Repo-Commit": commit})
    name = quote(path.rpartition("/")[2])
    headers = {"X-Repo-Commit": commit, "Content-Disposition": f"inline; filename*=UTF-8''{name}"}
    large = repo.large([entry]).get(entry.oid)
    if large is None:
        headers |= {"ETag": f'"{entry.oid}"', "Content-Type": "text/plain; charset=utf-8"}
        return Answer(200, repo.blob(entry), headers).ranged(ask.headers.get("Range"))
    where = f"/{repo.kind}s/{quote(repo.id)}/{large.oid}?size={large.size}"
    headers |= {
        "ETag": f'"{large.oid}"',
        "X-Linked-ETag": f'"{large.oid}"',
        "X-Linked-Size": str(large.size),
        "Location": ask.store.signed("GET", ask.store.storage_url, where),
    }
    return Answer(302, b"Found. Redirecting to the storage", headers)


def visible(ask: Ask, kind: str, name: str) -> Repo:
    """Return a repository that the asker may see.

    Raises:
        Refusal: There is none for them, or it is called otherwise now.
    """
    repo = ask.store.find(kind, name)
    if repo is None and (now := ask.store.moved(kind, name)):
        check_read(ask.account, ask.store.find(kind, now))
        # A relative address: the clients follow those and stay on the Hub.
        target = ask.target.replace(f"/{name}", f"/{now}", 1)
        raise Refusal(307, f"Moved to {now}", headers={"Location": target})
    return check_read(ask.account, repo)
