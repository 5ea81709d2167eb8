"""The ways in which an ask fails, and what each means for the ask, the endpoint and the person."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """Why an ask has no completion."""

    OVERLOADED = "overloaded"
    VALIDATION = "validation"
    TOO_LARGE = "too_large"
    BAD_REQUEST = "bad_request"
    GENERATION = "generation"
    INCOMPLETE = "incomplete_generation"
    SERVER = "server"
    TIMEOUT = "timeout"
    CONNECTION = "connection"
    PROTOCOL = "protocol"
    NOT_FOUND = "not_found"
    AUTH = "auth"
    GATED = "gated"
    PAYMENT = "payment"
    IDENTITY = "identity"
    BUDGET = "budget"
    EMBEDDED = "embedded"


FINAL = frozenset({Kind.VALIDATION, Kind.TOO_LARGE})
"""Kinds that are an outcome: the server will say the same for ever."""

STOPS_TEACHER = frozenset({Kind.AUTH, Kind.GATED, Kind.PAYMENT, Kind.IDENTITY})
"""Kinds that asking again cannot mend before a person has done something."""

ADVICE: dict[Kind, str] = {
    Kind.OVERLOADED: "the server is busy with others' requests; run the same command again later",
    Kind.VALIDATION: "the server refuses these prompts or parameters; see the message, often they are too long",
    Kind.TOO_LARGE: "these requests are larger than the server takes",
    Kind.BAD_REQUEST: "the server calls these requests malformed; see the message",
    Kind.GENERATION: "generation failed on the server; see its log, then run the same command again",
    Kind.INCOMPLETE: "generation broke off on the server; see its log, then run the same command again",
    Kind.SERVER: "the server failed; see its log, then run the same command again",
    Kind.TIMEOUT: "no answer within the teacher's deadline; raise deadline: or lower concurrency:",
    Kind.CONNECTION: "nobody answers there; start the server or mend endpoint:, then run the same command again",
    Kind.PROTOCOL: "what came back is not what this api answers; check api: and what stands before the server",
    Kind.NOT_FOUND: "the server has no such route or model; check endpoint:, api: and served_as:",
    Kind.AUTH: "the server does not accept the token; check token: and the variable it reads",
    Kind.GATED: "the token may not use this model; ask for access",
    Kind.PAYMENT: "the account behind the token has no credit left",
    Kind.EMBEDDED: "mend what its server says, then run the same command again",
    Kind.BUDGET: "raise max_usd:, then run the same command again",
    Kind.IDENTITY: "the endpoint serves something else than the recipe says; check endpoint:, model: and served_as:",
}


@dataclass(slots=True)
class Failed(Exception):
    """One request did not bring a completion."""

    kind: Kind
    message: str
    retry_after: float | None = None
    """Seconds that the server asks for."""
    excuses_ask: bool = False
    """Whether the endpoint was down by then, which is no fault of the ask."""


def kind_of(status: int, error_type: str | None, text: str) -> Kind:
    """Return the kind of an HTTP answer that is not a success.

    TGI says what happened in `error_type`; other servers only by the status.
    """
    typed = {
        "overloaded": Kind.OVERLOADED,
        "generation": Kind.GENERATION,
        "incomplete_generation": Kind.INCOMPLETE,
    }
    if error_type in typed and status >= 400:
        return typed[error_type]
    by_status = {
        400: Kind.BAD_REQUEST,
        401: Kind.AUTH,
        402: Kind.PAYMENT,
        403: Kind.GATED if any(word in text.lower() for word in ("gated", "restricted")) else Kind.AUTH,
        404: Kind.NOT_FOUND,
        405: Kind.NOT_FOUND,
        408: Kind.TIMEOUT,
        413: Kind.TOO_LARGE,
        422: Kind.VALIDATION,
        424: Kind.GENERATION,
        429: Kind.OVERLOADED,
        504: Kind.TIMEOUT,
    }
    if status in by_status:
        return by_status[status]
    if status == 503 and "overloaded" in text.lower():
        return Kind.OVERLOADED
    if status >= 500:
        return Kind.SERVER
    return Kind.PROTOCOL if status < 400 else Kind.BAD_REQUEST
