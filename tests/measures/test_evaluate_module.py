import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from arbitrage_eval.measures.table import MEASURES, measure
from commands import ROOT
from measures.passages import PASSAGES

pytest.importorskip("evaluate", reason="needs the library evaluate")
LOADS = """
import json, sys
import evaluate
path, texts = sys.argv[1], json.loads(sys.argv[2])
found = {}
for name in sys.argv[3:]:
    one = evaluate.load(path, name)
    found[name] = one.compute(predictions=texts, language="en")
print(json.dumps(found))
"""


def test_evaluate_loads_every_measure_from_its_folder_without_a_network(tmp_path: Path) -> None:
    environment = {**os.environ, "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1", "HF_EVALUATE_OFFLINE": "1"}
    environment["PYTHONPATH"] = os.pathsep.join(str(ROOT / name) for name in ("builder", "dataset_cards", "eval"))
    texts = [PASSAGES["en"], "Another text, a short one.", ""]
    command = [sys.executable, "-c", LOADS, str(ROOT / "eval/modules/text_measures"), json.dumps(texts), *MEASURES]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {name: measure(name, texts, "en") for name in MEASURES}
