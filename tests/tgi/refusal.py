"""The answers that are not completions, with the statuses and bodies that TGI gives them."""

from tgi.wire import dumps

TYPED = {
    "overloaded": (429, "Model is overloaded"),
    "validation": (422, "Input validation error: {}"),
    "template_error": (422, "Template error: {}"),
    "tool_error": (422, "Tool error: {}"),
    "generation": (424, "Request failed during generation: {}"),
    "incomplete_generation": (500, "Incomplete generation"),
}


class Refusal(Exception):
    """A request that gets no completion.

    With an `error_type` the body is TGI's JSON, without one it is `error` as it stands.
    """

    def __init__(self, status: int, error: str, error_type: str = "", content_type: str = "text/plain") -> None:
        super().__init__(error)
        self.status = status
        self.error = error
        self.error_type = error_type
        self.content_type = "application/json" if error_type else content_type

    @classmethod
    def of(cls, error_type: str, detail: str = "") -> "Refusal":
        """Make the refusal of one of TGI's error types."""
        status, text = TYPED[error_type]
        return cls(status, text.format(detail), error_type)

    @property
    def body(self) -> bytes:
        """The body of the answer."""
        if self.error_type:
            return dumps({"error": self.error, "error_type": self.error_type})
        return self.error.encode()
