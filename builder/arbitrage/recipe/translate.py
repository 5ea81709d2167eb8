"""What a recipe may say of translation."""

from collections.abc import Collection, Iterator, Sequence
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from arbitrage.recipe.part import Endpoints, Language, Part, Price, listed
from arbitrage.recipe.problems import Problem, did_you_mean


def _targets(value: object) -> object:
    if value == "all":
        return []
    if value == []:
        raise ValueError("is empty; name languages, or say all")
    return listed(value)


class Translate(Part):
    """A model that translates prompts: in this process, or a chat model behind an endpoint."""

    model_config = ConfigDict(validate_by_name=False)

    model: str = Field(min_length=1)
    to: Annotated[list[Language], BeforeValidator(_targets)] = []
    """Empty for `all`: every language of the recipe that a source lacks."""
    source: Language = Field("en", alias="from")
    revision: str | None = None
    license: str | None = None
    columns: list[str] = []
    """Carried columns that are translated too."""
    max_length: int | None = Field(None, ge=8, le=65536)
    """Tokens of a piece, and of its translation."""
    beams: int | None = Field(None, ge=1, le=16)
    endpoint: Endpoints | None = None
    api: Literal["tgi", "openai"] | None = None
    served_as: str | None = None
    token: str | None = Field(None, repr=False)
    extra: dict[str, Any] = {}
    price: Price | None = None

    @model_validator(mode="after")
    def _one_way(self) -> "Translate":
        if self.endpoint is None:
            served = [key for key in ("api", "served_as", "token", "extra", "price") if getattr(self, key)]
            if served:
                raise ValueError(f"{served[0]}: is for a model that is served; add endpoint:, or take it out")
        elif self.api is None:
            raise ValueError("an endpoint needs api: tgi or openai")
        elif self.beams is not None:
            raise ValueError("beams: is for a model in this process; a chat endpoint answers greedily")
        return self

    def targets(self, languages: Sequence[str]) -> list[str]:
        """Return the languages to translate into, in the recipe's order."""
        return [name for name in languages if name != self.source and (not self.to or name in self.to)]

    def problems(self, languages: Sequence[str], carried: Collection[str]) -> Iterator[Problem]:
        """Yield what does not fit the rest of the recipe, whose prompts carry these columns along."""
        named = [(("translate", "from"), self.source)]
        named += [(("translate", "to", position), language) for position, language in enumerate(self.to)]  # type: ignore[misc]
        for loc, language in named:
            if language not in languages:
                yield Problem(loc, f"{language!r} is not among the recipe's languages ({', '.join(languages)})")
        if not self.targets(languages):
            yield Problem(("translate",), f"there is no language to translate into from {self.source!r}")
        for position, column in enumerate(self.columns):
            if column not in carried:
                what = f"no prompt source maps a column {column!r}" + did_you_mean(column, sorted(carried))
                yield Problem(("translate", "columns", position), what)
        if "translation" in carried:
            what = "a carried column cannot be called 'translation': it says who translated a prompt"
            yield Problem(("translate",), what)
