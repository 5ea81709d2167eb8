"""What the blocks of a recipe share: how strict they are, and the words that several of them use."""

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

PLACEHOLDER = re.compile(r"\$\{((TEACHER|REWARD|JUDGE)_URL_[A-Za-z0-9_]+|TRANSLATOR_URL)\}")


def _language(value: str) -> str:
    if not re.fullmatch(r"[a-z]{2,3}(-[A-Z][a-z]{3})?", value):
        raise ValueError(f"{value!r} is not a language tag such as de, zh or sr-Latn")
    return value


def _seconds(value: object) -> object:
    if isinstance(value, str):
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|m|h)", value)
        if not match:
            raise ValueError(f"{value!r} is not a time such as 30s, 15m or 2h")
        return float(match[1]) * {"s": 1, "m": 60, "h": 3600}[match[2]]
    return value


def listed(value: object) -> object:
    """Return a list for what stands alone."""
    return [value] if isinstance(value, str) else value


def _urls(value: list[str]) -> list[str]:
    for url in value:
        # A published recipe holds a placeholder, which the environment fills before anyone is asked.
        if not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#]*)?", url) and not PLACEHOLDER.fullmatch(url):
            raise ValueError("is not an endpoint such as http://host:8080 (no user, no query; secrets go into token:)")
    return [url.rstrip("/") for url in value]


Language = Annotated[str, AfterValidator(_language)]
Seconds = Annotated[float, BeforeValidator(_seconds), Field(gt=0)]
Endpoints = Annotated[list[str], BeforeValidator(listed), Field(min_length=1), AfterValidator(_urls)]


class Part(BaseModel):
    """A block of the recipe."""

    # Errors of pydantic show what they were given, and that may be a secret.
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, hide_input_in_errors=True)


class Price(Part):
    """What a served model costs: USD per million tokens, or USD per hour of its endpoints together."""

    input: float | None = Field(None, ge=0)
    output: float | None = Field(None, ge=0)
    hour: float | None = Field(None, ge=0)

    @model_validator(mode="after")
    def _one_way(self) -> "Price":
        tokens = self.input is not None and self.output is not None and self.hour is None
        hourly = self.hour is not None and self.input is None and self.output is None
        if not (tokens or hourly):
            raise ValueError("give {input: ..., output: ...} in USD per 1M tokens, or {hour: ...}")
        return self


def variable(kind: str, name: str) -> str:
    """Return what stands for the endpoints of a `TEACHER`, a `REWARD` or a `JUDGE` where they are published."""
    return f"${{{kind}_URL_{re.sub('[^A-Za-z0-9]', '_', name)}}}"
