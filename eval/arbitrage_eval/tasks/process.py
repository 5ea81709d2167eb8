"""One model examined in a process of its own: `python -m arbitrage_eval.tasks.process SETTINGS.json`.

What it has to say comes line by line on its output, as JSON; what libraries say goes to its errors. Each task's figures
are written as soon as they are whole. It ends when its input does, so that it never outlives who started it; on Linux
the kernel sees to it too.
"""

import contextlib
import io
import json
import os
import sys
import traceback
from functools import cache
from pathlib import Path
from typing import Any

from arbitrage.embedded.process import belong_to
from arbitrage.run import to_json, write_whole

from arbitrage_eval.tasks.sources import SCRIPT

BATCH = 8
"""How many texts a model of transformers reads at once: always as many, since figures depend on it a little."""
CONCURRENT = 4
"""How many requests an endpoint has at once."""
BOOTSTRAP = 1000
"""Drawings for the standard error of a metric that has none in closed form."""
LONGEST_REASON = 500


def main(settings: dict[str, Any]) -> None:
    """Examine a model in every task that is named."""
    belong_to(settings["parent"])
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as said:
        os.dup2(2, 1)
        # What libraries log of a request that failed has its headers in it, the key among them.
        sys.stdout, sys.stderr = _Redacted(1), _Redacted(2)
        try:
            lm = _model(settings["model"])
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whoever started this is told
            traceback.print_exc()
            for task in settings["tasks"]:
                _tell(said, failed=task["label"], why=f"the model cannot be loaded: {_reason(error)}")
            return
        for task in settings["tasks"]:
            _tell(said, began=task["label"])
            try:
                found = _examine(lm, settings, task)
                write_whole(Path(task["keep"]), to_json(found))
            # Whatever a task or a library raises is this task's end, and no other's.
            except (Exception, SystemExit) as error:  # noqa: BLE001
                traceback.print_exc()
                _tell(said, failed=task["label"], why=_reason(error))
            else:
                _tell(said, finished=task["label"])


class _Redacted(io.TextIOBase):
    """Writes to a file descriptor, but for the key of the endpoint."""

    def __init__(self, descriptor: int) -> None:
        self._file = os.fdopen(os.dup(descriptor), "w", encoding="utf-8", errors="backslashreplace")
        self._key = os.environ.get("OPENAI_API_KEY", "")

    def write(self, text: str) -> int:
        """Write a text."""
        self._file.write(text.replace(self._key, "[the key]") if len(self._key) > 4 else text)
        self._file.flush()
        return len(text)

    def fileno(self) -> int:
        """Return what is written to."""
        return self._file.fileno()


def _examine(lm: Any, settings: dict[str, Any], task: dict[str, Any]) -> dict[str, Any]:
    if "documents" in task:
        lines = Path(task["documents"]).read_text(encoding="utf-8").split("\n")
        documents = [json.loads(line) for line in lines if line]
        if task["measure"] == "preferred":
            from arbitrage_eval.tasks.preferred import preferred

            return preferred(lm, documents, task["chat"])
        from arbitrage_eval.tasks.answered import answered

        return answered(_cached(lm, settings["asked"]), documents, task["chat"])
    import lm_eval

    from arbitrage_eval.tasks.figures import figures

    # Relative paths in a task file begin where it lies.
    with contextlib.chdir(task["folder"] or "."):
        results = lm_eval.simple_evaluate(
            model=lm,
            tasks=[task["task"]],
            num_fewshot=task["few_shot"],
            limit=task["limit"],
            apply_chat_template=task["chat"],
            use_cache=settings["asked"],
            bootstrap_iters=BOOTSTRAP,
            log_samples=False,
            task_manager=_manager(task["folder"] if task["group"] else None, task["defaults"]),
            random_seed=settings["seed"],
            numpy_random_seed=settings["seed"],
            torch_random_seed=settings["seed"],
            fewshot_random_seed=settings["seed"],
        )
    return figures(results)


@cache
def _manager(folder: str | None, defaults: bool) -> Any:
    from lm_eval.tasks import TaskManager

    return TaskManager(include_path=folder, include_defaults=defaults)


def _model(told: dict[str, Any]) -> Any:
    if told["endpoint"] is not None:
        from lm_eval.models.openai_completions import LocalChatCompletion

        url = f"{told['endpoint'].rstrip('/')}/chat/completions"
        return LocalChatCompletion(model=told["model"], base_url=url, num_concurrent=CONCURRENT)
    weights = {"pretrained": told["pretrained"], "revision": told["revision"] or "main", "dtype": "auto"}
    if told["backend"] == "vllm":
        from lm_eval.models.vllm_causallms import VLLM

        return VLLM(**weights, batch_size="auto")
    import torch
    from lm_eval.models.huggingface import HFLM

    return HFLM(
        **weights,
        device="cuda" if torch.cuda.is_available() else "cpu",
        batch_size=BATCH,
    )


def _cached(lm: Any, asked: str | None) -> Any:
    from lm_eval.api.model import CachingLM

    # As simple_evaluate names it.
    return lm if asked is None else CachingLM(lm, f"{asked}_rank0.db")


def _reason(error: BaseException) -> str:
    text = " ".join(str(error).split())
    if "Dataset scripts are no longer supported" in text:
        return f"its data set {SCRIPT} ({text})"
    # An assertion says nothing but where it stands.
    text = text or "".join(str(frame.line) for frame in traceback.extract_tb(error.__traceback__)[-1:])
    return f"{type(error).__name__}: {text}"[:LONGEST_REASON]


def _tell(said: Any, **what: str) -> None:
    said.write(json.dumps(what) + "\n")
    said.flush()


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
