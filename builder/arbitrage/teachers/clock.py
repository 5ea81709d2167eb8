"""How long somebody has been asked: what those cost who are paid by the hour."""

import time
from dataclasses import dataclass


@dataclass(slots=True)
class Clock:
    """Seconds of this build, from the first request of each stretch to its last answer."""

    seconds: float = 0.0
    """Of stretches that are over."""
    _since: float | None = None

    def start(self) -> None:
        """Begin a stretch, unless one runs."""
        self._since = time.monotonic() if self._since is None else self._since

    def stop(self) -> None:
        """End the stretch that runs, if any does."""
        if self._since is not None:
            self.seconds += time.monotonic() - self._since
        self._since = None

    def at(self, now: float) -> float:
        """Return all seconds up to now, by the monotonic clock."""
        return self.seconds + (now - self._since if self._since is not None else 0.0)
