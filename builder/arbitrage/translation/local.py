"""A sequence-to-sequence model in this process: NLLB-200, M2M-100 and what is made like them."""

from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from arbitrage.errors import TranslationError
from arbitrage.hub.model import folder_hash, model_commit
from arbitrage.recipe.translate import Translate
from arbitrage.translation.languages import flores
from arbitrage.translation.translator import Reply

NEEDS = ("torch", "transformers", "sentencepiece")
BATCH_TOKENS = 4096
"""Tokens of one batch, the blanks that fill it up included, for each beam."""
PIECE_TOKENS = 256
"""Tokens of a piece where the recipe says nothing: these models were trained on sentences."""
SPREAD, ROOM = 3, 32
"""A translation may have so many times the tokens of its source, and so many more."""


def weights_revision(model: str, revision: str | None, folder: Path) -> str:
    """Return which weights a model's name stands for: of a folder its files' sha256, else the commit on the Hub.

    Local paths start at `folder`.

    Raises:
        TranslationError: the folder is no model's.
        HubError: the Hub has no such model or revision, or cannot be reached.
    """
    local = folder / model
    if not local.is_dir():
        return model_commit(model, revision)
    if not (local / "config.json").is_file():
        raise TranslationError(f"translate.model: {local} holds no model: it has no config.json")
    return folder_hash(local)


def local_settings(config: Translate) -> Mapping[str, Any]:
    """Return what decides what a model in this process makes of a text."""
    return {"beams": config.beams or 1, "max_length": config.max_length}


class LocalTranslator:
    """Translates sentence by sentence, greedily or with a fixed number of beams; loaded when first used."""

    by_sentence = True

    def __init__(self, config: Translate, revision: str, folder: Path) -> None:
        self.revision = revision
        self.settings = local_settings(config)
        self._model_name = config.model
        self._folder = folder
        self._max_length = config.max_length
        self._beams = config.beams or 1
        self._loaded: tuple[Any, Any] | None = None
        lacking = [name for name in NEEDS if find_spec(name) is None]
        if lacking:
            raise TranslationError(
                f"translate.model: a model in this process needs {', '.join(lacking)}: "
                "pip install 'multilingual-arbitrage[local]', or give an endpoint:"
            )

    def fits(self, texts: Sequence[str], source: str) -> list[bool]:
        """Say of each piece whether its tokens are within the model's limit."""
        return [len(ids) <= self._limit for ids in self._encode(texts, source)]

    def translate(self, texts: Sequence[str], source: str, target: str) -> list[Reply]:
        """Translate pieces in batches of about the same length.

        Raises:
            TranslationError: the model does not know a language, or the machine has no memory left.
        """
        import torch

        tokenizer, _ = self._load()
        encoded = self._encode(texts, source)
        first = self._code(target)
        replies = [Reply(None, "unknown_characters")] * len(texts)
        readable = [n for n, ids in enumerate(encoded) if tokenizer.unk_token_id not in ids]
        for batch in _batches(sorted(readable, key=lambda n: (len(encoded[n]), texts[n])), encoded):
            try:
                found = self._generate([encoded[n] for n in batch], first)
            except torch.OutOfMemoryError as error:
                raise TranslationError(
                    f"translate.model: {self._model_name}: no memory left for a batch of {BATCH_TOKENS} tokens: "
                    "take a smaller model, a larger machine or fewer beams:"
                ) from error
            for n, ids in zip(batch, found, strict=True):
                whole = tokenizer.eos_token_id in ids
                text = tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
                replies[n] = Reply(text) if whole else Reply(None, "truncated")
        return replies

    def _generate(self, rows: Sequence[Sequence[int]], first: int) -> list[list[int]]:
        """Return what is generated for each row, first token and padding left out, the end's token included."""
        import torch

        tokenizer, model = self._load()
        width = max(map(len, rows))
        ids = torch.full((len(rows), width), tokenizer.pad_token_id)
        mask = torch.zeros((len(rows), width), dtype=torch.long)
        for place, row in enumerate(rows):
            ids[place, : len(row)] = torch.tensor(row)
            mask[place, : len(row)] = 1
        most = min(self._most, SPREAD * width + ROOM)
        with torch.inference_mode():
            found = model.generate(
                input_ids=ids.to(model.device),
                attention_mask=mask.to(model.device),
                forced_bos_token_id=first,
                # An end that is forced where the room ends would pass for a whole translation.
                forced_eos_token_id=None,
                max_new_tokens=most,
                max_length=None,
                num_beams=self._beams,
                do_sample=False,
                # A character that is not known would be left out of the text without a word.
                suppress_tokens=[tokenizer.unk_token_id],
            )
        # The first two are where the decoder starts and the language.
        return [[token for token in row[2:] if token != tokenizer.pad_token_id] for row in found.tolist()]

    def _encode(self, texts: Sequence[str], source: str) -> list[list[int]]:
        tokenizer, _ = self._load()
        self._code(source)
        tokenizer.src_lang = self._name(source)
        found: list[list[int]] = tokenizer(list(texts), truncation=False, verbose=False)["input_ids"]
        return found

    def _name(self, language: str) -> str | None:
        """Return what the model's tokenizer calls a language."""
        tokenizer, _ = self._load()
        known = getattr(tokenizer, "lang_code_to_token", None)
        if known:
            base = language.partition("-")[0]
            return base if base in known else None
        return flores(language, tokenizer.get_vocab())

    def _code(self, language: str) -> int:
        tokenizer, _ = self._load()
        name = self._name(language)
        if name is None:
            raise TranslationError(f"translate.model: {self._model_name} does not know the language {language!r}")
        known = getattr(tokenizer, "lang_code_to_token", {})
        return int(tokenizer.convert_tokens_to_ids(known.get(name, name)))

    @property
    def _most(self) -> int:
        """Tokens that the model has places for."""
        _, model = self._load()
        places = getattr(model.config, "max_position_embeddings", None) or 1024
        # Two places are the language's and the end's.
        return int(min(places - 2, self._max_length or places))

    @property
    def _limit(self) -> int:
        return min(self._most, self._max_length or PIECE_TOKENS)

    def _load(self) -> tuple[Any, Any]:
        if self._loaded is None:
            import torch
            from transformers import AutoModelForSeq2SeqLM, AutoTokenizer
            from transformers.utils import logging

            logging.disable_progress_bar()  # type: ignore[no-untyped-call]
            local = self._folder / self._model_name
            where, revision = (str(local), None) if local.is_dir() else (self._model_name, self.revision)
            on_gpu = torch.cuda.is_available()
            try:
                tokenizer = AutoTokenizer.from_pretrained(where, revision=revision, trust_remote_code=False)
                model = AutoModelForSeq2SeqLM.from_pretrained(
                    where,
                    revision=revision,
                    trust_remote_code=False,
                    dtype=torch.bfloat16 if on_gpu else torch.float32,
                )
            except (OSError, ValueError, ImportError) as error:
                what = str(error).strip().splitlines()
                raise TranslationError(
                    f"translate.model: {self._model_name} cannot be loaded: {what[0] if what else type(error).__name__}"
                ) from error
            self._loaded = tokenizer, model.to("cuda" if on_gpu else "cpu").eval()
        return self._loaded


def _batches(order: Sequence[int], encoded: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """Yield batches of numbers, shortest first, each of at most `BATCH_TOKENS` once filled up."""
    batch: list[int] = []
    for number in order:
        if batch and (len(batch) + 1) * len(encoded[number]) > BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(number)
    if batch:
        yield batch
