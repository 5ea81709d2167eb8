import os
from collections.abc import Callable
from pathlib import Path
from random import Random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from arbitrage.dataset import reproduce
from arbitrage.dataset.reading import rows
from arbitrage.errors import DatasetError
from dataset.tampering import edit_manifest, rewrite, said


@pytest.mark.parametrize(
    "path",
    ["../x.parquet", "/etc/passwd", "pool/../../x/train-00000.parquet", "pool/de/../train-00000.parquet",
     "pool/de/train-00000.parquet\n", "pool//train-00000.parquet", "a\x1b[31m/de/train-00000.parquet"],
)  # fmt: skip
def test_paths_out_of_the_folder_are_refused(folder: Path, path: str) -> None:
    edit_manifest(folder, lambda manifest: manifest["files"].update({path: next(iter(manifest["files"].values()))}))
    with pytest.raises(DatasetError, match="files") as caught:
        reproduce(folder)
    assert "\x1b" not in str(caught.value)


def test_links_out_of_the_folder_are_refused(folder: Path, tmp_path: Path) -> None:
    path = folder / "pool/de/test-00000.parquet"
    path.rename(tmp_path / "outside.parquet")
    path.symlink_to(tmp_path / "outside.parquet")
    (folder / "reward/tr").symlink_to(folder / "reward/de")
    text = said(reproduce(folder))
    assert "pool/de/test-00000.parquet: leads out of the folder" in text
    assert "reward/tr: is a linked folder" in text


def test_files_that_are_not_what_they_say(folder: Path) -> None:
    (folder / "pool/ar/test-00000.parquet").write_bytes(b"PAR1 not really PAR1")
    content = (folder / "pool/no/train-00000.parquet").read_bytes()
    middle = len(content) // 3
    (folder / "pool/no/train-00000.parquet").write_bytes(content[:middle] + os.urandom(200) + content[middle + 200 :])
    (folder / "routes/de/test-00000.parquet").write_bytes((folder / "pool/de/test-00000.parquet").read_bytes())
    (folder / "reward/de/test-00000.parquet").unlink()
    os.mkfifo(folder / "reward/de/test-00000.parquet")
    table = pq.read_table(folder / "random/de/train-00000.parquet")
    place = table.schema.get_field_index("reward")
    table = table.set_column(place, "reward", table["reward"].cast(pa.string()))
    pq.write_table(table, folder / "random/de/train-00000.parquet")
    text = said(reproduce(folder))
    assert "pool/ar/test-00000.parquet: is no Parquet file" in text
    assert "pool/no/train-00000.parquet" in text
    assert "routes/de/test-00000.parquet: has columns" in text
    assert "reward/de/test-00000.parquet: is no regular file" in text
    assert "random/de/train-00000.parquet: column reward is string, not double" in text


def test_holes_where_values_must_be(folder: Path) -> None:
    rewrite(folder / "pool/de/train-00000.parquet", lambda rows: rows[0].update(prompt=[None]))
    rewrite(folder / "routes/no/train-00000.parquet", lambda rows: rows[3].update(asked=[{"teacher": None}]))
    rewrite(folder / "routes/ar/test-00000.parquet", lambda rows: rows[3].update(prompt_id=None))
    rewrite(folder / "reward/ar/test-00000.parquet", lambda rows: rows[0].update(prompt_id=None))
    rewrite(folder / "pool/ar/test-00000.parquet", lambda rows: rows[0].update(reward=float("nan")))
    report = reproduce(folder)
    text = said(report)
    assert text.count("lacks a value that must be there") == 5
    assert "pool/de/train-00000.parquet, row 0" in text


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b'{"format": 2}', b'{"format": 1}', b"[" * 100_000, b"\xff",
     b'{"format": {"a": "\\u001b"}}', b"1" * 5000, b'{"format": NaN}'],
)  # fmt: skip
def test_manifests_that_are_none(folder: Path, content: bytes) -> None:
    (folder / "manifest.json").write_bytes(content)
    with pytest.raises(DatasetError, match=r"manifest\.json") as caught:
        reproduce(folder)
    assert "\x1b" not in str(caught.value)


def test_a_manifest_is_bounded_and_there(folder: Path, tmp_path: Path) -> None:
    with (folder / "manifest.json").open("ab") as file:
        file.truncate(65 * 2**20)
    with pytest.raises(DatasetError, match="too large"):
        reproduce(folder)
    with pytest.raises(DatasetError, match="is missing"):
        reproduce(tmp_path)
    with pytest.raises(DatasetError, match="is missing"):
        reproduce(tmp_path / "nowhere")


def _one_text_a_thousand_times() -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array([0] * 1000, pa.int32()), ["x" * 20_000_000])


def _one_row_of_twenty_million_texts() -> pa.Array:
    texts = pa.DictionaryArray.from_arrays(pa.array([0] * 20_000_000, pa.int32()), ["x" * 100])
    return pa.ListArray.from_arrays(pa.array([0, 20_000_000], pa.int32()), texts)


@pytest.mark.parametrize("bomb", [_one_text_a_thousand_times, _one_row_of_twenty_million_texts])
def test_a_kilobyte_that_unfolds_to_gigabytes_is_refused_before_it_does(
    tmp_path: Path, bomb: Callable[[], pa.Array]
) -> None:
    path = tmp_path / "bomb.parquet"
    options = {"store_schema": False, "compression": "zstd", "dictionary_pagesize_limit": 2**30}
    pq.write_table(pa.table({"completion": bomb()}), path, **options)
    assert path.stat().st_size < 2000
    pool = pa.default_memory_pool()
    before = pool.bytes_allocated()
    with pytest.raises(DatasetError, match=r"bomb.parquet unfolds to more than 1 GiB"):
        next(rows(tmp_path, ["bomb.parquet"]))
    assert pool.max_memory() - before < 2**30


def test_damaged_bytes_are_told_and_nothing_breaks(small: Path) -> None:
    random = Random(7)
    paths = sorted(path for path in small.rglob("*") if path.suffix in (".parquet", ".json", ".yaml"))
    for _ in range(60):
        path = random.choice(paths)
        content = path.read_bytes()
        damaged = bytearray(content)
        for _ in range(random.choice([1, 1, 2, 8])):
            damaged[random.randrange(len(content))] = random.randrange(256)
        if random.random() < 0.2:
            del damaged[random.randrange(len(content)) :]
        path.write_bytes(damaged)
        try:
            report = reproduce(small)
            str(report.problems)
            # Which program wrote a file, and facts that only the build knew, are nobody's to check.
            assert not report.same or report.notes or path.suffix != ".parquet" or damaged == content
        except DatasetError:
            pass
        finally:
            path.write_bytes(content)
    assert reproduce(small).same
