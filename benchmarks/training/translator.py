"""A translator for the small world: a sequence-to-sequence model of NLLB's class, trained on the grammar's words."""

from pathlib import Path
from random import Random
from typing import Any

from arbitrage.miniature.tasks import NOUNS, PLACES, languages
from arbitrage.translation.languages import FLORES

BATCH, STEPS, RATE = 64, 800, 3e-3
SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")


def make_translator(folder: Path, words: dict[str, Any], seed: int) -> None:
    """Train a model that translates lists of words between all languages of the world, and save it."""
    import torch
    from torch.nn.functional import cross_entropy
    from transformers import M2M100Config, M2M100ForConditionalGeneration

    random = Random(f"{seed}:translator")
    pairs = [_pair(random, words) for _ in range(BATCH * STEPS)]
    tokenizer = _tokenizer([text for _, text, _, other in pairs[:20_000] for text in (text, other)])
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    model = M2M100ForConditionalGeneration(
        M2M100Config(
            vocab_size=len(tokenizer),
            d_model=64,
            encoder_layers=2,
            decoder_layers=2,
            encoder_attention_heads=4,
            decoder_attention_heads=4,
            encoder_ffn_dim=192,
            decoder_ffn_dim=192,
            max_position_embeddings=128,
            dropout=0.0,
            attention_dropout=0.0,
            encoder_layerdrop=0.0,
            decoder_layerdrop=0.0,
            decoder_start_token_id=tokenizer.eos_token_id,
        )
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, STEPS, pct_start=0.1)
    model.train()
    for step in range(STEPS):
        batch = pairs[BATCH * step : BATCH * (step + 1)]
        sources = _padded([_ids(tokenizer, language, text) for language, text, _, _ in batch], tokenizer.pad_token_id)
        labels = _padded([_ids(tokenizer, language, text) for _, _, language, text in batch], tokenizer.pad_token_id)
        started = torch.full((BATCH, 1), tokenizer.eos_token_id)
        logits = model(
            input_ids=sources,
            attention_mask=sources != tokenizer.pad_token_id,
            decoder_input_ids=torch.cat([started, labels[:, :-1]], 1),
        ).logits
        loss = cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=tokenizer.pad_token_id)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    model.eval()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _pair(random: Random, words: dict[str, Any]) -> tuple[str, str, str, str]:
    """Return a language and a list of words in it, and another language with the same list."""
    one, other = random.sample(languages(), 2)
    group, size = random.choice((("nouns", NOUNS), ("cities", PLACES), ("names", PLACES), ("numbers", 19)))
    items = random.sample(range(size), random.randint(1, 3) if group == "nouns" else 1)
    texts = [words[name]["comma"].join(str(words[name][group][n]) for n in items) for name in (one, other)]
    return one, texts[0], other, texts[1]


def _tokenizer(texts: list[str]) -> Any:
    import json

    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from transformers import NllbTokenizer

    learned = Tokenizer(models.BPE())
    learned.pre_tokenizer = pre_tokenizers.Metaspace()
    learned.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=700, special_tokens=list(SPECIAL)))
    model = json.loads(learned.to_str())["model"]
    merges = [tuple(merge) for merge in model["merges"]]
    return NllbTokenizer(
        vocab=model["vocab"], merges=merges, extra_special_tokens=[FLORES[name] for name in languages()]
    )


def _ids(tokenizer: Any, language: str, text: str) -> list[int]:
    tokenizer.src_lang = FLORES[language]
    found: list[int] = tokenizer(text)["input_ids"]
    return found


def _padded(rows: list[list[int]], pad: int) -> Any:
    import torch

    width = max(map(len, rows))
    return torch.tensor([row + [pad] * (width - len(row)) for row in rows])
