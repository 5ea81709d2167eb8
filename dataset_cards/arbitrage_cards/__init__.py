"""The card of a dataset, rendered from its manifest, and from results of evaluations."""

from arbitrage_cards.card import render
from arbitrage_cards.changes import changes
from arbitrage_cards.pictures import picture_paths, pictures
from arbitrage_cards.results import examined, results_section

__all__ = ["changes", "examined", "picture_paths", "pictures", "render", "results_section"]
