"""Read a prompt source in a process of its own, as the Hub's clients take their endpoint at import."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

from arbitrage.errors import ArbitrageError
from arbitrage.prompts.fingerprint import fingerprint
from arbitrage.prompts.read import read_rows
from arbitrage.recipe.model import PromptSource

for line in sys.stdin:
    source = PromptSource.model_validate_json(line)
    answer: dict[str, object] = {}
    try:
        answer["pinned"] = asdict(fingerprint(source, Path()))
        answer["rows"] = [asdict(row) for row in read_rows(source, Path())]
    except ArbitrageError as error:
        answer["error"] = str(error)
    print("ANSWER " + json.dumps(answer), flush=True)
