"""What a recipe may say of a reward: one of five ways to come to a score."""

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from arbitrage.recipe.part import Endpoints, Part, Price, Seconds

WAYS = {
    "python": {"python", "options"},
    "local": {"local", "model", "revision", "max_length"},
    "endpoint": set("endpoint api model revision served_as token price template concurrency deadline".split()),
    "judge": {"judge"},
    "mean_of": {"mean_of"},
}
"""The key that says how a reward scores, and all keys that go with it."""
HINTS = {
    # TEI cannot be told a length, and what vLLM cuts could be the answer itself, without a word.
    ("max_length", "endpoint"): " the server's own limit holds, and what is longer has no score and is counted",
    ("price", "judge"): " put it inside judge: {...}",
}


class Judge(Part):
    """A chat model that gives a mark by a rubric."""

    endpoint: Endpoints
    api: Literal["tgi", "openai"] = "openai"
    model: str = Field(min_length=1)
    served_as: str | None = None
    revision: str | None = None
    token: str | None = Field(None, repr=False)
    rubric: str | None = None
    """A text file beside the recipe; without one, the rubric that comes with the package."""
    scale: list[int] = [1, 10]
    price: Price | None = None
    max_tokens: int = Field(1024, ge=1)
    extra: dict[str, Any] = {}
    concurrency: int = Field(64, ge=1, le=4096)
    deadline: Seconds = 600.0

    @field_validator("scale")
    @classmethod
    def _is_scale(cls, value: list[int]) -> list[int]:
        if len(value) != 2 or value[0] >= value[1]:
            raise ValueError("should be the lowest and the highest mark, such as [1, 10]")
        return value


class Reward(Part):
    """A score for a completion; scores compare only within a prompt.

    `python:` a built-in (`exact_match`, `chrf`, `chrf_pp`) or `module:name`, called as TRL does; `local: true` a
    sequence classification model in this process; `endpoint:` with `api:` one that is served by vLLM or TEI; `judge:` a
    chat model that gives marks; `mean_of:` the mean of other rewards, each standardised within the prompt.
    """

    python: str | None = None
    options: dict[str, Any] = {}
    local: Literal[True] | None = None
    model: str | None = Field(None, min_length=1)
    revision: str | None = None
    max_length: int | None = Field(None, ge=8)
    endpoint: Endpoints | None = None
    api: Literal["vllm", "tei"] | None = None
    served_as: str | None = None
    token: str | None = Field(None, repr=False)
    price: Price | None = None
    """Of a model with `endpoint:`; a judge's stands in its own block."""
    template: str | None = None
    """For TEI, which knows no chat templates: a text with `{prompt}` and `{completion}`; without it, a pair is sent."""
    concurrency: int = Field(64, ge=1, le=4096)
    deadline: Seconds = 600.0
    judge: Judge | None = None
    mean_of: list[str] | None = None

    @model_validator(mode="after")
    def _scores_in_one_way(self) -> "Reward":
        given = self.model_fields_set
        ways = [way for way in WAYS if getattr(self, way) is not None]
        if len(ways) != 1:
            raise ValueError(
                "give one of python: module:name, local: true with model:, endpoint: with api: and model:, "
                "judge: {...} or mean_of: [...]" + (f", not {' and '.join(ways)}" if ways else "")
            )
        (way,) = ways
        for name in sorted(given - WAYS[way]):
            # A published recipe states every default.
            if getattr(self, name) != type(self).model_fields[name].get_default(call_default_factory=True):
                hint = HINTS.get((name, way), "")
                raise ValueError(f"{name}: goes with {_way_of(name)}, not with {way}:{hint}")
        if way in ("local", "endpoint") and self.model is None:
            raise ValueError("model: is missing; name the reward model")
        if way == "endpoint" and self.api is None:
            raise ValueError("api: is missing; say vllm or tei")
        if self.template is not None and (self.api != "tei" or "{completion}" not in self.template):
            raise ValueError("template: is for api: tei, and holds {completion} and {prompt}; vLLM has the model's own")
        return self

    @property
    def paid(self) -> tuple[str, Price | None] | None:
        """The model that is asked over the wire and what it costs; None where nobody is asked."""
        if self.judge is not None:
            return self.judge.model, self.judge.price
        return None if self.endpoint is None or self.model is None else (self.model, self.price)

    @property
    def asks(self) -> bool:
        """Whether it has endpoints of its own."""
        return self.endpoint is not None or self.judge is not None


def _way_of(name: str) -> str:
    return " or ".join(f"{way}:" for way, keys in WAYS.items() if name in keys)
