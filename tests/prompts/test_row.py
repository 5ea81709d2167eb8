from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from arbitrage.prompts.row import BadRow, Row, to_row
from arbitrage.recipe.model import PromptSource

SOURCE = PromptSource(
    path="x.jsonl",
    columns={"prompt": "p", "language": "l", "source_id": "s", "reference": "r", "topic": "t"},
)


def row(**columns):
    return to_row({"p": "hi", "l": "de", **columns}, SOURCE, "x.jsonl:1")


def nested(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


def turn(role, content):
    return {"role": role, "content": content}


def test_text_is_a_turn_of_the_user():
    assert row(p=" hi\r\n\x00") == Row(
        "de", None, [turn("user", " hi\r\n\x00")], {"reference": None, "topic": None}, "x.jsonl:1"
    )


@pytest.mark.parametrize(
    "messages",
    [
        [turn("user", "a")],
        [turn("system", "s"), turn("user", "a"), turn("assistant", "b"), turn("user", "c")],
        [turn("user", "a"), turn("assistant", ""), turn("user", "c")],
        [turn("user", "a"), turn("user", "b")],
        [turn("user", "e\u0301 ≠ \u00e9 \u200f עברית 😀 \u2028")],
    ],
)
def test_messages_stay_as_they_are(messages):
    assert row(p=messages).messages == messages


def test_what_messages_have_beside_role_and_content_is_left_out():
    assert row(p=[{**turn("user", "a"), "name": None, "id": 7}]).messages == [turn("user", "a")]


def test_messages_under_their_own_name():
    source = PromptSource(path="x.jsonl", columns={"messages": "m"}, language="tr")
    found = to_row({"m": [turn("user", "a")]}, source, "x.jsonl:1")
    assert (found.language, found.messages) == ("tr", [turn("user", "a")])
    assert to_row({"m": "a"}, source, "x.jsonl:1").messages == [turn("user", "a")]


@pytest.mark.parametrize(
    ("prompt", "why"),
    [
        (None, "'p' is null"),
        (7, "'p' is a number, neither text nor a list of messages"),
        (True, "'p' is a yes/no value, neither"),
        ({"role": "user"}, "'p' is an object, neither"),
        (b"x", "'p' is bytes, neither"),
        ("", "'p': the last turn is blank"),
        (" \n\u3000\t", "'p': the last turn is blank"),
        ("\ud800", "'p', turn 1: content holds half a surrogate pair, which UTF-8 cannot carry"),
        ([], "'p' is an empty list"),
        (["hi"], "'p', turn 1 is text, not {role, content}"),
        ([turn("user", "a"), turn("assistant", "b")], "'p' ends with a turn of 'assistant'; the last has"),
        ([turn("system", "s")], "'p' ends with a turn of 'system'; the last has to be the user's"),
        ([turn("user", "a"), turn("system", "s")], "'p', turn 2: a system turn can only come first"),
        ([turn("tool", "a")], "'p', turn 1: role 'tool' is none of system, user, assistant"),
        ([turn(["user"], "a")], "'p', turn 1: role ['user'] is none of"),
        ([{"content": "a"}], "'p', turn 1: role None is none of"),
        ([turn("user", None)], "'p', turn 1: content is null, not text"),
        ([turn("user", [{"type": "text"}])], "'p', turn 1: content is a list, not text"),
        ([turn("assistant", "\udfff"), turn("user", "a")], "'p', turn 1: content holds half a surrogate"),
    ],
)  # fmt: skip
def test_what_is_no_prompt(prompt, why):
    found = row(p=prompt)
    assert isinstance(found, BadRow)
    assert found.where == "x.jsonl:1"
    assert found.why.startswith(why)


def test_a_missing_prompt():
    assert to_row({"l": "de"}, SOURCE, "w") == BadRow("w", "'p' is missing")


@pytest.mark.parametrize(
    ("language", "why"),
    [
        (None, "'l' is null"),
        (7, "language ('l') is a number, not text"),
        ("", "language ('l') is empty or not valid text"),
        ("\ud800", "language ('l') is empty or not valid text"),
    ],
)
def test_what_is_no_language(language, why):
    assert row(l=language) == BadRow("x.jsonl:1", why)


@pytest.mark.parametrize(
    ("given", "source_id"),
    [
        ("a", "a"),
        (7, "7"),
        (0, "0"),
        (None, None),
        ("", None),
        (7.0, "7"),
        (float("nan"), None),
        ("é😀", "é😀"),
    ],
)
def test_source_ids(given, source_id):
    assert row(s=given).source_id == source_id


@pytest.mark.parametrize("given", [True, 7.5, float("inf"), ["a"], {"a": 1}, "\ud800", date(2024, 1, 2)], ids=repr)
def test_what_is_no_source_id(given):
    assert row(s=given).why.startswith("source_id ('s')")


@pytest.mark.parametrize(
    ("given", "carried"),
    [
        ("x", "x"),
        (1, 1),
        (True, True),
        (1.5, 1.5),
        (None, None),
        (float("nan"), None),
        ([1.0, float("inf")], [1.0, None]),
        ({"a": [{"b": float("-inf")}]}, {"a": [{"b": None}]}),
        ((1, 2), [1, 2]),
        (date(2024, 1, 2), "2024-01-02"),
        (datetime(2024, 1, 2, 3, tzinfo=UTC), "2024-01-02T03:00:00+00:00"),
        (Decimal("1.10"), "1.10"),
        (nested(99), nested(99)),
    ],
    ids=repr,
)
def test_carried_columns_are_json(given, carried):
    assert row(r="reference", t=given).columns == {"reference": "reference", "topic": carried}


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (b"x", "'t' holds bytes, which JSON cannot carry"),
        ([b"x"], "'t' holds bytes"),
        ({"bytes": b"x", "path": None}, "'t' holds bytes"),
        ({1: 2}, "'t' has keys that are not text"),
        ("\ud800", "'t' holds half a surrogate pair"),
        (2**63, "'t' holds a whole number of more than 64 bits"),
        ([-(10**400)], "'t' holds a whole number"),
        ({"\udfff": 1}, "'t' holds half a surrogate pair"),
        (nested(101), "'t' is nested too deeply"),
        (nested(900), "'t' is nested too deeply"),
        ({1, 2}, "'t' holds set, which JSON cannot carry"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_what_cannot_be_carried(given, why):
    assert row(t=given).why.startswith(why)


def test_a_column_may_serve_twice():
    source = PromptSource(path="x", columns={"prompt": "p", "copy": "p"}, language="de")
    assert to_row({"p": "hi"}, source, "w").columns == {"copy": "hi"}
