"""A student tuned on preferences."""

import json

from training.place import Place


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


def test_an_arm_is_no_set_of_preferences(place: Place) -> None:
    given = ("--dataset_name", "org/tasks", "--dataset_revision", "v1.0.0", "--dataset_config", "reward")
    (told,) = place.many([["dpo", *given, "--model_name_or_path", place.base, "--output_dir", "none"]])
    assert told and "reward has no conversations in a column chosen" in told
