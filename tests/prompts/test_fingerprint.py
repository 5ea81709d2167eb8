import pytest
from arbitrage.errors import PromptError
from arbitrage.prompts.fingerprint import fingerprint
from arbitrage.recipe.model import PromptSource


def source(path, **more):
    return PromptSource.model_validate({"path": path, "language": "de", **more})


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "a.jsonl").write_text('{"prompt": "a"}\n')
    (tmp_path / "p" / "b.jsonl").write_text('{"prompt": "b"}\n')
    return tmp_path


def test_it_is_the_content_wherever_it_lies(folder, tmp_path_factory):
    first = fingerprint(source("p"), folder)
    assert first.revision is None
    assert len(first.fingerprint) == 64
    assert fingerprint(source(str(folder / "p")), tmp_path_factory.mktemp("elsewhere")) == first
    (folder / "p").rename(folder / "q")
    assert fingerprint(source("q"), folder) == first
    assert fingerprint(source("q", license="mit", sample=3), folder) == first


@pytest.mark.parametrize(
    "change",
    [
        lambda p: (p / "a.jsonl").write_text('{"prompt": "A"}\n'),
        lambda p: (p / "a.jsonl").rename(p / "c.jsonl"),
        lambda p: (p / "c.jsonl").write_text(""),
        lambda p: (p / "b.jsonl").unlink(),
    ],
)
def test_it_moves_with_the_files(folder, change):
    before = fingerprint(source("p"), folder)
    change(folder / "p")
    assert fingerprint(source("p"), folder) != before


@pytest.mark.parametrize(
    "more",
    [
        {"columns": {"prompt": "q"}},
        {"language": "tr"},
        {"split": "test"},
        {"columns": {"prompt": "prompt", "x": "y"}},
    ],
)
def test_it_moves_with_how_files_are_read(folder, more):
    assert fingerprint(source("p", **more), folder) != fingerprint(source("p"), folder)


def test_other_files_in_the_folder_do_not_matter(folder):
    before = fingerprint(source("p"), folder)
    (folder / "p" / "README.md").write_text("hello")
    assert fingerprint(source("p"), folder) == before


def test_a_missing_file(folder):
    with pytest.raises(PromptError, match=r"no\.jsonl: no such file or folder"):
        fingerprint(source("no.jsonl"), folder)
