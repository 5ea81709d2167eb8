"""A dataset that was published before its store was lost, and files of completions made offline."""

import json
import shutil
from pathlib import Path
from typing import Any

import tgi
from line.trial import Trial, teacher


class Lost:
    """A trial of two teachers whose dataset was published before its store was lost."""

    def __init__(self, folder: Path, handles: list[tgi.Handle]) -> None:
        self.handles = handles
        a, b = handles
        arms = {"reward": {"router": "reward"}, "random": {"router": "random"}}
        self.trial = Trial(folder, {"a": teacher("a", a.url), "b": teacher("b", b.url)}, arms=arms)
        self.published = folder / "published"

    def lose_the_store(self) -> None:
        shutil.copytree(self.trial.dataset, self.published)
        shutil.rmtree(self.trial.run_folder)
        self.forget_requests()

    def forget_requests(self) -> None:
        for handle in self.handles:
            handle.log.clear()

    def bring(self, source: str | None = None) -> dict[str, Any]:
        self.trial.write()
        ran = self.trial.run("import", source or str(self.published), "--json")
        assert ran.code in (0, 1), ran
        assert (ran.code == 1) == bool(ran.json["unreadable"])
        return dict(ran.json)

    @property
    def asked(self) -> list[int]:
        return [len(handle.log) for handle in self.handles]


def counts(found: dict[str, Any]) -> dict[str, int]:
    return {key: value for key, value in found.items() if isinstance(value, int) and value}


def batch(lost: Lost, **more: Any) -> list[dict[str, Any]]:
    return [
        {
            "prompt": row["prompt"],
            "language": row["language"],
            "teacher": name,
            "completion": f"{name}: {row['prompt']}",
            **more,
        }
        for row in lost.trial.prompts
        for name in ("a", "b")
    ]


def write(path: Path, lines: list[Any]) -> str:
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("\n".join(texts) + "\n")
    return str(path)
