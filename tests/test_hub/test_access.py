"""Who may do what, and what the others are told."""

from pathlib import Path

import pytest
from hub import Account, Server, Settings
from test_hub.calls import Client, call, commit

FILE = ("file", {"path": "a.txt", "content": "a"})


def test_a_token_says_whose_it_is(server: Server, client: Client) -> None:
    assert client("w = api.whoami()\n[w['name'], [o['name'] for o in w['orgs']]]") == ["user", ["org", "other-org"]]
    role = f"api.whoami(token={server.read_token!r})['auth']['accessToken']['role']"
    assert client(role) == "read"
    bad = client.fails("api.whoami(token='hf_bad')")
    assert bad.status == 401
    assert call(f"{server.url}/api/whoami-v2").status == 401


def test_a_bad_token_is_refused_even_where_none_is_needed(server: Server, client: Client) -> None:
    server.create("org/open")
    assert client("api.dataset_info('org/open', token=False).private") is False
    reply = call(f"{server.url}/api/datasets/org/open", token="hf_bad")
    assert reply.status == 401
    assert reply.headers["X-Error-Message"] == "Invalid credentials in Authorization header"
    assert client.fails("api.dataset_info('org/open', token='hf_bad')").kind == "HfHubHTTPError"


def test_a_private_repository_is_not_there_for_the_others(server: Server, client: Client) -> None:
    client("api.create_repo('org/secret', repo_type='dataset', private=True)")
    server.repo("org/secret").push({"a.txt": "a", "a.bin": b"\0"})
    for token in (server.token, server.read_token):
        assert client(f"api.dataset_info('org/secret', token={token!r}).private") is True
        get = f"hub.hf_hub_download('org/secret', 'a.bin', repo_type='dataset', token={token!r})"
        assert Path(client(get)).read_bytes() == b"\0"
    outside: list[tuple[str | bool, int]] = [(False, 401), (server.other_token, 404)]
    for other, status in outside:
        for asked in (
            "api.dataset_info('org/secret', token={!r})",
            "api.auth_check('org/secret', repo_type='dataset', token={!r})",
            "hub.hf_hub_download('org/secret', 'a.txt', repo_type='dataset', token={!r})",
        ):
            failed = client.fails(asked.format(other))
            # A download that cannot be made at all says what it was that it met first.
            assert failed.kind in ("RepositoryNotFoundError", "LocalEntryNotFoundError")
        missing = call(f"{server.url}/api/datasets/org/none", token=str(other) if other else None)
        private = call(f"{server.url}/api/datasets/org/secret", token=str(other) if other else None)
        assert missing.status == private.status == status
        assert (missing.raw, missing.headers["X-Error-Code"]) == (private.raw, "RepoNotFound")
    assert "org/secret" not in client("[d.id for d in api.list_datasets(author='org', token=False)]")
    client("api.update_repo_settings('org/secret', repo_type='dataset', private=False)")
    assert client("api.dataset_info('org/secret', token=False).private") is False


def test_a_gated_repository_keeps_its_files_from_those_who_did_not_accept(server: Server, client: Client) -> None:
    server.create("org/terms").push({"train.jsonl": '{"a": 1}\n'})
    client("api.update_repo_settings('org/terms', repo_type='dataset', gated='auto')")
    assert client("api.dataset_info('org/terms', token=False).gated") == "auto"
    get = "hub.hf_hub_download('org/terms', 'train.jsonl', repo_type='dataset', token={!r})"
    assert client.fails(get.format(False)).kind == "GatedRepoError"
    assert client.fails(f"api.auth_check('org/terms', repo_type='dataset', token={server.other_token!r})").status == 403
    server.tokens["hf_reader"] = Account("reader", accepted=frozenset({"org/terms"}))
    assert Path(client(get.format("hf_reader"))).exists()
    assert server.repo("org/terms").settings == Settings(gated="auto")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/api/repos/create", {"name": "x", "organization": "org", "type": "dataset"}),
        ("DELETE", "/api/repos/delete", {"name": "guarded", "organization": "org", "type": "dataset"}),
        ("POST", "/api/repos/move", {"fromRepo": "org/guarded", "toRepo": "org/x", "type": "dataset"}),
        ("POST", "/api/datasets/org/guarded/preupload/main", {"files": []}),
        ("POST", "/api/datasets/org/guarded/commit/main", commit(FILE)),
        ("POST", "/api/datasets/org/guarded/tag/main", {"tag": "v1"}),
        ("DELETE", "/api/datasets/org/guarded/tag/v0", None),
        ("POST", "/api/datasets/org/guarded/branch/side", {}),
        ("PUT", "/api/datasets/org/guarded/settings", {"visibility": "private"}),
        ("POST", "/datasets/org/guarded.git/info/lfs/objects/batch", {"operation": "upload", "objects": []}),
        ("POST", "/datasets/org/guarded.git/info/lfs/objects/verify", {"oid": "0" * 64, "size": 1}),
    ],
)
def test_writing_needs_a_token_for_writing_in_that_namespace(
    server: Server, method: str, path: str, body: object
) -> None:
    if server.store.find("dataset", "org/guarded") is None:
        server.create("org/guarded").tag("v0")
    statuses = {
        token: call(server.url + path, method, body, token).status
        for token in (None, "hf_bad", server.read_token, server.other_token)
    }
    assert statuses == {None: 401, "hf_bad": 401, server.read_token: 403, server.other_token: 403}
    assert server.repo("org/guarded").tags() == {"v0": server.repo("org/guarded").commits()[0].id}


def test_a_namespace_of_ones_own_needs_no_organisation(server: Server, client: Client) -> None:
    assert client("api.create_repo('mine', repo_type='dataset')") == f"{server.url}/datasets/user/mine"
    refused = client.fails(f"api.create_repo('org/theirs', repo_type='dataset', token={server.other_token!r})")
    assert "You don't have the rights to create a dataset under the namespace" in refused.text


def test_no_token_and_no_signature_is_in_the_log(server: Server, client: Client) -> None:
    server.create("org/logged").push({"a.bin": b"\0"})
    client("hub.hf_hub_download('org/logged', 'a.bin', repo_type='dataset')")
    text = call(f"{server.url}/__double__/log").raw.decode()
    assert "hf_" not in text
    assert "signature=-" in text
    assert not [part for part in text.split("signature=")[1:] if not part.startswith("-")]
    last = server.log[-1]
    assert (last.method, last.host, last.status, last.sent, last.account) == ("GET", "storage", 200, 1, None)
