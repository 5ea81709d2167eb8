"""What `datasets` pushes and loads."""

from pathlib import Path

import pytest
from hub import Server
from test_hub.calls import Client


@pytest.fixture(scope="module")
def pushed(running: Server, client: Client) -> Server:
    client(
        """
        def rows(*values):
            return datasets.Dataset.from_dict({"a": values})
        first = {"train": rows(1, 2), "test": rows(3)}
        datasets.DatasetDict({name: split for name, split in first.items()}).push_to_hub("org/rows", num_proc=None)
        api.create_tag("org/rows", tag="v1.0.0", repo_type="dataset")
        rows(7, 8, 9).push_to_hub("org/rows", split="train", num_shards=2)
        api.create_tag("org/rows", tag="v2.0.0", repo_type="dataset")
        rows(5).push_to_hub("org/rows", "other")
        """
    )
    return running


LOAD = "[r['a'] for r in datasets.load_dataset('org/rows', split='train', revision={!r}, streaming={!r})]"


def test_every_tag_is_loaded_as_it_was_from_one_cache(pushed: Server, client: Client) -> None:
    for streaming in (False, True, False):
        assert client(LOAD.format("v1.0.0", streaming)) == [1, 2]
        assert client(LOAD.format("v2.0.0", streaming)) == [7, 8, 9]
    assert client("datasets.load_dataset('org/rows', 'other', split='train')['a'][:]") == [5]
    assert client("datasets.get_dataset_config_names('org/rows')") == ["default", "other"]


def test_what_a_second_push_replaced_is_gone_from_its_revision_alone(pushed: Server) -> None:
    repo = pushed.repo("org/rows")
    train = {tag: [path for path in repo.files(tag) if "train" in path] for tag in ("v1.0.0", "v2.0.0")}
    assert train == {
        "v1.0.0": ["data/train-00000-of-00001.parquet"],
        "v2.0.0": ["data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet"],
    }
    assert repo.read("v1.0.0", "README.md") != repo.read("v2.0.0", "README.md")


def test_a_snapshot_and_a_single_file(pushed: Server, client: Client) -> None:
    folder = Path(client("hub.snapshot_download('org/rows', repo_type='dataset', revision='v1.0.0')"))
    repo = pushed.repo("org/rows")
    assert folder.name == repo.tags()["v1.0.0"]
    assert sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()) == repo.files(
        "v1.0.0"
    )
    for path in repo.files("v1.0.0"):
        assert (folder / path).read_bytes() == repo.read("v1.0.0", path)
    get = "hub.hf_hub_download('org/rows', 'README.md', repo_type='dataset', revision={!r})"
    texts = [Path(client(get.format(tag))).read_bytes() for tag in ("v1.0.0", "v2.0.0")]
    assert texts == [repo.read(tag, "README.md") for tag in ("v1.0.0", "v2.0.0")]
    missing = client.fails("hub.hf_hub_download('org/rows', 'none', repo_type='dataset')")
    assert missing.kind in ("EntryNotFoundError", "RemoteEntryNotFoundError")
    assert client.fails(get.format("v9")).kind == "RevisionNotFoundError"
    assert client("api.file_exists('org/rows', 'none', repo_type='dataset')") is False


def test_parts_of_a_file_are_read_where_it_is(pushed: Server, client: Client) -> None:
    path = "data/test-00000-of-00001.parquet"
    read = client(
        f"""
        import pyarrow.parquet as pq
        files = hub.HfFileSystem(skip_instance_cache=True)
        with files.open("datasets/org/rows@v2.0.0/{path}", block_size=64) as file:
            file.seek(-8, 2)
            tail = file.read()
            rows = pq.read_table(file)["a"].to_pylist()
        [tail.hex(), rows, files.glob("datasets/org/rows@v1.0.0/data/*")]
        """
    )
    assert bytes.fromhex(read[0]) == pushed.repo("org/rows").read("v2.0.0", path)[-8:]
    assert read[1] == [3]
    assert len(read[2]) == 2
    assert 206 in {request.status for request in pushed.log}


def test_what_is_listed_of_a_revision(pushed: Server, client: Client) -> None:
    repo = pushed.repo("org/rows")
    commits = {made.id: made.title for made in repo.commits("v2.0.0")}
    listed = client(
        "[(f.path, getattr(f, 'size', None), f.last_commit.oid, f.last_commit.title) for f in api.list_repo_tree("
        "'org/rows', repo_type='dataset', revision='v2.0.0', recursive=True, expand=True)]"
    )
    assert [path for path, size, _, _ in listed if size is not None] == repo.files("v2.0.0")
    assert all(size is None or len(repo.read("v2.0.0", path)) == size for path, size, _, _ in listed)
    assert all(commits[oid] == title for _, _, oid, title in listed)
    assert dict((path, title) for path, _, _, title in listed)[".gitattributes"] == "initial commit"
    info = client(
        "[f.path for f in api.get_paths_info('org/rows', ['README.md', 'data', 'none'], repo_type='dataset')]"
    )
    assert info == ["README.md", "data"]
    facts = client(
        "i = api.dataset_info('org/rows', files_metadata=True)\n[i.sha, i.card_data.to_dict()['configs'][0]["
        "'config_name'], [(s.rfilename, s.size, bool(s.lfs)) for s in i.siblings]]"
    )
    assert facts[:2] == [repo.commits()[0].id, "default"]
    assert all(lfs == path.endswith(".parquet") for path, _, lfs in facts[2])
    assert "org/rows" in client("[d.id for d in api.list_datasets(author='org')]")
