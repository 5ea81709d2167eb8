"""The embedded servers of a run: those that have something to be asked, and no longer than the run."""

import asyncio
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from arbitrage.embedded.content import ModelFiles
from arbitrage.embedded.files import fetch
from arbitrage.embedded.program import program_for
from arbitrage.embedded.server import EmbeddedServer, in_thread
from arbitrage.errors import ArbitrageError
from arbitrage.teachers.asker import Asker
from arbitrage.teachers.failure import Failed, Kind

AT_ONCE = 2
"""Models that are loaded at the same time: each wants the whole disk."""
LOOK_SECONDS = 0.2

Tell = Callable[[str], None]


class Embedded:
    """The files of embedded teachers, and the servers that were started on them."""

    def __init__(self, files: Mapping[str, ModelFiles], store: Path, logs: Path) -> None:
        self._files = files
        self._store = store
        self._logs = logs
        self._servers: dict[str, EmbeddedServer] = {}
        self._threads = max(1, (os.cpu_count() or 1) // max(1, len(files)))
        self._loading: asyncio.Semaphore | None = None

    def open(self) -> None:
        """Make ready for servers to be started in the running event loop."""
        self._loading = asyncio.Semaphore(AT_ONCE)

    async def run(self, asker: Asker, tell: Tell) -> None:
        """Ask an embedded teacher all that is planned, once its server is there.

        One that cannot be started, or crashes too often, is given up for this build with what it lacks.
        """
        endpoint = asker.teacher.endpoints[0]

        def moved(url: str) -> None:
            endpoint.url = url
            asker.wake()

        starting = asyncio.create_task(self._started(asker, tell))
        try:
            while not starting.done() and not asker.is_ending:
                await asyncio.wait([starting], timeout=LOOK_SECONDS)
            server = starting.result() if starting.done() else None
        except (Failed, ArbitrageError) as error:
            server = None
            asker.give_up(error if isinstance(error, Failed) else Failed(Kind.EMBEDDED, str(error)))
        finally:
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)
        if server is None:
            asker.finished = True
            return
        moved(server.url)
        watching = asyncio.create_task(self._watch(asker, server, moved, tell))
        try:
            await asker.run()
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    async def _started(self, asker: Asker, tell: Tell) -> EmbeddedServer:
        assert self._loading is not None
        name, config = asker.teacher.name, asker.teacher.config
        async with self._loading:
            server = self._servers.get(name)
            if server is None:
                found = self._files[name]
                path = await in_thread(lambda: fetch(name, config, found, self._store, tell))
                program, settings = program_for(config, path, self._threads)
                server = EmbeddedServer(name, program, settings, self._logs / f"{name}.log")
                self._servers[name] = server
            if not server.runs:
                await server.start()
        return server

    async def _watch(self, asker: Asker, server: EmbeddedServer, moved: Tell, tell: Tell) -> None:
        asker.give_up(await server.watch(moved, tell))

    def close(self) -> None:
        """End every server."""
        for server in self._servers.values():
            server.stop()
        self._servers.clear()
