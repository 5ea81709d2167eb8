"""The README of a dataset folder."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from arbitrage_cards.arms import TABLES, published, teachers_of
from arbitrage_cards.auditors import auditors_section, scoring_section
from arbitrage_cards.changes import changes
from arbitrage_cards.escape import escape
from arbitrage_cards.experts import experts_section
from arbitrage_cards.front_matter import front_matter
from arbitrage_cards.learned import learned_section
from arbitrage_cards.licence import licence_section
from arbitrage_cards.load import HERE, load_section
from arbitrage_cards.prompts import prompts_section
from arbitrage_cards.quality import contamination_section, language_section
from arbitrage_cards.results import results_section
from arbitrage_cards.rewards import rewards_section
from arbitrage_cards.teachers import answers_section, sampling_section, teachers_section, tokens_section
from arbitrage_cards.translation import translation_limit
from arbitrage_cards.wins import rows_section, wins_section

SENTENCE = 400
"""Characters of a change that are shown."""


def render(
    manifest: Mapping[str, Any],
    repo_id: str | None = None,
    tag: str | None = None,
    previous: tuple[str, Mapping[str, Any]] | None = None,
    results: Sequence[Mapping[str, Any]] = (),
) -> str:
    """Return the card of a dataset from its manifest.

    Args:
        manifest: what `manifest.json` holds.
        repo_id: where it is published; without it the card speaks of a local folder.
        tag: the version that is published there.
        previous: tag and manifest of the version before, where there is one.
        results: what `arbitrage eval` found, a mapping for each suite.
    """
    sections = [section for section in _sections(manifest, repo_id, tag, previous, results) if section]
    return front_matter(manifest) + "\n" + "\n\n".join(sections) + "\n"


def _sections(
    manifest: Mapping[str, Any],
    repo_id: str | None,
    tag: str | None,
    previous: tuple[str, Mapping[str, Any]] | None,
    results: Sequence[Mapping[str, Any]],
) -> Iterator[str]:
    yield f"# {escape(manifest['name'])}"
    yield _what(manifest)
    yield load_section(manifest, repo_id, tag)
    yield wins_section(manifest)
    yield rewards_section(manifest)
    yield scoring_section(manifest)
    yield auditors_section(manifest)
    yield results_section(results)
    yield experts_section(manifest)
    yield learned_section(manifest)
    yield rows_section(manifest)
    yield teachers_section(manifest)
    yield sampling_section(manifest)
    yield prompts_section(manifest)
    yield contamination_section(manifest)
    yield answers_section(manifest)
    yield language_section(manifest)
    yield tokens_section(manifest)
    yield licence_section(manifest)
    yield _limits(manifest)
    yield _changes(manifest, tag, previous)
    yield _reproduce(manifest, repo_id, tag)
    yield _citation(repo_id, tag)


def _what(manifest: Mapping[str, Any]) -> str:
    languages = manifest["languages"]
    where = f"{len(languages)} languages ({', '.join(map(escape, languages))})"
    if len(languages) == 1:
        where = f"one language ({escape(languages[0])})"
    teachers = len(teachers_of(manifest))
    text = f"Synthetic training data in {where}, written by one teacher model: there was nobody to route to. "
    if teachers > 1:
        text = (
            f"Synthetic training data in {where}, made by multilingual arbitrage: instead of trusting one teacher in "
            f"every language, each prompt was routed through a pool of {teachers} teacher models. "
        )
    uses = {
        "preferences": "preference tuning (`preferences`)",
        "pool": "studying how to route (`pool` and `routes` hold every answer, losing ones and failures among them)",
    }
    default = manifest["default_config"]
    found = [use for config, use in uses.items() if config in manifest["configs"]]
    if default is not None and default not in TABLES:
        others = ", and one config for each other way of routing" if len(published(manifest)) > 1 else ""
        found = [f"supervised fine-tuning (`{default}`{others})", *found]
    return text + (f"It is for {_spoken(found)}." if found else "It has no rows.")


def _spoken(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _limits(manifest: Mapping[str, Any]) -> str:
    lines = [
        "## Limits",
        "",
        "- The completions were written by language models: expect errors, bias and unsafe text.",
        "- Rewards compare answers to the same prompt. They say nothing across prompts or languages, and the "
        "reward that routed is no measure of what a student gains.",
        "- Intervals hold for prompts like these. They say nothing of other prompts, and nothing of whether the "
        "reward is right.",
        "- Built-in routers that ask one teacher keep answers that a check flags (column `checks`); those that "
        "choose prefer unflagged ones.",
        "- The licences of teachers and prompts may bind what is trained on this; they are named above as "
        "the recipe states them.",
    ]
    lines += translation_limit(manifest)
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


def _changes(manifest: Mapping[str, Any], tag: str | None, previous: tuple[str, Mapping[str, Any]] | None) -> str:
    if previous is not None:
        before, old = previous
        lines = [f"- {escape(sentence, SENTENCE)}" for sentence in changes(old, manifest)]
        lines = lines or ["- Rows, recipe and counts are the same; the card alone is new."]
        return "\n".join([f"## Changes since {escape(before)}", "", *lines])
    return f"## Changes\n\n{escape(tag)} is the first version." if tag else ""


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


def _citation(repo_id: str | None, tag: str | None) -> str:
    lines = [
        "## Citation",
        "",
        "The software that built this, and this dataset:" if repo_id else "The software that built this:",
    ]
    lines += ["", "```bibtex", "@software{multilingual-arbitrage,", '    title = "multilingual-arbitrage",', "}"]
    if repo_id:
        lines += ["", f"@misc{{{repo_id.replace('/', '-')},", f'    title = "{repo_id}",']
        lines += [f'    version = "{tag}",'] if tag else []
        lines += [f'    url = "https://huggingface.co/datasets/{repo_id}",', "}"]
    return "\n".join([*lines, "```", "", _METHOD])


_METHOD = """The method is from [Multilingual Arbitrage](https://arxiv.org/abs/2408.14960), ACL 2025:

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
