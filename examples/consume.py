"""What a stranger does with a published dataset: `python consume.py ORG/NAME --revision v1.0.0`.

Needs `datasets` alone: nothing here comes from the package that built the dataset.
"""

import argparse
from collections import Counter
from typing import Any

from datasets import get_dataset_config_names, load_dataset


def to_messages(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row for trainers that want one list of messages; TRL takes `prompt` and `completion` as they are."""
    return {"messages": row["prompt"] + row["completion"]}


def main() -> None:
    """Load an arm whole and as a stream, then the pool behind it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", metavar="ORG/NAME|FOLDER")
    parser.add_argument("--revision", help="a version such as v1.0.0; give one, since main moves on")
    parser.add_argument("--config", help="an arm, or an arm in one language such as reward-tr; else the default")
    options = parser.parse_args()

    configs = get_dataset_config_names(options.dataset, revision=options.revision)
    print(f"{len(configs)} configs: {', '.join(name for name in configs if '-' not in name)}")

    # Whole, in the cache: the same rows for everybody who names the same revision.
    splits = load_dataset(options.dataset, options.config, revision=options.revision)
    for split, rows in splits.items():
        teachers = Counter(rows["teacher"]).most_common(5)
        print(f"{split}: {rows.num_rows} rows in {len(set(rows['language']))} languages; most from {teachers}")

    # For a trainer that wants one list of messages.
    split = next(iter(splits))
    messages = splits[split].map(to_messages, remove_columns=["prompt", "completion"])
    print("as messages:", [turn["role"] for turn in messages[0]["messages"]])

    # As a stream: nothing is kept on this machine.
    stream = load_dataset(options.dataset, options.config, revision=options.revision, split=split, streaming=True)
    print("first of the stream:", next(iter(stream))["prompt_id"])

    # Every answer of one teacher, which is what an arm with that teacher alone would hold.
    pool = load_dataset(options.dataset, "pool", revision=options.revision, split=split)
    teacher = pool[0]["teacher"]
    own = pool.filter(lambda row: row["teacher"] == teacher and (row["completion"] or "").strip())
    print(f"the pool: {pool.num_rows} answers, {own.num_rows} with text from {teacher}")


if __name__ == "__main__":
    main()
