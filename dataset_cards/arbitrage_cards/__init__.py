"""The card of a dataset, rendered from its manifest alone."""

from arbitrage_cards.card import render

__all__ = ["render"]
