"""Retrieval with a real model, tiny and with random weights."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from arbitrage.errors import ArbitrageError, PromptError
from arbitrage_eval.retrieval.entry import Retrieval
from arbitrage_eval.retrieval.pairs import Pair, digest, read_pairs
from arbitrage_eval.retrieval.retrieving import retrieve, run_retrieval
from arbitrage_eval.retrieval.vectors import Encoder
from pydantic import ValidationError
from rewards.tiny_model import LONGEST, write_chat_model

STRANGE = ["مرحبا بالعالم", "שלום עולם", "𐍈𐌰𐌹𐍂𐌷𐍄𐍃 𐌳𐌰𐌲𐍃", "👩‍👩‍👧‍👦🏳️‍🌈", "e\u0301 é", "\u202bمن اليمين\u202c", "猫"]


@dataclass(frozen=True)
class Some:
    pretrained: str | None
    revision: str | None = None


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_chat_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def encoder(model: Path) -> Iterator[Encoder]:
    one = Encoder(str(model))
    yield one
    one.release()


def made_up(count: int, seed: int) -> list[str]:
    generator = random.Random(seed)
    return ["".join(generator.choices("abcdefghijklmnop ", k=generator.randint(5, 60))) + "." for _ in range(count)]


def paired(sentences: list[str], english: list[str]) -> list[Pair]:
    return [Pair(*both) for both in zip(sentences, english, strict=True)]


def value(found: dict[str, Any], language: str) -> dict[str, float]:
    return {
        f"{way} {direction}": found["languages"][language][way][direction]["value"]
        for way in ("cosine", "margin")
        for direction in ("to_english", "from_english")
    }


def test_the_same_text_is_found_and_unrelated_ones_are_at_chance(model: Path) -> None:
    texts, others = made_up(300, 1) + STRANGE, made_up(307, 2)
    found = retrieve(str(model), None, {"de": paired(texts, texts), "fr": paired(texts, others)})
    assert set(value(found, "de").values()) == {1.0}
    assert max(value(found, "fr").values()) < 0.03
    assert found["languages"]["de"]["cosine"]["to_english"]["low"] > 0.98
    how = {"layer": 1, "layers": 2, "dtype": "torch.float32", "after": "<|bos|>", "device": "cpu", "cut": 0}
    assert found["how"] == {**how, "neighbours": 4}


def test_moved_by_one_nothing_is_found(model: Path) -> None:
    texts = made_up(50, 1)
    found = retrieve(str(model), None, {"de": paired(texts, texts[1:] + texts[:1])})
    assert set(value(found, "de").values()) == {0.0}


def test_vectors_depend_on_neither_order_nor_batches(model: Path, encoder: Encoder) -> None:
    texts = made_up(60, 3) + STRANGE
    whole = encoder.vectors(texts)
    small = Encoder(str(model), budget=70).vectors(texts[::-1])[::-1]
    alone = np.concatenate([encoder.vectors([text]) for text in texts])
    assert np.abs(whole - small).max() < 1e-5 and np.abs(whole - alone).max() < 1e-5
    assert np.linalg.norm(whole, axis=1).min() > 0.01


def test_it_is_the_mean_of_the_middle_layer_without_the_token_that_begins(model: Path, encoder: Encoder) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model)
    ids = [tokenizer.bos_token_id, *tokenizer("Merhaba", add_special_tokens=False)["input_ids"]]
    with torch.inference_mode():
        out = AutoModelForCausalLM.from_pretrained(model)(torch.tensor([ids]), output_hidden_states=True)
    expected = out.hidden_states[1][0, 1:].mean(0).numpy()
    assert np.abs(encoder.vectors(["Merhaba"])[0] - expected).max() < 1e-6


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
def test_an_adapter_is_looked_at_with_its_base(tmp_path: Path, model: Path, encoder: Encoder) -> None:
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, AutoTokenizer

    adapted = get_peft_model(AutoModelForCausalLM.from_pretrained(model), LoraConfig(target_modules=["q_proj"], r=4))
    for name, parameter in adapted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter)
    adapted.save_pretrained(tmp_path / "adapter")
    merged = adapted.merge_and_unload()
    merged.save_pretrained(tmp_path / "merged")
    found = []
    for name in ("adapter", "merged"):
        AutoTokenizer.from_pretrained(model).save_pretrained(tmp_path / name)
        found.append(Encoder(str(tmp_path / name)).vectors(["Merhaba dünya"]))
    assert np.abs(found[0] - found[1]).max() < 1e-5
    assert np.abs(found[0] - encoder.vectors(["Merhaba dünya"])).max() > 1e-4


def test_a_sentence_that_is_too_long_is_cut_and_counted(encoder: Encoder) -> None:
    one, other = encoder.vectors(["x" * (LONGEST + 500), "x" * (LONGEST - 1)])
    assert np.abs(one - other).max() < 1e-5 and encoder.cut == 1


def write(path: Path, rows: list[dict[str, object]]) -> Path:
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_files_of_both_kinds_and_other_names_of_columns(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"text": text, "en": f"e{n}", "lang": "de"} for n, text in enumerate(["b", "a", *STRANGE])
    ]
    write(tmp_path / "a.parquet", rows)
    write(tmp_path / "b.jsonl", rows[::-1])
    columns = {"sentence": "text", "english": "en", "language": "lang"}
    found = [read_pairs(Retrieval(path=name, columns=columns), tmp_path) for name in ("a.parquet", "b.jsonl")]
    assert found[0] == found[1] and found[0]["de"][0] == Pair("a", "e1")
    assert digest(found[0]) == digest(found[1]) != digest({"de": found[0]["de"][:-1]})


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"sentence": " ", "english": "x", "language": "de"}, "'sentence' is empty; leave such rows out"),
        ({"sentence": "x", "english": None, "language": "de"}, "'english' is NoneType, not text"),
        ({"sentence": "x", "english": "y", "language": "fr"}, "fr has 1 pair"),
    ],
)
def test_bad_rows_are_refused_with_their_place(tmp_path: Path, row: dict[str, object], said: str) -> None:
    good: dict[str, object] = {"sentence": "x", "english": "y", "language": "de"}
    write(tmp_path / "a.jsonl", [good, good, row])
    with pytest.raises(PromptError, match=r"a\.jsonl.*" + said.replace(".", r"\.")):
        read_pairs(Retrieval(path="a.jsonl"), tmp_path)


def test_missing_files_and_columns_are_said(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", [{"sentence": "x", "language": "de"}])
    with pytest.raises(PromptError, match="has no column 'english'; it has sentence, language"):
        read_pairs(Retrieval(path="a.jsonl"), tmp_path)
    with pytest.raises(PromptError, match="no such file"):
        read_pairs(Retrieval(path="b.jsonl"), tmp_path)
    with pytest.raises(ValidationError, match="retrieval needs sentence, english, language"):
        Retrieval(path="a.jsonl", columns={"prompt": "x"})


def test_what_is_known_is_kept_until_the_model_or_the_sentences_change(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [{"sentence": t, "english": t[::-1], "language": "de"} for t in made_up(20, 5)]
    write(tmp_path / "pairs.jsonl", rows)
    write_chat_model(tmp_path / "student")
    said: list[str] = []
    entry, models, where = Retrieval(path="pairs.jsonl"), {"student": Some("student")}, tmp_path / "kept"
    first = run_retrieval(entry, models, tmp_path, where, said.append)
    assert said and said[-1] == "student: 40 of 40 sentences"
    said.clear()
    assert run_retrieval(entry, models, tmp_path, where, said.append) == first and not said
    write(tmp_path / "pairs.jsonl", rows[::-1])
    assert run_retrieval(entry, models, tmp_path, where, said.append) == first and not said
    write_chat_model(tmp_path / "student", seed=1)
    second = run_retrieval(entry, models, tmp_path, where, said.append)
    assert second["models"]["student"]["revision"] != first["models"]["student"]["revision"] and said
    write(tmp_path / "pairs.jsonl", rows[1:])
    assert run_retrieval(entry, models, tmp_path, where, said.append)["sentences"] != first["sentences"]
    assert len(list(where.iterdir())) == 3
    assert str(tmp_path) not in json.dumps(second)


def test_a_model_that_cannot_be_looked_at_stops_no_other(tmp_path: Path, model: Path) -> None:
    write(tmp_path / "pairs.jsonl", [{"sentence": t, "english": t, "language": "tr"} for t in made_up(5, 5)])
    (tmp_path / "empty").mkdir()
    models = {"far": Some(None), "empty": Some("empty"), "nowhere": Some("no/such/model"), "here": Some(str(model))}
    said: list[str] = []
    found = run_retrieval(Retrieval(path="pairs.jsonl"), models, tmp_path, tmp_path / "kept", said.append)["models"]
    assert "behind an endpoint" in found["far"]["failed"]
    assert "cannot be loaded" in found["empty"]["failed"]
    assert "neither a folder here nor the name of a model" in found["nowhere"]["failed"]
    assert found["here"]["mean"]["cosine"]["to_english"]["value"] == 1
    assert len(list((tmp_path / "kept").iterdir())) == 1


def test_weights_that_are_no_numbers_are_said(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    write_chat_model(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    weights["model.embed_tokens.weight"][:] = torch.nan
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ArbitrageError, match="its hidden states are no numbers"):
        retrieve(str(tmp_path), None, {"de": [Pair("a", "b"), Pair("c", "d")]})
