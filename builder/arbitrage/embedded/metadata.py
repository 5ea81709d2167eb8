"""What a GGUF file says of itself, read without loading the model.

Source: the GGUF specification, https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from arbitrage.errors import TeacherError

STRING, ARRAY = 8, 9
SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
"""Bytes of each kind of number."""
MAX_KEYS, MAX_ITEMS, MAX_TEXT = 10_000, 20_000_000, 2**24
TEMPLATE = "tokenizer.chat_template"


def chat_template(path: Path) -> str | None:
    """Return the chat template in a GGUF file; None where it has none.

    Raises:
        TeacherError: it is no GGUF file.
    """
    try:
        with path.open("rb") as file:
            return next((value for key, value in _texts(file) if key == TEMPLATE), None)
    except OSError as error:
        raise TeacherError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (ValueError, struct.error) as error:
        raise TeacherError(f"{path}: is no GGUF file that can be read ({error})") from error


def _texts(file: BinaryIO) -> Iterator[tuple[str, str]]:
    if file.read(4) != b"GGUF":
        raise ValueError("it does not begin with GGUF")
    version, _, keys = struct.unpack("<IQQ", _exactly(file, 20))
    if version not in (2, 3) or keys > MAX_KEYS:
        raise ValueError(f"version {version} with {keys} keys")
    for _ in range(keys):
        key = _text(file)
        (kind,) = struct.unpack("<I", _exactly(file, 4))
        if kind == STRING:
            yield key, _text(file)
        else:
            _skip(file, kind)


def _skip(file: BinaryIO, kind: int) -> None:
    if kind in SIZES:
        file.seek(SIZES[kind], 1)
        return
    if kind != ARRAY:
        raise ValueError(f"a value of kind {kind}")
    of, count = struct.unpack("<IQ", _exactly(file, 12))
    if count > MAX_ITEMS:
        raise ValueError(f"an array of {count} values")
    if of in SIZES:
        file.seek(SIZES[of] * count, 1)
    elif of == STRING:
        for _ in range(count):
            (size,) = struct.unpack("<Q", _exactly(file, 8))
            file.seek(min(size, 2**62), 1)
    else:
        raise ValueError(f"an array of kind {of}")


def _text(file: BinaryIO) -> str:
    (size,) = struct.unpack("<Q", _exactly(file, 8))
    if size > MAX_TEXT:
        raise ValueError(f"a text of {size} bytes")
    return _exactly(file, size).decode("utf-8", "replace")


def _exactly(file: BinaryIO, size: int) -> bytes:
    read = file.read(size)
    if len(read) < size:
        raise ValueError("it breaks off")
    return read
