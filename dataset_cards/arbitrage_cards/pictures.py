"""The pictures of a card."""

from collections.abc import Mapping
from typing import Any


def pictures(manifest: Mapping[str, Any]) -> dict[str, bytes]:
    """Return the pictures of a card: path to PNG."""
    return {}
