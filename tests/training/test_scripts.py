"""What the scripts and recipes are, beside what they do."""

import ast
import re
import sys
import tomllib
from typing import Any

import pytest
import yaml
from commands import ROOT

FOLDER = ROOT / "training"
SCRIPTS = ("sft.py", "dpo.py", "compare.py")
SHARED = re.compile(r"# ---- From here.*?# ---- What follows", re.DOTALL)


def header(script: str) -> dict[str, Any]:
    text = (FOLDER / script).read_text(encoding="utf-8")
    block = re.match(r"# /// script\n(.*?)# ///\n", text, re.DOTALL)
    assert block
    return tomllib.loads("".join(line[2:] for line in block[1].splitlines(keepends=True)))


def test_what_two_scripts_share_is_the_same() -> None:
    one, other = (SHARED.search((FOLDER / name).read_text(encoding="utf-8")) for name in ("sft.py", "dpo.py"))
    assert one and other and one[0] == other[0]


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_declares_what_it_imports_and_imports_nothing_of_ours(script: str) -> None:
    declared = {re.split("[><=]", line)[0] for line in header(script)["dependencies"]}
    tree = ast.parse((FOLDER / script).read_text(encoding="utf-8"))
    found = {
        alias.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    }
    found |= {str(node.module).split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    # huggingface_hub comes with datasets, of the version that it wants.
    allowed = declared | sys.stdlib_module_names | {"huggingface_hub"}
    assert found <= allowed | ({"sft"} if script == "compare.py" else set())


def test_scripts_and_the_extra_want_the_same_versions() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extra = {*project["optional-dependencies"]["train"], *project["dependencies"]}
    for script in SCRIPTS:
        assert set(header(script)["dependencies"]) <= extra, script


def test_the_launcher_is_for_fsdp2() -> None:
    config = yaml.safe_load((FOLDER / "recipes/fsdp2.yaml").read_text(encoding="utf-8"))
    assert (config["fsdp_config"]["fsdp_version"], config["num_processes"]) == (2, 8)
