"""Versions of a dataset: tags vX.Y.Z, which only go up."""

import re
from typing import Literal, NamedTuple

Change = Literal["major", "minor", "patch"]

TAG = re.compile(r"v(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})")


class Version(NamedTuple):
    """A version; major for removed or changed rows, minor for added ones, patch for the card alone."""

    major: int
    minor: int
    patch: int

    def __str__(self) -> str:
        """Return the tag."""
        return f"v{self.major}.{self.minor}.{self.patch}"

    def after(self, change: Change) -> "Version":
        """Return the next version after a change."""
        if change == "major":
            return Version(self.major + 1, 0, 0)
        if change == "minor":
            return Version(self.major, self.minor + 1, 0)
        return Version(self.major, self.minor, self.patch + 1)


FIRST = Version(1, 0, 0)


def version_of(tag: str) -> Version | None:
    """Return the version that a tag names; None for other tags."""
    match = TAG.fullmatch(tag)
    return Version(*map(int, match.groups())) if match else None
