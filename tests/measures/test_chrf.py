import json
import subprocess
import sys
from pathlib import Path

import pytest
from arbitrage.errors import ArbitrageError
from arbitrage_eval.measures.chrf import corpus_chrf
from sacrebleu import corpus_chrf as sacrebleus

CORPORA = {
    "ar": (["القط يجلس على السجادة", "أحب القهوة"], ["القطة جالسة على السجادة", "أنا أحب القهوة كثيرا"]),
    "de": (
        ["Die Katze sitzt auf der Matte.", "Er ging heim"],
        ["Auf der Matte sitzt die Katze.", "Er ging nach Hause."],
    ),
    "tr": (["Kedi paspasın üstünde oturuyor", "Geldim"], ["Kedi, paspasın üzerinde oturuyor.", "Ben geldim."]),
    "zh": (["猫坐在垫子上。", "我喜欢咖啡"], ["那只猫正坐在垫子上。", "我非常喜欢喝咖啡。"]),
}


@pytest.mark.parametrize("language", CORPORA)
def test_it_is_sacrebleus(language: str) -> None:
    completions, references = CORPORA[language]
    found = corpus_chrf(completions, references)
    assert found["value"] == sacrebleus(completions, [references], word_order=2).score
    assert str(found["signature"]).startswith(
        "chrF2++|nrefs:1|bs:1000|seed:12345|case:mixed|eff:yes|nc:6|nw:2|space:no|version:"
    )
    low, high = found["low"], found["high"]
    assert isinstance(low, float) and isinstance(high, float) and low < high


def test_it_is_what_sacrebleus_command_says(tmp_path: Path) -> None:
    completions, references = ([text for corpus in CORPORA.values() for text in corpus[n]] for n in (0, 1))
    for name, texts in (("said", completions), ("meant", references)):
        (tmp_path / name).write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    command = [sys.executable, "-m", "sacrebleu", "meant", "-i", "said", "-m", "chrf", "--chrf-word-order", "2"]
    options = ["--confidence", "--confidence-n", "1000", "-f", "json", "-w", "9"]
    done = subprocess.run([*command, *options], cwd=tmp_path, capture_output=True, text=True, check=True)
    said = json.loads(done.stdout)
    found = corpus_chrf(completions, references)
    assert found["value"] == pytest.approx(said["score"], abs=1e-8)
    assert found["low"] == pytest.approx(said["confidence_mean"] - said["confidence_var"], abs=1e-8)
    assert found["signature"] == f"chrF2++|{said['signature']}"


def test_the_best_of_several_references_counts_and_their_number_may_differ() -> None:
    found = corpus_chrf(["good day", "hello"], [["guten Tag", "good day"], "hello"])
    assert found["value"] == pytest.approx(100) and "nrefs:var" in str(found["signature"])


def test_one_completion_has_no_interval_and_an_empty_one_counts() -> None:
    found = corpus_chrf([""], ["etwas"])
    assert (found["value"], found["low"], found["high"]) == (0.0, None, None)
    assert "bs:" not in str(found["signature"])


@pytest.mark.parametrize(("completions", "references"), [([], []), (["a"], []), (["a", "b"], ["a", []])])
def test_what_has_nothing_to_be_compared_with_is_refused(completions: list[str], references: list[str]) -> None:
    with pytest.raises(ArbitrageError, match=r"chrF\+\+"):
        corpus_chrf(completions, references)
