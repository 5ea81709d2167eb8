"""What a person sees while a build works: a table on a terminal, plain lines elsewhere."""

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from arbitrage.spend import usd
from arbitrage.store.store import Store
from arbitrage.teachers.pool import Pool
from arbitrage.teachers.served import ServedTeacher
from arbitrage.terminal import safe

LINE_SECONDS = 10.0
"""How often a plain line is printed where there is no terminal."""
RATE_SECONDS = 30.0
"""Rates are means over that long."""


class Progress:
    """Shows where a build is, on standard error."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._live: Live | None = None
        self._last_line = 0.0

    def tell(self, line: str) -> None:
        """Show a line."""
        # Without a terminal there is no width to keep to, and a line is what is looked for.
        self.console.print(escape(safe(line)), highlight=False, soft_wrap=not self.console.is_terminal)

    def asking(self, store: Store, pool: Pool) -> Callable[[Sequence[ServedTeacher]], None]:
        """Return what shows the teachers at work, each time it is called."""
        table = _Teachers(store, pool)
        self._last_line = time.monotonic()
        over = False

        def show(teachers: Sequence[ServedTeacher]) -> None:
            nonlocal over
            if over:
                return
            table.note(teachers)
            over = table.is_over(teachers)
            if self.console.is_terminal:
                if self._live is None:
                    self._live = Live(console=self.console, refresh_per_second=4, transient=False)
                    self._live.start()
                self._live.update(table.render(teachers))
                if over:
                    self._live.stop()
                    self._live = None
            elif over or time.monotonic() - self._last_line >= LINE_SECONDS:
                self._last_line = time.monotonic()
                for line in table.lines(teachers):
                    self.console.print(escape(line), highlight=False, soft_wrap=True)

        return show

    def scoring(self, reward: str, done: int) -> None:
        """Show how many completions a reward has scored."""
        if self.console.is_terminal or time.monotonic() - self._last_line >= LINE_SECONDS:
            self._last_line = time.monotonic()
            self.console.print(f"reward {escape(reward)}: {done} scored", highlight=False)

    def judging(self, done: int) -> None:
        """Show how many completions the language check has judged."""
        if self.console.is_terminal or time.monotonic() - self._last_line >= LINE_SECONDS:
            self._last_line = time.monotonic()
            self.console.print(f"language check: {done} judged", highlight=False)

    def translating(self, what: str, language: str, done: int, count: int) -> None:
        """Show how many texts, or answers, have been translated into a language."""
        pause = 1.0 if self.console.is_terminal else LINE_SECONDS
        if done == count or time.monotonic() - self._last_line >= pause:
            self._last_line = time.monotonic()
            self.tell(f"translating into {language}: {done} of {count} {what}")

    def importing(self, source: str, read: int, imported: int) -> None:
        """Show how far an import is."""
        if time.monotonic() - self._last_line >= (1.0 if self.console.is_terminal else LINE_SECONDS):
            self._last_line = time.monotonic()
            self.tell(f"{source}: {read} rows read, {imported} imported")

    @contextmanager
    def writing(self, folder: Path) -> Iterator[None]:
        """Show that the dataset folder is being written."""
        if self.console.is_terminal:
            with self.console.status(f"writing {escape(str(folder))}"):
                yield
        else:
            yield

    def close(self) -> None:
        """Leave the terminal as it was."""
        if self._live is not None:
            self._live.stop()
            self._live = None


class _Teachers:
    """The numbers of every teacher, with what was there before this build."""

    def __init__(self, store: Store, pool: Pool) -> None:
        self._totals: dict[str, int] = dict(
            store.connection.execute("SELECT teacher, count(*) FROM ask GROUP BY teacher")
        )
        rows = store.connection.execute(
            "SELECT a.teacher, count(*), total(c.prompt_tokens), total(c.completion_tokens) "
            "FROM ask a JOIN completion c ON c.id = a.completion_id GROUP BY a.teacher"
        )
        self._before: dict[str, tuple[int, int, int]] = {row[0]: (row[1], int(row[2]), int(row[3])) for row in rows}
        self._start = {teacher.name: _outcomes(teacher) for teacher in pool.teachers}
        self._tokens = {t.name: (t.counts.prompt_tokens, t.counts.completion_tokens) for t in pool.teachers}
        self._points: dict[str, deque[tuple[float, int]]] = {t.name: deque(maxlen=1000) for t in pool.teachers}
        self._active: dict[str, float] = store.get("active") or {}
        self._started = time.monotonic()

    def note(self, teachers: Sequence[ServedTeacher]) -> None:
        now = time.monotonic()
        for teacher in teachers:
            points = self._points[teacher.name]
            points.append((now, _outcomes(teacher)))
            while points[0][0] < now - RATE_SECONDS:
                points.popleft()

    def is_over(self, teachers: Sequence[ServedTeacher]) -> bool:
        return all(self._left(teacher) == 0 or teacher.stopped_by for teacher in teachers)

    def _done(self, teacher: ServedTeacher) -> int:
        before = self._before.get(teacher.name, (0, 0, 0))[0]
        return before + _outcomes(teacher) - self._start[teacher.name]

    def _left(self, teacher: ServedTeacher) -> int:
        return max(0, self._totals.get(teacher.name, 0) - self._done(teacher) - teacher.counts.failed)

    def _rate(self, teacher: ServedTeacher) -> float:
        points = self._points[teacher.name]
        (start, first), (end, last) = points[0], points[-1]
        return (last - first) / (end - start) if end > start else 0.0

    def _cells(self, teacher: ServedTeacher) -> list[str]:
        rate, left, counts = self._rate(teacher), self._left(teacher), teacher.counts
        eta = "-" if not left else "?" if not rate else _duration(left / rate)
        cost = self._spent(teacher)
        return [
            f"{self._done(teacher)}/{self._totals.get(teacher.name, 0)}",
            f"{rate:.1f}/s",
            str(teacher.in_flight),
            str(counts.refused),
            str(counts.failed + counts.final_errors),
            eta,
            "-" if cost is None else f"${cost:.4f}",
        ]

    def _spent(self, teacher: ServedTeacher) -> float | None:
        price = teacher.config.price
        if price is not None and price.hour is not None:
            return price.hour / 3600 * (self._active.get(teacher.name, 0.0) + time.monotonic() - self._started)
        _, prompt, completion = self._before.get(teacher.name, (0, 0, 0))
        start_prompt, start_completion = self._tokens[teacher.name]
        return usd(
            price,
            prompt + teacher.counts.prompt_tokens - start_prompt,
            completion + teacher.counts.completion_tokens - start_completion,
        )

    def render(self, teachers: Sequence[ServedTeacher]) -> Table:
        table = Table(box=None, pad_edge=False)
        table.add_column("teacher")
        for name in ("done", "rate", "in flight", "refused", "failed", "ETA", "spend", ""):
            table.add_column(name, justify="right" if name else "left")
        for teacher in teachers:
            table.add_row(escape(teacher.name), *self._cells(teacher), escape(_trouble(teacher)))
        return table

    def lines(self, teachers: Sequence[ServedTeacher]) -> list[str]:
        lines = []
        for teacher in teachers:
            done, rate, flight, refused, failed, eta, cost = self._cells(teacher)
            lines.append(
                f"{teacher.name}: done {done}, {rate}, in flight {flight}, refused {refused}, failed {failed}, "
                f"ETA {eta}, spend {cost} {_trouble(teacher)}".rstrip()
            )
        return lines


def _outcomes(teacher: ServedTeacher) -> int:
    return teacher.counts.answered + teacher.counts.final_errors


def _trouble(teacher: ServedTeacher) -> str:
    if not teacher.is_down:
        return ""
    return f"DOWN ({teacher.trouble.kind}): {teacher.trouble.message}"[:100]


def _duration(seconds: float) -> str:
    minutes, hours = int(seconds // 60), int(seconds // 3600)
    return f"{seconds:.0f}s" if minutes < 2 else f"{minutes}m" if hours < 2 else f"{hours}h{minutes % 60:02d}m"
