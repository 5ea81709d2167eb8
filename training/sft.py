# /// script
# requires-python = ">=3.11"
# dependencies = ["datasets>=4.7,<6", "peft>=0.18", "torch>=2.9", "transformers>=5.16,<6", "trl>=1.16,<2"]
# ///
"""Fine-tune a student on one arm of a published dataset.

    uv run sft.py --config recipes/aya-23-8b-lora.yaml --dataset_name org/name --dataset_revision v1.0.0

This file is all that is needed. Its settings are TRL's and those of Data and Shown, by the same names on the command
line and in YAML. The same command goes on after an interruption. Exit codes: 0 done, 2 change something first.
"""

# ---- From here to the next such line, sft.py and dpo.py are the same, since each has to work alone. ----
import hashlib
import json
import math
import os
import re
import resource
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, NoReturn

import torch
from datasets import Dataset, get_dataset_config_names, load_dataset
from datasets.config import HF_DATASETS_CACHE
from huggingface_hub import HfApi, ModelCard, ModelCardData
from huggingface_hub.errors import HfHubHTTPError
from transformers import AutoTokenizer
from trl import ModelConfig, TrlParser, get_peft_config, get_quantization_config

STATE = "training.json"
PASSING = (
    "output_dir push_to_hub hub_model_id hub_token hub_private_repo hub_tag resume_from_checkpoint report_to run_name "
    "project disable_tqdm log_level logging_steps dataset_name dataset_num_proc save_total_limit local_rank"
).split()
"""Settings that no weight depends on."""


class Stop(Exception):
    """What a person has to change, in one message."""


@dataclass
class Data:
    """What to train on."""

    dataset_name: str = field(metadata={"help": "The dataset: a name on the Hub, or a folder."})
    dataset_config: str = field(metadata={"help": "The arm, or ARM-LANGUAGE."})
    dataset_revision: str | None = field(default=None, metadata={"help": "Its version on the Hub: a tag or a commit."})
    moving_revision: bool = field(default=False, metadata={"help": "Take a branch, too, which others may move."})
    dataset_train_split: str = field(default="train", metadata={"help": "What is learned from."})
    dataset_test_split: str = field(default="test", metadata={"help": "What is measured on; '' for nothing."})
    hub_tag: str | None = field(default=None, metadata={"help": "The tag of the pushed model, such as v1.0.0."})


def read_settings(data: type, config: type, **usual: Any) -> tuple[Any, Any, ModelConfig]:
    """Read command line and `--config`; bf16 is on where the hardware has it, unless they say otherwise."""

    def refuse(message: str) -> NoReturn:
        raise Stop(message)

    parser = TrlParser((data, config, ModelConfig), description=__doc__)
    parser.error = refuse  # type: ignore[method-assign]
    parser.set_defaults(bf16=torch.cuda.is_available() and torch.cuda.is_bf16_supported(), **usual)
    with explained("settings"):
        what, args, model = parser.parse_args_and_config()
    if args.trust_remote_code:
        raise Stop("trust_remote_code: models that bring code of their own are not run")
    if not model.model_name_or_path or (args.push_to_hub and not args.hub_model_id):
        raise Stop("model_name_or_path: is missing, or, with push_to_hub, hub_model_id: is")
    return what, args, model


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Turn what the Hub, a file or a library refuses into one message."""
    try:
        yield
    except HfHubHTTPError as error:
        hint = " (is it there, and may your token see it?)" if error.response.status_code in (401, 403, 404) else ""
        raise Stop(f"{what}: {str(error).splitlines()[0][:300]}{hint}") from error
    except (OSError, ValueError, RuntimeError, TypeError, ImportError) as error:
        raise Stop(f"{what}: {type(error).__name__}: {str(error)[:400]}") from error


def digest_of(folder: Path, which: str = "**/*") -> str:
    """Return a hash of a folder's files."""
    found = hashlib.sha256()
    for path in sorted(path for path in folder.glob(which) if path.is_file()):
        with path.open("rb") as file:
            found.update(path.relative_to(folder).as_posix().encode() + hashlib.file_digest(file, "sha256").digest())
    return found.hexdigest()


def pinned(data: Data) -> dict[str, Any]:
    """Return which rows are meant: on the Hub the commit of a tag, of a folder a hash."""
    name, wanted = data.dataset_name, data.dataset_revision
    if Path(name).is_dir():
        if wanted:
            raise Stop(f"dataset_revision: {name} is a folder, which has one version")
        files = digest_of(Path(name), "manifest.json" if Path(name, "manifest.json").is_file() else "**/*")
        return {"name": Path(name).resolve().name, "revision": None, "commit": None, "files": files}
    found = {"name": name, "revision": wanted, "commit": wanted, "files": None}
    if re.fullmatch("[0-9a-f]{40}", wanted or ""):
        return found
    with explained(f"dataset_name: {name}"):
        refs = HfApi().list_repo_refs(name, repo_type="dataset")
        tags, branches = [ref.name for ref in refs.tags], [ref.name for ref in refs.branches]
        there = f"tags of {name}: {', '.join(tags[-9:]) or 'none'}"
        if wanted not in (*tags, *branches):
            raise Stop(f"dataset_revision: {f'there is no {wanted}' if wanted else 'say which version'}; {there}")
        if wanted not in tags and not data.moving_revision:
            raise Stop(f"dataset_revision: {wanted} is a branch, which moves; {there}; or moving_revision: true")
        return {**found, "commit": HfApi().dataset_info(name, revision=wanted).sha}


def key_of(method: str, data: Data, args: Any, model: ModelConfig) -> dict[str, Any]:
    """Return all that decides what comes out: another key is another training."""
    name = str(model.model_name_or_path)
    base: dict[str, Any] = {"name": Path(name).resolve().name if Path(name).is_dir() else name, "commit": None}
    where, settings = pinned(data), {}
    if Path(name).is_dir():
        base["files"] = digest_of(Path(name))
    else:
        with explained(f"model_name_or_path: {name}"):
            base["commit"] = model.model_revision = str(HfApi().model_info(name, revision=model.model_revision).sha)
    usual = {**vars(ModelConfig()), **vars(type(args)(output_dir=args.output_dir, bf16=args.bf16))}
    for one, value in {**vars(data), **vars(model), **vars(args)}.items():
        if one not in PASSING and value != usual.get(one):
            settings[one] = json.loads(json.dumps(value, default=str))
    settings = dict(sorted({**settings, "bf16": args.bf16, "model_name_or_path": base["name"]}.items()))
    return {"method": method, "dataset": where, "arm": data.dataset_config, "base": base, "settings": settings}


def begun(folder: Path, key: Mapping[str, Any]) -> tuple[dict[str, Any], str | None]:
    """Return what a folder says of this very training, and the checkpoint that it goes on from."""
    if not (folder / STATE).is_file():
        if folder.is_dir() and any(folder.iterdir()):
            raise Stop(f"output_dir: {folder} holds something else: give another")
        return {}, None
    kept: dict[str, Any] = json.loads((folder / STATE).read_text(encoding="utf-8"))
    for name in sorted(set(key) | set(kept["key"])):
        if kept["key"].get(name) != key.get(name):
            was, now = (json.dumps(one.get(name))[:300] for one in (kept["key"], key))
            raise Stop(f"output_dir: {folder} holds another training, whose {name} is {was}, not {now}: give another")
    tell(f"{folder} is trained already" if "metrics" in kept else f"{folder}: goes on")
    places = {int(path.name[11:]): path for path in folder.glob("checkpoint-*") if path.name[11:].isdigit()}
    for step in sorted(places, reverse=True):
        if (places[step] / "trainer_state.json").is_file():
            return kept, str(places[step])
        shutil.rmtree(places[step], ignore_errors=True)  # a kill cut it off: that file is written last
    return kept, None


def load_rows(data: Data, where: Mapping[str, Any], column: str) -> tuple[Dataset, Dataset | None]:
    """Return the rows of both splits, or say what there is instead; `column` tells whether they are of the kind."""
    name, arm = data.dataset_name, data.dataset_config
    with explained(f"dataset_name: {name}"):
        there = get_dataset_config_names(name, revision=where["commit"])
        if arm not in there:
            raise Stop(f"dataset_config: there is no {arm!r}, but {', '.join(one for one in there if '-' not in one)}")
        kept = where["files"] and f"{HF_DATASETS_CACHE}/{where['files'][:16]}"  # by its name alone, others pass for it
        rows = load_dataset(name, arm, revision=where["commit"], cache_dir=kept)
    if data.dataset_train_split not in rows:
        raise Stop(f"dataset_train_split: {arm} has no {data.dataset_train_split!r}, but {', '.join(rows)}")
    train, test = rows[data.dataset_train_split], rows.get(data.dataset_test_split)
    lacking = {"prompt", "prompt_id", "language", column} - set(train.column_names)
    if lacking or not isinstance(train[0][column], list):
        raise Stop(f"dataset_config: {arm} has no conversations in a column {column}, or lacks one: {sorted(lacking)}")
    return train, test


def load_tokenizer(model: ModelConfig, template: str | None) -> Any:
    """Return the tokenizer, with the chat template that is trained with: its own, a file's or another model's."""
    with explained(f"model_name_or_path: {model.model_name_or_path}"):
        found = AutoTokenizer.from_pretrained(model.model_name_or_path, revision=model.model_revision)
        if template and Path(template).is_file():
            found.chat_template = Path(template).read_text(encoding="utf-8")
        elif template:
            found.chat_template = AutoTokenizer.from_pretrained(template).chat_template
    if not found.chat_template:
        raise Stop(f"{model.model_name_or_path} has no chat template: begin from a chat model, or name one's template")
    return found


def encode(tokenizer: Any, head: list[Any], tail: list[Any]) -> tuple[list[int], int]:
    """Return the tokens of a conversation, and how many of them come before what is answered."""
    whole = tokenizer.apply_chat_template(head + tail, return_dict=True)["input_ids"]
    start = tokenizer.apply_chat_template(head, return_dict=True, add_generation_prompt=True)["input_ids"]
    others = (n for n, (a, b) in enumerate(zip(start, whole, strict=False)) if a != b)
    return whole, next(others, min(len(start), len(whole)))


def spells(tokenizer: Any, turns: Sequence[Mapping[str, Any]]) -> bool:
    """Say whether a text spells a special token, which would end a turn in its middle, or begin another."""
    marks = [str(token) for token in tokenizer.added_tokens_decoder.values() if token.special]
    return any(mark in turn["content"] for mark in marks for turn in turns)


def histogram(lengths: Sequence[int], limit: int | None) -> Iterator[str]:
    """Yield how long examples are, in tokens, and what a limit cuts off."""
    ordered = sorted(lengths)
    if not ordered:
        raise Stop("no example is left to train on: look at tokens:, examples: and the arm's rows")
    least = {share: ordered[min(len(ordered) - 1, int(len(ordered) * share))] for share in (0.5, 0.9, 0.99, 1.0)}
    yield "tokens an example: " + ", ".join(f"{share:.0%} have up to {value:,}" for share, value in least.items())
    bins = [n.bit_length() for n in ordered]
    for size in range(bins[0], bins[-1] + 1):
        yield f"  below {2**size:>7,}  {'#' * round(40 * bins.count(size) / len(bins)):40}  {bins.count(size):,}"
    if limit:
        cut = sum(length > limit for length in ordered) / len(ordered)
        lost = sum(max(0, length - limit) for length in ordered) / sum(ordered)
        yield f"max_length {limit:,} cuts {cut:.1%} of the examples, and {lost:.1%} of all tokens off"


def train(trainer: Any, state: dict[str, Any], checkpoint: str | None) -> None:
    """Train, or go on; measure what came out, and keep it with its card."""
    folder = Path(trainer.args.output_dir)
    if trainer.is_world_process_zero():
        write_state(folder, state)
    trained = trainer.train(resume_from_checkpoint=checkpoint)
    if not math.isfinite(trained.training_loss):
        raise Stop("the loss is no number: begin anew with a lower learning_rate, or in bf16 in place of fp16")
    trainer.save_model(folder)
    found = trainer.evaluate() if trainer.eval_dataset is not None else {}
    told = {name: value for name, value in found.items() if re.search("(loss|accuracy|accuracies|margins)$", name)}
    # After a checkpoint the Trainer's loss is of the steps since alone.
    state |= {"metrics": told if checkpoint else {**told, "train_loss": trained.training_loss}}
    peak, device = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, f"{torch.get_num_threads()} CPU threads"
    if torch.cuda.is_available():
        peak, device = torch.cuda.max_memory_allocated(), torch.cuda.get_device_name()
    state["hardware"] = f"{trainer.args.world_size} x {device}, at most {peak / 2**30:.2f} GiB each"
    state |= {"steps": trainer.state.global_step, "log": trainer.state.log_history}
    if trainer.is_world_process_zero():
        card_of(state, folder.resolve().name).save(folder / "README.md")
        write_state(folder, state)
    tell(f"{folder}: {', '.join(f'{name} {value:.4g}' for name, value in state['metrics'].items())}")


def begin(key: Mapping[str, Any], rows: Dataset, lengths: Sequence[int], left_out: int, limit: int) -> dict[str, Any]:
    """Return what is known before the first step, and say how much is learned from."""
    said = f"{key['arm']}: {len(lengths):,} examples of {len(rows):,} rows, {left_out:,} of which spell special tokens"
    tell("\n".join([said, *histogram(lengths, limit)]))
    shown = [Path(one).name if Path(one).is_absolute() else one for one in sys.argv]
    versions = {name: version(name) for name in ("accelerate", "datasets", "peft", "torch", "transformers", "trl")}
    about = {"languages": sorted({one.split("-")[0] for one in rows.unique("language")}), "left_out": left_out}
    about |= {"examples": len(lengths), "tokens": sum(lengths), "versions": versions}
    return {"key": key, "command": shlex.join(["python", *shown]), **about}


def model_settings(model: ModelConfig, args: Any, tokenizer: Any) -> dict[str, Any]:
    """Return how the model is loaded and what of it is trained, as TRL's trainers take it."""
    kwargs = {"revision": model.model_revision, "attn_implementation": model.attn_implementation, "dtype": model.dtype}
    args.model_init_kwargs = {**kwargs, **(args.model_init_kwargs or {})}
    parts = {"peft_config": get_peft_config(model), "quantization_config": get_quantization_config(model)}
    return {"model": model.model_name_or_path, "processing_class": tokenizer, **parts}


def write_state(folder: Path, state: Mapping[str, Any]) -> None:
    """Replace what a folder says of its training at once."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{STATE}.new").write_text(json.dumps(state, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (folder / f"{STATE}.new").replace(folder / STATE)


def card_of(state: Mapping[str, Any], title: str) -> ModelCard:
    """Return the card of a student: all that it came from, and how well it does."""
    key, data, base = state["key"], state["key"]["dataset"], state["key"]["base"]
    about = ModelCardData(
        base_model=base["name"] if base["commit"] else None,
        datasets=[data["name"]] if data["commit"] else None,
        language=state["languages"] or None,
        library_name="peft" if key["settings"].get("use_peft") else "transformers",
        pipeline_tag="text-generation",
        tags=["multilingual-arbitrage", "trl", key["method"]],
    )
    rows = {
        "dataset": " ".join(f"{name} {value}" for name, value in data.items() if value),
        "arm": f"{key['arm']}: {state['examples']:,} examples, {state['tokens']:,} tokens an epoch, "
        f"without {state['left_out']:,} rows whose text spells a special token",
        "base model": " ".join(f"{name} {value}" for name, value in base.items() if value),
        **{name: f"{value:.4g}" for name, value in state["metrics"].items()},
        **{name: str(state[name]) for name in ("steps", "hardware", "command")},
        "versions": ", ".join(f"{name} {one}" for name, one in state["versions"].items()),
    }
    cells = ["| " + name + " | " + re.sub(r"[|`<>\[\]\\\s]+", " ", value)[:500] + " |" for name, value in rows.items()]
    recipe = "\n".join(f"{name}: {json.dumps(value)}" for name, value in key["settings"].items())
    text = f"""# {title}\n\nA student of a pool of teachers through which prompts are routed
([Multilingual Arbitrage](https://arxiv.org/abs/2408.14960)). Its licence follows from its base model's and the
dataset's, whose card names the teachers'.\n\n| | |\n|---|---|\n""" + "\n".join(cells)
    settings = f"What was set otherwise than TRL does:\n\n```yaml\n{recipe.replace('```', '')}\n```\n"
    return ModelCard(f"---\n{about.to_yaml()}\n---\n\n{text}\n\n{settings}")


def push(folder: Path, args: Any, tag: str | None, *, early: bool = False) -> None:
    """Push a student and tag it; what has the tag already is this very student, or stays. `early` looks, no more."""
    api, name, theirs = HfApi(), args.hub_model_id, None
    with explained(f"hub_model_id: {name}"):
        if api.repo_exists(name) and tag in [ref.name for ref in api.list_repo_refs(name).tags]:
            there = api.file_exists(name, STATE, revision=tag)
            theirs = Path(api.hf_hub_download(name, STATE, revision=tag)).read_bytes() if there else b""
        if theirs is None and not early:
            api.create_repo(name, private=args.hub_private_repo, exist_ok=True)
            left = ["checkpoint-*", "training_args.bin", "runs/*", "ref/*", f"{STATE}.new"]
            commit = api.upload_folder(repo_id=name, folder_path=folder, ignore_patterns=left)
            if tag:
                api.create_tag(name, tag=tag, revision=commit.oid)
    if theirs is not None and (early or theirs != (folder / STATE).read_bytes()):
        raise Stop(f"hub_tag: {name} has another model under {tag}, and a version never changes: give another tag")
    tell(f"{name}: {tag or 'no tag'}" + (" is free" if early else " is there"))


def tell(line: str) -> None:
    """Print a line, of several processes once."""
    if os.environ.get("RANK", "0") == "0":
        print(line, flush=True)


def main(work: Callable[[], None]) -> None:
    """Exit with a code, and with a message in place of a traceback where a person can change something."""
    try:
        sys.exit(work())
    except (Stop, OSError) as stop:
        code, text = 2, str(stop)
    except torch.OutOfMemoryError:
        code, text = 2, "no memory left: halve per_device_train_batch_size and double gradient_accumulation_steps"
    except KeyboardInterrupt:
        code, text = 130, "interrupted; the same command goes on from the last checkpoint"
    sys.stderr.write(f"{Path(__file__).name}: {text}\n")
    sys.exit(code)


# ---- What follows is of this file alone. ----

from trl import SFTConfig, SFTTrainer  # noqa: E402


@dataclass
class Shown(Data):
    """How much of it is shown: rows in an order that hashes give, again and again where there are too few."""

    examples: int | None = field(default=None, metadata={"help": "Examples that an epoch has."})
    tokens: int | None = field(default=None, metadata={"help": "Tokens that an epoch has at most."})


def examples_of(rows: Dataset, tokenizer: Any, processes: int | None) -> Dataset:
    """Return the rows as tokens, with a mask of what is answered, and without those that spell special tokens."""

    def example(row: Mapping[str, Any]) -> dict[str, Any]:
        ids, head = encode(tokenizer, row["prompt"], row["completion"])
        return {"input_ids": ids, "completion_mask": [0] * head + [1] * (len(ids) - head), "length": len(ids)}

    rows = rows.select_columns(["prompt_id", "prompt", "completion"])
    rows = rows.filter(lambda row: not spells(tokenizer, [*row["prompt"], *row["completion"]]))
    return rows.map(example, remove_columns=["prompt", "completion"], num_proc=processes)


def shown(rows: Dataset, data: Shown, seed: int) -> Dataset:
    """Return what an epoch has."""
    most, taken, room = data.examples or len(rows), list[int](), data.tokens or math.inf
    for turn in range(1 + most // max(1, len(rows))):
        keys = [hashlib.sha256(f"{seed}:{turn}:{name}".encode()).digest() for name in rows["prompt_id"]]
        taken += sorted(range(len(rows)), key=keys.__getitem__)
    ends = torch.tensor(list(rows["length"]))[taken[:most]].cumsum(0).tolist()
    return rows.select([n for n, end in zip(taken, ends, strict=False) if end <= room])


def work() -> None:
    """Check everything, then load the model and train it."""
    data, args, model = read_settings(Shown, SFTConfig, completion_only_loss=True)  # of tokens, TRL's own is on all
    key, folder = key_of("sft", data, args, model), Path(args.output_dir)
    state, checkpoint, pushes = *begun(folder, key), args.push_to_hub and os.environ.get("RANK", "0") == "0"
    args.push_to_hub = args.logging_nan_inf_filter = False  # it is pushed whole; a loss that is no number counts
    if "metrics" not in state:
        if pushes:
            push(folder, args, data.hub_tag, early=True)
        learned, tested = load_rows(data, key["dataset"], "completion")
        tokenizer = load_tokenizer(model, args.chat_template_path)
        whole = examples_of(learned, tokenizer, args.dataset_num_proc)
        test = None if tested is None else examples_of(tested, tokenizer, args.dataset_num_proc)
        rows = shown(whole, data, args.seed)
        state = begin(key, learned, rows["length"], len(learned) - len(whole), args.max_length)
        with explained("settings"):
            parts = model_settings(model, args, tokenizer)
            trainer = SFTTrainer(args=args, train_dataset=rows, eval_dataset=test, **parts)
        train(trainer, state, checkpoint)
    if pushes:
        push(folder, args, data.hub_tag)


if __name__ == "__main__":
    main(work)
