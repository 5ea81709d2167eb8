"""Students trained by real command lines on a dataset that the Hub has, and what goes wrong before and on the way."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hub
import pytest
import torch
import yaml
from arbitrage.miniature.model import load
from commands import ROOT
from safetensors.numpy import load_file
from training.place import Place, exam, make_place, tasks

RECIPE = ROOT / "training/recipes/miniature.yaml"
HUB = ("--dataset_name", "org/tasks", "--dataset_revision", "v1.0.0")
SAVING = ("--examples", "640", "--num_train_epochs", "1", "--save_strategy", "steps", "--save_steps", "5")


RECIPES = sorted(path for path in (ROOT / "training/recipes").glob("*.yaml") if path.name != "fsdp2.yaml")
TINY = {"use_cpu": "true", "bf16": "false", "max_steps": "2", "per_device_train_batch_size": "2", "dtype": "float32"}
TINY |= {"eval_strategy": "no", "eval_on_start": "false", "gradient_accumulation_steps": "2", "save_strategy": "no"}


def options(place: Place, folder: Path | str, *more: str) -> list[str]:
    return ["--config", str(RECIPE), "--model_name_or_path", str(place.base), "--output_dir", str(folder), *more]


def weights(folder: Path) -> dict[str, Any]:
    return {name: value.tolist() for name, value in load_file(folder / "model.safetensors").items()}


def state(folder: Path) -> Any:
    return json.loads((folder / "training.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("training")
    with hub.serving(folder / "hub") as server:
        yield make_place(folder, server)


@pytest.fixture(scope="module")
def trained(place: Place) -> Path:
    """A student, trained and pushed."""
    pushed = ("--push_to_hub", "true", "--hub_model_id", "org/student", "--hub_tag", "v1.0.0")
    said = place.run("sft.py", *options(place, "student", *HUB, "--num_train_epochs", "3", *pushed))
    assert "tokens an example: 50% have up to " in said
    assert "max_length 256 cuts 0.0% of the examples" in said
    assert "org/student: v1.0.0 is there" in said
    return place.folder / "student"


def test_loss_falls_and_the_student_says_what_it_came_from(place: Place, trained: Path) -> None:
    found = state(trained)
    losses = [log["loss"] for log in found["log"] if "loss" in log]
    held_out = [log["eval_loss"] for log in found["log"] if "eval_loss" in log]
    assert losses[-1] < 0.7 * losses[0] and held_out[-1] < 0.7 * held_out[0]
    assert found["key"]["dataset"]["revision"] == "v1.0.0"
    assert found["key"]["dataset"]["commit"] == place.server.repo("org/tasks").tags()["v1.0.0"]
    card = yaml.safe_load((trained / "README.md").read_text(encoding="utf-8").split("---\n")[1])
    assert card["datasets"] == ["org/tasks"]
    assert card["language"] == ["ar", "de", "en", "fr", "tr", "uk", "zh"]
    assert "base_model" not in card, "a folder is no model of the Hub"
    body = (trained / "README.md").read_text(encoding="utf-8")
    for said in (
        "v1.0.0",
        found["key"]["dataset"]["commit"],
        "reward: ",
        "eval_loss",
        "learning_rate: 0.005",
        "trl 1.",
    ):
        assert said in body, said
    assert str(place.folder) not in body + (trained / "training.json").read_text(encoding="utf-8")


def test_the_pushed_model_loads_with_its_card_and_tag(place: Place, trained: Path, tmp_path: Path) -> None:
    code = (
        "import json, sys; from huggingface_hub import HfApi, ModelCard\n"
        "from transformers import AutoModelForCausalLM\n"
        "model = AutoModelForCausalLM.from_pretrained('org/student', revision='v1.0.0')\n"
        "model.save_pretrained(sys.argv[1]); card = ModelCard.load('org/student')\n"
        "files = HfApi().list_repo_files('org/student', revision='v1.0.0')\n"
        "print(json.dumps([card.data.datasets, files]))"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    ran = subprocess.run(command, cwd=place.folder, env=place.environ, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    datasets, files = json.loads(ran.stdout.splitlines()[-1])
    assert datasets == ["org/tasks"]
    assert {"README.md", "training.json", "model.safetensors", "tokenizer.json"} <= set(files)
    assert not [name for name in files if name.startswith("checkpoint-") or name.endswith(".bin")]
    assert weights(tmp_path) == weights(trained)


def test_the_same_again_trains_nothing_and_a_taken_tag_stays(place: Place, trained: Path) -> None:
    before = place.server.repo("org/student", "model").tags()
    pushed = ("--push_to_hub", "true", "--hub_model_id", "org/student", "--hub_tag", "v1.0.0")
    said = place.run("sft.py", *options(place, "student", *HUB, "--num_train_epochs", "3", *pushed))
    assert "student is trained already" in said and "v1.0.0 is there" in said
    (refused,) = place.many([["sft", *options(place, "other", *HUB, "--max_steps", "1", *pushed)]])
    assert refused and "has another model under v1.0.0" in refused
    assert not (place.folder / "other").exists(), "it is said before anything is trained"
    assert place.server.repo("org/student", "model").tags() == before


def test_killed_in_the_middle_it_goes_on_to_the_same_weights(place: Place) -> None:
    place.run("sft.py", *options(place, "whole", *HUB, *SAVING))
    command = place.command("sft.py", *options(place, "killed", *HUB, *SAVING))
    process = subprocess.Popen(
        command, cwd=place.folder, env=place.environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    folder = place.folder / "killed"
    while not (folder / "checkpoint-10" / "trainer_state.json").exists():
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (folder / "model.safetensors").exists()
    # As a kill in the middle of saving leaves it.
    torn = folder / "checkpoint-9999"
    torn.mkdir()
    (torn / "model.safetensors").write_bytes(b"half")
    place.run("sft.py", *options(place, "killed", *HUB, *SAVING))
    assert not torn.exists()
    assert weights(folder) == weights(place.folder / "whole")
    found, whole = (state(path)["metrics"] for path in (folder, place.folder / "whole"))
    assert found == {name: value for name, value in whole.items() if name != "train_loss"}


def test_packed_examples_do_not_see_each_other(place: Place) -> None:
    """At a learning rate of zero, the loss on the same examples is the same however they are laid out."""
    held = ("--learning_rate", "0", "--examples", "64", "--num_train_epochs", "1", "--dataset_test_split", "none")
    still = (*HUB, *held, "--eval_strategy", "no", "--eval_on_start", "false", "--save_strategy", "no")
    ways = {"padded": ("--per_device_train_batch_size", "64"), "packed": ("--packing", "true")}
    assert place.many([["sft", *options(place, name, *still, *more)] for name, more in ways.items()]) == [None, None]
    losses = [state(place.folder / name)["metrics"]["train_loss"] for name in ways]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


REFUSED = [
    (("--dataset_config", "rewrd"), "dataset_config: there is no 'rewrd', but pool, preferences, random, reward"),
    (("--dataset_config", "pool"), "pool has no conversations in a column completion"),
    (("--dataset_revision", "v9.0.0"), "there is no v9.0.0; tags of org/tasks: v1.0.0"),
    (("--dataset_revision", "main"), "main is a branch, which moves; tags of org/tasks: v1.0.0"),
    (("--dataset_revision", "f" * 40), "dataset_name: org/tasks: "),
    (("--dataset_name", "org/nothing"), "dataset_name: org/nothing: "),
    (("--dataset_name", "not/a/name"), "dataset_name: not/a/name: "),
    (("--dataset_train_split", "training"), "reward has no 'training', but "),
    (("--learnig_rate", "1"), "--learnig_rate"),
    (("--learning_rate", "fast"), "learning_rate"),
    (("--model_name_or_path", "org/nothing"), "model_name_or_path: org/nothing: "),
    (("--push_to_hub", "true"), "hub_model_id: is"),
    (("--trust_remote_code", "true"), "trust_remote_code"),
    (("--tokens", "3"), "no example is left"),
]


def test_what_cannot_be_is_one_message_before_a_model_is_loaded(place: Place) -> None:
    given = options(place, "refused", *HUB)
    told = place.many([["sft", *given, *more] for more, _ in REFUSED])
    for (more, expected), said in zip(REFUSED, told, strict=True):
        assert said and expected in said and "\n" not in said.strip(), (more, said)
    assert not (place.folder / "refused").exists()


def test_a_wrong_command_line_ends_with_2_and_without_a_traceback(place: Place) -> None:
    told = place.run("sft.py", "--config", "nowhere.yaml", code=2)
    assert told.startswith("sft.py: settings: ") and "nowhere.yaml" in told


def test_a_model_without_a_chat_template_is_refused_or_given_one(place: Place, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    bare.mkdir()
    for path in place.base.iterdir():
        if path.name != "chat_template.jinja":
            (bare / path.name).write_bytes(path.read_bytes())
    given = (*options(place, tmp_path / "out", *HUB), "--model_name_or_path", str(bare), "--max_steps", "1")
    told = place.many([["sft", *given], ["sft", *given, "--chat_template_path", place.base / "chat_template.jinja"]])
    assert told[0] and "has no chat template" in told[0]
    assert told[1] is None


def test_a_folder_of_another_training_is_left_alone(place: Place, trained: Path) -> None:
    before = weights(trained)
    (place.folder / "full").mkdir(exist_ok=True)
    (place.folder / "full" / "thesis.txt").write_text("years of work")
    more = ("--num_train_epochs", "5")
    told = place.many([["sft", *options(place, "student", *HUB, *more)], ["sft", *options(place, "full", *HUB)]])
    assert told[0] and "holds another training, whose settings is" in told[0]
    assert told[1] and "holds something else" in told[1]
    assert weights(trained) == before


def test_the_loss_is_on_the_answers_alone(place: Place, tmp_path: Path) -> None:
    given = tasks(3, 2)
    folder = write_rows(tmp_path / "rows", [conversation(row["prompt"], row["answer"]) for row in given])
    still = ("--max_steps", "1", "--learning_rate", "0", "--eval_strategy", "no", "--eval_on_start", "false")
    more = (*still, "--dataset_name", str(folder), "--per_device_train_batch_size", str(len(given)))
    assert place.many([["sft", *options(place, tmp_path / "out", *more)]]) == [None]
    model, tokenizer = load(place.base)
    losses = []
    for row in given:
        (head, tail), whole = (
            tokenizer(text)["input_ids"]
            for text in (
                [f"<|user|>{row['prompt']}<|assistant|>", f"{row['answer']}<|end|>"],
                f"<|user|>{row['prompt']}<|assistant|>{row['answer']}<|end|>",
            )
        )
        assert head + tail == whole
        with torch.inference_mode():
            logits = model(torch.tensor([whole])).logits[0, len(head) - 1 : -1]
        losses += torch.nn.functional.cross_entropy(logits, torch.tensor(tail), reduction="none").tolist()
    assert state(tmp_path / "out")["metrics"]["train_loss"] == pytest.approx(sum(losses) / len(losses), rel=1e-4)


def conversation(prompt: str, answer: str) -> dict[str, Any]:
    return {
        "prompt": [{"role": "user", "content": prompt}],
        "completion": [{"role": "assistant", "content": answer}],
        "language": "en",
        "prompt_id": prompt[-40:],
    }


def write_rows(folder: Path, rows: list[dict[str, Any]]) -> Path:
    """Write an arm by hand."""
    folder.mkdir()
    (folder / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    (folder / "README.md").write_text("---\nconfigs:\n- config_name: reward\n  data_files: train.jsonl\n---\n")
    return folder


def test_texts_that_spell_special_tokens_are_left_out_and_long_ones_are_counted(place: Place, tmp_path: Path) -> None:
    answer = "1, 2 \N{ZERO WIDTH JOINER}\N{ARABIC LETTER ALEF}𝔘"
    texts = ["put", "end <|end|> of", "and <|assistant|> says", "long " * 200]
    folder = write_rows(tmp_path / "rows", [conversation(text, answer) for text in texts])
    given = options(place, tmp_path / "out", "--dataset_name", str(folder), "--max_steps", "1")
    said = place.run("sft.py", *given, "--eval_strategy", "no", "--eval_on_start", "false")
    assert "reward: 2 examples of 4 rows" in said
    assert "max_length 256 cuts 50.0% of the examples" in said
    assert "without 2 rows whose text spells a special token" in (tmp_path / "out/README.md").read_text()


def test_held_out_accuracy_rises(place: Place, trained: Path) -> None:
    lines = "".join(json.dumps(row) + "\n" for row in exam(place))
    (place.folder / "exam.jsonl").write_text(lines, encoding="utf-8")
    place.run(
        "compare.py",
        *("--config", RECIPE, *HUB, "--model_name_or_path", place.base, "--exam", "exam.jsonl"),
        *("--arms", "reward", "random", "--seeds", "1", "--examples", "2400", "--output_dir", "compared"),
        *("--eval_strategy", "no", "--eval_on_start", "false"),
    )
    found = json.loads((place.folder / "compared/compare.json").read_text())["arms"]
    assert found["reward"]["right"][0] > found["before training"]["right"][0] + 8
    assert abs(found["reward"]["tokens"][0] - found["random"]["tokens"][0]) < 100
    assert found["reward"]["examples"][0] <= 2400 >= found["random"]["examples"][0]
    table = (place.folder / "compared/compare.md").read_text()
    assert "| reward | " in table and "| before training | - | - | - | " in table


def test_recipes_parse_and_step_with_a_tiny_model(place: Place) -> None:
    commands, peft = [], {}
    for recipe in RECIPES:
        config = yaml.safe_load(recipe.read_text(encoding="utf-8"))
        peft[recipe] = bool(config.get("use_peft"))
        given = {**TINY, "model_name_or_path": place.base, "dataset_name": "org/tasks", "dataset_revision": "v1.0.0"}
        given |= {"output_dir": f"recipes/{recipe.name}"}
        script = "dpo" if config["dataset_config"] == "preferences" else "sft"
        options = [part for name, value in given.items() for part in (f"--{name}", str(value))]
        commands.append([script, "--config", recipe, *options])
    assert place.many(commands) == [None] * len(RECIPES)
    for recipe, is_adapter in peft.items():
        made = place.folder / "recipes" / recipe.name
        assert (made / "adapter_model.safetensors").is_file() == is_adapter
        assert json.loads((made / "training.json").read_text(encoding="utf-8"))["metrics"]["train_loss"] > 0


def test_the_margin_rises(place: Place) -> None:
    place.run(
        "dpo.py",
        *("--dataset_name", "org/tasks", "--dataset_revision", "v1.0.0", "--dataset_config", "preferences"),
        *("--model_name_or_path", place.base, "--output_dir", "preferring", "--num_train_epochs", "1"),
        *("--per_device_train_batch_size", "16", "--learning_rate", "1e-3", "--activation_checkpointing", "false"),
        *("--eval_strategy", "epoch", "--eval_on_start", "true", "--dataloader_pin_memory", "false"),
    )
    log = json.loads((place.folder / "preferring/training.json").read_text())["log"]
    margins = [entry["eval_rewards/margins"] for entry in log if "eval_rewards/margins" in entry]
    assert margins[0] == 0 and margins[-1] > 0.02
    assert "eval_rewards/accuracies" in (place.folder / "preferring/README.md").read_text()


def test_preferences_are_learned_on_top_of_an_adapter(place: Place) -> None:
    steps = ("--use_peft", "true", "--lora_target_modules", "all-linear", "--max_steps", "2", "--eval_strategy", "no")
    first = options(place, "adapter", *HUB, *steps, "--eval_on_start", "false", "--learning_rate", "0.1")
    tuned = [*HUB, "--dataset_config", "preferences", "--model_name_or_path", place.folder / "adapter"]
    tuned += ["--activation_checkpointing", "false", "--logging_steps", "1", "--output_dir", "on-top"]
    whole = ["dpo", *tuned, "--max_steps", "1", "--output_dir", "whole-on-top"]
    told = place.many([["sft", *first], ["dpo", *tuned, *steps], whole])
    assert told[:2] == [None, None]
    assert told[2] and "is an adapter: with use_peft: true it is trained further" in told[2]
    logged = state(place.folder / "on-top")["log"]
    assert logged[0]["rewards/margins"] == 0, "what it is compared with is the adapter, too"
    assert (place.folder / "on-top/adapter_model.safetensors").is_file()


def test_an_arm_is_no_set_of_preferences(place: Place) -> None:
    given = ("--dataset_name", "org/tasks", "--dataset_revision", "v1.0.0", "--dataset_config", "reward")
    (told,) = place.many([["dpo", *given, "--model_name_or_path", place.base, "--output_dir", "none"]])
    assert told and "reward has no conversations in a column chosen" in told
