"""What would be read from a prompt source, in one hash."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from arbitrage.errors import PromptError
from arbitrage.identity import sorted_json
from arbitrage.prompts.files import is_local, prompt_files
from arbitrage.prompts.hub import resolve
from arbitrage.recipe.model import PromptSource


@dataclass(frozen=True, slots=True)
class Pinned:
    """A source's fingerprint, and the commit that its revision is where it lives on the Hub."""

    fingerprint: str
    revision: str | None


def fingerprint(source: PromptSource, folder: Path, known: str | None = None) -> Pinned:
    """Return what identifies the rows that a source gives: its files or commit, and how they are read.

    `known` is the commit that a Hub source is pinned to; without it the Hub is asked.

    Raises:
        PromptError: the source does not exist or cannot be read.
    """
    how = source.model_dump(mode="json", include={"config", "split", "columns", "language"})
    if not is_local(source.path, folder):
        revision = known or resolve(source)
        return Pinned(_hash([source.path, revision, how]), revision)
    contents: list[tuple[str, str]] = []
    for file in prompt_files(source.path, folder):
        try:
            with file.path.open("rb") as stream:
                contents.append((file.name, hashlib.file_digest(stream, "sha256").hexdigest()))
        except OSError as error:
            raise PromptError(f"{file.shown}: cannot be read: {error.strerror or error}") from error
    return Pinned(_hash([contents, how]), None)


def _hash(value: object) -> str:
    return hashlib.sha256(sorted_json(value)).hexdigest()
