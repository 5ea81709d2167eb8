"""Large files, pages and many at once."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import process_time

import pytest
from hub import Server
from test_hub.calls import Client, call, commit


def test_a_file_in_parts(server: Server, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server.store, "multipart_above", 1000)
    monkeypatch.setattr(server.store, "chunk_size", 400)
    repo = server.create("org/parts")
    client(
        "api.upload_file(path_or_fileobj=b'x' * 1001, path_in_repo='a.bin', repo_id='org/parts', repo_type='dataset')"
    )
    assert repo.read("main", "a.bin") == b"x" * 1001
    puts = [request.received for request in server.log if request.method == "PUT" and "/org/parts/" in request.path]
    assert puts == [400, 400, 201]
    assert not list((repo.path / "lfs/tmp").iterdir())


def batch(server: Server, name: str, content: bytes) -> dict[str, str]:
    oid = hashlib.sha256(content).hexdigest()
    body = {"operation": "upload", "transfers": ["basic"], "objects": [{"oid": oid, "size": len(content)}]}
    reply = call(f"{server.url}/datasets/{name}.git/info/lfs/objects/batch", "POST", body, server.token)
    actions: dict[str, dict[str, str]] = reply.body["objects"][0].get("actions", {})
    return {action: value["href"] for action, value in actions.items()}


def test_the_storage_believes_its_addresses_alone(server: Server) -> None:
    server.create("org/storage")
    href = batch(server, "org/storage", b"content")["upload"]
    assert call(href, "PUT", b"other bytes").status == 400
    assert call(href, "PUT", b"content", server.token).status == 400
    assert call(href[:-1] + ("0" if href[-1] != "0" else "1"), "PUT", b"content").status == 403
    assert call(href).status == 403
    assert call(href.replace("size=7", "size=8"), "PUT", b"content!").status == 403
    assert not server.repo("org/storage").objects.path(hashlib.sha256(b"content").hexdigest()).exists()
    assert call(href, "PUT", b"content").status == 200
    assert batch(server, "org/storage", b"content") == {}


def test_an_object_belongs_to_the_repository_it_was_sent_to(server: Server) -> None:
    server.create("org/one")
    other = server.create("org/two")
    call(batch(server, "org/one", b"content")["upload"], "PUT", b"content")
    oid = hashlib.sha256(b"content").hexdigest()
    body = commit(("lfsFile", {"path": "a.bin", "algo": "sha256", "oid": oid, "size": 7}))
    assert call(f"{server.url}/api/datasets/org/two/commit/main", "POST", body, server.token).status == 400
    assert len(other.commits()) == 1
    assert call(f"{server.url}/api/datasets/org/one/commit/main", "POST", body, server.token).status == 200


@pytest.mark.parametrize("path", ["a.txt", "a.bin"])
def test_a_part_of_a_file(server: Server, path: str) -> None:
    if (repo := server.store.find("dataset", "org/range")) is None:
        repo = server.create("org/range")
        repo.push({"a.txt": "0123456789", "a.bin": b"0123456789"})
    url = f"{server.url}/datasets/org/range/resolve/main/{path}"
    head = call(url, "HEAD")
    assert head.headers["X-Repo-Commit"] == repo.commits()[0].id
    if path == "a.bin":
        assert (head.status, head.headers["X-Linked-Size"]) == (302, "10")
        assert head.headers["X-Linked-ETag"] == f'"{hashlib.sha256(b"0123456789").hexdigest()}"'
        url = head.headers["Location"]
    else:
        assert (head.status, head.headers["Content-Length"], head.raw) == (200, "10", b"")
        oid = hashlib.sha1(b"blob 10\0" + b"0123456789").hexdigest()
        assert head.headers["ETag"] == f'"{oid}"'
    for wanted, got, where in (
        ("2-4", b"234", "2-4"),
        ("7-", b"789", "7-9"),
        ("-2", b"89", "8-9"),
        ("8-99", b"89", "8-9"),
    ):
        reply = call(url, Range=f"bytes={wanted}")
        assert (reply.status, reply.raw, reply.headers["Content-Range"]) == (206, got, f"bytes {where}/10")
    assert call(url, Range="bytes=10-").status == 416
    assert call(url).raw == b"0123456789"


def test_what_goes_to_the_storage_is_told_by_attributes_size_and_sample(server: Server) -> None:
    repo = server.create("org/preupload")
    repo.push({".gitattributes": "*.txt filter=lfs\n*.small.txt -filter\nbig/* filter=lfs\n"})
    cases = [
        ("a.txt", 1, "YQ=="),
        ("a.small.txt", 1, "YQ=="),
        ("big/a", 1, "YQ=="),
        ("a.parquet", 1, "YQ=="),
        ("a.md", 10_000_001, "YQ=="),
        ("b.md", 1, "AA=="),
        ("c.md", 1, "YQ=="),
    ]
    files = [{"path": path, "size": size, "sample": sample} for path, size, sample in cases]
    url = f"{server.url}/api/datasets/org/preupload/preupload/main"
    answered = call(url, "POST", {"files": files}, server.token).body["files"]
    assert [file["path"] for file in answered if file["uploadMode"] == "lfs"] == ["a.txt", "big/a", "a.md", "b.md"]
    assert not any(file["shouldIgnore"] or "oid" in file for file in answered)
    assert call(url, "POST", {"files": files * 37}, server.token).status == 400


def test_pages(server: Server, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server.store, "page_size", 20)
    repo = server.create("org/pages")
    repo.push({f"data/{number:02}.txt": "x" for number in range(45)})
    for number in range(51):
        repo.push({"count.txt": str(number)})
    tree = "[f.path for f in api.list_repo_tree('org/pages', repo_type='dataset', recursive=True, expand={})]"
    paths = sorted([*repo.files(), "data"])
    assert client(tree.format(False)) == client(tree.format(True)) == paths
    shown = client("[c.commit_id for c in api.list_repo_commits('org/pages', repo_type='dataset')]")
    assert shown == [made.id for made in repo.commits()]
    assert len(shown) == 53


def test_many_files_are_quick(server: Server, client: Client) -> None:
    repo = server.create("org/many")
    repo.push({f"arm-{number % 15}/{number}.parquet": f"PAR1 {number}" for number in range(300)})
    head = repo.commits()[0].id
    # Of the processor, not of the clock: a process of git for every file would be felt, a busy machine is not.
    began = process_time()
    with ThreadPoolExecutor(8) as pool:
        urls = [f"{server.url}/datasets/org/many/resolve/{head}/{path}" for path in repo.files()]
        assert {reply.status for reply in pool.map(lambda url: call(url, "HEAD"), urls)} == {200, 302}
    assert process_time() - began < 4
    folder = Path(client("hub.snapshot_download('org/many', repo_type='dataset')"))
    assert len(list(folder.rglob("*.parquet"))) == 300


def test_of_commits_on_one_parent_made_at_once_one_is_made(server: Server) -> None:
    repo = server.create("org/race")
    head = repo.commits()[0].id

    def push(number: int, parent: str | None) -> int:
        body = commit(("file", {"path": f"{number}.txt", "content": "x"}), parentCommit=parent)
        return call(f"{server.url}/api/datasets/org/race/commit/main", "POST", body, server.token).status

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(lambda number: push(number, head), range(8))) == [200] + [412] * 7
        assert set(pool.map(lambda number: push(number, None), range(10, 18))) == {200}
        tag = f"{server.url}/api/datasets/org/race/tag/main"
        tags = pool.map(lambda _: call(tag, "POST", {"tag": "v1"}, server.token).status, range(8))
        assert sorted(tags) == [200] + [409] * 7
    assert len(repo.commits()) == 10
    assert len(repo.files()) == 10
