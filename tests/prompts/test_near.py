import random
from pathlib import Path

import pytest
from arbitrage.prompts.near import jaccard
from arbitrage.prompts.shingles import shingles, tokens
from prompts.ingested import Row, ingested

LONG = {
    "en": "Write a short letter to the mayor of a small town and ask him to repair the old wooden bridge over it",
    "de": "Schreibe dem Bürgermeister einer kleinen Stadt einen kurzen Brief und bitte ihn, die alte Brücke zu flicken",
    "tr": "Küçük bir kasabanın belediye başkanına kısa bir mektup yaz ve nehirdeki eski köprüyü onarmasını iste",
    "zh": "请给一个小镇的镇长写一封简短的信，请他修理河上那座古老的木桥，因为孩子们每天上学都要经过这座桥。",
}


def others(count: int) -> list[Row]:
    """Prompts of random words: nothing near anything."""
    dice = random.Random(3)
    words = [f"w{dice.randrange(100_000)}" for _ in range(5000)]
    return [(f"o{n}", "en", " ".join(dice.choices(words, k=20))) for n in range(count)]


def test_words_are_compared_without_case_and_marks_and_characters_where_there_are_no_spaces() -> None:
    assert tokens("Hello,  WORLD! naïve 3D") == (["hello", "world", "naïve", "3d"], 0)
    assert tokens("ﬁne Straße") == (["fine", "strasse"], 0)
    assert tokens("请写信，thanks") == (["请", "写", "信", "thanks"], 0.75)
    assert tokens("KAPIYI İÇİN") == tokens("kapıyı için"), "capitals do not tell the two i of Turkish apart"
    assert tokens("") == tokens("?!… 🙂") == ([], 0)
    thai, single = tokens("เมืองเก่า")
    assert single == 1 and len(thai) == 9


def test_shingles_are_runs_of_words_in_order() -> None:
    words = "a b c a b c d".split()
    found = list(shingles(words, 2))
    assert len(found) == 6
    assert found[0] == found[3] and found[1] == found[4] and len(set(found)) == 4
    assert list(shingles(["a", "b"], 5)) == list(shingles(["a", "b"], 2))
    assert list(shingles([], 2)) == []
    assert list(shingles(["a", "b"], 2)) != list(shingles(["b", "a"], 2))


def test_jaccard() -> None:
    assert jaccard(frozenset({1, 2, 3}), frozenset({2, 3, 4})) == 0.5
    assert jaccard(frozenset(), frozenset()) == 0


@pytest.mark.parametrize("language", LONG)
def test_one_of_two_near_duplicates_stays_and_the_log_says_which_went(tmp_path: Path, language: str) -> None:
    text = LONG[language]
    rows = [("a", language, text), ("b", language, text.replace("。", "！") + "!"), *others(50)]
    found, left, log = ingested(tmp_path, rows, near_duplicates=0.8)
    assert len(left) == 51
    assert (found.sources[0].near_duplicates, found.sources[0].kept) == (1, 51)
    (line,) = [line for line in log if "near-duplicate" in line]
    stays = next(row[0] for row in left if row[0] in "ab")
    assert f"source {'b' if stays == 'a' else 'a'} goes" in line and f"of source {stays}" in line


def test_off_unless_the_recipe_says_so(tmp_path: Path) -> None:
    found, left, _ = ingested(tmp_path, [("a", "en", LONG["en"]), ("b", "en", LONG["en"] + "!")])
    assert len(left) == 2 and found.sources[0].near_duplicates == 0


def test_a_source_goes_with_all_its_translations(tmp_path: Path) -> None:
    rows = [("a", language, text) for language, text in LONG.items()]
    rows += [("b", "en", LONG["en"] + "!"), ("b", "de", "Etwas ganz anderes, das mit nichts verwandt ist.")]
    found, left, _ = ingested(tmp_path, rows, near_duplicates=0.8)
    ids = {row[0] for row in left}
    assert len(ids) == 1
    assert found.sources[0].near_duplicates == 6 - len(left)
    assert len(left) == (4 if ids == {"a"} else 2)


def test_the_same_words_in_another_language_are_no_duplicate_nor_are_two_of_one_source(tmp_path: Path) -> None:
    rows = [("a", "en", LONG["en"]), ("b", "de", LONG["en"]), ("a", "en", LONG["en"] + "!")]
    assert len(ingested(tmp_path, rows, near_duplicates=0.8)[1]) == 3


def test_what_stays_does_not_depend_on_the_order_of_rows(tmp_path: Path) -> None:
    rows = [(f"s{n}", "en", LONG["en"] + f" number {n}") for n in range(60)] + others(40)
    kept = []
    for seed in range(3):
        random.Random(seed).shuffle(rows)
        folder = tmp_path / str(seed)
        folder.mkdir()
        kept.append(ingested(folder, rows, near_duplicates=0.8)[1])
    assert kept[0] == kept[1] == kept[2]
    assert len(kept[0]) == 41, "a crowd leaves one"


@pytest.mark.parametrize(("threshold", "stay"), [(0.6, 1), (0.95, 2)])
def test_the_threshold_is_the_shingles_exact_share(tmp_path: Path, threshold: float, stay: int) -> None:
    rows = [("a", "en", LONG["en"]), ("b", "en", LONG["en"].replace("wooden", "stone"))]
    assert len(ingested(tmp_path, rows, near_duplicates=threshold)[1]) == stay


def test_almost_all_pairs_are_found(tmp_path: Path) -> None:
    rows = others(400)
    rows += [(f"d{n}", language, text + " please do") for n, (_, language, text) in enumerate(rows)]
    found, left, _ = ingested(tmp_path, rows, near_duplicates=0.8)
    assert 396 <= found.sources[0].near_duplicates <= 400
    assert len(left) == 800 - found.sources[0].near_duplicates
