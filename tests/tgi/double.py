"""One double: which model it plays, how strict and how fast it is, and what it says."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tgi.answers import Answers, echo, replay
from tgi.chat import Template
from tgi.faults import Faults
from tgi.rules import Limits


@dataclass(kw_only=True)
class Double:
    """A TGI that can be served."""

    model_id: str = "double/model"
    model_sha: str | None = "0123456789abcdef0123456789abcdef01234567"
    pipeline_tag: str | None = "text-generation"
    """`/` repeats the prompt before the answer by default for this tag and for None, as TGI does."""
    name: str = ""
    """What the started process calls its port; the model id when empty."""
    port: int = 0
    api_key: str | None = None
    limits: Limits = field(default_factory=Limits)
    template: Template | None = field(default_factory=Template)
    """None plays a model without a chat template."""
    answers: Answers = echo
    reasoning: bool = False
    """Whether every answer starts with a <think> block."""
    latency: float = 0.0
    """Seconds before the first token."""
    per_token: float = 0.0
    """Seconds for every generated token."""
    slots: int | None = None
    """How many requests are generated at once; the others wait in the queue."""
    faults: Faults = field(default_factory=Faults)
    log: Path | None = None
    """A JSONL file that gets one line for every generation request."""

    @classmethod
    def from_config(cls, config: Mapping[str, Any], folder: Path = Path()) -> "Double":
        """Make a double from JSON: the fields of this class, with `replay` (a JSONL file) for `answers`.

        `limits`, `template` and `faults` are objects with the fields of their classes. Relative paths are
        relative to `folder`.
        """
        settings = dict(config)
        if "replay" in settings:
            settings["answers"] = replay(folder / settings.pop("replay"))
        if "limits" in settings:
            settings["limits"] = Limits(**settings["limits"])
        if settings.get("template") is not None:
            settings["template"] = Template(**settings["template"])
        if "log" in settings:
            settings["log"] = folder / settings["log"]
        if "faults" in settings:
            faults = Faults()
            faults.set(**settings["faults"])
            settings["faults"] = faults
        return cls(**settings)
