"""What the language check says of texts in the languages of the recipe, and of what is in no language."""

import time
from pathlib import Path

import pytest
from arbitrage.checks.language import LanguageCheck, expected_language, make_language_check
from arbitrage.errors import CheckError, RecipeError
from arbitrage.records import Prompt
from recipe.minimal import TEXT, read

TEXTS = {
    "ar": "تقع المدينة القديمة على ضفة النهر، ويزورها كثير من الناس في فصل الربيع.",
    "de": "Die alte Stadt liegt am Ufer des Flusses, und im Frühling kommen viele Leute hierher.",
    "el": "Η παλιά πόλη βρίσκεται στην όχθη του ποταμού και πολλοί την επισκέπτονται την άνοιξη.",
    "en": "The old town lies on the bank of the river, and many people come here in spring.",
    "fr": "La vieille ville se trouve au bord de la rivière, et beaucoup de gens y viennent au printemps.",
    "he": "העיר העתיקה נמצאת על גדת הנהר, ואנשים רבים באים לכאן באביב.",
    "hy": "Հին քաղաքը գտնվում է գետի ափին, և գարնանը շատ մարդիկ են գալիս այստեղ։",
    "ja": "古い町は川のほとりにあり、春になると多くの人がここを訪れます。",
    "ka": "ძველი ქალაქი მდინარის ნაპირზე მდებარეობს და გაზაფხულზე აქ ბევრი ადამიანი მოდის.",
    "ko": "오래된 도시는 강가에 자리 잡고 있으며 봄이면 많은 사람들이 이곳을 찾아옵니다.",
    "ru": "Старый город стоит на берегу реки, и весной сюда приезжает много людей.",
    "sr-Cyrl": "Стари град се налази на обали реке, и у пролеће овде долази много људи.",
    "sr-Latn": "Stari grad se nalazi na obali reke, i u proleće ovde dolazi mnogo ljudi.",
    "th": "เมืองเก่าตั้งอยู่ริมฝั่งแม่น้ำ และมีผู้คนมากมายมาเยือนที่นี่ในฤดูใบไม้ผลิ",
    "tr": "Eski şehir nehrin kıyısında yer alır ve ilkbaharda buraya çok sayıda insan gelir.",
    "uk": "Старе місто стоїть на березі річки, і навесні сюди приїздить багато людей.",
    "zh": "这座古老的城市坐落在河边，春天的时候有很多人来到这里参观。",
}
CODE = "Ainsi :\n\n```python\n# the old town lies on the bank of the river\nprint('many people come here')\n```\n"


@pytest.fixture(scope="module")
def check() -> LanguageCheck:
    return LanguageCheck()


@pytest.mark.parametrize("language", TEXTS)
def test_a_text_is_right_in_its_language_and_wrong_in_every_other(check: LanguageCheck, language: str) -> None:
    for written, text in TEXTS.items():
        verdict = check.judge(text, language)
        assert verdict.word == ("right" if written == language else "wrong"), (written, verdict)
        assert verdict.lines == 1
        if written != language and not written.startswith("sr"):
            assert verdict.found == written


def test_a_language_of_two_scripts_may_be_written_in_either_unless_the_recipe_says(check: LanguageCheck) -> None:
    assert check.judge(TEXTS["sr-Latn"], "sr").word == check.judge(TEXTS["sr-Cyrl"], "sr").word == "right"
    assert check.judge(TEXTS["zh"], "zh-Hant").word == "right"
    assert check.judge(TEXTS["en"], "sr-Latn").found == "en"


def test_one_wrong_line_makes_an_answer_wrong_and_lines_are_counted(check: LanguageCheck) -> None:
    verdict = check.judge("\n\n".join([TEXTS["de"], TEXTS["en"], TEXTS["de"]]), "de")
    assert verdict == ("wrong", "en", 3, 1)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n\u3000\n",
        "42",
        "Yes.",
        "Berlin, Paris, New York, Rio de Janeiro, Buenos Aires, Kuala Lumpur",
        "🙂🙂🙂 👍 🎉🎉🎉🎉🎉🎉🎉🎉",
        "https://example.org/the-old-town-lies/on-the-bank-of-the-river?and=many+people",
        "`the old town lies on the bank of the river`",
        "$$ a^2 + b^2 = c^2 \\quad \\text{for any of the right triangles in the plane} $$",
        "> the old town lies on the bank of the river and many people come here",
        "1. 2. 3. 4. 5. 6. 7. 8. 9. 10.",
        "def old_town(river):\n    return sorted(river, key=len, reverse=True)",
        CODE,
        "```\nthe old town lies on the bank of the river",
    ],
)
def test_what_says_nothing_of_a_language_is_unchecked(check: LanguageCheck, text: str) -> None:
    for language in ("tr", "fr", "zh", "th"):
        assert check.judge(text, language).word == "unchecked", language


@pytest.mark.parametrize(
    "within",
    [
        "```python\nfor town in the_old_towns_on_the_river: print(town, 'is where many people come')\n```",
        '"The old town lies on the bank of the river"',
        "„The old town lies on the bank of the river“",
        "« the old town lies on the bank of the river »",
        "> The old town lies on the bank of the river, and many people come here.",
        "https://example.org/the/old/town/lies/on/the/bank",
        "Ada Lovelace, Alan Turing, Grace Hopper, Edsger Dijkstra, Barbara Liskov",
        "`SELECT the old town FROM the bank of the river`",
    ],
)
def test_code_quotes_links_and_names_do_not_condemn_a_text(check: LanguageCheck, within: str) -> None:
    for language in ("de", "ar", "uk", "ja", "he"):
        assert check.judge(f"{TEXTS[language]}\n{within}\n{TEXTS[language]}", language).word == "right", language
        if within[0] not in "`>":
            assert check.judge(f"{TEXTS[language]} {within}", language).word != "wrong", language


def test_what_the_prompt_says_is_no_line_of_the_answer(check: LanguageCheck) -> None:
    prompt = f"Übersetze ins Deutsche:\n{TEXTS['en']}"
    assert check.judge(f"{TEXTS['en']}\n\n{TEXTS['de']}", "de", prompt).word == "right"
    assert check.judge(TEXTS["en"], "de", prompt).word == "unchecked"


def test_an_introduction_in_another_language_is_seen(check: LanguageCheck) -> None:
    for said in (
        'Here is a short blog post on the topic "Alte Städte" (old towns):',
        "Sure, here is what you asked for:",
    ):
        assert check.judge(f"{said}\n\n{TEXTS['de']}", "de") == ("wrong", "en", 2, 1)


def test_an_answer_that_is_one_quote_is_judged(check: LanguageCheck) -> None:
    assert check.judge(f'"{TEXTS["en"]}"', "tr").found == "en"
    assert check.judge(f"«{TEXTS['fr']}»", "fr").word == "right"


def test_foreign_words_within_a_sentence_are_no_other_language(check: LanguageCheck) -> None:
    assert check.judge("请使用 Microsoft Azure DevOps 的流水线来部署这个应用程序。", "zh").word == "right"
    assert check.judge("يمكنك استخدام مكتبة machine learning في هذا المشروع البرمجي الجديد.", "ar").word == "right"


def test_japanese_of_many_ideographs_is_not_taken_for_chinese(check: LanguageCheck) -> None:
    assert check.judge("1. **技術の変革**: 電気自動車（EV）は、内燃機関（ICE）", "ja").word != "wrong"
    assert check.judge("東京都千代田区永田町一丁目", "ja").word == "unchecked"
    assert check.judge("第一回全国高等学校野球選手権", "zh").word == "right"


def test_a_language_that_cannot_be_told_is_unchecked_but_its_script_is_seen(check: LanguageCheck) -> None:
    hausa = "Tsohon garin yana bakin kogi, kuma mutane da yawa suna zuwa nan a lokacin bazara."
    assert check.judge(hausa, "ha").word == "unchecked"
    assert check.judge(TEXTS["en"], "ha").word == "unchecked"
    assert check.judge(TEXTS["ru"], "ha").found == "ru"
    assert check.judge(TEXTS["en"], "qqq").word == "unchecked"
    assert not check.tells("ha")
    assert not check.tells("qqq")
    assert all(check.tells(language) for language in TEXTS)


def test_the_recipes_own_function_tells_what_nothing_else_does() -> None:
    check = LanguageCheck((), lambda text: "ha" if "yana" in text else None if "unclear" in text else "en", "my:detect")
    assert check.judge("Tsohon garin yana bakin kogi a nan", "ha").word == "right"
    assert check.judge(TEXTS["en"], "ha") == ("wrong", "en", 1, 1)
    assert check.judge("all of this is rather unclear", "ha").word == "unchecked"
    assert check.judge(TEXTS["de"], "de").word == "right", "it is asked where nothing else knows"
    assert check.tells("ha")
    assert check.key != LanguageCheck().key


@pytest.mark.parametrize("answer", [7, "", ["ha"]])
def test_a_function_that_returns_no_language_is_named(answer: object) -> None:
    check = LanguageCheck((), lambda text: answer, "my:detect")  # type: ignore[arg-type, return-value]
    with pytest.raises(CheckError, match="my:detect returned"):
        check.judge(TEXTS["en"], "ha")


def test_a_function_that_raises_is_named() -> None:
    check = LanguageCheck((), lambda text: 1 / 0, "my:detect")  # type: ignore[arg-type, return-value]
    with pytest.raises(CheckError, match="my:detect raised ZeroDivisionError"):
        check.judge(TEXTS["en"], "ha")


@pytest.mark.parametrize(
    "text",
    [
        TEXTS["de"] * 1200,
        "\n".join([TEXTS["de"]] * 1200),
        TEXTS["zh"] * 3500,
        "a " * 50_000,
        "“" * 100_000,
        '"' * 99_999,
        "$a" * 50_000,
        "[x](" * 25_000,
        "<b" * 50_000,
        "a.b/" * 25_000,
        "a@" * 50_000,
        "```\n" * 25_000,
        "x\n" * 50_000,
        "\u0301" * 100_000,
        "`a b c d e f`" * 8_000,
    ],
    ids=range(15),
)
def test_a_hundred_thousand_characters_take_bounded_time(check: LanguageCheck, text: str) -> None:
    started = time.process_time()
    check.judge(text, "de", text)
    assert time.process_time() - started < 5


def test_the_same_text_gets_the_same_verdict_from_another_check(check: LanguageCheck) -> None:
    other = LanguageCheck()
    assert other.key == check.key
    for text in TEXTS.values():
        assert other.judge(text, "fr") == check.judge(text, "fr")


def test_an_answer_is_wanted_in_the_prompts_language_unless_the_row_says_another() -> None:
    def prompt(**columns: object) -> Prompt:
        return Prompt("0" * 32, "en", "s", "train", [{"role": "user", "content": "Answer in French."}], columns)

    assert expected_language(prompt()) == "en"
    assert expected_language(prompt(answer_language="fr")) == "fr"
    assert expected_language(prompt(answer_language=None)) == expected_language(prompt(answer_language="")) == "en"


def test_a_recipe_has_the_check_only_where_it_asks_for_it(tmp_path: Path) -> None:
    assert make_language_check(read(tmp_path), tmp_path) is None
    (tmp_path / "my_unit_lid.py").write_text("def detect(text):\n    return None\n\nnothing = 3\n", encoding="utf-8")
    checks = "checks: [empty, language]\n"
    assert make_language_check(read(tmp_path, TEXT + checks), tmp_path) is not None
    made = make_language_check(read(tmp_path, TEXT + checks + "language_check: my_unit_lid:detect\n"), tmp_path)
    assert made is not None
    assert len(made.facts["language_check_revision"]) == 64
    with pytest.raises(RecipeError, match="my_unit_lid:nothing is no function"):
        make_language_check(read(tmp_path, TEXT + checks + "language_check: my_unit_lid:nothing\n"), tmp_path)
    with pytest.raises(RecipeError, match="is for the check language"):
        read(tmp_path, TEXT + "language_check: my_unit_lid:detect\n")
