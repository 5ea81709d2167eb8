"""One embedded server as its run sees it: started, watched, started again after a crash, stopped whatever happens."""

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar, cast

from arbitrage.embedded.process import NOT_INSTALLED, SAYS_WHY
from arbitrage.embedded.program import Program
from arbitrage.teachers.failure import Failed, Kind

START_SECONDS = 900.0
"""How long a model may take to load."""
STOP_SECONDS = 5.0
WATCH_SECONDS = 0.2
MAX_RESTARTS = 3
TAIL_LINES, TAIL_BYTES = 3, 4096

T = TypeVar("T")


async def in_thread(do: Callable[[], T]) -> T:
    """Do something that blocks; unlike asyncio's own threads, this one is not waited for when the loop ends."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if not future.done():
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(cast(T, result))

    def work() -> None:
        try:
            result, error = do(), None
        except BaseException as raised:  # noqa: BLE001 - whoever waits is told
            result, error = None, raised
        with suppress(RuntimeError):  # the loop has ended, so nobody waits
            loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=work, daemon=True).start()
    return await future


class EmbeddedServer:
    """The server of a teacher."""

    def __init__(self, name: str, program: Program, settings: Mapping[str, Any], log: Path) -> None:
        self.name = name
        self.restarts = 0
        self._program = program
        self._settings = settings
        self._log = log
        self._port = 0
        self._process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._port}/v1"

    @property
    def pid(self) -> int | None:
        """The process that serves, while there is one."""
        return self._process.pid if self._process else None

    @property
    def runs(self) -> bool:
        """Whether its process is there."""
        return self._process is not None and self._process.poll() is None

    async def start(self) -> None:
        """Start it on a free port, which the system chooses, and wait until it listens.

        Raises:
            Failed: of kind `embedded`, saying why with the end of its log.
        """
        self.stop()
        self._log.parent.mkdir(parents=True, exist_ok=True)
        settings = json.dumps({**self._settings, "parent": os.getpid()})
        # From this thread: on Linux a child may ask to be killed when the thread that started it ends.
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", self._program.module, settings],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            )
        assert self._process.stdout is not None
        try:
            address = await asyncio.wait_for(in_thread(self._process.stdout.readline), START_SECONDS)
        except BaseException as error:
            # Its end ends the thread that reads, too.
            self.stop()
            if isinstance(error, TimeoutError):
                raise Failed(Kind.EMBEDDED, f"did not load within {START_SECONDS:g} s") from None
            raise
        if not address:
            raise Failed(Kind.EMBEDDED, self._why())
        self._port = int(address.rpartition(":")[2])

    async def watch(self, moved: Callable[[str], None], tell: Callable[[str], None]) -> Failed:
        """Start it again whenever it crashes; return why that was given up."""
        while True:
            while self.runs:
                await asyncio.sleep(WATCH_SECONDS)
            why = self._why()
            if self.restarts == MAX_RESTARTS:
                return Failed(Kind.EMBEDDED, f"crashed {MAX_RESTARTS + 1} times; {why}")
            self.restarts += 1
            tell(f"{self.name}: its {self._program.title} server crashed and is started again: {why}")
            try:
                await self.start()
            except Failed as failure:
                return failure
            moved(self.url)

    def stop(self) -> None:
        """End the process; what it was answering is lost."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None and process.stdout is not None
        process.stdin.close()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            pass  # it is busy, and nobody waits for it
        finally:
            process.kill()
            process.wait()
            process.stdout.close()

    def _why(self) -> str:
        """Say how the process ended, with the end of its log."""
        code: int | None = None
        with suppress(subprocess.TimeoutExpired):
            code = self._process.wait(STOP_SECONDS) if self._process else None
        if code == NOT_INSTALLED:
            return self._program.lacking
        ended = "does not answer" if code is None else f"ended with status {code}"
        if code is not None and code < 0:
            ended = f"was killed by signal {-code}"
        hint = ", as the kernel does where memory is short" if code == -9 else ""
        try:
            with self._log.open("rb") as log:
                log.seek(max(0, self._log.stat().st_size - TAIL_BYTES))
                lines = log.read().decode("utf-8", "replace").splitlines()
        except OSError:
            lines = []
        # Of what it says before it ends, errors tell most.
        errors = [line for line in lines if SAYS_WHY in line] or lines
        said = " | ".join(" ".join(line.split()) for line in errors[-TAIL_LINES:])
        return f"its {self._program.title} server {ended}{hint}; its log ({self._log.name}) ends: {said[-500:]}"
