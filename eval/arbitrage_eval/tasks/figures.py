"""What lm-eval found, as plain figures with intervals."""

import math
from collections.abc import Mapping
from typing import Any

NORMAL = 1.959963984540054
"""The 0.975 quantile, 1.96. Source: Miller, "Adding Error Bars to Evals", arXiv:2411.00640, 2024, section 2."""


def figures(results: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metrics of each task of lm-eval's results, and of each group.

    A metric has its value and standard error as lm-eval gives them, with value ± 1.96 standard errors: documents are
    taken for independent, and near 0 and 1, or with few documents, the ends are rough. Where all documents are alike
    there is no interval: a width of zero would say that the next one is sure to be like them.
    """
    found: dict[str, Any] = {"tasks": {}}
    for name, entry in results["results"].items():
        kind = "groups" if name in results.get("group_subtasks", {}) else "tasks"
        metrics = _metrics(entry, results["higher_is_better"].get(name) or {})
        if kind == "groups" and not metrics:
            continue  # a group that lm-eval gives no mean of
        found.setdefault(kind, {})[name] = {
            "version": _plain(results["versions"].get(name)),
            "few_shot": _plain(results["n-shot"].get(name)),
            "n": int(entry.get("sample_len") or 0),
            "metrics": metrics,
        }
    return found


def _metrics(entry: Mapping[str, Any], higher: Mapping[str, Any]) -> dict[str, Any]:
    metrics: dict[str, Any] = {}
    for key, value in entry.items():
        # The keys of metrics are `metric,filter`; what else lm-eval says of a task has no comma.
        metric, comma, kept = key.partition(",")
        if not comma or metric.endswith("_stderr") or (number := _number(value)) is None:
            continue
        stderr = _number(entry.get(f"{metric}_stderr,{kept}"))
        half = NORMAL * stderr if stderr else None
        metrics[metric if kept == "none" else key] = {
            "value": number,
            "stderr": stderr,
            "low": None if half is None else number - half,
            "high": None if half is None else number + half,
            "higher_is_better": higher.get(metric),
        }
    return metrics


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None  # lm-eval writes N/A where there is no standard error
    return number if math.isfinite(number) else None


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, int | float | str) else str(value)
