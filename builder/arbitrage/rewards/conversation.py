"""A prompt and its completion as a reward model reads them: tokens, cut where they are too many."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from arbitrage.records import Message

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


class Tokens(NamedTuple):
    """The tokens of a conversation; None where the answer alone is longer than the model takes."""

    ids: list[int] | None
    cut: bool = False
    """Whether the prompt lost its beginning."""


def tokens_of(
    tokenizer: "PreTrainedTokenizerBase", messages: Sequence[Message], completion: str, max_length: int
) -> Tokens:
    """Return the conversation in the words of the tokenizer's chat template, at most `max_length` tokens.

    What is too long loses tokens from the beginning of the prompt, behind the token that begins every text where
    there is one; the answer and what the template puts behind it stay whole, and where they do not fit there are none.
    """
    turns = [*({"role": turn["role"], "content": turn["content"]} for turn in messages)]
    turns.append({"role": "assistant", "content": completion})
    text = tokenizer.apply_chat_template(turns, tokenize=False)
    assert isinstance(text, str)
    ids = _encode(tokenizer, text)
    if len(ids) <= max_length:
        return Tokens(ids)
    # Templates may take blanks off both ends of a turn.
    begin = text.rfind(completion.strip())
    before = len(_encode(tokenizer, text[:begin])) if begin >= 0 else 0
    head = ids[:1] if tokenizer.bos_token_id is not None and ids[0] == tokenizer.bos_token_id else []
    room = max_length - len(head)
    if len(ids) - before > room:
        return Tokens(None)
    return Tokens([*head, *ids[len(ids) - room :]], cut=True)


def _encode(tokenizer: "PreTrainedTokenizerBase", text: str) -> list[int]:
    # The template writes special tokens itself. The tokenizer's own warning of long texts is not for us: we cut.
    ids: list[int] = tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
    return ids
