"""The exit codes as a script sees them."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tgi
from commands import ROOT, arbitrage

RECIPE = """\
name: small
license: cc0-1.0
languages: [en]
prompts: [{{path: prompts.jsonl, language: en}}]
teachers:
  one: {{endpoint: "{url}", api: tgi, model: double/model}}
arms: {{single: {{router: single, teacher: one}}}}
patience: 1s
"""

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(url: str) -> Path:
        lines = (json.dumps({"prompt": f"Question {n}"}) + "\n" for n in range(20))
        (tmp_path / "prompts.jsonl").write_text("".join(lines))
        (tmp_path / "recipe.yaml").write_text(RECIPE.format(url=url))
        return tmp_path

    return write


def test_0_when_done_and_1_when_a_reproduced_value_differs(write: Write) -> None:
    with tgi.serve(tgi.Double()) as double:
        folder = write(double.url)
        assert arbitrage("check", "recipe.yaml", folder=folder).returncode == 0
        assert arbitrage("build", "recipe.yaml", folder=folder).returncode == 0
    dataset = folder / "runs/small/dataset"
    done = arbitrage("reproduce", dataset, folder=folder)
    assert done.returncode == 0
    assert done.stdout.startswith("the same (")
    path = sorted((dataset / "single/en").iterdir())[-1]
    table = pq.read_table(path)
    changed = pa.array(["two", *table["teacher"].to_pylist()[1:]], pa.string())
    pq.write_table(table.set_column(table.schema.get_field_index("teacher"), "teacher", changed), path)
    done = arbitrage("reproduce", dataset, folder=folder)
    assert done.returncode == 1
    assert f"single/en/{path.name}, row 0, prompt {table['prompt_id'][0]}, column teacher: " in done.stdout
    assert "\nNOT the same (" in done.stdout


def test_1_when_a_row_to_import_is_unreadable(write: Write) -> None:
    folder = write("http://127.0.0.1:9")
    (folder / "batch.jsonl").write_text('{"prompt": "Question 1", "teacher": "one", "completion": "Yes."}\n{\n')
    done = arbitrage("import", "recipe.yaml", "batch.jsonl", folder=folder)
    assert done.returncode == 1
    assert "unreadable: batch.jsonl:2: not JSON" in done.stderr
    assert "1 of 1 answer prompts of the recipe" in done.stdout


def test_1_when_a_teacher_is_down(write: Write) -> None:
    folder = write("http://127.0.0.1:9")
    done = arbitrage("check", "recipe.yaml", folder=folder)
    assert done.returncode == 1
    assert "teacher one does not answer" in done.stdout
    done = arbitrage("build", "recipe.yaml", folder=folder)
    assert done.returncode == 1
    assert "fell short: teacher one: 20 of 20 asks have no answer (connection): cannot connect" in done.stdout
    assert "nothing but one is left and does not answer; waiting" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["build"], "Missing argument"),
        (["bogus"], "No such command 'bogus'"),
        (["build", "recipe.yaml", "--nope"], "No such option: --nope"),
        (["build", "recipe.yaml", "--limit", "0"], "Invalid value for '--limit'"),
        (["build", "recipe.yaml", "--until", "dawn"], "the stages are prompts, completions, rewards, routes"),
        (["build", "absent.yaml"], "arbitrage init absent.yaml"),
        (["status", "recipe.yaml"], "no build has begun here"),
        (["show", "recipe.yaml"], "no build has begun here"),
        (["import", "recipe.yaml", "absent.jsonl"], "no such file or folder"),
        (["import", "recipe.yaml", "."], "a dataset folder holds a manifest.json"),
        (["reproduce", "."], "a dataset folder holds a manifest.json"),
        (["init", "recipe.yaml"], "recipe.yaml is there already"),
    ],
)
def test_2_and_a_message_when_something_has_to_be_changed_first(write: Write, arguments: list[str], says: str) -> None:
    done = arbitrage(*arguments, folder=write("http://127.0.0.1:9"), environ={"COLUMNS": "200", "TERM": "dumb"})
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_130_when_interrupted_and_the_same_command_goes_on(write: Write) -> None:
    with tgi.serve(tgi.Double(latency=0.3, slots=2)) as double:
        folder = write(double.url)
        command = [sys.executable, "-m", "arbitrage", "build", "recipe.yaml"]
        sources = {"PYTHONPATH": f"{ROOT / 'builder'}:{ROOT / 'dataset_cards'}"}
        build = subprocess.Popen(command, cwd=folder, env=sources, stderr=subprocess.PIPE, text=True)
        while not double.stats["by_status"]:
            time.sleep(0.05)
        build.send_signal(signal.SIGINT)
        _, said = build.communicate(timeout=30)
        assert build.returncode == 130
        assert "the same command goes on" in said
        assert arbitrage("build", "recipe.yaml", folder=folder).returncode == 0
        assert double.stats["requests"] == 20
