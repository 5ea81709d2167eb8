"""Read a prompt source as a stream of rows; memory does not grow with the source."""

from collections.abc import Iterator
from pathlib import Path

from arbitrage.prompts.files import Read, is_local, prompt_files, read_file
from arbitrage.prompts.hub import read_hub
from arbitrage.prompts.row import BadRow, Row, to_row
from arbitrage.recipe.model import PromptSource

__all__ = ["BadRow", "Row", "read_raw", "read_rows"]


def read_rows(source: PromptSource, folder: Path) -> Iterator[Row | BadRow]:
    """Yield every row of a source, as a prompt or with the reason why it is none.

    Local paths start at `folder`. Languages that the recipe does not have are yielded too.

    Raises:
        PromptError: the source as a whole cannot be read.
    """
    for where, row in read_raw(source, folder):
        yield BadRow(where, row) if isinstance(row, str) else to_row(row, source, where)


def read_raw(source: PromptSource, folder: Path) -> Iterator[Read]:
    """Yield every row of a source as its file has it.

    Raises:
        PromptError: the source as a whole cannot be read.
    """
    columns = list(source.columns.values())
    if not is_local(source.path, folder):
        yield from read_hub(source, columns)
        return
    for file in prompt_files(source.path, folder):
        yield from read_file(file, columns)
