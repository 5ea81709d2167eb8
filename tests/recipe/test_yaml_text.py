import pytest
import yaml
from arbitrage.recipe.document import read_document
from arbitrage.recipe.yaml_text import yaml_text
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

TEXT = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
    st.sampled_from("no y on 0123 1e5 1:30 ~ null 0o17 0x1f .inf 2024-01-02 = << - ? & * ! | > % @ ` # ,".split()),
)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(TEXT, PLAIN, max_size=5))
def test_every_reader_reads_the_same(data):
    written = yaml_text(data)
    assert yaml.safe_load(written) == data
    assert YAML(typ="safe", pure=True).load(written) == data


@given(st.dictionaries(TEXT, st.lists(TEXT, max_size=3) | TEXT, min_size=1, max_size=5))
def test_so_do_we(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("yaml") / "x.yaml"
    path.write_bytes(yaml_text(data).encode())
    assert read_document(path).data == data


@pytest.mark.parametrize(
    ("data", "written"),
    [
        ({}, "{}\n"),
        ({"a": []}, "a: []\n"),
        (
            {"a": [{"b": 1, "c": [2.5]}, "no", None]},
            'a:\n  - b: 1\n    c:\n      - 2.5\n  - "no"\n  - null\n',
        ),
        ({"a": 1e-05, "b": 1e22}, "a: 1.0e-05\nb: 1.0e+22\n"),
        ({"ключ": "значение"}, '"ключ": "значение"\n'),
    ],
)
def test_how_it_looks(data, written):
    assert yaml_text(data) == written
