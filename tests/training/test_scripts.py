"""What the scripts and recipes are, beside what they do."""

import ast
import json
import re
import sys
import tomllib
from typing import Any

import pytest
import yaml
from commands import ROOT
from training.place import Place

FOLDER = ROOT / "training"
SCRIPTS = ("sft.py", "dpo.py", "compare.py")
RECIPES = sorted(path.name for path in (FOLDER / "recipes").glob("*.yaml") if path.name != "fsdp2.yaml")
SHARED = re.compile(r"# ---- From here.*?# ---- What follows", re.DOTALL)
TINY = {"use_cpu": "true", "bf16": "false", "max_steps": "2", "per_device_train_batch_size": "2", "dtype": "float32"}
TINY |= {"eval_strategy": "no", "eval_on_start": "false", "gradient_accumulation_steps": "2", "save_strategy": "no"}


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


def test_recipes_parse_and_step_with_a_tiny_model(place: Place) -> None:
    commands, peft = [], {}
    for recipe in RECIPES:
        config = yaml.safe_load((FOLDER / "recipes" / recipe).read_text(encoding="utf-8"))
        peft[recipe] = bool(config.get("use_peft"))
        given = {**TINY, "model_name_or_path": place.base, "dataset_name": "org/tasks", "dataset_revision": "v1.0.0"}
        given |= {"output_dir": f"recipes/{recipe}"}
        script = "dpo" if config["dataset_config"] == "preferences" else "sft"
        options = [part for name, value in given.items() for part in (f"--{name}", str(value))]
        commands.append([script, "--config", FOLDER / "recipes" / recipe, *options])
    assert place.many(commands) == [None] * len(RECIPES)
    for recipe, is_adapter in peft.items():
        made = place.folder / "recipes" / recipe
        assert (made / "adapter_model.safetensors").is_file() == is_adapter
        assert json.loads((made / "training.json").read_text(encoding="utf-8"))["metrics"]["train_loss"] > 0


def test_the_launcher_is_for_fsdp2() -> None:
    config = yaml.safe_load((FOLDER / "recipes/fsdp2.yaml").read_text(encoding="utf-8"))
    assert (config["fsdp_config"]["fsdp_version"], config["num_processes"]) == (2, 8)
