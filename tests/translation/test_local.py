from collections.abc import Iterator
from pathlib import Path

import pytest
from arbitrage.errors import TranslationError
from arbitrage.recipe.translate import Translate
from arbitrage.translation.local import BATCH_TOKENS, LocalTranslator, _batches, weights_revision
from arbitrage.translation.pieces import translate_texts
from arbitrage.translation.translator import Reply
from servers.tiny_seq2seq import spelled, write_model
from translation.texts import CODE


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    found = tmp_path_factory.mktemp("models")
    write_model(found / "tiny")
    write_model(found / "endless", never_ends=True)
    write_model(found / "other", seed=1)
    yield found


def local(folder: Path, name: str = "tiny", max_length: int | None = None, beams: int | None = None) -> LocalTranslator:
    revision = weights_revision(name, None, folder)
    return LocalTranslator(Translate(model=name, max_length=max_length, beams=beams), revision, folder)


@pytest.mark.parametrize("beams", [None, 2])
def test_pieces_come_back_translated_whatever_else_is_in_the_batch(folder: Path, beams: int | None) -> None:
    translator = local(folder, beams=beams)
    texts = ["What of 4?", "Translate this sentence, please.", "[[0]] is good, [[1]] too", "x " * 50 + "x", "a"]
    whole = translator.translate(texts, "en", "de")
    assert whole == [Reply(spelled(text)) for text in texts]
    assert [translator.translate([text], "en", "tr")[0] for text in texts] == whole


def test_texts_of_any_length_are_cut_to_what_the_model_takes(folder: Path) -> None:
    translator = local(folder, max_length=40)
    text = f"{CODE}\n\n" + "One sentence here, and a clause of it, and another clause of the same. " * 20
    asked = translator.fits(["a" * 36, "a" * 40], "en")
    assert asked == [True, False]
    (found,) = translate_texts(translator, [text], "en", "de")
    assert found.text is not None
    assert found.text.startswith("Urc gsrh:\n```python\ndef f(x):")
    assert found.text.endswith(spelled("One sentence here, and a clause of it, and another clause of the same. "))
    assert len(found.text) == len(text)
    assert translate_texts(translator, ["a " + "b" * 50], "en", "de") == [Reply(None, "too_long")]


def test_a_character_that_the_model_does_not_know_is_named(folder: Path) -> None:
    found = local(folder).translate(["known", "𝔘nknown", "known too"], "en", "de")
    assert found == [Reply("pmldm"), Reply(None, "unknown_characters"), Reply("pmldm gll")]


def test_a_model_that_does_not_end_is_cut_off_by_name(folder: Path) -> None:
    translator = local(folder, "endless")
    assert translator.translate(["abc"], "en", "de") == [Reply(None, "truncated")]
    assert translate_texts(translator, ["abc def " * 10], "en", "de") == [Reply(None, "truncated")]


@pytest.mark.parametrize("pair", [("en", "sr-Latn"), ("qqq", "de")])
def test_a_language_that_the_model_does_not_know_is_refused(folder: Path, pair: tuple[str, str]) -> None:
    with pytest.raises(TranslationError, match=r"does not know the language '(sr-Latn|qqq)'"):
        local(folder).translate(["abc"], *pair)


def test_the_revision_is_that_of_the_weights(folder: Path, tmp_path: Path) -> None:
    first, other = (weights_revision(name, None, folder) for name in ("tiny", "other"))
    assert len(first) == 64
    assert first != other
    (tmp_path / "moved").symlink_to(folder / "tiny")
    assert weights_revision("moved", None, tmp_path) == first
    (tmp_path / "empty").mkdir()
    with pytest.raises(TranslationError, match="holds no model"):
        weights_revision("empty", None, tmp_path)
    assert weights_revision("org/name", "a" * 40, tmp_path) == "a" * 40


def test_what_cannot_be_loaded_is_one_message(tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.json").write_text("{}")
    with pytest.raises(TranslationError, match=r"translate\.model: broken cannot be loaded"):
        local(tmp_path, "broken").translate(["abc"], "en", "de")


def test_batches_hold_a_bounded_number_of_tokens() -> None:
    encoded = [[0] * (1 + n % 50) for n in range(1000)] + [[0] * 5000]
    order = sorted(range(len(encoded)), key=lambda n: len(encoded[n]))
    batches = list(_batches(order, encoded))
    assert [n for batch in batches for n in batch] == order
    sizes = [len(batch) * len(encoded[batch[-1]]) for batch in batches]
    assert all(size <= BATCH_TOKENS for size in sizes[:-1])
    assert len(batches[-1]) == 1
