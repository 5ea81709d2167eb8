"""What a causal language model makes of sentences: the mean of its middle layer's hidden states.

The layer is the fixed one in the middle: of N layers what comes out of layer N // 2. In the middle, models bring
translations closest together (Liu and Niehues 2025, aclanthology.org/2025.acl-long.778, with means over tokens too); a
layer chosen by its result would be chosen on the test.

A sentence stands alone, without a chat template, after the token that begins texts, or the one that ends them where
there is no such; that one does not count for the mean. The first token's hidden states are huge and the same whatever
follows (Sun et al. 2024, arXiv 2402.17762): a mean with them would be them.
"""

import gc
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from arbitrage.errors import ArbitrageError
from arbitrage.rewards.batches import batches

if TYPE_CHECKING:
    from arbitrage_eval.retrieval.nearest import Array

RULES = 1
"""Raised when the same model and sentences may give other vectors."""
TOKENS_ON_CPU, TOKENS_ON_GPU = 4096, 16384
"""Tokens of a batch, padding counted."""
UNBOUNDED = 10**9
"""Tokenizers that know no limit say a number beyond this."""

Tick = Callable[[int], None]


class Encoder:
    """A model that was loaded to look at sentences, and not to write any.

    Args:
        pretrained: a folder, or a model on the Hub.
        revision: a commit or tag on the Hub; of a folder it is not looked at.
        device: such as cpu or cuda; the GPU where there is one, by default.
        budget: tokens of a batch, padding counted.

    Raises:
        ArbitrageError: it cannot be loaded, or has no layers to look at.
    """

    def __init__(
        self,
        pretrained: str,
        revision: str | None = None,
        device: str | None = None,
        budget: int | None = None,
    ) -> None:
        torch, transformers = _libraries()
        self.name = pretrained
        self.device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        dtype = torch.float32 if self.device == "cpu" else torch.bfloat16
        pin = {} if revision is None else {"revision": revision}
        try:
            self._tokenizer = transformers.AutoTokenizer.from_pretrained(pretrained, trust_remote_code=False, **pin)
            # As it was trained, since an adapter would not find its places in the layers alone.
            model = transformers.AutoModelForCausalLM.from_pretrained(
                pretrained, dtype=dtype, trust_remote_code=False, **pin
            )
            # Without the head, whose output over a large vocabulary would take most of the memory.
            self._model: Any = model.to(self.device).eval().base_model
        except Exception as error:
            # Libraries raise what they like of files that are broken.
            raise ArbitrageError(f"{pretrained}: cannot be loaded: {_first_line(error)}") from error
        text = model.config.get_text_config()
        if not getattr(text, "num_hidden_layers", 0):
            raise ArbitrageError(f"{pretrained}: does not say how many layers it has, so none is in the middle")
        self.layers: int = text.num_hidden_layers
        self.layer = self.layers // 2
        self._first = next(
            (one for one in (self._tokenizer.bos_token_id, self._tokenizer.eos_token_id) if one is not None), None
        )
        most = min(self._tokenizer.model_max_length, getattr(text, "max_position_embeddings", UNBOUNDED))
        self._most = most - 1
        self._budget = budget or (TOKENS_ON_CPU if self.device == "cpu" else TOKENS_ON_GPU)
        self.cut = 0
        """Sentences that were longer than the model takes, and were cut."""

    @property
    def how(self) -> dict[str, Any]:
        """What the vectors are: for a result."""
        first = None if self._first is None else self._tokenizer.convert_ids_to_tokens(self._first)
        return {"layer": self.layer, "layers": self.layers, "dtype": str(self._model.dtype), "after": first}

    def vectors(self, texts: Sequence[str], tick: Tick = lambda _: None) -> "Array":
        """Return the vector of each text, one a row; `tick` is told of how many are done.

        Raises:
            ArbitrageError: a text has no tokens, or the model gives what is no number.
        """
        import numpy as np

        ids = self._ids(texts)
        found = np.zeros((len(ids), self._model.config.get_text_config().hidden_size), dtype=np.float32)
        done = 0
        for group in batches([len(one) for one in ids], self._budget):
            try:
                found[group] = self._means([ids[place] for place in group])
            except RuntimeError as error:
                raise ArbitrageError(f"{self.name}: cannot look at the sentences: {_first_line(error)}") from error
            done += len(group)
            tick(done)
        if not np.isfinite(found).all():
            raise ArbitrageError(f"{self.name}: its hidden states are no numbers; is it a model that was trained?")
        return found

    def release(self) -> None:
        """Give the model's memory back."""
        import torch

        self._model = None
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _ids(self, texts: Sequence[str]) -> list[list[int]]:
        lists = self._tokenizer(list(texts), add_special_tokens=False, verbose=False)["input_ids"]
        for text, ids in zip(texts, lists, strict=True):
            if not ids:
                raise ArbitrageError(
                    f"{self.name}: its tokenizer makes nothing of {text!r:.60}; leave out empty sentences"
                )
        self.cut = sum(len(ids) > self._most for ids in lists)
        first = [] if self._first is None else [self._first]
        return [[*first, *ids[: self._most]] for ids in lists]

    def _means(self, ids: Sequence[Sequence[int]]) -> "Array":
        """Return the means of a batch, padded on the right: there, padding moves no position and no token sees it."""
        import torch

        width = max(map(len, ids))
        rows = torch.tensor([[*one, *[0] * (width - len(one))] for one in ids], device=self.device)
        mask = torch.tensor([[1] * len(one) + [0] * (width - len(one)) for one in ids], device=self.device)
        with torch.inference_mode():
            states = self._model(
                input_ids=rows, attention_mask=mask, output_hidden_states=True, use_cache=False
            ).hidden_states[self.layer]
            counted = mask.clone()
            if self._first is not None:
                counted[:, 0] = 0
            weights = counted.unsqueeze(-1).float()
            means: Array = ((states.float() * weights).sum(1) / weights.sum(1)).cpu().numpy()
        return means


def _libraries() -> tuple[Any, Any]:
    try:
        import torch
        import transformers
        from transformers.utils.logging import disable_progress_bar
    except ImportError as error:
        raise ArbitrageError(
            f"retrieval needs torch and transformers ({error}): pip install 'multilingual-arbitrage[local]'"
        ) from error
    # How far the weights are would stand between the lines of our own progress.
    disable_progress_bar()  # type: ignore[no-untyped-call]
    return torch, transformers


def _first_line(error: BaseException) -> str:
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__
