"""Measures of texts of one language, for the library `evaluate`; `arbitrage_eval` must be installed beside it.

texts = evaluate.load("eval/modules/text_measures", "mtld")
texts.compute(predictions=["...", "..."], language="tr")
"""

from typing import Any

import datasets
import evaluate
from arbitrage_eval.measures.table import MEASURES, measure

INPUTS = f"""
The configuration is the measure: {", ".join(MEASURES)}.

Args:
    predictions: texts of one language.
    language: of the texts, as BCP-47, such as "tr" or "zh-Hant".
Returns: the figures with a `signature` that says how they were computed; a figure is None where there was too little
    text for it, and there is none at all where the measure is not defined for the language.
"""
CITATIONS = (
    "MTLD: McCarthy and Jarvis 2010. distinct: Li et al. 2016. LIX: Björnsson 1968, 1983. RIX: Anderson 1983. fog: "
    "Gunning 1952. repetition: Welleck et al. 2020. confusion: Marchisio et al. 2024. near_duplicates: Broder 1997."
)


class TextMeasures(evaluate.Measurement):
    """One measure of texts of one language."""

    def _info(self) -> evaluate.MeasurementInfo:
        return evaluate.MeasurementInfo(
            description="How long, diverse, readable and repetitive texts are, and whether they are in their language.",
            citation=CITATIONS,
            inputs_description=INPUTS,
            features=datasets.Features({"predictions": datasets.Value("string")}),
        )

    def _compute(self, predictions: list[str], language: str) -> dict[str, Any]:
        return measure(self.config_name, predictions, language)
