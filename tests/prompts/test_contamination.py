import random
from pathlib import Path

import pytest
from arbitrage.errors import PromptError
from arbitrage.prompts.contamination import Items, SetCounts
from arbitrage.recipe.model import EvaluationSet
from prompts.ingested import Row, ingested, write_rows

ITEMS = {
    "en": "The farmer counted his sheep every evening before he closed the wooden gate, because two of them had been "
    "lost in the forest last winter",
    "ar": "كان المزارع يعد خرافه كل مساء قبل أن يغلق البوابة الخشبية لأن اثنين منها ضاعا في الغابة في الشتاء الماضي",
    "tr": "Çiftçi her akşam tahta kapıyı kapatmadan önce koyunlarını sayardı çünkü geçen kış ikisi ormanda kaybolmuştu",
    "zh": "农夫每天傍晚关上木门之前都要数一数他的羊，因为去年冬天有两只羊在森林里走丢了，再也没有找回来。",
    "th": "ชาวนานับแกะของเขาทุกเย็นก่อนที่จะปิดประตูไม้ เพราะแกะสองตัวหายไปในป่าเมื่อฤดูหนาวปีที่แล้ว",
}
CLEAN = {
    "en": "Explain to a child in three sentences why the sky looks blue during the day and red in the evening",
    "ar": "اشرح لطفل في ثلاث جمل لماذا تبدو السماء زرقاء في النهار وحمراء في المساء",
    "tr": "Bir çocuğa gökyüzünün neden gündüz mavi, akşam ise kırmızı göründüğünü üç cümleyle açıkla",
    "zh": "请用三句话向孩子解释为什么天空白天看起来是蓝色的，傍晚却是红色的。",
    "th": "อธิบายให้เด็กฟังในสามประโยคว่าทำไมท้องฟ้าจึงเป็นสีฟ้าในตอนกลางวันและสีแดงในตอนเย็น",
}
SET = {"name": "farm", "path": "farm.jsonl", "columns": ["premise", "choice"]}


def looked_for(folder: Path, rows: list[dict[str, object]], *columns: str) -> tuple[Items, SetCounts]:
    write_rows(folder / "farm.jsonl", rows)
    counts = SetCounts()
    one = EvaluationSet(name="farm", path="farm.jsonl", columns=list(columns or ("premise",)))
    return Items([one], folder, [counts]), counts


@pytest.fixture
def items(tmp_path: Path) -> Items:
    return looked_for(tmp_path, [{"premise": text} for text in ITEMS.values()])[0]


@pytest.mark.parametrize("language", ITEMS)
def test_an_item_is_found_whole_cut_and_edited_and_a_clean_prompt_is_not(items: Items, language: str) -> None:
    item, clean = ITEMS[language], CLEAN[language]
    (whole,) = items.held_by(f"{clean}\n\n«{item.upper()}»\n{clean}")
    assert whole.share == 1
    assert whole.where == f"farm.jsonl:{list(ITEMS).index(language) + 1} premise"
    assert items.held_by(item[: len(item) * 3 // 4])
    assert items.held_by(clean + item[len(item) // 4 :])
    letters = list(item)
    letters[len(item) // 2] = "x"
    assert items.held_by("".join(letters))
    assert items.held_by(f"Translate this sentence into English, please, and explain each of its words to me: {item}")
    assert items.held_by(clean) == []
    assert items.held_by("") == []


def test_thirteen_words_in_a_row_are_enough_of_a_long_item(tmp_path: Path) -> None:
    words = [f"word{n}" for n in range(60)]
    items, _ = looked_for(tmp_path, [{"premise": " ".join(words)}])
    assert items.held_by("so " + " ".join(words[20:33]) + " then")[0].share == pytest.approx(12 / 59)
    assert items.held_by(" ".join(words[20:32])) == []


def test_the_pieces_of_an_item_have_to_stand_close(tmp_path: Path) -> None:
    words = [f"word{n}" for n in range(20)]
    items, _ = looked_for(tmp_path, [{"premise": " ".join(words)}])
    pairs = [" ".join(words[n : n + 2]) for n in range(0, 20, 2)]
    assert items.held_by(" and ".join(pairs))
    assert items.held_by(f" {'or ' * 60}".join(pairs)) == []


def test_short_items_are_found_whole_alone_and_shorter_ones_are_not_looked_for(tmp_path: Path) -> None:
    rows = [{"premise": "she opened the red door"}, {"premise": "she opened it"}, {"premise": "红门"}]
    items, counts = looked_for(tmp_path, rows)
    assert (counts.items, counts.too_short) == (3, 2)
    assert items.held_by("Yesterday she opened the red door.")
    assert items.held_by("Yesterday she opened the red box.") == []
    assert items.held_by("she opened it 红门") == []


def test_the_wording_that_all_items_share_is_no_evidence(tmp_path: Path) -> None:
    wording = "Read the question below and choose the best of the four answers:"
    rows = [{"premise": f"{wording} how far is item{n} from place{n} by train{n}"} for n in range(100)]
    items, _ = looked_for(tmp_path, rows)
    assert items.held_by(wording + " why is the sky blue") == []
    (found,) = items.held_by("how far is item7 from place7 by train7")
    assert found.where == "farm.jsonl:8 premise"


def test_rows_that_lack_a_text_are_no_items_and_a_set_without_the_column_is_named(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [{"premise": None}, {"premise": 3}, {"premise": " "}, {"premise": ITEMS["en"]}]
    assert looked_for(tmp_path, rows)[1].items == 1
    with pytest.raises(PromptError, match="has no column 'hypothesis'"):
        looked_for(tmp_path, rows, "hypothesis")


def planted(tmp_path: Path) -> list[Row]:
    write_rows(tmp_path / "farm.jsonl", [{"premise": ITEMS["en"], "choice": ITEMS["tr"]}])
    rows = [(f"c{n}", "en", f"{CLEAN['en']} {n}") for n in range(5)]
    rows += [("p", "en", f"Continue: {ITEMS['en']}"), ("p", "de", "Fahre fort."), ("q", "tr", ITEMS["tr"][:90])]
    random.Random(1).shuffle(rows)
    return rows


def test_reported_prompts_stay_and_are_counted_by_set_and_language(tmp_path: Path) -> None:
    found, left, log = ingested(tmp_path, planted(tmp_path), contamination=[SET])
    assert len(left) == 8
    assert found.sources[0].contaminated == 0
    assert found.evaluation_sets == {"farm": SetCounts(2, 0, {"en": 1, "tr": 1})}
    lines = [line for line in log if line.startswith("contaminated")]
    assert len(lines) == 2 and all("farm.jsonl:1" in line for line in lines)


def test_removed_prompts_go_with_their_translations(tmp_path: Path) -> None:
    found, left, _ = ingested(tmp_path, planted(tmp_path), contamination=[SET], contamination_action="remove")
    assert {row[0] for row in left} == {f"c{n}" for n in range(5)}
    assert (found.sources[0].contaminated, found.sources[0].kept) == (3, 5)


def test_an_edited_set_is_looked_for_again(tmp_path: Path) -> None:
    rows = planted(tmp_path)
    assert ingested(tmp_path, rows, contamination=[SET])[0].evaluation_sets["farm"].prompts
    write_rows(tmp_path / "farm.jsonl", [{"premise": "nothing that any prompt says at all", "choice": "nor this"}])
    assert not ingested(tmp_path, rows, contamination=[SET])[0].evaluation_sets["farm"].prompts
