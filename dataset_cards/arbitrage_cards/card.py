"""The README of a dataset folder."""

from collections.abc import Iterator, Mapping
from typing import Any

from arbitrage_cards.escape import escape
from arbitrage_cards.front_matter import front_matter
from arbitrage_cards.sections import (
    answers_section,
    prompts_section,
    rewards_section,
    rows_section,
    sampling_section,
    teachers_section,
)

HERE = "path/to/this/folder"


def render(
    manifest: Mapping[str, Any],
    repo_id: str | None = None,
    tag: str | None = None,
    previous: tuple[str, Mapping[str, Any]] | None = None,
) -> str:
    """Return the card of a dataset from its manifest.

    Args:
        manifest: what `manifest.json` holds.
        repo_id: where it is published; without it the card speaks of a local folder.
        tag: the version that is published there.
        previous: tag and manifest of the version before, where there is one.
    """
    sections = [section for section in _sections(manifest, repo_id, tag) if section]
    return front_matter(manifest) + "\n" + "\n\n".join(sections) + "\n"


def _sections(manifest: Mapping[str, Any], repo_id: str | None, tag: str | None) -> Iterator[str]:
    yield f"# {escape(manifest['name'])}"
    yield _what(manifest)
    if manifest["default_config"] is not None:
        yield _load(manifest, repo_id, tag)
    yield rows_section(manifest)
    yield teachers_section(manifest)
    yield sampling_section(manifest)
    yield prompts_section(manifest)
    yield rewards_section(manifest)
    yield answers_section(manifest)
    yield _limits(manifest)
    yield _reproduce(manifest, repo_id, tag)
    yield _CITATION


def _what(manifest: Mapping[str, Any]) -> str:
    languages = ", ".join(escape(language) for language in manifest["languages"])
    teachers = len(manifest["pool"]["teachers"])
    return (
        f"Synthetic training data in {len(manifest['languages'])} languages ({languages}), made by "
        f"multilingual arbitrage: each prompt was routed through a pool of {teachers} teacher models, since "
        "no single teacher is the best in every language. Each way of routing is an arm with a config of its "
        "own; `pool` holds every answer of every teacher, losing ones and failures among them, `routes` what "
        "each arm asked, chose and why, and `preferences` the best against the worst answer of a prompt."
    )


def _load(manifest: Mapping[str, Any], repo_id: str | None, tag: str | None) -> str:
    config = manifest["default_config"]
    split = "train" if "train" in manifest["configs"][config] else "test"
    revision = f', revision="{tag}"' if tag else ""
    load = f'load_dataset("{repo_id or HERE}", "{config}", split="{split}"{revision})'
    lines = ["## Load", "", "```python", "from datasets import load_dataset", "", f"rows = {load}", "```"]
    lines += [
        "",
        "Every config exists for all languages (`ARM`) and for one (`ARM-LANGUAGE`, the same files). "
        "Translations of one instruction share a `source_id` and a split.",
    ]
    if config not in ("pool", "routes", "preferences"):
        lines += [
            "",
            "`prompt` and `completion` are message lists, which TRL trains on as they are (loss on the "
            "completion alone). A trainer that wants one list of messages takes",
            "",
            "```python",
            "from datasets import load_dataset",
            f"rows = {load}",
            'rows = rows.map(lambda row: {"messages": row["prompt"] + row["completion"]}, '
            'remove_columns=["prompt", "completion"])',
            "```",
        ]
    return "\n".join(lines)


def _limits(manifest: Mapping[str, Any]) -> str:
    lines = [
        "## Limits",
        "",
        "- The completions were written by language models. Nobody read them all; errors, bias and unsafe "
        "text must be expected.",
        "- Rewards compare answers to the same prompt. They say nothing across prompts or languages, and the "
        "reward that routed is no measure of what a student gains.",
        "- An arm that asks one teacher keeps answers that a check flags (column `checks`); an arm that "
        "chooses prefers unflagged ones.",
        "- The licenses of teachers and prompts may bind what is trained on this; they are named above as "
        "the recipe states them.",
    ]
    if any(
        served["revision"] == "unverified"
        for teacher in manifest["pool"]["teachers"].values()
        for served in teacher["served"]
    ):
        lines.append(
            "- A revision `unverified` was neither told by the server nor pinned in the recipe: that teacher "
            "can have changed since."
        )
    return "\n".join(lines)


def _reproduce(manifest: Mapping[str, Any], repo_id: str | None, tag: str | None) -> str:
    command = f"arbitrage reproduce {repo_id or HERE}" + (f" --revision {tag}" if tag else "")
    return "\n".join(
        [
            "## Reproduce",
            "",
            "With the package `multilingual-arbitrage` installed:",
            "",
            "```",
            command,
            "```",
            "",
            "This asks no model. It checks every file against `manifest.json`, rebuilds each arm and the "
            "preferences from `pool` and `routes`, lets the built-in routers decide again, and names the "
            "first rows that differ. `recipe.yaml` is the recipe that was built, with endpoints left out "
            f"(sha256 `{manifest['recipe_hash']}`).",
        ]
    )


_CITATION = """## Citation

The method is from [Multilingual Arbitrage](https://arxiv.org/abs/2408.14960), ACL 2025:

```bibtex
@inproceedings{odumakinde-etal-2025-multilingual,
    title = "Multilingual Arbitration: Optimizing Data Pools to Accelerate Multilingual Progress",
    author = "Odumakinde, Ayomide and D'souza, Daniel and Verga, Pat and Ermis, Beyza and Hooker, Sara",
    booktitle = "Proceedings of the 63rd Annual Meeting of the Association for Computational Linguistics",
    year = "2025",
    pages = "19142--19164",
    url = "https://aclanthology.org/2025.acl-long.939",
    note = "arXiv:2408.14960",
}
```"""
