"""A sequence-to-sequence model of NLLB's class, wired by hand: it spells every letter otherwise, and nothing else.

Its one decoder layer looks at the source's token of its own position and emits that token's partner, so what it
translates is known without it. Upper and lower case letters change places within themselves; digits, marks and blanks
stay. Nothing is trained and nothing is downloaded.
"""

from pathlib import Path
from typing import Any

WIDTH, FREQUENCIES = 128, 12
"""The vector of a token: so many of its sines and cosines tell positions apart, the other places tell tokens."""
PLACES = 128
"""Positions of the model, two of which are the language's and the end's."""
LETTERS = "abcdefghijklmnopqrstuvwxyz"
KNOWN = LETTERS + LETTERS.upper() + "0123456789.,;:!?'\"()[]{}<>/-_@#%&*+=$|~^`\\äöüßéèçñ¿¡"
LANGUAGES = ["eng_Latn", "deu_Latn", "tur_Latn", "fra_Latn", "arb_Arab", "zho_Hans"]
PARTNERS = str.maketrans(LETTERS + LETTERS.upper(), LETTERS[::-1] + LETTERS[::-1].upper())


def spelled(text: str) -> str:
    """Return what the model makes of a text."""
    return text.translate(PARTNERS)


def write_model(folder: Path, *, never_ends: bool = False, places: int = PLACES, seed: int = 0) -> None:
    """Write tokenizer and weights; other weights for another seed, which say the same."""
    import torch
    from transformers import M2M100Config, M2M100ForConditionalGeneration
    from transformers.utils import logging

    logging.disable_progress_bar()
    tokenizer = _tokenizer()
    tokenizer.save_pretrained(folder)
    size = len(tokenizer)
    model = M2M100ForConditionalGeneration(
        M2M100Config(
            vocab_size=size,
            d_model=WIDTH,
            encoder_layers=0,
            decoder_layers=1,
            encoder_attention_heads=1,
            decoder_attention_heads=1,
            encoder_ffn_dim=4,
            decoder_ffn_dim=4,
            max_position_embeddings=places,
            tie_word_embeddings=False,
            scale_embedding=False,
        )
    )
    half = WIDTH // 2
    positions = [*range(FREQUENCIES), *range(half, half + FREQUENCIES)]
    names = [place for place in range(WIDTH) if place not in positions]
    codes = torch.zeros(size, WIDTH)
    generator = torch.Generator().manual_seed(seed)
    # As many of either sign, so that no layer norm moves what stands beside.
    signs = torch.tensor([1.0, -1.0]).repeat(len(names) // 2)
    for number in range(size):
        codes[number, names] = signs[torch.randperm(len(names), generator=generator)]
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.zero_()
        for embedding in (model.model.shared, model.model.encoder.embed_tokens, model.model.decoder.embed_tokens):
            embedding.weight.copy_(codes * 5)
            # The mean that the norms take away there.
            mean = model.model.encoder.embed_positions.weights[2:places].mean()
            embedding.weight[:, positions] = mean / (1 - len(positions) / WIDTH)
        look = model.model.decoder.layers[0].encoder_attn
        for place in positions:
            look.q_proj.weight[place, place] = look.k_proj.weight[place, place] = 100.0
        for place in names:
            look.v_proj.weight[place, place] = 1.0
            look.out_proj.weight[place, place] = 100.0
        for token, number in tokenizer.get_vocab().items():
            partner = tokenizer.convert_tokens_to_ids(spelled(token)) if len(token) == 1 else number
            if not (never_ends and token == tokenizer.eos_token):
                model.lm_head.weight[partner] = codes[number]
    model.save_pretrained(folder)


def _tokenizer() -> Any:
    from transformers import NllbTokenizer

    tokens = ["<s>", "<pad>", "</s>", "<unk>", "▁", *KNOWN]
    vocab = {token: number for number, token in enumerate(tokens)}
    return NllbTokenizer(vocab=vocab, merges=[], extra_special_tokens=LANGUAGES)
