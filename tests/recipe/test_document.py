import pytest
from arbitrage.errors import RecipeError
from arbitrage.recipe.document import MAX_DEPTH, read_document


@pytest.fixture
def read(tmp_path):
    def read(text):
        path = tmp_path / "recipe.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_document(path)

    return read


@pytest.fixture
def refusal(read, tmp_path):
    def refusal(text):
        with pytest.raises(RecipeError) as caught:
            read(text)
        return str(caught.value).replace(f"{tmp_path}/", "")

    return refusal


@pytest.mark.parametrize(
    ("written", "value"),
    [
        *((text, text) for text in "no on off yes y N Yes ON 0123456 -01 +1 0x1f 0o17 1_000 1:30".split()),
        *((text, text) for text in "2024-01-02 1.2.3 .inf .nan -.inf inf 0123e4 00.5 e5 = 4f1e2 a=b".split()),
        *((str(number), number) for number in (0, 7, -3, 1234567)),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1.", 1.0),
        ("1e5", 1e5),
        ("1.0e-3", 0.001),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ('"7"', "7"),
        ("'true'", "true"),
        ("[no, 1]", ["no", 1]),
        ("{no: no}", {"no": "no"}),
        ("|\n  two\n  lines\n", "two\nlines\n"),
        ("مرحبا", "مرحبا"),
        ('"\\U0001F600"', "😀"),
    ],
)
def test_scalars_are_those_of_a_recipe(read, written, value):
    found = read(f"key: {written}\n").data["key"]
    assert found == value
    assert type(found) is type(value)


def test_keys_are_text_whatever_they_look_like(read):
    assert read("no: 1\n0123: 2\n7: 3\ntrue: 4\n").data == {"no": 1, "0123": 2, "7": 3, "true": 4}


def test_byte_order_mark_and_crlf_are_fine(read):
    assert read(b"\xef\xbb\xbfa: x\r\nb: y\r\n").data == {"a": "x", "b": "y"}


def test_a_yaml_1_1_directive_changes_nothing(read):
    assert read("%YAML 1.1\n---\na: no\nb: 0123\n").data == {"a": "no", "b": "0123"}


def test_lines_of_keys_and_items(read):
    document = read("a: 1\nb:\n  - x\n  - y: {z: 1}\n\nc: &d\n  e: 1\nf: *d\n")
    assert document.line(("a",)) == 1
    assert document.line(("b", 0)) == 3
    assert document.line(("b", 1, "y", "z")) == 4
    assert document.line(("c", "e")) == 7
    assert document.line(("f", "e")) == 8, "what an alias repeats is where the alias is"
    assert document.line(("b", "missing")) == 2
    assert document.line(("missing",)) == 1


def test_aliases_repeat(read):
    assert read("a: &x {b: [1]}\nc: *x\n").data == {"a": {"b": [1]}, "c": {"b": [1]}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "recipe.yaml:1: recipe: is empty; `arbitrage init` writes a recipe to start from"),
        ("# nothing\n\n", "recipe: is empty; `arbitrage init`"),
        ("---\n", "recipe: is empty; `arbitrage init`"),
        ("- a\n", "recipe.yaml:1: recipe: is not a block of keys (name: value)"),
        ("just text\n", "recipe: is not a block of keys"),
        ("a: 1\nb:\n  c: 1\n  c: 2\n", "recipe.yaml:4: b.c: is given twice, first in line 3; keep one"),
        ("a: 1\n'a': 2\n", "recipe.yaml:2: a: is given twice"),
        ("a: [1\n", "recipe.yaml:2: is not YAML: while parsing a flow sequence, expected"),
        (
            "a:\n\tb: 1\n",
            "recipe.yaml:2: is not YAML: while scanning for the next token, found",
        ),
        ("a: 1\nb: @x\n", "recipe.yaml:2: is not YAML:"),
        ("a: 1\nb: \x01\n", "recipe.yaml:2: is not YAML: holds a control character"),
        (b"a: 1\nb: \xff\n", "recipe.yaml:2: is not UTF-8; save the file as UTF-8"),
        ("a: 1\n".encode("utf-16"), "recipe.yaml:1: is not UTF-8"),
        ("a: 1\n---\nb: 2\n", "recipe.yaml:2: recipe: starts a second document"),
        ("a: !!str 1\n", "recipe.yaml:1: a: has a YAML tag"),
        ("a: !!python/object/apply:os.system [ls]\n", "recipe.yaml:1: a: has a YAML tag"),
        ("a: ! 1\n", "a: has a YAML tag"),
        ("!x a: 1\n", "recipe: has a key that is not plain text"),
        ("[a]: 1\n", "recipe: has a key that is not plain text"),
        ("a: &x {b: 1}\nc:\n  <<: *x\n", "recipe.yaml:3: c: merges a block (<<)"),
        ("a: &x [*x]\n", "recipe.yaml:1: a.0: *x repeats a value, but there is no &x before"),
        ("a: 12e34567\n", "recipe.yaml:1: a: is too large for a number; put it in quotes if it is text"),
        ('a: "\\ud800"\n', "recipe.yaml:1: a: holds half a surrogate pair"),
        ("a: " + "[" * (MAX_DEPTH + 2), f"is nested more than {MAX_DEPTH} deep"),
        ("k" * 200 + ": 1\n", "has a key longer than 128 characters"),
        ("a: " + "x" * 1_000_000, "recipe.yaml: is larger than 1 MB"),
    ],
)
def test_refusals_say_where_what_and_what_to_do(refusal, text, message):
    found = refusal(text)
    assert message in found
    assert found.startswith("recipe.yaml")


def test_aliases_cannot_fill_the_memory(refusal):
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)
    )
    assert "holds more than 100000 values, repeated ones counted" in refusal(bomb)


def test_no_such_file(tmp_path):
    with pytest.raises(RecipeError, match=r"no\.yaml: no such file; `arbitrage init .*no\.yaml` writes one"):
        read_document(tmp_path / "no.yaml")


def test_a_folder(tmp_path):
    with pytest.raises(RecipeError, match="is a folder; give the recipe's file"):
        read_document(tmp_path)
