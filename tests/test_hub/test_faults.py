"""Every fault, as the clients see it."""

from time import perf_counter

import pytest
from hub import Server
from test_hub.calls import Client, call

UPLOAD = "api.upload_file(path_or_fileobj={!r}, path_in_repo={!r}, repo_id={!r}, repo_type='dataset')"


def test_a_limit_is_waited_for(server: Server, client: Client) -> None:
    server.create("org/limit")
    fault = server.faults.add("refuse", "POST /api/datasets/org/limit/preupload", status=429, retry_after=1)
    began = perf_counter()
    client(UPLOAD.format(b"a", "a.txt", "org/limit"))
    assert perf_counter() - began >= 1
    assert fault.done == 1
    asked = [request for request in server.log if "/org/limit/preupload" in request.path]
    assert [(request.status, request.fault) for request in asked] == [(429, "refuse"), (200, "")]


def test_an_upload_that_fails_once_is_sent_again(server: Server, client: Client) -> None:
    repo = server.create("org/again")
    faults = [
        server.faults.add("refuse", "PUT /datasets/org/again/", status=500),
        server.faults.add("cut", "PUT /datasets/org/again/"),
    ]
    content = b"\0" * 3_000_000
    client(
        "api.upload_file(path_or_fileobj=bytes(3_000_000), path_in_repo='a.bin', repo_id='org/again', "
        "repo_type='dataset')"
    )
    assert [fault.done for fault in faults] == [1, 1]
    assert repo.read("main", "a.bin") == content
    puts = [request for request in server.log if request.method == "PUT" and "/org/again/" in request.path]
    assert [(request.status, request.fault) for request in puts] == [(500, "refuse"), (0, "cut"), (200, "")]
    assert puts[1].received == 1_500_000


def test_a_lost_answer_is_an_error_after_a_commit_that_was_made(server: Server, client: Client) -> None:
    repo = server.create("org/lost")
    server.faults.add("lost", "/org/lost/commit/")
    server.faults.add("lost", "/org/lost/tag/")
    failed = client.fails(UPLOAD.format(b"a", "a.txt", "org/lost"))
    assert (failed.status, failed.kind) == (None, "RemoteProtocolError")
    assert repo.files() == [".gitattributes", "a.txt"]
    assert client.fails("api.create_tag('org/lost', tag='v1', repo_type='dataset')").kind == "RemoteProtocolError"
    assert repo.tags() == {"v1": repo.commits()[0].id}
    server.faults.add("drop", "/org/lost/tag/")
    assert client.fails("api.create_tag('org/lost', tag='v2', repo_type='dataset')").kind == "RemoteProtocolError"
    assert list(repo.tags()) == ["v1"]


def test_somebody_else_pushes_first(server: Server, client: Client) -> None:
    repo = server.create("org/first")
    head = repo.commits()[0].id
    server.faults.add("push", "POST /api/datasets/org/first/commit/main", files={"theirs.txt": "theirs"})
    upload = UPLOAD.format(b"a", "a.txt", "org/first")
    assert client.fails(f"{upload[:-1]}, parent_commit={head!r})").status == 412
    assert repo.commits()[0].author == "someone-else"
    assert repo.files() == [".gitattributes", "theirs.txt"]
    client(f"{upload[:-1]}, parent_commit={repo.commits()[0].id!r})")
    assert repo.files() == [".gitattributes", "a.txt", "theirs.txt"]


def test_a_download_that_ends_early_goes_on_where_it_was(server: Server, client: Client) -> None:
    repo = server.create("org/cut")
    repo.push({"a.bin": b"\0" * 100_000, "a.txt": "text " * 2000})
    server.faults.add("cut", "GET /datasets/org/cut/[0-9a-f]{64}")
    got = client(
        "from pathlib import Path\nPath(hub.hf_hub_download('org/cut', 'a.bin', repo_type='dataset')).stat().st_size"
    )
    assert got == 100_000
    assert [request.fault for request in server.log if request.host == "storage"][-2:] == ["cut", ""]


@pytest.mark.parametrize(("status", "kind"), [(401, "HfHubHTTPError"), (503, "HfHubHTTPError")])
def test_a_refusal_where_nobody_tries_again(server: Server, client: Client, status: int, kind: str) -> None:
    fault = server.faults.add("refuse", "POST /api/repos/create", status=status, times=None)
    failed = client.fails("api.create_repo('org/refused', repo_type='dataset')")
    assert (failed.kind, failed.status, fault.done) == (kind, status, 1)
    with pytest.raises(LookupError):
        server.repo("org/refused")


def test_a_slow_answer_comes(server: Server) -> None:
    server.create("org/slow")
    server.faults.add("slow", "GET /api/datasets/org/slow", seconds=0.3, times=1, skip=1)
    waits = []
    for _ in range(3):
        began = perf_counter()
        assert call(f"{server.url}/api/datasets/org/slow").status == 200
        waits.append(perf_counter() - began >= 0.3)
    assert waits == [False, True, False]


def test_faults_over_http(server: Server) -> None:
    url = f"{server.url}/__double__/faults"
    server.create("org/steered")
    fault = {"kind": "refuse", "route": "GET /api/datasets/org/steered", "status": 503, "retry_after": 2}
    assert call(url, "POST", [fault, fault | {"times": None}]).status == 204
    reply = call(f"{server.url}/api/datasets/org/steered")
    assert (reply.status, reply.headers["Retry-After"]) == (503, "2")
    assert [one["done"] for one in call(url).body] == [1, 0]
    assert call(f"{server.url}/api/datasets/org/steered").status == 503
    assert call(url, "POST", {}).status == 204
    assert call(f"{server.url}/api/datasets/org/steered").status == 200
    assert call(url, "POST", {"kind": "none", "route": "x"}).status == 400
    assert call(url, "POST", {"kind": "drop", "route": "x", "done": 3}).status == 400
