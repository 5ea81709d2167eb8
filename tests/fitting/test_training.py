"""The language-model form: trained by the real trainer on tiny models, chosen by, and loaded by anybody."""

import json
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from arbitrage.errors import RecipeError
from arbitrage.fitting.settings import read_settings
from arbitrage.fitting.training import targets
from fitting.scored import scores, written

ROOT = Path(__file__).resolve().parents[2]
WORDS = "sonne mond sterne himmel brot butter salz milch".split()


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return an encoder, a decoder and an encoder-decoder that know nothing yet."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import (
        BertConfig,
        BertForMaskedLM,
        LlamaConfig,
        LlamaForCausalLM,
        MT5Config,
        MT5ForConditionalGeneration,
        PreTrainedTokenizerFast,
    )

    special = ["[PAD]", "[UNK]", "[EOS]"]
    words = Tokenizer(models.WordLevel({w: n for n, w in enumerate([*special, *WORDS])}, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    words.post_processor = processors.TemplateProcessing(single="$A [EOS]", special_tokens=[("[EOS]", 2)])
    size = {"vocab_size": 11, "pad_token_id": 0, "eos_token_id": 2}
    wide = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
    made = {
        "encoder": BertForMaskedLM(BertConfig(**size, **wide)),
        "decoder": LlamaForCausalLM(LlamaConfig(**size, **wide, bos_token_id=None)),
        "both": MT5ForConditionalGeneration(
            MT5Config(**size, d_model=32, d_kv=16, d_ff=64, num_layers=1, num_heads=2, decoder_start_token_id=0)
        ),
    }
    found = {}
    for name, model in made.items():
        found[name] = tmp_path_factory.mktemp(name)
        model.save_pretrained(found[name])
        padded = {"pad_token": "[PAD]"} if name != "decoder" else {}
        PreTrainedTokenizerFast(tokenizer_object=words, unk_token="[UNK]", eos_token="[EOS]", **padded).save_pretrained(
            found[name]
        )
    return found


def settings(folder: Path, base: Path, **more: Any) -> Path:
    path = folder / "settings.yaml"
    path.write_text(json.dumps({"model": str(base), "epochs": 12, "learning_rate": 0.01, "max_length": 16, **more}))
    return path


@pytest.mark.parametrize("kind", ["encoder", "decoder", "both"])
def test_it_learns_whom_to_ask_and_chooses(tmp_path: Path, arbitrage: Any, bases: dict[str, Path], kind: str) -> None:
    pool = written(tmp_path / "scores.parquet", scores(200))
    code, said = arbitrage("fit", pool, "router", "--model", settings(tmp_path, bases[kind]))
    assert code == 0, said
    losses = [float(line.rpartition("loss ")[2]) for line in said.splitlines() if ", loss " in line]
    # The last few, since each is of one batch.
    assert len(losses) > 5 and sum(losses[-3:]) / 3 < 0.9 * losses[0]
    code, out = arbitrage("simulate", pool, "--arm", "fixed", "--arm", "learned,fitted=router", "--json")
    assert code == 0, out
    arms = json.loads(out)["arms"]
    # In each language another teacher is best, which the text here does not say; the topic it does.
    assert arms["learned,fitted=router"]["own"]["share"]["mean"] > arms["fixed"]["own"]["share"]["mean"]
    card = (tmp_path / "router" / "README.md").read_text()
    assert "library_name: transformers" in card and "with one output a teacher" in card

    from transformers import AutoModelForSequenceClassification

    loaded = AutoModelForSequenceClassification.from_pretrained(tmp_path / "router")
    assert list(loaded.config.id2label.values()) == ["east", "north", "south"]


def test_the_same_training_twice_gives_the_same_weights(tmp_path: Path, arbitrage: Any, bases: dict[str, Path]) -> None:
    pool = written(tmp_path / "scores.parquet", scores(40))
    for name in ("one", "two"):
        assert arbitrage("fit", pool, name, "--model", settings(tmp_path, bases["encoder"], epochs=2))[0] == 0
    files = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("one", "two")]
    assert files[0] == files[1]
    assert (tmp_path / "one" / "router.json").read_bytes() == (tmp_path / "two" / "router.json").read_bytes()


def test_where_it_is_no_better_the_best_of_each_language_is_asked(
    tmp_path: Path, arbitrage: Any, bases: dict[str, Path]
) -> None:
    # It does not know the language, and all prompts look alike.
    pool = written(tmp_path / "scores.parquet", [{**row, "text": "sonne"} for row in scores(100)])
    code, said = arbitrage("fit", pool, "router", "--model", settings(tmp_path, bases["encoder"], epochs=2))
    assert code == 0
    assert "as fixed does, which it did not beat on held-out sources" in " ".join(said.split())
    _, out = arbitrage("simulate", pool, "--arm", "fixed", "--arm", "learned,fitted=router", "--json")
    arms = json.loads(out)["arms"]
    assert arms["fixed"]["own"]["gain"] == arms["learned,fitted=router"]["own"]["gain"]


def test_a_language_model_takes_no_new_teacher(tmp_path: Path, arbitrage: Any, bases: dict[str, Path]) -> None:
    pool = written(tmp_path / "scores.parquet", scores(200))
    assert arbitrage("fit", pool, "router", "--model", settings(tmp_path, bases["encoder"]))[0] == 0
    code, said = arbitrage(
        "fit", written(tmp_path / "new.parquet", scores(9, ["north", "late"])), "x", "--onto", "router"
    )
    assert code == 2
    assert "fit it again" in said


def test_targets_are_a_softmax_over_who_is_known() -> None:
    found = targets(np.array([[0.0, np.log(3.0), np.nan], [1.0, 1.0, 1.0]]), 1.0)
    assert np.allclose(found, [[0.25, 0.75, 0.0], [1 / 3, 1 / 3, 1 / 3]])
    assert np.allclose(targets(np.array([[0.0, 1.0]]), 0.5), targets(np.array([[0.0, 2.0]]), 1.0))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("model: a/b\nepoch: 3\n", "settings.yaml:2: epoch: unknown key; did you mean 'epochs'?"),
        ("epochs: 3\n", "model: missing; this key has no default"),
        ("model: a/b\nlearning_rate: 0\n", "settings.yaml:2: learning_rate: should be greater than 0, not 0"),
    ],
)
def test_settings_that_are_none(tmp_path: Path, content: str, says: str) -> None:
    (tmp_path / "settings.yaml").write_text(content)
    with pytest.raises(RecipeError) as caught:
        read_settings(tmp_path / "settings.yaml")
    assert says in str(caught.value)


def test_the_papers_backbones_have_settings() -> None:
    models = {path.stem: read_settings(path).model for path in (ROOT / "builder/recipes/routers").glob("*.yaml")}
    assert models == {"gemma-2-2b": "google/gemma-2-2b", "mt5-base": "google/mt5-base"}


def test_a_model_that_cannot_be_trained(tmp_path: Path, arbitrage: Any) -> None:
    pool = written(tmp_path / "scores.parquet", scores(40))
    (tmp_path / "empty").mkdir()
    code, said = arbitrage("fit", pool, "router", "--model", settings(tmp_path, tmp_path / "empty"))
    assert code == 2
    assert "cannot be loaded to be trained" in said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "scores.parquet", "settings.yaml"]


def test_all_scores_lacking(tmp_path: Path, arbitrage: Any, bases: dict[str, Path]) -> None:
    rows = [{**row, "score": None if Random(n).random() < 2 else 0.0} for n, row in enumerate(scores(20))]
    code, said = arbitrage(
        "fit", written(tmp_path / "scores.parquet", rows), "x", "--model", settings(tmp_path, bases["encoder"])
    )
    assert code == 2
    assert "no prompt that it may learn from has the scores of two teachers" in " ".join(said.split())


def test_a_prompt_that_names_special_tokens_and_weights_that_are_none(
    tmp_path: Path, arbitrage: Any, bases: dict[str, Path]
) -> None:
    rows = [{**row, "text": f"{row['text']} [EOS] sonne [PAD]" if n % 2 else ""} for n, row in enumerate(scores(60))]
    pool = written(tmp_path / "scores.parquet", rows)
    code, said = arbitrage("fit", pool, "router", "--model", settings(tmp_path, bases["both"], epochs=6))
    assert code == 0, said
    router = json.loads((tmp_path / "router" / "router.json").read_text())
    router["told"]["uses"] = "text"
    (tmp_path / "router" / "router.json").write_text(json.dumps(router))
    assert arbitrage("simulate", pool, "--arm", "learned,fitted=router")[0] == 0
    (tmp_path / "router" / "model.safetensors").write_bytes(b"\0" * 99)
    code, said = arbitrage("simulate", pool, "--arm", "learned,fitted=router")
    assert code == 2
    assert "cannot be loaded" in said


def test_more_tokens_than_the_model_takes(tmp_path: Path, arbitrage: Any, bases: dict[str, Path]) -> None:
    pool = written(tmp_path / "scores.parquet", scores(40))
    code, said = arbitrage("fit", pool, "x", "--model", settings(tmp_path, bases["encoder"], max_length=4096))
    assert code == 2
    assert "takes 512 tokens at most, not 4096" in said


def test_nobody_runs_code_of_a_model(tmp_path: Path, arbitrage: Any, bases: dict[str, Path]) -> None:
    import shutil

    base = tmp_path / "base"
    shutil.copytree(bases["encoder"], base)
    config = json.loads((base / "config.json").read_text())
    config["auto_map"] = {"AutoModelForSequenceClassification": "evil.Model"}
    config["model_type"] = "evil"
    (base / "config.json").write_text(json.dumps(config))
    (base / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    code, _ = arbitrage(
        "fit", written(tmp_path / "scores.parquet", scores(40)), "x", "--model", settings(tmp_path, base)
    )
    assert code == 2
    assert not (tmp_path / "ran").exists()
