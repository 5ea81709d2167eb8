"""Manifests of any size, as a build would write them."""

from random import Random
from typing import Any

LANGUAGES = """
ar de en fr tr uk zh no sr-Latn ja ko hi bn ta te af am az be bg bs ca cs cy da el es et eu fa fi ga gl gu he hr hu hy
id is it ka kk km kn ky lo lt lv mk ml mn mr ms my ne nl pa pl ps pt ro ru
""".split()


def large(languages: int, teachers: int, arms: int) -> dict[str, Any]:
    """Return the manifest of a dataset of so many languages, teachers and arms; each is drawn from one seed."""
    random = Random(f"{languages} {teachers} {arms}")
    tags = LANGUAGES[:languages]
    pool = [f"teacher-{number}-8b-instruct" if number % 3 else f"t{number}" for number in range(teachers)]
    names = ["reward", "random", *(f"single_{number}" for number in range(max(0, arms - 2)))][:arms]
    configs, files = {}, {}
    for table in [*names, "pool", "routes", "preferences"]:
        configs[table] = _splits(f"{table}/*")
        for tag in tags:
            configs[f"{table}-{tag}"] = _splits(f"{table}/{tag}")
            for split, rows in (("train", 940), ("test", 50)):
                files[f"{table}/{tag}/{split}-00000.parquet"] = {"rows": rows, "rows_sha256": "0" * 64}
    common = {tag: {"prompts": 900, "sources": 800, **_scores(random, names)} for tag in tags}
    return {
        "name": "large",
        "license": "cc-by-nc-4.0",
        "languages": tags,
        "recipe_hash": "0" * 64,
        "recipe": {
            "teachers": {name: {"license": random.choice(["mit", "llama3.1", "cc-by-nc-4.0"])} for name in pool},
            "rewards": {"main": {"python": "chrf"}},
            "route_by": "main",
            "prompts": [{"path": "org/prompts", "revision": "c" * 40, "split": "train", "license": "mit"}],
        },
        "configs": configs,
        "files": files,
        "default_config": names[0],
        "arms": {name: _arm(random, name, tags, pool) for name in names},
        "common": common,
        "overall": {"languages": tags, "prompts": 900 * languages, "sources": 800, **_scores(random, names)},
        "pool": {
            "prompts": {tag: {"train": 950, "test": 50} for tag in tags},
            "teachers": {
                name: {
                    "served": [{"model": f"org/{name}", "revision": "a" * 40, "answers": 1000 * languages}],
                    "languages": {tag: _answers() for tag in tags if random.random() < 0.9},
                }
                for name in pool
            },
        },
    }


def _splits(folder: str) -> dict[str, list[str]]:
    return {split: [f"{folder}/{split}-*.parquet"] for split in ("train", "test")}


def _scores(random: Random, arms: list[str]) -> dict[str, Any]:
    def estimate(centre: float) -> dict[str, float]:
        mean, half = random.gauss(centre, 0.1), 0.01 + random.random() / 20
        return {"mean": mean, "low": mean - half, "high": mean + half}

    gains = {name: estimate(0.1) for name in arms if name != "random"} if "random" in arms else {}
    return {"reward": {name: estimate(0.8 if name == "reward" else 0.5) for name in arms}, "gain": gains}


def _arm(random: Random, name: str, languages: list[str], teachers: list[str]) -> dict[str, Any]:
    chosen = {}
    for language in languages:
        picks = random.choices(teachers, k=400) + [random.choice(teachers)] * 590
        chosen[language] = {teacher: picks.count(teacher) for teacher in sorted(set(picks))}
    return {
        "router": name.split("_")[0],
        "teacher": teachers[0] if name.startswith("single") else None,
        "asked": {language: {"train": 950, "test": 50} for language in languages},
        "rows": {language: {"train": 940, "test": 50} for language in languages},
        "without_row": {"no answer: empty": 10 * len(languages)},
        "chosen": chosen,
    }


def _answers() -> dict[str, Any]:
    tokens = {"prompt_tokens": 100_000, "completion_tokens": 400_000, "tokens_counted": 1000}
    return {"answers": 1000, "usable": 990, "checks": {"truncated": 9}, "errors": {"timeout": 1}, **tokens}
