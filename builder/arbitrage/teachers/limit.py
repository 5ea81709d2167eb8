"""How many requests an endpoint may have in flight: learned from what it refuses."""

START = 64
SMALLEST_STEP = 1 / 256
SAFE = 0.9
"""Share of what worked before a trouble that is taken to work after it."""


class Limit:
    """An adaptive limit that holds under a hard cap and under sparse random refusals alike.

    Each refusal gives up the refused slot; each success gives back `step` of a slot, so a burst of refusals
    is followed by at most one more request for each success (acknowledgement clocking, Jacobson 1988).
    A refusal above every level that worked since the last refusal is taken for a wall: `step` halves, and
    after a few the limit stands at the wall and knocks ever more rarely. A refusal at a level that does
    work is chance, and success at the wall's level means that the wall has moved: `step` doubles again.
    What a passing trouble took comes back at one slot a success, up to just below the level that worked before it.
    """

    def __init__(self, ceiling: int) -> None:
        self.ceiling = ceiling
        self.value = float(min(ceiling, START))
        self._step = 1.0
        self._wall = float("inf")
        self._proved = 0
        self._proof_is_old = False
        self._worked = 0
        """The highest level that worked and was not refused since."""

    def lower_ceiling(self, ceiling: int) -> None:
        """Take a smaller ceiling, one that the server itself has named."""
        self.ceiling = min(self.ceiling, ceiling)
        self.value = min(self.value, float(self.ceiling))

    def allows(self, in_flight: int) -> bool:
        """Say whether one more request may go out."""
        return in_flight + 1 <= self.value

    def succeeded(self, level: int) -> None:
        """Note the success of a request that was sent as the `level`-th in flight."""
        self._proved = level if self._proof_is_old else max(self._proved, level)
        self._proof_is_old = False
        if level >= self._wall:
            self._step = min(1.0, self._step * 2)
        self._worked = max(self._worked, level)
        if self.value < SAFE * self._worked:
            self.value = min(float(self.ceiling), self.value + 1.0, float(self._worked))
        else:
            self.value = min(float(self.ceiling), self.value + self._step)

    def refused(self, level: int, left: int) -> None:
        """Note a refusal of the `level`-th in flight, with `left` requests still in flight."""
        if not self._proof_is_old:
            # Of refusals in a row only the first says where the wall is: the others were sent before it was known.
            self._worked = min(self._worked, level - 1)
        if self._proved >= level:
            # However few were in flight: work that comes and goes in waves would else bring the limit down.
            self._step = min(1.0, self._step * 2)
            self.value = max(1.0, self.value - 1.0)
        else:
            self._step = max(SMALLEST_STEP, self._step / 2)
            self.value = max(1.0, min(self.value, float(left)))
        self._wall, self._proof_is_old = float(level), True

    def timed_out(self) -> None:
        """Note a missed deadline: servers that queue what they cannot serve never refuse."""
        self.value = max(1.0, self.value / 2)
