"""The pictures of a card."""

from collections.abc import Mapping
from typing import Any

from arbitrage_cards import rewards, wins
from arbitrage_cards.dots import draw_rewards
from arbitrage_cards.heat import draw_wins

PICTURES = (wins.PICTURE, rewards.PICTURE)


def picture_paths(manifest: Mapping[str, Any]) -> list[str]:
    """Return the paths, beside the card, of the pictures that it shows."""
    found = [wins.PICTURE] if wins.pictured_arm(manifest) is not None else []
    return [*found, rewards.PICTURE] if rewards.pictured(manifest) else found


def pictures(manifest: Mapping[str, Any]) -> dict[str, bytes]:
    """Return the pictures that a card shows, as PNG by their path beside it."""
    found = {}
    arm = wins.pictured_arm(manifest)
    if arm is not None:
        found[wins.PICTURE] = draw_wins(manifest, arm)
    if rewards.pictured(manifest):
        found[rewards.PICTURE] = draw_rewards(manifest)
    return found
