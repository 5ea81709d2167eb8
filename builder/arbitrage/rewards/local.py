"""A reward model in this process: a sequence classification model with one output, through transformers."""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arbitrage.errors import RewardError
from arbitrage.hub.model import folder_hash, model_commit
from arbitrage.identity import content_id
from arbitrage.recipe.published import published_source
from arbitrage.recipe.reward import Reward
from arbitrage.records import Prompt
from arbitrage.rewards.batches import batches
from arbitrage.rewards.conversation import Tokens, tokens_of
from arbitrage.rewards.scored import PROMPT_CUT, TOO_LONG, Scored

if TYPE_CHECKING:
    from torch import Tensor

TOKENS_ON_CPU, TOKENS_ON_GPU = 4096, 32768
"""Tokens of a batch, padding counted."""
UNBOUNDED = 10**9
"""Tokenizers that know no limit say a number beyond this."""

Tick = Callable[[int], None]


class LocalReward:
    """A reward model of the recipe with `local: true`.

    Scores do not depend on the order in which completions came. Their last digits depend on which texts were in a
    batch together, since sums run in another order there.
    """

    def __init__(self, name: str, config: Reward, folder: Path) -> None:
        assert config.model is not None
        self.name = name
        self.config = config
        path = folder / config.model
        self.path: Path | None = path if path.is_dir() else None
        self.model = published_source(config.model)
        self.revision: str | None = None
        """The commit of a model on the Hub, or the sha256 of a folder's files; None until `identify`."""
        self._loaded: _Loaded | None = None

    @property
    def known_as(self) -> str:
        """What tells it from another model under the same name in the recipe."""
        return f"{self.path or self.model}@{self.config.revision or ''}"

    def memory(self) -> dict[str, Any]:
        """Return what has to be known of it where neither its files nor the Hub are looked at."""
        return {"revision": self.revision}

    def recall(self, memory: Mapping[str, Any]) -> None:
        """Take what was known when it was last looked at."""
        self.revision = memory["revision"]

    @property
    def how(self) -> str:
        """How it scores, in a few words."""
        return "in-process, the model's chat template, raw output"

    @property
    def score_key(self) -> str:
        """The identity of this reward's scores, apart from the completions'."""
        return content_id(
            "score",
            model=None if self.path else self.model,
            revision=self.revision,
            template="chat",
            max_length=self.config.max_length,
        )

    def key(self, prompt: Prompt) -> str:
        """Return the identity of its score for a prompt's completion: the same for all."""
        return self.score_key

    def identify(self) -> None:
        """Find out which weights the model's name stands for.

        Raises:
            RewardError: the folder cannot be read, or is no model's.
            HubError: the Hub has no such model or cannot be reached.
        """
        if self.path is None:
            self.revision = model_commit(self.model, self.config.revision)
        elif not (self.path / "config.json").is_file():
            raise RewardError(f"rewards.{self.name}.model: {self.path} holds no model: it has no config.json")
        else:
            self.revision = folder_hash(self.path)

    def score(self, batch: Sequence[tuple[Prompt, str]], tick: Tick = lambda _: None) -> list[Scored]:
        """Score a block of (prompt, completion text); `tick` is told of how many are done.

        Raises:
            RewardError: the model cannot be loaded, is of another kind, or gives what is no number.
        """
        loaded = self._loaded = self._loaded or _load(self)
        tokens = [loaded.tokens(prompt, text) for prompt, text in batch]
        places = [place for place, found in enumerate(tokens) if found.ids]
        ids = [found.ids for found in tokens if found.ids]
        scores: list[Scored] = [Scored(None, TOO_LONG)] * len(batch)
        done = len(batch) - len(ids)
        for group in batches([len(one) for one in ids], loaded.budget):
            for place, value in zip(group, loaded.forward([ids[place] for place in group]), strict=True):
                number = places[place]
                if not math.isfinite(value):
                    prompt, _ = batch[number]
                    raise RewardError(f"rewards.{self.name} ({self.model}) gave {value} for prompt {prompt.id}")
                scores[number] = Scored(value, PROMPT_CUT if tokens[number].cut else None)
            done += len(group)
            tick(done)
        return scores

    def release(self) -> None:
        """Give the model's memory back."""
        if self._loaded is not None:
            self._loaded = None
            import torch

            if torch.cuda.is_available():
                torch.cuda.empty_cache()


class _Loaded:
    def __init__(self, model: Any, tokenizer: Any, max_length: int, device: str) -> None:
        self.model, self.tokenizer, self.max_length, self.device = model, tokenizer, max_length, device
        self.text_config = model.config.get_text_config()
        self.has_pad = self.text_config.pad_token_id is not None
        self.budget = TOKENS_ON_CPU if device == "cpu" else TOKENS_ON_GPU

    def tokens(self, prompt: Prompt, completion: str) -> Tokens:
        return tokens_of(self.tokenizer, prompt.messages, completion, self.max_length)

    def forward(self, ids: Sequence[Sequence[int]]) -> list[float]:
        """Return the model's output for each of some texts, padded on the right whatever the tokenizer would do.

        There, padding moves no position of a text, and causal models do not even see it.
        """
        import torch

        width = max(map(len, ids))
        pad = self._pad(ids)
        rows = torch.tensor([[*one, *[pad] * (width - len(one))] for one in ids], device=self.device)
        mask = torch.tensor([[1] * len(one) + [0] * (width - len(one)) for one in ids], device=self.device)
        with torch.inference_mode():
            logits: Tensor = self.model(input_ids=rows, attention_mask=mask).logits
        found: list[float] = logits.float().reshape(-1).tolist()
        return found

    def _pad(self, ids: Sequence[Sequence[int]]) -> int:
        if self.has_pad:
            return int(self.text_config.pad_token_id)
        # transformers looks for the last token that is not padding. A model without a padding token was scored at its
        # very last token, which may well be the one that is often taken for padding: pad with one that is not there.
        there = {token for one in ids for token in one}
        pad = next(token for token in range(len(there) + 1) if token not in there)
        self.text_config.pad_token_id = pad
        return pad


def _load(reward: LocalReward) -> _Loaded:
    where = f"rewards.{reward.name}"
    try:
        import torch
        from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer
        from transformers.utils.logging import disable_progress_bar
    except ImportError as error:
        raise RewardError(
            f"{where}: local: true needs torch and transformers ({error}); install multilingual-arbitrage[local]"
        ) from error
    # How far the weights are would stand between the lines of our own progress.
    disable_progress_bar()  # type: ignore[no-untyped-call]
    device = "cuda" if torch.cuda.is_available() else "cpu"
    dtype = torch.float32 if device == "cpu" else torch.bfloat16
    source = str(reward.path) if reward.path else reward.model
    pin = {} if reward.path else {"revision": reward.revision}
    try:
        config = AutoConfig.from_pretrained(source, trust_remote_code=False, **pin)
        tokenizer = AutoTokenizer.from_pretrained(source, trust_remote_code=False, **pin)
        if config.num_labels != 1:
            raise RewardError(f"{where}: {reward.model} has {config.num_labels} outputs; a reward model has one")
        model, report = AutoModelForSequenceClassification.from_pretrained(
            source, config=config, dtype=dtype, trust_remote_code=False, output_loading_info=True, **pin
        )
    except (OSError, ValueError, ImportError, RuntimeError) as error:
        raise RewardError(f"{where}: {reward.model} cannot be loaded: {_why(error)}") from error
    if report["missing_keys"]:
        lacking = ", ".join(sorted(report["missing_keys"])[:3])
        raise RewardError(f"{where}: {reward.model} is no reward model: its weights lack {lacking}")
    if not tokenizer.chat_template:
        raise RewardError(f"{where}: the tokenizer of {reward.model} has no chat template to write a conversation with")
    model = model.to(device).eval()
    most = min(
        tokenizer.model_max_length, getattr(model.config.get_text_config(), "max_position_embeddings", UNBOUNDED)
    )
    wanted = reward.config.max_length
    if wanted is not None and wanted > most:
        raise RewardError(f"{where}.max_length: {reward.model} takes at most {most} tokens")
    return _Loaded(model, tokenizer, wanted or most, device)


def _why(error: Exception) -> str:
    text = " ".join(str(error).split())
    if "trust_remote_code" in text:
        return (
            "it needs code of its own, which is never run in this process; serve it with vLLM or TEI and give endpoint:"
        )
    return text[:400] or type(error).__name__
