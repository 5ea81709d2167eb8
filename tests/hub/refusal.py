"""An answer that turns a request down, told as the Hub tells it: a status, headers and {"error": ...}."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any


class Refusal(Exception):
    """What the Hub answers instead of doing what it was asked."""

    def __init__(
        self,
        status: int,
        message: str,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
    ) -> None:
        super().__init__(message)
        self.status = HTTPStatus(status)
        self.headers = dict(headers or {})
        # A header is one line of Latin-1.
        self.headers.setdefault("X-Error-Message", " ".join(message.split()).encode("ascii", "replace").decode())
        if code is not None:
            self.headers["X-Error-Code"] = code
        self.body = {"error": message} if body is None else body


def no_repo() -> Refusal:
    """Nothing here for this token, whether or not there is something."""
    return Refusal(404, "Repository not found", "RepoNotFound")


def no_revision(revision: str) -> Refusal:
    """Neither branch, tag nor commit."""
    return Refusal(404, f"Invalid rev id: {revision}", "RevisionNotFound")


def no_entry(path: str, revision: str) -> Refusal:
    """No such file or folder at the revision."""
    return Refusal(404, f'{path} does not exist on "{revision}"', "EntryNotFound")
