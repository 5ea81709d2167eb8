"""Tiny sequence classification models with random weights: real reward models for transformers that know nothing."""

from pathlib import Path
from typing import Any

WORDS = ("ein", "eine", "der", "die", "und", "Frage", "Zahl", "bir", "ve", "soru", "the", "of", "answer")
SPECIAL = ("<|bos|>", "<|eos|>", "<|pad|>", "<|system|>", "<|user|>", "<|assistant|>")
TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] | trim }}"
    "{{ eos_token }}{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
LONGEST = 512
ENDING = 4.0


def write_reward_model(
    folder: Path, seed: int = 0, *, pad: str | None = None, side: str = "right", **more: Any
) -> Path:
    """Write a Llama with one output, in float32, of some hundred kilobytes.

    `pad` is the padding token that model and tokenizer know; reward models often have none, or the one that ends turns.
    """
    import torch
    from transformers import LlamaConfig, LlamaForSequenceClassification

    tokenizer = _tokenizer(pad, side)
    torch.manual_seed(seed)
    sizes: dict[str, Any] = {
        "num_labels": 1,
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "max_position_embeddings": LONGEST,
    }
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=None if pad is None else tokenizer.convert_tokens_to_ids(pad),
        **{**sizes, **more},
    )
    model = LlamaForSequenceClassification(config)
    for parameter in model.parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=parameter.shape[1] ** -0.5)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def write_chat_model(folder: Path, seed: int = 0) -> Path:
    """Write a Llama that completes chats, as small as the others, some of them to the end of the turn."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = _tokenizer("<|pad|>", "left")
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=LONGEST,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    model = LlamaForCausalLM(config)
    with torch.no_grad():
        # Greedily, one with random weights hardly ever comes to an end: here some answers stop and some are cut.
        model.lm_head.weight[tokenizer.eos_token_id] *= ENDING
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _tokenizer(pad: str | None, side: str) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokens, merges = list(letters), []
    for word in WORDS:
        # The byte-level alphabet writes a blank before a word as Ġ.
        made = "Ġ"
        for letter in word:
            merges.append((made, letter))
            made += letter
            tokens.append(made)
    tokens = list(dict.fromkeys(tokens))
    tokenizer = Tokenizer(models.BPE({token: n for n, token in enumerate(tokens)}, list(dict.fromkeys(merges))))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(list(SPECIAL))
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<|bos|>",
        eos_token="<|eos|>",
        pad_token=pad,
        padding_side=side,
        chat_template=TEMPLATE,
        model_max_length=LONGEST,
    )
