import math

from arbitrage.translation.languages import FLORES, NAMES
from arbitrage_eval.languages import CLASSES, classes, languages, macro_by_class
from arbitrage_eval.winrates.measured import macro, mean_of

# As the paper on Aya-23 lists them.
AYA_23 = set("ar cs de el en es fa fr he hi id it ja ko nl pl pt ro ru tr uk vi zh".split())
# As the sets list them, lm-eval's folders among others.
XNLI = set("ar bg de el en es fr hi ru sw th tr ur vi zh".split())
XCOPA = set("et ht id it qu sw ta th tr vi zh".split())
XSTORYCLOZE = set("ar en es eu hi id my ru sw te zh".split())
MGSM = set("bn de en es fr ja ru sw te th zh".split())


def test_they_are_chosen_by_the_rule_that_the_file_states() -> None:
    assert set(languages()) == AYA_23 & (XNLI | XCOPA | XSTORYCLOZE | MGSM) | {"uk"}
    assert len(languages()) == 15 and list(languages()) == sorted(languages())


def test_names_and_codes_are_those_that_translation_uses() -> None:
    for tag, language in languages().items():
        assert (language.name, language.flores) == (NAMES[tag], FLORES[tag])
        assert language.flores.endswith(f"_{language.script}")
        assert language.flores_plus.endswith(f"_{language.script}")
        assert language.piqa.split("_")[1] == language.script.lower()
        assert language.include == (None if tag == "en" else language.name)
    assert len({language.aya for language in languages().values()}) == 15


def test_classes_group_means() -> None:
    assert set(classes().values()) <= set(CLASSES)
    measured = {
        tag: mean_of([("a", float(number)), ("b", number + 1.0), ("c", number + 5.0)])
        for number, tag in enumerate(["uk", "el", "tr", "de"])
    }
    found = macro_by_class({**measured, "xx": mean_of([("a", 100.0)])})
    assert list(found) == [3, 4, 5]
    assert found[3] == macro({tag: measured[tag] for tag in ("el", "uk")})
    assert found[3].value is not None and math.isclose(found[3].value, 2.5)
    assert found[5].value == macro({"de": measured["de"]}).value


def test_no_measured_language_gives_no_class() -> None:
    assert macro_by_class({}) == {}
