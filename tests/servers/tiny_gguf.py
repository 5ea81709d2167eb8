"""A tiny Llama with random weights, written as GGUF: a real model for llama.cpp that says nothing."""

from pathlib import Path

import gguf
import numpy as np

WIDTH, LAYERS, HEADS, INNER, CONTEXT = 64, 2, 4, 128, 4096
SPECIAL = ("<|bos|>", "<|eos|>", "<|system|>", "<|user|>", "<|assistant|>")
MERGES = ("e r", "e n", "c h", "i n", "a r", "w a", "s o", "wa s", "so r", "Ġ d", "Ġ b")
TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
TEMPLATE_TOKENS = 2
"""What the template adds to one user turn, beside the `<|bos|>` that a bare prompt has too."""


def write_model(path: Path, seed: int) -> None:
    """Write a model of half a megabyte: bytes and a few merges for words, other weights for another seed."""
    writer = gguf.GGUFWriter(path, "llama")
    tokens = _add_vocabulary(writer)
    writer.add_name(path.stem)
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_vocab_size(tokens)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    _add_weights(writer, tokens, seed)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_vocabulary(writer: gguf.GGUFWriter) -> int:
    tokens = [*_letters(), *(merge.replace(" ", "") for merge in MERGES), *SPECIAL]
    normal = len(tokens) - len(SPECIAL)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types([gguf.TokenType.NORMAL] * normal + [gguf.TokenType.CONTROL] * len(SPECIAL))
    writer.add_token_merges(list(MERGES))
    writer.add_bos_token_id(normal)
    writer.add_eos_token_id(normal + 1)
    writer.add_add_bos_token(True)
    writer.add_chat_template(TEMPLATE)
    return len(tokens)


def _letters() -> list[str]:
    """Return GPT-2's letter for every byte: the byte itself where it is printable, else one from U+0100 on."""
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = [byte for byte in range(256) if byte not in printable]
    return [chr(byte) if byte in printable else chr(0x100 + others.index(byte)) for byte in range(256)]


def _add_weights(writer: gguf.GGUFWriter, tokens: int, seed: int) -> None:
    random = np.random.default_rng(seed)

    def add(name: str, rows: int, columns: int) -> None:
        weights = random.standard_normal((rows, columns)) * columns**-0.5
        writer.add_tensor(f"{name}.weight", weights.astype(np.float32))

    def add_norm(name: str) -> None:
        writer.add_tensor(f"{name}.weight", np.ones(WIDTH, np.float32))

    add("token_embd", tokens, WIDTH)
    add("output", tokens, WIDTH)
    add_norm("output_norm")
    for layer in range(LAYERS):
        for name in ("attn_norm", "ffn_norm"):
            add_norm(f"blk.{layer}.{name}")
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            add(f"blk.{layer}.{name}", WIDTH, WIDTH)
        add(f"blk.{layer}.ffn_gate", INNER, WIDTH)
        add(f"blk.{layer}.ffn_up", INNER, WIDTH)
        add(f"blk.{layer}.ffn_down", WIDTH, INNER)
