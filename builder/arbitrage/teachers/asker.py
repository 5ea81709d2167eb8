"""Asking one teacher all that the arms want of it, whatever its endpoints do meanwhile."""

import asyncio
import heapq
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from arbitrage.identity import rng, sampling_seed
from arbitrage.records import Completion, Failure
from arbitrage.store.store import PAGE, PendingAsk, open_store
from arbitrage.store.writer import MAX_BACKLOG, Writer
from arbitrage.teachers.endpoint import Endpoint, Ticket
from arbitrage.teachers.failure import FINAL, STOPS_TEACHER, Failed, Kind
from arbitrage.teachers.purse import Purse
from arbitrage.teachers.served import ServedTeacher
from arbitrage.teachers.wire import Reply, read_reply

MAX_ATTEMPTS = 5
MAX_ATTEMPTS_MALFORMED = 2
"""A server that calls a request malformed will hardly change its mind."""


@dataclass(slots=True)
class Job:
    """An ask under way: how often it was tried and refused."""

    ask: PendingAsk
    completion_id: str
    attempts: int = 0
    refusals: int = 0
    held: float = 0.0
    """USD that the purse holds for it."""


Taken = tuple[Job, Endpoint, Ticket]


@dataclass(order=True, slots=True)
class Later:
    """A job that waits before it is tried again."""

    due: float
    order: int
    job: Job = field(compare=False)


class Asker:
    """The loop of one teacher: pages of asks in, durable outcomes out."""

    def __init__(
        self,
        teacher: ServedTeacher,
        store_path: Path,
        writer: Writer,
        purse: Purse,
        build: int,
        tell: Callable[[str], None],
    ) -> None:
        self.teacher = teacher
        self.finished = False
        self._store_path = store_path
        self._writer = writer
        self._purse = purse
        self._build = build
        self._tell = tell
        self._ready: deque[Job] = deque()
        self._later: list[Later] = []
        self._order = count()
        self._after = (0, -1)
        self._exhausted = False
        self._paging: asyncio.Task[None] | None = None
        self._running: set[asyncio.Task[None]] = set()
        self._probing: dict[Endpoint, asyncio.Task[None]] = {}
        self._wake = asyncio.Event()
        self._stopping = False
        self._leaving = False
        self._broken: BaseException | None = None

    async def run(self) -> None:
        """Ask until every ask has an outcome, or until told to stop."""
        self.teacher.asking_since = start = time.monotonic()
        try:
            while not self._is_done():
                if self._broken:
                    raise self._broken
                self._start_page()
                self._start_probes()
                self._start_requests()
                await self._sleep()
        finally:
            self.finished = True
            self.teacher.asking_since = None
            if self.teacher.counts.asked:
                self.teacher.counts.active += time.monotonic() - start
            tasks = [*self._running, *self._probing.values(), *([self._paging] if self._paging else [])]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if self._broken:
            raise self._broken

    def stop(self) -> None:
        """Start nothing more; what is in flight is waited for."""
        self._stopping = True
        self._wake.set()

    def wake(self) -> None:
        """Look again whether there is something to do."""
        self._wake.set()

    def give_up(self, failure: Failed) -> None:
        """Leave every ask that is not in flight to the next build; what is in flight may be paid for already."""
        self.teacher.stopped_by = self.teacher.stopped_by or failure
        self._wake.set()

    def _close(self, endpoint: Endpoint, failure: Failed) -> None:
        """Send no more to an endpoint; where it was the last one, give the teacher up."""
        if endpoint.closed_by:
            return
        endpoint.close(failure)
        if all(other.closed_by for other in self.teacher.endpoints):
            self.give_up(failure)
        else:
            self._tell(f"{self.teacher.name}: {endpoint.shown} is asked no more: {failure.message}")
        self._wake.set()

    def abandon(self) -> None:
        """Leave every ask that has no outcome to the next build, at once."""
        self.give_up(self.teacher.trouble)
        self.leave()

    def leave(self) -> None:
        """Leave at once, whatever is in flight."""
        self._leaving = True
        self._wake.set()

    @property
    def is_ending(self) -> bool:
        """Whether nothing more is to be started."""
        return self._stopping or self._leaving or self.teacher.stopped_by is not None

    @property
    def is_stuck(self) -> bool:
        """Whether nobody works on anything: no endpoint works, or every ask waits for its next try."""
        return self.teacher.is_down or (bool(self._later) and not (self._running or self._ready or self._paging))

    def _is_done(self) -> bool:
        if self._leaving:
            return True
        if self._running:
            return False
        if self._stopping or self.teacher.stopped_by:
            return True
        return self._exhausted and not self._paging and not self._ready and not self._later

    # Pages

    def _start_page(self) -> None:
        if (
            self._paging
            or self._exhausted
            or self._stopping
            or self.teacher.stopped_by
            or len(self._ready) >= PAGE
            or self.teacher.revision is None
        ):
            return
        self._paging = asyncio.create_task(self._take_page())
        self._paging.add_done_callback(self._woken)

    async def _take_page(self) -> None:
        jobs, last = await asyncio.to_thread(self._read_page)
        self._ready.extend(jobs)
        if last is None:
            self._exhausted = True
        else:
            self._after = last
        self._paging = None

    def _read_page(self) -> tuple[list[Job], tuple[int, int] | None]:
        with open_store(self._store_path) as store:
            asks = store.pending(self.teacher.name, self._after, self._build)
            jobs = [Job(ask, ask.completion_id or self._identity(ask)) for ask in asks]
            unlinked = [job for job in jobs if job.ask.completion_id is None]
            if unlinked:
                have = store.stored([job.completion_id for job in unlinked])
                found = [job for job in unlinked if job.completion_id in have]
                store.link(self.teacher.name, [(job.ask, job.completion_id) for job in found])
                jobs = [job for job in jobs if job.completion_id not in have]
        return jobs, (asks[-1].prompt.n, asks[-1].draw) if asks else None

    def _identity(self, ask: PendingAsk) -> str:
        identity = self.teacher.completion_id(ask.prompt.prompt, ask.draw)
        assert identity is not None, "pages are read once the teacher is identified"
        return identity

    # Requests

    def _start_requests(self) -> None:
        while taken := self._take():
            task = asyncio.create_task(self._work(taken))
            self._running.add(task)
            task.add_done_callback(self._woken)

    def _take(self) -> Taken | None:
        """Take the next job and a slot for it, where there are both."""
        stopped = self._stopping or self._leaving or self._broken or self.teacher.stopped_by
        if stopped or self._writer.backlog >= MAX_BACKLOG:
            return None
        endpoint = self._roomiest()
        if endpoint is None:
            return None
        due = bool(self._later) and self._later[0].due <= time.monotonic()
        if not due and not self._ready:
            return None
        job = self._later[0].job if due else self._ready[0]
        prompt = job.ask.prompt.prompt
        held = self._purse.take(self.teacher, lambda: self.teacher.most_usd(prompt), self.wake)
        if isinstance(held, Failed):
            self.give_up(held)
        if held is None or isinstance(held, Failed):
            return None
        job.held = held
        if due:
            heapq.heappop(self._later)
        else:
            self._ready.popleft()
        self.teacher.counts.asked += 1
        return job, endpoint, endpoint.enter()

    async def _work(self, taken: Taken | None) -> None:
        """Do one job after the other; waiting for the loop to hand out the next would leave the server idle."""
        while taken:
            await self._request(*taken)
            self._wake.set()
            taken = self._take()

    def _roomiest(self) -> Endpoint | None:
        open_ones = [endpoint for endpoint in self.teacher.endpoints if endpoint.has_room]
        if len(open_ones) < 2:
            return open_ones[0] if open_ones else None
        return max(open_ones, key=lambda endpoint: endpoint.limit.value - endpoint.in_flight)

    async def _request(self, job: Job, endpoint: Endpoint, ticket: Ticket) -> None:
        prompt = job.ask.prompt.prompt
        seed = sampling_seed(prompt.id, self.teacher.config.model, job.ask.draw)
        request = self.teacher.wire.request(prompt.language, prompt.messages, seed)
        start, reply = time.monotonic(), None
        try:
            reply = await endpoint.post(ticket, request.path, request.body, read_reply)
        except Failed as failure:
            self._note_failure(job, endpoint, failure)
        else:
            self.teacher.counts.seconds += time.monotonic() - start
            self._note_reply(job, reply)
        finally:
            counted = (reply.prompt_tokens, reply.completion_tokens) if reply else None
            self._purse.settle(self.teacher, job.held, counted)

    def _note_reply(self, job: Job, reply: Reply) -> None:
        counts = self.teacher.counts
        counts.answered += 1
        counts.prompt_tokens += reply.prompt_tokens or 0
        counts.completion_tokens += reply.completion_tokens or 0
        self._writer.put(
            (
                self.teacher.name,
                Completion(
                    id=job.completion_id,
                    prompt_id=job.ask.prompt.prompt.id,
                    model=self.teacher.config.model,
                    revision=self.teacher.revision or "",
                    draw=job.ask.draw,
                    **reply._asdict(),
                ),
            )
        )

    def _note_failure(self, job: Job, endpoint: Endpoint, failure: Failed) -> None:
        counts = self.teacher.counts
        prompt_id, draw = job.ask.prompt.prompt.id, job.ask.draw
        if failure.kind in FINAL:
            counts.final_errors += 1
            completion = Completion(
                job.completion_id, prompt_id, self.teacher.config.model, self.teacher.revision or "", draw, None,
                error=failure.kind, message=failure.message,
            )  # fmt: skip
            self._writer.put((self.teacher.name, completion))
        elif failure.kind in STOPS_TEACHER:
            self._close(endpoint, failure)
            self._try_later(job, failure, 0.0)
        elif failure.kind is Kind.OVERLOADED:
            counts.refused += 1
            job.refusals += 1
            self._try_later(job, failure, 0.025 * 2 ** min(job.refusals, 9))
        else:
            counts.errors += 1
            job.attempts += not failure.excuses_ask
            most = MAX_ATTEMPTS_MALFORMED if failure.kind is Kind.BAD_REQUEST else MAX_ATTEMPTS
            if job.attempts < most:
                self._try_later(job, failure, 0.125 * 2**job.attempts)
            else:
                counts.failed += 1
                self._writer.put(
                    Failure(self.teacher.name, prompt_id, draw, failure.kind, failure.message, job.attempts)
                )

    def _try_later(self, job: Job, failure: Failed, wait: float) -> None:
        jitter = 0.5 + rng(0, f"wait:{job.attempts}:{job.refusals}", job.completion_id).random()
        due = time.monotonic() + max(wait * jitter, failure.retry_after or 0.0)
        heapq.heappush(self._later, Later(due, next(self._order), job))

    # Parked endpoints

    def _start_probes(self) -> None:
        now = time.monotonic()
        for endpoint in self.teacher.endpoints:
            if endpoint.parked_until is not None and endpoint.parked_until <= now and endpoint not in self._probing:
                task = asyncio.create_task(self._probe(endpoint))
                self._probing[endpoint] = task
                task.add_done_callback(self._woken)

    async def _probe(self, endpoint: Endpoint) -> None:
        try:
            await self.teacher.probe(endpoint)
        except Failed as failure:
            if failure.kind in STOPS_TEACHER:
                self._close(endpoint, failure)
        finally:
            self._probing.pop(endpoint, None)

    # Waiting

    def _woken(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._wake.set()
        if not task.cancelled() and (error := task.exception()):
            self._broken = error

    async def _sleep(self) -> None:
        """Wait until something has happened or is due."""
        has_room = any(endpoint.has_room for endpoint in self.teacher.endpoints)
        moments = [later.due for later in self._later[:1] if has_room and not self._stopping]
        moments += [e.parked_until for e in self.teacher.endpoints if e.parked_until and e not in self._probing]
        timer = None
        if moments:
            delay = max(0.001, min(moments) - time.monotonic())
            timer = asyncio.get_running_loop().call_later(delay, self._wake.set)
        await self._wake.wait()
        if timer:
            timer.cancel()
        self._wake.clear()
