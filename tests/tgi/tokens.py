"""How the double counts tokens: every four characters are one, so that a test can do the sum in its head."""

from binascii import crc32

SIZE = 4
EOS = "</s>"

Token = dict[str, object]


def count_tokens(text: str) -> int:
    """Return how many tokens `text` is."""
    return -(-len(text) // SIZE)


def cut(text: str, tokens: int) -> str:
    """Return the first `tokens` tokens of `text`."""
    return text[: tokens * SIZE]


def pieces(text: str) -> list[str]:
    """Split `text` into its tokens; joined again they are the text."""
    return [text[start : start + SIZE] for start in range(0, len(text), SIZE)]


def token_id(piece: str) -> int:
    """Return a stable id of a token, as a vocabulary would have."""
    return crc32(piece.encode()) % 50_000


def generated(piece: str) -> Token:
    """Return one generated token as TGI spells it."""
    return {"id": token_id(piece), "text": piece, "logprob": -0.25, "special": piece == EOS}


def prefill(text: str) -> list[Token]:
    """Return the tokens of the input; the first has no logprob, which TGI writes as null."""
    return [
        {"id": token_id(piece), "text": piece, "logprob": -0.5 if index else None}
        for index, piece in enumerate(pieces(text))
    ]


def simple(text: str) -> list[Token]:
    """Return what `/tokenize` answers."""
    return [
        {"id": token_id(piece), "text": piece, "start": index * SIZE, "stop": index * SIZE + len(piece)}
        for index, piece in enumerate(pieces(text))
    ]
