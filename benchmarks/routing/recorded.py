"""Scores of recorded answers, as a matrix for `worlds.py`: `recorded.py ANSWERS.parquet SCORES.parquet [--like NAME]`.

ANSWERS has a row for each answer, with the columns prompt_id, language, prompt, teacher, completion and
derived_line_pass. The score is how much an answer is like that of one of the teachers, who then stands aside (chrF), or
else whether it is in the right language.
"""

import argparse
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from sacrebleu.metrics import CHRF


def main() -> None:
    """Read the command line and write the scores."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("answers", type=Path)
    parser.add_argument("scores", type=Path)
    parser.add_argument("--like", metavar="NAME")
    options = parser.parse_args()
    answers: list[dict[str, Any]] = pq.read_table(options.answers).to_pylist()
    chrf = CHRF()
    gold = {(a["prompt_id"], a["language"]): a["completion"] for a in answers if a["teacher"] == options.like}
    rows = []
    for answer in answers:
        where = answer["prompt_id"], answer["language"]
        if answer["teacher"] == options.like or (options.like and not gold.get(where)):
            continue
        passed = float(bool(answer["derived_line_pass"]))
        like = chrf.sentence_score(answer["completion"], [gold[where]]).score if options.like else passed
        rows.append(
            {
                "prompt_id": f"{answer['prompt_id']}/{answer['language']}",
                "source_id": answer["prompt_id"],
                "language": answer["language"],
                "text": answer["prompt"],
                "teacher": answer["teacher"],
                "score": like,
                "held_out": passed,
            }
        )
    pq.write_table(pa.Table.from_pylist(rows), options.scores)


if __name__ == "__main__":
    main()
