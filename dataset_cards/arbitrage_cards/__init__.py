"""The card of a dataset, rendered from its manifest alone."""

from arbitrage_cards.card import render
from arbitrage_cards.changes import changes
from arbitrage_cards.pictures import picture_paths, pictures

__all__ = ["changes", "picture_paths", "pictures", "render"]
