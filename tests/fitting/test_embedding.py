"""Embeddings by name: models made on the spot, loaded as anybody's are."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from arbitrage.errors import HubError, RouterError
from arbitrage.routers.embedding import SentenceEmbedding
from fitting.scored import TOPICS, scores, written

WORDS = ["[UNK]", *" ".join(TOPICS).split()]
TOO_EARLY = "ignore:Importing from 'sentence_transformers:DeprecationWarning"


def _static(folder: Path, *, model2vec: bool) -> Path:
    """Write a static embedding: as sentence-transformers writes one, or with the head that model2vec writes."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = Tokenizer(models.WordLevel({word: n for n, word in enumerate(WORDS)}, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    weights = np.random.default_rng(0).normal(size=(len(WORDS), 16)).astype("float32")
    SentenceTransformer(modules=[StaticEmbedding(words, embedding_weights=weights)], device="cpu").save_pretrained(
        str(folder)
    )
    if model2vec:
        module = {"idx": 0, "name": "0", "path": ".", "type": "sentence_transformers.models.StaticEmbedding"}
        (folder / "modules.json").write_text(json.dumps([module]))
    return folder


@pytest.mark.filterwarnings(TOO_EARLY)
@pytest.mark.parametrize("model2vec", [False, True])
def test_texts_become_rows_of_length_one_whatever_stands_beside_them(tmp_path: Path, model2vec: bool) -> None:
    _static(tmp_path / "static", model2vec=model2vec)
    embedding = SentenceEmbedding("static", None, tmp_path, "here")
    texts = ["sonne mond", "brot", "sonne \ud800 alone", "unbekannt"]
    found = embedding(texts)
    assert found.shape == (4, 16) and embedding.width == 16
    assert np.allclose(np.square(found).sum(1), 1.0, atol=1e-5)
    assert all((embedding([text])[0] == row).all() for text, row in zip(texts, found, strict=True))
    told = embedding.as_dict()
    assert told["model"] == "static" and len(str(told["revision"])) == 64


@pytest.mark.filterwarnings(TOO_EARLY)
def test_a_router_is_fitted_by_what_it_sees_and_needs_the_same_model_again(tmp_path: Path, arbitrage: Any) -> None:
    _static(tmp_path / "static", model2vec=True)
    pool = written(tmp_path / "scores.parquet", scores(200))
    code, said = arbitrage("fit", pool, "router", "--embedding", "static")
    assert code == 0, said
    assert "goes by language and text" in said
    arms = ("--arm", "learned,embedding=static", "--arm", "learned,fitted=router")
    code, out = arbitrage("simulate", pool, *arms, "--json")
    found = json.loads(out)["arms"]
    assert found["learned,embedding=static"]["own"] == found["learned,fitted=router"]["own"]
    assert found["learned,fitted=router"]["own"]["share"]["mean"] > 0.8
    assert "texts are seen by static at" in (tmp_path / "router" / "README.md").read_text()
    (tmp_path / "static" / "config_sentence_transformers.json").write_text("{}")
    code, said = arbitrage("simulate", pool, *arms)
    assert code == 2
    assert "learned with other files of static" in " ".join(said.split())


def test_what_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(RouterError, match="cannot be loaded as an embedding model"):
        SentenceEmbedding("empty", None, tmp_path, "here")(["a"])
    with pytest.raises(HubError, match="neither a folder here nor the name of a model"):
        _ = SentenceEmbedding("nowhere", None, tmp_path, "here").revision
