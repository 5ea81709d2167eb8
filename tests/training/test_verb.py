"""`arbitrage train`: where the scripts are, and running one as if its name had been given to Python."""

from pathlib import Path

import pytest
from arbitrage import student
from arbitrage.errors import RecipeError
from commands import ROOT, arbitrage


def test_it_says_where_scripts_and_recipes_are(tmp_path: Path) -> None:
    ran = arbitrage("train", folder=tmp_path)
    listed = {Path(line) for line in ran.stdout.splitlines()}
    there = {*ROOT.glob("training/*.py"), *ROOT.glob("training/recipes/*.yaml")}
    assert ran.returncode == 0 and listed == there and ROOT / "training/sft.py" in there


def test_it_runs_a_script_with_all_that_follows(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("import sys; print(sys.argv[1:]); sys.exit(7)")
    ran = arbitrage("train", "mine.py", "--help", "--seed", "1", "-x", "--", "a b", folder=tmp_path)
    assert ran.returncode == 7 and ran.stdout == "['--help', '--seed', '1', '-x', '--', 'a b']\n", ran
    ran = arbitrage("train", ROOT / "training/sft.py", "--help", folder=tmp_path)
    assert ran.returncode == 0 and "--dataset_revision" in ran.stdout


def test_no_script_is_one_message(tmp_path: Path) -> None:
    ran = arbitrage("train", "nowhere.py", folder=tmp_path)
    assert ran.returncode == 2 and ran.stderr.startswith("arbitrage: nowhere.py: is no file; this version's scripts: ")


def test_without_trl_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(student, "find_spec", lambda name: None)
    with pytest.raises(RecipeError, match=r"sft.py needs TRL: pip install 'multilingual-arbitrage\[train\]'"):
        student.run_script(ROOT / "training/sft.py", [])
