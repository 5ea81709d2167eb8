"""A model behind endpoints, whoever asks it: who it turned out to be, and whether anybody is there."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence

from arbitrage.errors import ArbitrageError
from arbitrage.teachers.endpoint import Endpoint
from arbitrage.teachers.failure import ADVICE, STOPS_TEACHER, Failed, Kind
from arbitrage.teachers.identity import UNVERIFIED, Who


class BehindEndpoints(ABC):
    """What teachers and served rewards have in common: one model, served at one revision by all endpoints."""

    model: str
    pinned: str | None
    """The revision that the recipe names."""
    revision: str | None
    """None while nobody has answered yet and nothing is known."""
    endpoints: Sequence[Endpoint]
    stopped_by: Failed | None
    """Why the rest was given up."""
    stops: frozenset[Kind] = STOPS_TEACHER
    """What a person has to mend before anything is asked."""

    @abstractmethod
    async def who(self, endpoint: Endpoint) -> Who:
        """Ask an endpoint who it is.

        Raises:
            Failed: it does not answer, lets nobody in, or is somebody else.
        """

    @property
    def manner(self) -> str:
        """What has to be as it was when an endpoint comes back, beside model and revision."""
        return ""

    @abstractmethod
    def refusal(self, said: str) -> ArbitrageError:
        """Return the error that says why it cannot be asked."""

    async def ask_all(self) -> None:
        """Ask every endpoint who it is, all at once; those that do not answer are parked.

        Where a revision was known before and nobody says one now, nobody knows whether it is the same model: what was
        paid for would be asked again as if it were another's, so that all are parked.

        Raises:
            ArbitrageError: an endpoint serves another model or revision, or lets nobody in.
        """
        found = await asyncio.gather(*(self._first(endpoint) for endpoint in self.endpoints))
        revisions = {who.revision for who in found if who is not None and who.revision is not None}
        if len(revisions) > 1:
            names = ", ".join(sorted(revisions))
            raise self.refusal(f"its endpoints serve different revisions of {self.model} ({names}): serve one")
        is_silent = not revisions and self._is_verified and not self.pinned
        for endpoint, who in zip(self.endpoints, found, strict=True):
            if who is not None and is_silent:
                endpoint.park(self._silence())
            elif who is not None:
                self._accept(endpoint, who)
        if any(who is not None for who in found) and not is_silent:
            self.revision = self.pinned or next(iter(revisions), UNVERIFIED)

    async def _first(self, endpoint: Endpoint) -> Who | None:
        try:
            return await self.who(endpoint)
        except Failed as failure:
            if failure.kind in self.stops:
                said = endpoint.clean(failure.message)
                raise self.refusal(f"{endpoint.shown}: {said} ({ADVICE[failure.kind]})") from None
            endpoint.park(failure)
            return None

    async def probe(self, endpoint: Endpoint) -> None:
        """Ask a parked endpoint who it is; let a request through where it is who it should be.

        Raises:
            Failed: it is still down (parked again), does not say a revision that was known (likewise), or it is
                somebody else now.
        """
        before = self.manner
        try:
            who = await self.who(endpoint)
            if who.revision is None and self._has_to_say(endpoint):
                raise self._silence()
        except Failed as failure:
            failure.message = endpoint.clean(failure.message)
            endpoint.park(failure)
            raise
        if self.revision is None:
            self.revision = self.pinned or who.revision or UNVERIFIED
        elif who.revision is not None and not self.pinned and who.revision != self.revision:
            said = f"came back with revision {who.revision!r}, not {self.revision!r}"
            raise Failed(Kind.IDENTITY, f"{said}; run the command again to ask it")
        elif self.manner != before:
            raise Failed(Kind.IDENTITY, "came back as another model; run the command again to ask it")
        self._accept(endpoint, who)
        endpoint.unpark()

    def _has_to_say(self, endpoint: Endpoint) -> bool:
        """Say whether an endpoint has to say its revision: it did before, or others did and it never answered."""
        if endpoint.revision is not None:
            return endpoint.revision != UNVERIFIED
        return self._is_verified and not self.pinned

    @property
    def _is_verified(self) -> bool:
        return self.revision not in (None, UNVERIFIED)

    def _silence(self) -> Failed:
        said = f"does not say its revision, which was {self.revision!r} before"
        return Failed(Kind.SERVER, f"{said}; if it still is, say so by revision: in the recipe")

    def _accept(self, endpoint: Endpoint, who: Who) -> None:
        endpoint.revision = who.revision or UNVERIFIED
        if who.max_concurrent is not None:
            endpoint.limit.lower_ceiling(who.max_concurrent)

    @property
    def is_down(self) -> bool:
        """Whether no endpoint is known to work."""
        return not any(endpoint.is_healthy for endpoint in self.endpoints)

    @property
    def in_flight(self) -> int:
        """Requests that wait for an answer."""
        return sum(endpoint.in_flight for endpoint in self.endpoints)

    @property
    def trouble(self) -> Failed:
        """Why it is down."""
        worst_first = sorted(self.endpoints, key=lambda endpoint: endpoint.is_healthy)
        failures = [endpoint.last_failure for endpoint in worst_first if endpoint.last_failure]
        return self.stopped_by or (failures[0] if failures else Failed(Kind.CONNECTION, "it was never asked"))
