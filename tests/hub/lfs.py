"""Large files: pointers in git, objects by sha256 beside it, in git-lfs's own layout."""

import os
import re
import tempfile
from collections.abc import Callable
from fnmatch import fnmatchcase
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from hub.refusal import Refusal

BLOCK = 1 << 20
REGULAR_LIMIT = 10 * 1000 * 1000
"""A larger file has to be an LFS file, whatever its name."""
_EXTENSIONS = """
7z arrow avro bin bz2 ckpt ftz gz h5 joblib lfs.* lz4 mds mlmodel model msgpack npy npz onnx ot parquet pb pickle pkl
pt pth rar safetensors tar.* tar tflite tgz wasm xz zip zst pcm sam raw aac flac mp3 ogg wav bmp gif png tiff jpg
jpeg webp mp4 webm
"""
PATTERNS = [*(f"*.{name}" for name in _EXTENSIONS.split()), "saved_model/**/*", "*tfevents*"]
ATTRIBUTES = "".join(f"{pattern} filter=lfs diff=lfs merge=lfs -text\n" for pattern in PATTERNS).encode()
"""The `.gitattributes` of a new repository."""
_POINTER = re.compile(rb"version https://git-lfs\.github\.com/spec/v1\noid sha256:([0-9a-f]{64})\nsize ([0-9]+)\n")
POINTER_SIZES = range(110, 160)


class Large(NamedTuple):
    """What a pointer points to."""

    oid: str
    size: int


def pointer(large: Large) -> bytes:
    """Return the content that git keeps in place of a large file."""
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{large.oid}\nsize {large.size}\n".encode()


def pointed(content: bytes) -> Large | None:
    """Return what a blob points to, or None for a regular file."""
    found = _POINTER.fullmatch(content)
    return Large(found[1].decode(), int(found[2])) if found else None


def is_large(path: str, size: int, sample: bytes, attributes: bytes) -> bool:
    """Whether the Hub keeps a new file as an LFS file: by `.gitattributes`, for its size, or as it is binary."""
    if size > REGULAR_LIMIT or b"\0" in sample:
        return True
    large = False
    for line in attributes.decode(errors="replace").splitlines():
        pattern, *settings = line.split() or ["#"]
        if not pattern.startswith("#") and _matches(path, pattern):
            filters = [setting for setting in settings if setting.lstrip("-!").partition("=")[0] == "filter"]
            large = filters[-1] == "filter=lfs" if filters else large
    return large


def _matches(path: str, pattern: str) -> bool:
    # fnmatch's * crosses slashes, which is what ** does.
    return fnmatchcase(path if "/" in pattern else path.rpartition("/")[2], pattern.replace("**/*", "*").lstrip("/"))


class Objects:
    """The LFS objects of one repository."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "lfs"

    def path(self, oid: str) -> Path:
        """Return where an object is, if it is."""
        return self.folder / "objects" / oid[:2] / oid[2:4] / oid

    def has(self, large: Large) -> bool:
        """Whether the object was uploaded, whole."""
        path = self.path(large.oid)
        return path.is_file() and path.stat().st_size == large.size

    def size(self, oid: str) -> int | None:
        """Return the size of an uploaded object."""
        path = self.path(oid)
        return path.stat().st_size if path.is_file() else None

    def add(self, content: bytes) -> Large:
        """Keep an object whose bytes are at hand."""
        large = Large(sha256(content).hexdigest(), len(content))
        if not self.has(large):
            self.receive(large, iter([content, b""]).__next__)
        return large

    def receive(self, large: Large, read: Callable[[], bytes]) -> None:
        """Keep an object that comes in blocks; nothing is kept of one that is not what it was announced to be."""
        digest, size = sha256(), 0
        with self._partial() as (descriptor, name), os.fdopen(descriptor, "wb") as file:
            while block := read():
                digest.update(block)
                size += len(block)
                file.write(block)
            file.flush()
            if (digest.hexdigest(), size) != large:
                raise Refusal(400, f"Content does not match the announced oid {large.oid} and size {large.size}")
            path = self.path(large.oid)
            path.parent.mkdir(parents=True, exist_ok=True)
            Path(name).replace(path)

    def part(self, large: Large, number: int) -> Path:
        """Return where one part of a multipart upload waits."""
        return self.folder / "tmp" / f"{large.oid}.{number}"

    def receive_part(self, path: Path, size: int, read: Callable[[], bytes]) -> str:
        """Keep one part and return its ETag."""
        digest, got = sha256(), 0
        with self._partial() as (descriptor, name), os.fdopen(descriptor, "wb") as file:
            while block := read():
                digest.update(block)
                got += len(block)
                file.write(block)
            file.flush()
            if got != size:
                raise Refusal(400, f"A part of {got} bytes where {size} were announced")
            Path(name).replace(path)
        return digest.hexdigest()

    def join(self, large: Large, parts: list[Path]) -> None:
        """Make an object of its parts."""
        contents = (part.read_bytes() for part in parts)
        self.receive(large, lambda: next(contents, b""))
        for part in parts:
            part.unlink()

    def _partial(self) -> "_Partial":
        folder = self.folder / "tmp"
        folder.mkdir(parents=True, exist_ok=True)
        return _Partial(folder)


class _Partial:
    """A file that is gone at the end unless it was moved to its place."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __enter__(self) -> tuple[int, str]:
        descriptor, self.name = tempfile.mkstemp(dir=self.folder)
        return descriptor, self.name

    def __exit__(self, *_: object) -> None:
        Path(self.name).unlink(missing_ok=True)
