import pytest
from arbitrage.teachers.failure import ADVICE, FINAL, STOPS_TEACHER, Kind, kind_of


def test_every_kind_has_advice() -> None:
    assert set(ADVICE) == set(Kind)
    assert not FINAL & STOPS_TEACHER


@pytest.mark.parametrize(
    ("status", "error_type", "text", "kind"),
    [
        (429, "overloaded", "Model is overloaded", Kind.OVERLOADED),
        (429, None, "", Kind.OVERLOADED),
        (503, None, "Model is overloaded", Kind.OVERLOADED),
        (503, "overloaded", "", Kind.OVERLOADED),
        (503, None, "Service Unavailable", Kind.SERVER),
        (422, "validation", "`inputs` must have less than 4095 tokens", Kind.VALIDATION),
        (422, None, "", Kind.VALIDATION),
        (413, None, "length limit exceeded", Kind.TOO_LARGE),
        (424, "generation", "Request failed during generation", Kind.GENERATION),
        (500, "incomplete_generation", "Incomplete generation", Kind.INCOMPLETE),
        (500, None, "oops", Kind.SERVER),
        (502, None, "<html>", Kind.SERVER),
        (504, None, "", Kind.TIMEOUT),
        (408, None, "", Kind.TIMEOUT),
        (401, None, "", Kind.AUTH),
        (402, None, "", Kind.PAYMENT),
        (403, None, "Forbidden", Kind.AUTH),
        (403, None, "Cannot access gated repo", Kind.GATED),
        (403, None, "Access to model org/m is restricted", Kind.GATED),
        (404, None, "model not found", Kind.NOT_FOUND),
        (405, None, "", Kind.NOT_FOUND),
        (400, None, "", Kind.BAD_REQUEST),
        (409, None, "", Kind.BAD_REQUEST),
        (301, None, "", Kind.PROTOCOL),
        (204, None, "", Kind.PROTOCOL),
        (200, "overloaded", "", Kind.PROTOCOL),
    ],
)
def test_kind_of(status: int, error_type: str | None, text: str, kind: Kind) -> None:
    assert kind_of(status, error_type, text) is kind
