"""What is wrong with tasks, before a model is loaded or a server is asked."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from arbitrage.errors import DatasetError, HubError, HubUnavailable, RecipeError
from arbitrage.hub.refusals import explained
from arbitrage.recipe.model import NAME, REPO_ID
from arbitrage.recipe.problems import did_you_mean

from arbitrage_eval.tasks.examined import Examined
from arbitrage_eval.tasks.published import documents
from arbitrage_eval.tasks.sources import SCRIPT, read_task_file
from arbitrage_eval.tasks.task import Task

WRITTEN = "generate_until"
"""The only kind of task that answers suffice for; the others want the likelihood of given texts."""
NEEDED = {"lm_eval": "lm-eval", "torch": "torch", "transformers": "transformers"}
NEEDED_TO_ASK = {"tenacity": "lm-eval[api]"}
Config = Mapping[str, Any]


def check_tasks(tasks: Sequence[Task], models: Sequence[Examined], folder: Path) -> None:
    """Refuse tasks that cannot be run; relative paths begin at `folder`.

    lm-eval's own tasks are looked up by name, which takes it ten seconds or more; nothing is done where none is named.

    Raises:
        RecipeError: tasks are unknown, broken, or not for these models; the message has every problem.
        HubUnavailable: a dataset on the Hub cannot be read now.
    """
    if not tasks:
        return
    chats = [model.name for model in models if model.endpoint is not None]
    needed = NEEDED | NEEDED_TO_ASK if chats else NEEDED
    if lacking := [name for module, name in needed.items() if find_spec(module) is None]:
        raise RecipeError(f"tasks: {', '.join(lacking)}: not installed: pip install 'multilingual-arbitrage[eval]'")
    if any(model.backend == "vllm" for model in models) and find_spec("vllm") is None:
        raise RecipeError("backend: vllm is not installed: pip install vllm, or leave backend: out")
    problems: list[str] = []
    index: Mapping[str, Any] = {}
    if any(task.name is not None for task in tasks):
        index = _index()
    labels = [task.label for task in tasks]
    problems += [f"{label}: stands there twice" for label in sorted({one for one in labels if labels.count(one) > 1})]
    problems += [
        f"{model.name}: {model.pretrained}: is neither a folder here nor the name of a model on the Hub (org/name)"
        for model in models
        if model.pretrained is not None
        and model.folder(folder) is None
        and not re.fullmatch(f"({NAME}/)?{NAME}", model.pretrained)
    ]
    scripts = _Scripts()
    for task in tasks:
        try:
            configs = list(_configs(task, folder, index))
        except HubUnavailable:
            raise
        except (DatasetError, HubError, RecipeError) as error:
            problems.append(f"{task.label}: {error}")
            continue
        problems += [f"{task.label}: {why}" for why in _unfit(task, configs, chats)]
        problems += [f"{task.label}: {why}" for why in scripts.among(configs)]
    if problems:
        raise RecipeError("\n".join(f"tasks: {problem}" for problem in problems))


def _configs(task: Task, folder: Path, index: Mapping[str, Any]) -> Iterator[Config]:
    """Yield the configurations of all tasks that a task is.

    Raises:
        ArbitrageError: it is none.
    """
    if task.dataset is not None:
        documents(task, folder)
        yield {"task": task.label, "output_type": WRITTEN if task.measure == "answers" else "loglikelihood"}
    elif task.yaml is not None:
        file = read_task_file(folder / task.yaml)
        yield from file.leaves
        foreign = _index() if file.foreign else {}
        for name in file.foreign:
            yield from _known(name, foreign)
    else:
        yield from _known(str(task.name), index)


def _index() -> Mapping[str, Any]:
    from lm_eval.tasks import TaskManager

    index: Mapping[str, Any] = TaskManager().task_index
    return index


def _known(name: str, index: Mapping[str, Any]) -> Iterator[Config]:
    if name not in index:
        # All of them are fourteen thousand.
        near = did_you_mean(name, index)
        raise RecipeError(
            f"lm-eval knows no task {name}" + (near if "did you mean" in near else "; `lm-eval ls tasks` lists them")
        )
    entry = index[name]
    for member in sorted(entry.tags) if entry.kind.name == "TAG" else []:
        yield from _known(member, index)
    if entry.cfg is not None:
        yield from _leaves(entry.cfg, index)


def _leaves(config: Config, index: Mapping[str, Any]) -> Iterator[Config]:
    members = config.get("task")
    if not isinstance(members, list):
        yield config
        return
    for member in members:
        # A member may be written out, or change some of what a known one says.
        name = member if isinstance(member, str) else member.get("task", member.get("group"))
        if isinstance(name, str) and name in index:
            for leaf in _known(name, index):
                yield leaf if isinstance(member, str) else {**leaf, **member, "task": leaf.get("task")}
        elif isinstance(member, Mapping):
            yield from _leaves(member, index)


def _unfit(task: Task, configs: Sequence[Config], chats: Sequence[str]) -> Iterator[str]:
    kinds = {str(config["task"]): config.get("output_type", WRITTEN) for config in configs if "class" not in config}
    likely = sorted(name for name, kind in kinds.items() if kind != WRITTEN)
    if chats and likely:
        what = f"{kinds[likely[0]]}" if len(likely) == 1 else f"{len(likely)} tasks such as {likely[0]}"
        yield (
            f"asks how likely given texts are ({what}), and chat endpoints give no log-likelihoods "
            f"({', '.join(chats)}): have transformers load the model, or leave the task out"
        )
    fixed = sorted(str(config["task"]) for config in configs if config.get("num_fewshot") == 0)
    if task.few_shot and fixed:
        yield f"few_shot: lm-eval leaves {fixed[0]} at the 0 examples that its file says"


class _Scripts:
    """Which data sets on the Hub are loading scripts, each asked for once."""

    def __init__(self) -> None:
        self._known: dict[str, bool] = {}
        self._reached = True

    def among(self, configs: Collection[Config]) -> Iterator[str]:
        """Yield what is wrong with the data sets of tasks; where the Hub cannot be reached, nothing."""
        for name in sorted({str(config["dataset_path"]) for config in configs if config.get("dataset_path")}):
            if self._is_script(name):
                yield f"its data set {name} {SCRIPT}"

    def _is_script(self, name: str) -> bool:
        if name not in self._known and REPO_ID.fullmatch(name) and self._reached:
            from huggingface_hub import HfApi

            script = f"{name.rpartition('/')[2]}.py"
            try:
                with explained(name):
                    self._known[name] = HfApi().file_exists(name, script, repo_type="dataset")
            except HubUnavailable:
                self._reached = False
            except HubError:
                self._known[name] = False  # it may not be read, or not now; whoever loads it says so
        return self._known.get(name, False)
