"""The reward that routes: how likely a language model finds an answer, once it was tuned on preferences.

Its score is SimPO's implicit reward, the mean log-likelihood of the answer's tokens (Meng et al. 2024, equation 4):
of all that is this small it judges best, and it is of another kind than the auditor, which classifies.
"""

from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from arbitrage.errors import RewardError
from arbitrage.hub.model import folder_hash
from arbitrage.miniature.model import Lesson, advance, batches, encode, load, optimizer_of
from arbitrage.miniature.preferences import Preference

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedTokenizerFast

    from arbitrage.miniature.model import Speaker

PAIRS, BETA, RATE = 16, 2.0, 3e-4
AT_ONCE = 64
DIGITS = 5


class ImplicitReward:
    """Scores answers as a recipe's `python:` reward does.

    Args:
        model: the folder of the tuned model, from where the command is run.

    Raises:
        RewardError: there is no such folder.
    """

    def __init__(self, model: str) -> None:
        path = Path(model)
        if not path.is_dir():
            raise RewardError(
                f"there is no folder {model} here: run `python -m arbitrage.miniature make .miniature` at the top of "
                "the repository, and the command there too"
            )
        self.revision = folder_hash(path)
        """What tells its scores from those of another model in the folder."""
        self._model, self._tokenizer = load(path)

    def __call__(
        self, prompts: Sequence[Sequence[dict[str, str]]], completions: Sequence[Sequence[dict[str, str]]], **_: Any
    ) -> list[float | None]:
        """Return the mean log-likelihood of each answer."""
        import torch

        torch.set_num_threads(1)
        pairs = [
            (asked[-1]["content"], given[-1]["content"]) for asked, given in zip(prompts, completions, strict=True)
        ]
        found: list[float | None] = [None] * len(pairs)
        order = sorted(range(len(pairs)), key=lambda n: len(pairs[n][0]) + len(pairs[n][1]))
        with torch.inference_mode():
            for start in range(0, len(order), AT_ONCE):
                places = order[start : start + AT_ONCE]
                scores = mean_likelihood(self._model, self._tokenizer, [pairs[n] for n in places])
                for n, score in zip(places, scores.tolist(), strict=True):
                    # Further digits depend on what is in the batch: equal answers are to be equal.
                    found[n] = round(score, DIGITS)
        return found

    def score(self, prompt: str, answer: str) -> float:
        """Return the mean log-likelihood of one answer."""
        (found,) = self([[{"role": "user", "content": prompt}]], [[{"role": "assistant", "content": answer}]])
        assert found is not None
        return found

    def tokens(self, text: str) -> int:
        """Return how many tokens a text has."""
        # Past the tokenizer's own call, which warns of texts that a model could not read: this one only counts them.
        return len(self._tokenizer.backend_tokenizer.encode(text).ids)


def train_implicit(
    model: "Speaker", tokenizer: "PreTrainedTokenizerFast", pairs: Sequence[Preference], steps: int, seed: int
) -> None:
    """Tune a language model so that what was preferred becomes likelier than what was not (SimPO without margin)."""
    import torch
    from torch.nn.functional import logsigmoid

    torch.set_num_threads(1)
    optimizer, schedule = optimizer_of(model, steps, RATE, 0.08)
    model.train()
    for rows in batches([len(pair.prompt) for pair in pairs], PAIRS, steps, Random(f"{seed}:order")):
        chosen = [(pairs[n].prompt, pairs[n].chosen) for n in rows]
        rejected = [(pairs[n].prompt, pairs[n].rejected) for n in rows]
        better, worse = mean_likelihood(model, tokenizer, chosen + rejected).chunk(2)
        advance(model, -logsigmoid(BETA * (better - worse)).mean(), optimizer, schedule)
    model.train(False)


def mean_likelihood(
    model: "Speaker", tokenizer: "PreTrainedTokenizerFast", pairs: Sequence[tuple[str, str]]
) -> "Tensor":
    """Return the mean log-likelihood of each answer's tokens, its end among them; shape (pairs,)."""
    import torch

    encoded = encode(tokenizer, [Lesson(prompt, answer) for prompt, answer in pairs])
    width = max(len(ids) for ids, _ in encoded)
    ids = torch.tensor([ids + [tokenizer.pad_token_id] * (width - len(ids)) for ids, _ in encoded])
    place = torch.arange(1, width)
    answers = torch.stack([(place >= head) & (place < len(tokens)) for tokens, head in encoded])
    logits = model.lm_head(model.model(input_ids=ids).last_hidden_state[:, :-1])
    likelihood = logits.log_softmax(-1).gather(-1, ids[:, 1:, None])[..., 0]
    mean: Tensor = (likelihood * answers).sum(1) / answers.sum(1)
    return mean
