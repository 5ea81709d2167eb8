"""Rows of a file against rows rebuilt from the pool and the routes."""

from collections.abc import Iterator, Mapping
from typing import Any

from arbitrage.dataset.reading import Located
from arbitrage.dataset.report import Report, shown
from arbitrage.dataset.schema import row_line


class Comparison:
    """One table of a language and split; both sides are in order of prompt id."""

    def __init__(self, report: Report, path: str, found: Iterator[Located]) -> None:
        self._report = report
        self._path = path
        self._found = found
        self._next = next(found, None)

    def expect(self, row: Mapping[str, Any]) -> None:
        """Compare the next rebuilt row."""
        while self._next is not None and _id(self._next) < row["prompt_id"]:
            self._extra(self._next)
        if self._next is None or _id(self._next) > row["prompt_id"]:
            path = self._path if self._next is None else self._next.path
            self._report.add(path, "lacks the row that pool and routes give", prompt_id=row["prompt_id"])
            return
        compare(self._report, self._next, row, "pool and routes give")
        self._path = self._next.path
        self._next = next(self._found, None)

    def finish(self) -> None:
        """Report rows beyond the last rebuilt one."""
        while self._next is not None:
            self._extra(self._next)

    def _extra(self, found: Located) -> None:
        message = "has a row that pool and routes do not give"
        self._report.add(found.path, message, found.row, _id(found))
        self._next = next(self._found, None)


def _id(found: Located) -> str:
    return str(found.value["prompt_id"])


def compare(report: Report, found: Located, wanted: Mapping[str, Any], who: str) -> bool:
    """Say whether a row is the wanted one; report each column that differs."""
    # As canonical JSON, so that -0.0 is not 0.0 and NaN is NaN.
    if row_line(found.value) == row_line(wanted):
        return True
    for name in wanted:
        if row_line({name: found.value.get(name)}) != row_line({name: wanted[name]}):
            message = f"is {shown(found.value.get(name))}, {who} {shown(wanted[name])}"
            report.add(found.path, message, found.row, _id(found), name)
    return False
