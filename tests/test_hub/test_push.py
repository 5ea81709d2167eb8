"""What huggingface_hub writes is what is in git."""

import hashlib
import subprocess
from pathlib import Path

import pytest
from hub import Server
from test_hub.calls import Client, call, commit

ADD = "hub.CommitOperationAdd(path_in_repo={!r}, path_or_fileobj={!r})"


def test_a_new_repository_has_the_commit_that_the_hub_begins_with(server: Server, client: Client) -> None:
    url = client("api.create_repo('org/new', repo_type='dataset')")
    assert url == f"{server.url}/datasets/org/new"
    again = client.fails("api.create_repo('org/new', repo_type='dataset')")
    assert (again.status, "already created this dataset repo" in again.text) == (409, True)
    assert client("api.create_repo('org/new', repo_type='dataset', exist_ok=True)") == url
    (first,) = server.repo("org/new").commits()
    assert (first.title, first.author, first.parents) == ("initial commit", "user", ())
    assert client("api.list_repo_files('org/new', repo_type='dataset')") == [".gitattributes"]
    assert client("api.dataset_info('org/new').sha") == first.id
    empty = client.fails("datasets.load_dataset('org/new')")
    assert empty.kind in ("EmptyDatasetError", "DataFilesNotFoundError")


def test_a_model_is_no_dataset(server: Server, client: Client) -> None:
    assert client("api.create_repo('org/model')") == f"{server.url}/org/model"
    client("api.upload_file(path_or_fileobj=b'{}', path_in_repo='config.json', repo_id='org/model')")
    assert Path(client("hub.hf_hub_download('org/model', 'config.json')")).read_text() == "{}"
    assert client("api.model_info('org/model').sha") == server.repo("org/model", "model").commits()[0].id
    assert client.fails("api.dataset_info('org/model')").kind == "RepositoryNotFoundError"


@pytest.mark.parametrize("name", ["org/a--b", "org/a..b", "org/a.git", "org/-a", "org/" + "a" * 97])
def test_a_name_that_the_hub_does_not_take(server: Server, name: str) -> None:
    body = {"name": name.partition("/")[2], "organization": "org", "type": "dataset"}
    assert call(f"{server.url}/api/repos/create", "POST", body, server.token).status == 400


def test_one_commit_of_everything_and_git_agrees(server: Server, client: Client, tmp_path: Path) -> None:
    repo = server.create("org/all")
    first = client(
        f"""
        large = {ADD.format("data/a.parquet", b"PAR1 not really")}
        operations = [large, {ADD.format("a b/ü.txt", b"text")}, {ADD.format("empty.parquet", b"")}]
        api.create_commit('org/all', operations, commit_message='Title', commit_description='More.',
                          repo_type='dataset').oid
        """
    )
    second = client(
        """
        operations = [hub.CommitOperationDelete('a b/'), hub.CommitOperationDelete('empty.parquet'),
                      hub.CommitOperationCopy('data/a.parquet', 'data/b.parquet'),
                      hub.CommitOperationAdd('c.txt', b'c')]
        api.create_commit('org/all', operations, commit_message='Second', repo_type='dataset').oid
        """
    )
    assert repo.files(first) == [".gitattributes", "a b/ü.txt", "data/a.parquet", "empty.parquet"]
    assert repo.files() == [".gitattributes", "c.txt", "data/a.parquet", "data/b.parquet"]
    assert repo.read("main", "data/b.parquet") == repo.read(first, "data/a.parquet") == b"PAR1 not really"
    commits = [(made.id, made.title, made.message, made.author) for made in repo.commits()]
    assert commits[:2] == [(second, "Second", "", "user"), (first, "Title", "More.", "user")]

    git(tmp_path, "clone", "--quiet", str(repo.path), "clone")
    log = git(tmp_path / "clone", "log", "--format=%H %s").splitlines()
    assert log[:2] == [f"{second} Second", f"{first} Title"]
    pointer = (tmp_path / "clone/data/a.parquet").read_text()
    assert f"oid sha256:{hashlib.sha256(b'PAR1 not really').hexdigest()}\nsize 15\n" in pointer
    git(tmp_path / "clone", "fsck", "--strict")
    shown = client("[(c.commit_id, c.title) for c in api.list_repo_commits('org/all', repo_type='dataset')]")
    assert [" ".join(one) for one in shown] == log


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True).stdout


def test_nothing_new_is_no_commit(server: Server, client: Client) -> None:
    repo = server.create("org/same")
    repo.push({"a.txt": "a", "a.parquet": b"PAR1"})
    oid = client(
        "api.create_commit('org/same', [hub.CommitOperationAdd('a.txt', b'a'), hub.CommitOperationAdd('a.parquet', "
        "b'PAR1')], commit_message='Nothing', repo_type='dataset').oid"
    )
    assert oid == repo.commits()[0].id
    assert not [request for request in server.log if "/org/same/commit/" in request.path]
    assert not [request for request in server.log if request.method == "PUT" and "/org/same/" in request.path]


def test_a_commit_on_a_parent_that_is_not_the_head_is_refused(server: Server, client: Client) -> None:
    repo = server.create("org/stale")
    old = repo.commits()[0].id
    head = repo.push({"a.txt": "a"})
    upload = "api.upload_file(path_or_fileobj=b'b', path_in_repo='b', repo_id='org/stale', repo_type='dataset', "
    assert client.fails(f"{upload} parent_commit={old!r})").status == 412
    assert repo.commits()[0].id == head
    client(f"{upload} parent_commit={head[:8]!r})")
    assert repo.commits()[0].parents == (head,)


@pytest.mark.parametrize(
    ("operation", "reason"),
    [
        (("lfsFile", {"path": "x.bin", "algo": "sha256", "oid": "0" * 64, "size": 1}), "does not exist"),
        (("lfsFile", {"path": "x.bin", "algo": "sha256", "oid": "00"}), "Invalid oid"),
        (("file", {"path": "../x", "content": "", "encoding": "base64"}), "Invalid path"),
        (("file", {"path": "/x", "content": "", "encoding": "base64"}), "Invalid path"),
        (("file", {"path": "x", "content": "=", "encoding": "base64"}), "Invalid base64"),
        (("file", {"path": "x"}), "Invalid operation"),
        (("file", {"path": "x", "content": "x" * 10_000_001}), "larger than 10 MB"),
        (("file", {"path": "good.txt/x", "content": "x"}), "both a file and a folder"),
        (("deletedFile", {"path": "not-there"}), "does not exist"),
        (("rename", {"path": "x"}), "Unknown operation"),
    ],
)
def test_a_commit_that_cannot_be_is_none_at_all(
    server: Server, operation: tuple[str, dict[str, object]], reason: str
) -> None:
    repo = server.store.find("dataset", "org/atomic") or server.create("org/atomic")
    before = repo.commits()
    good = ("file", {"path": "good.txt", "content": "good"})
    reply = call(f"{server.url}/api/datasets/org/atomic/commit/main", "POST", commit(good, operation), server.token)
    assert reply.status in (400, 404)
    assert reason in reply.body["error"]
    assert repo.commits() == before


def test_a_commit_needs_a_branch_and_a_summary(server: Server) -> None:
    server.create("org/branchless").tag("v1")
    url = f"{server.url}/api/datasets/org/branchless/commit/"
    reply = call(url + "v1", "POST", commit(("file", {"path": "a", "content": "a"})), server.token)
    assert (reply.status, reply.headers["X-Error-Code"]) == (404, "RevisionNotFound")
    assert call(url + "main", "POST", commit(summary=" "), server.token).status == 400
    assert call(url + "main", "POST", b"not json", server.token).status == 400


def test_tags_and_branches(server: Server, client: Client) -> None:
    repo = server.create("org/refs")
    first, second = repo.commits()[0].id, repo.push({"a.txt": "a"})
    make = "api.create_tag('org/refs', repo_type='dataset', tag="
    client(f"{make}'v1.0.0', revision={first!r}); {make}'v2.0.0', tag_message='Said')")
    assert repo.tags() == {"v1.0.0": first, "v2.0.0": second}
    assert client.fails(f"{make}'v2.0.0', tag_message='Again')").status == 409
    assert client.fails(f"{make}'v1.0.0')").status == 409
    client(f"{make}'v1.0.0', exist_ok=True)")
    assert repo.tags()["v1.0.0"] == first
    assert client.fails(f"{make}'a..b')").status == 400
    assert client.fails(f"{make}'v3', revision='nowhere')").kind == "RevisionNotFoundError"
    client("api.create_branch('org/refs', branch='side', revision='v1.0.0', repo_type='dataset')")
    assert client.fails("api.create_branch('org/refs', branch='side', repo_type='dataset')").status == 409
    refs = client(
        "r = api.list_repo_refs('org/refs', repo_type='dataset')\n[[b.ref for b in r.branches], "
        "[(t.ref, t.target_commit) for t in r.tags]]"
    )
    assert refs == [
        ["refs/heads/main", "refs/heads/side"],
        [["refs/tags/v1.0.0", first], ["refs/tags/v2.0.0", second]],
    ]
    client(
        "api.upload_file(path_or_fileobj=b's', path_in_repo='s', repo_id='org/refs', repo_type='dataset', "
        "revision='side')"
    )
    assert (repo.files("side"), repo.files()) == ([".gitattributes", "s"], [".gitattributes", "a.txt"])
    client("api.delete_branch('org/refs', branch='side', repo_type='dataset')")
    client("api.delete_tag('org/refs', tag='v2.0.0', repo_type='dataset')")
    assert client.fails("api.delete_tag('org/refs', tag='v2.0.0', repo_type='dataset')").kind == "RevisionNotFoundError"
    assert client.fails("api.delete_branch('org/refs', branch='main', repo_type='dataset')").status == 403
    assert (list(repo.tags()), list(repo.branches())) == (["v1.0.0"], ["main"])


def test_a_pull_request_leaves_main_alone(server: Server, client: Client) -> None:
    repo = server.create("org/pr")
    pr = client(
        "c = api.upload_file(path_or_fileobj=b'p', path_in_repo='p', repo_id='org/pr', repo_type='dataset', "
        "create_pr=True)\n(c.pr_revision, c.oid)"
    )
    assert pr[0] == "refs/pr/1"
    assert repo.resolve("refs/pr/1") == pr[1]
    assert repo.files() == [".gitattributes"]
    assert "p" in client("api.list_repo_files('org/pr', repo_type='dataset', revision='refs/pr/1')")


def test_a_moved_repository_is_found_under_both_names_and_a_deleted_one_under_none(
    server: Server, client: Client
) -> None:
    server.create("org/old").push({"a.txt": "a", "a.bin": b"\0"})
    client("api.move_repo('org/old', 'other-org/new', repo_type='dataset')")
    assert client("api.dataset_info('org/old').id") == "other-org/new"
    for file in ("a.txt", "a.bin"):
        assert Path(client(f"hub.hf_hub_download('org/old', {file!r}, repo_type='dataset')")).exists()
    assert server.repo("other-org/new").files() == [".gitattributes", "a.bin", "a.txt"]
    server.create("org/taken")
    assert client.fails("api.move_repo('other-org/new', 'org/taken', repo_type='dataset')").status == 409
    client("api.delete_repo('other-org/new', repo_type='dataset')")
    assert client.fails("api.dataset_info('org/old')").kind == "RepositoryNotFoundError"
    assert client.fails("api.delete_repo('other-org/new', repo_type='dataset')").kind == "RepositoryNotFoundError"
    client("api.create_repo('org/old', repo_type='dataset')")
    assert len(server.repo("org/old").commits()) == 1
