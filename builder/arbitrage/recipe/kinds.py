"""The kinds of teacher: behind endpoints, or served by the run itself from a GGUF file or a transformers model."""

import re
from collections.abc import Mapping
from typing import Any, Literal, get_args

Kind = Literal["gguf", "transformers", "endpoint"]
KEYS: dict[str, tuple[Kind, ...]] = {
    **dict.fromkeys(("endpoint", "token", "served_as", "price"), ("endpoint",)),
    **dict.fromkeys(("gguf", "file", "sha256", "context"), ("gguf",)),
    "transformers": ("transformers",),
    **dict.fromkeys(("slots", "threads"), ("gguf", "transformers")),
}
"""The kinds that a key is for, where it is not for all."""
CONTENT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
"""A revision that names a content: a commit, or a sha256."""


def kind_of(data: Mapping[str, Any]) -> Kind:
    """Return the kind of teacher that a block of a recipe is about.

    Raises:
        ValueError: it says none, or has a key of another kind.
    """
    kind: Kind | None = next((key for key in get_args(Kind) if key in data), None)
    if kind is None:
        raise ValueError("give endpoint:, or gguf: or transformers: for a model that the run serves itself")
    for key, kinds in KEYS.items():
        if kind not in kinds and (data.get(key) if kinds == ("endpoint",) else key in data):
            wanted = " or ".join(f"{one}:" for one in kinds)
            raise ValueError(f"{key}: is for a teacher with {wanted}, not for one with {kind}:")
    return kind
