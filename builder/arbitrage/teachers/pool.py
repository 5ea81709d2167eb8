"""All teachers at once: each at its own pace, none able to hold back or empty the rest."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Protocol

from arbitrage.errors import Interrupted
from arbitrage.recipe.model import Recipe
from arbitrage.spend import add_active, by_tokens
from arbitrage.store.store import Store
from arbitrage.store.writer import Writer
from arbitrage.teachers.asker import Asker
from arbitrage.teachers.endpoint import open_session
from arbitrage.teachers.purse import Purse
from arbitrage.teachers.served import ServedTeacher

TICK_SECONDS = 0.2
TELL_SECONDS = 5.0
"""A standstill shorter than that is not worth a word."""

Progress = Callable[[Sequence[ServedTeacher]], None]


class Runner(Protocol):
    """What serves teachers that no endpoint serves."""

    def open(self) -> None:
        """Make ready in the running event loop."""

    async def run(self, asker: Asker, tell: Callable[[str], None]) -> None:
        """Serve a teacher, and ask it all that is planned."""

    def close(self) -> None:
        """Serve nobody any more."""


class Pool:
    """The teachers of a recipe, served."""

    def __init__(self, recipe: Recipe, store: Store, runner: Runner | None = None) -> None:
        self.recipe = recipe
        self.store = store
        self._runner = runner
        self.teachers = [
            ServedTeacher(name, recipe, store.remembered_revision(teacher.api, teacher.model))
            for name, teacher in recipe.teachers.items()
        ]

    def identify(self) -> None:
        """Find out who every teacher is.

        Raises:
            TeacherError: a teacher is somebody else, or lets nobody in.
        """
        asyncio.run(self._identify())
        for teacher in self.teachers:
            if teacher.revision is not None and not teacher.is_down:
                self.store.remember_revision(teacher.config.api, teacher.config.model, teacher.revision)

    def ask(self, build: int, purse: Purse, progress: Progress, tell: Callable[[str], None]) -> None:
        """Ask all that is planned, until every ask has an outcome or its teacher was given up.

        Raises:
            Interrupted: the user stopped it; all that came in is stored.
            StoreError: the store cannot be written any more.
        """
        before = {teacher.name: teacher.counts.active for teacher in self.teachers}
        interrupted = asyncio.run(self._ask(build, purse, progress, tell))
        timed = [teacher for teacher in self.teachers if not by_tokens(teacher.price)]
        add_active(self.store, {one.account: one.counts.active - before[one.name] for one in timed})
        for teacher in self.teachers:
            if teacher.stopped_by:
                self.store.give_up(teacher.name, teacher.stopped_by.kind, teacher.stopped_by.message, build)
        if interrupted:
            raise Interrupted("interrupted; everything that came in is stored, and the same command goes on from here")

    def close(self) -> None:
        """End what the run serves itself."""
        if self._runner is not None:
            self._runner.close()

    async def _identify(self) -> None:
        async with self._connected():
            await asyncio.gather(*(teacher.identify() for teacher in self.teachers))

    async def _ask(self, build: int, purse: Purse, progress: Progress, tell: Callable[[str], None]) -> bool:
        askers: list[Asker] = []

        loop = asyncio.get_running_loop()

        def tell_all(do: Callable[[Asker], None]) -> None:
            for asker in askers:
                loop.call_soon_threadsafe(do, asker)

        # When the store fails, what is in flight could not be stored anyway: nobody waits for it.
        writer = Writer(self.store.path, build, lambda: tell_all(Asker.wake), lambda: tell_all(Asker.leave))
        asked = self.store.asked_teachers()
        askers += [
            Asker(teacher, self.store.path, writer, purse, build, tell)
            for teacher in self.teachers
            if teacher.name in asked
        ]
        async with self._connected():
            if self._runner is not None:
                self._runner.open()
            tasks = [asyncio.create_task(self._run(asker, build, tell)) for asker in askers]
            try:
                with _interruptible(askers, tasks, tell) as interrupts:
                    await self._watch(askers, tasks, progress, tell)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                await asyncio.to_thread(writer.close)
        progress(self.teachers)
        return bool(interrupts)

    async def _run(self, asker: Asker, build: int, tell: Callable[[str], None]) -> None:
        # A server is started only where it has something to be asked.
        if self._runner is None or not asker.teacher.config.is_embedded:
            await asker.run()
        elif self.store.pending(asker.teacher.name, (0, -1), build):
            await self._runner.run(asker, tell)
        else:
            asker.finished = True

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[None]:
        async with open_session() as session:
            for teacher in self.teachers:
                for endpoint in teacher.endpoints:
                    endpoint.session = session
            yield

    async def _watch(
        self,
        askers: Sequence[Asker],
        tasks: Sequence[asyncio.Task[None]],
        progress: Progress,
        tell: Callable[[str], None],
    ) -> None:
        """Show progress; end the run when all that is left to ask has been down for the recipe's patience."""
        quiet_since, outcomes, told = time.monotonic(), 0, False
        while pending := [task for task in tasks if not task.done()]:
            done, _ = await asyncio.wait(pending, timeout=TICK_SECONDS, return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                task.result()
            progress(self.teachers)
            unfinished = [asker for asker in askers if not asker.finished]
            before, outcomes = outcomes, sum(teacher.outcomes for teacher in self.teachers)
            if outcomes > before or not all(asker.is_stuck for asker in unfinished):
                quiet_since, told = time.monotonic(), False
            elif not told and time.monotonic() - quiet_since >= min(TELL_SECONDS, self.recipe.patience):
                told = True
                names = ", ".join(asker.teacher.name for asker in unfinished)
                seconds = f"{self.recipe.patience:g} s"
                tell(f"nothing but {names} is left and does not answer; waiting {seconds} (patience:) for it")
            elif time.monotonic() - quiet_since >= self.recipe.patience:
                for asker in unfinished:
                    asker.abandon()


@contextmanager
def _interruptible(
    askers: Sequence[Asker], tasks: Sequence[asyncio.Task[None]], tell: Callable[[str], None]
) -> Iterator[list[int]]:
    """Let the first Ctrl-C finish what is in flight, the second leave it; yield the list of what came."""
    loop, came = asyncio.get_running_loop(), list[int]()

    def interrupt(number: int) -> None:
        came.append(number)
        if len(came) == 1:
            tell("finishing what is in flight; once more to leave it")
        for asker, task in zip(askers, tasks, strict=True):
            if len(came) == 1:
                asker.stop()
            else:
                task.cancel()

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        loop.add_signal_handler(number, interrupt, number)
    try:
        yield came
    except asyncio.CancelledError:
        if not came:
            raise
    finally:
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)
