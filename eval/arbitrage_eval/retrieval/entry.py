"""What a suite says of a set of parallel sentences."""

from arbitrage.recipe.part import Part
from pydantic import Field, field_validator

COLUMNS = ("sentence", "english", "language")


class Retrieval(Part):
    """Sentences with their English: a .parquet or .jsonl file, a folder of them, or a data set on the Hub."""

    path: str = Field(min_length=1)
    config: str | None = None
    revision: str | None = None
    split: str = "test"
    columns: dict[str, str] = Field(default_factory=dict)
    """What the columns sentence, english and language are called there, where they are called otherwise."""

    @field_validator("columns")
    @classmethod
    def _are_known(cls, columns: dict[str, str]) -> dict[str, str]:
        if alien := sorted(set(columns) - set(COLUMNS)):
            raise ValueError(f"{alien[0]!r}: retrieval needs {', '.join(COLUMNS)}, and nothing else")
        return columns

    def column(self, name: str) -> str:
        """Return what a column is called in the file."""
        return self.columns.get(name, name)
