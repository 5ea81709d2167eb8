"""How to load a dataset, and what each config holds."""

from collections.abc import Mapping
from typing import Any

from arbitrage_cards.arms import TABLES, described, ordered, published, rows_by_language
from arbitrage_cards.escape import escape
from arbitrage_cards.tables import count, table

HERE = "path/to/this/folder"
_HOLDS = {
    "pool": "every answer of every teacher, with rewards, checks and failures",
    "routes": "what each arm asked and chose for a prompt, and why",
    "preferences": "the best against the worst unflagged answer of a prompt",
}


def load_section(manifest: Mapping[str, Any], repo_id: str | None, tag: str | None) -> str:
    """Return how to load each config."""
    config = manifest["default_config"]
    if config is None:
        return ""
    split = "train" if "train" in manifest["configs"][config] else "test"
    revision = f', revision="{tag}"' if tag else ""
    load = f'load_dataset("{repo_id or HERE}", "{config}", split="{split}"{revision})'
    lines = ["## Load", "", "```python", "from datasets import load_dataset", "", f"rows = {load}", "```", ""]
    lines += [_configs(manifest), "", _suffix(manifest)]
    if config not in TABLES:
        lines += [
            "",
            "`prompt` and `completion` are message lists, which TRL trains on as they are (loss on the "
            "completion alone). A trainer that wants one list of messages takes",
            "",
            "```python",
            "from datasets import load_dataset",
            f"rows = {load}",
            "rows = rows.map(",
            '    lambda row: {"messages": row["prompt"] + row["completion"]}, remove_columns=["prompt", "completion"]',
            ")",
            "```",
        ]
    return "\n".join(lines)


def _configs(manifest: Mapping[str, Any]) -> str:
    rows = []
    for name in [*published(manifest), *(name for name in TABLES if name in manifest["configs"])]:
        what = _HOLDS.get(name) or described(manifest["arms"][name])
        if name == manifest["default_config"]:
            what += " (**default**)"
        rows.append([f"`{name}`", what, *(count(rows_of(manifest, name, split)) for split in ("train", "test"))])
    return table(["config", "what it is", "train", "test"], rows)


def rows_of(manifest: Mapping[str, Any], config: str, split: str) -> int:
    """Return how many rows the files of a config over all languages hold."""
    files = manifest["files"].items()
    return sum(file["rows"] for path, file in files if path.startswith(f"{config}/") and f"/{split}-" in path)


def _suffix(manifest: Mapping[str, Any]) -> str:
    default = manifest["default_config"]
    languages = [language for language in manifest["languages"] if f"{default}-{language}" in manifest["configs"]]
    text = (
        f"With a language at its end a config holds that language alone, from the same files: "
        f"`{default}-{languages[0]}`. Languages are {', '.join(map(escape, manifest['languages']))}; a config has only "
        "those in which it has rows. Translations of one instruction share a `source_id` and a split."
    )
    without = [name for name in ordered(manifest) if name not in manifest["configs"]]
    compared = [name for name in without if sum(rows_by_language(manifest["arms"][name]).values())]
    if compared:
        names = ", ".join(map(escape, compared))
        text += f" Compared below but not published (their rows are in `pool` and `routes`): {names}."
    empty = [name for name in without if name not in compared]
    if empty:
        text += f" Without any row: {', '.join(map(escape, empty))}."
    return text
