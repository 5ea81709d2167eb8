"""Asking a served reward for every score that lacks, whatever its endpoints do meanwhile."""

import asyncio
import heapq
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count

from arbitrage.identity import rng
from arbitrage.records import Paid, Prompt
from arbitrage.rewards.scored import Scored
from arbitrage.rewards.served import ServedReward
from arbitrage.spend import add_active, by_tokens
from arbitrage.store.scores import put_scores, unscored
from arbitrage.store.store import Store
from arbitrage.teachers.asker import MAX_ATTEMPTS, MAX_ATTEMPTS_MALFORMED
from arbitrage.teachers.endpoint import Endpoint, Ticket, open_session
from arbitrage.teachers.failure import STOPS_TEACHER, Failed, Kind
from arbitrage.teachers.purse import Purse

TICK_SECONDS = 0.1
BATCH_ROWS, BATCH_SECONDS = 256, 1.0
"""Scores are committed when there are that many or the first is that old: what a kill costs beside those in flight."""

Progress = Callable[[int], None]


@dataclass(slots=True)
class Job:
    """A score that is wanted: how often it was tried and refused."""

    completion_id: str
    prompt: Prompt
    text: str
    attempts: int = 0
    refusals: int = 0
    held: float = 0.0
    """USD that the purse holds for it."""


@dataclass(order=True, slots=True)
class Later:
    """A job that waits before it is tried again."""

    due: float
    order: int
    job: Job = field(compare=False)


Taken = tuple[Job, Endpoint, Ticket]


def ask_scores(
    store: Store,
    reward: ServedReward,
    teachers: Sequence[str],
    purse: Purse,
    patience: float,
    progress: Progress,
    tell: Callable[[str], None],
) -> None:
    """Ask for every score that lacks; what cannot be had stays missing, with its reason in `reward.failed`.

    Raises:
        StoreError: the store cannot be written any more.
    """
    before = reward.clock.seconds
    try:
        asyncio.run(_Asking(store, reward, teachers, purse, patience, progress, tell).run())
    finally:
        if not by_tokens(reward.price):
            add_active(store, {reward.account: reward.clock.seconds - before})


class _Asking:
    def __init__(
        self,
        store: Store,
        reward: ServedReward,
        teachers: Sequence[str],
        purse: Purse,
        patience: float,
        progress: Progress,
        tell: Callable[[str], None],
    ) -> None:
        self.store = store
        self.reward = reward
        self.purse = purse
        self.patience = patience
        self.progress = progress
        self.tell = tell
        self.pages = self._pages(teachers)
        self.exhausted = False
        self.ready: deque[Job] = deque()
        self.later: list[Later] = []
        self.order = count()
        self.running: set[asyncio.Task[None]] = set()
        self.probing: dict[Endpoint, asyncio.Task[None]] = {}
        self.rows: list[tuple[str, str, Scored, Paid | None]] = []
        self.first_row = 0.0
        self.done = 0
        self.trouble_since: float | None = None
        """When something first failed behind which nothing came."""

    async def run(self) -> None:
        """Ask until every score is there, or the rest is given up."""
        async with open_session() as session:
            for endpoint in self.reward.endpoints:
                endpoint.session = session
            try:
                while not self._is_done():
                    self._fill()
                    self._start_probes()
                    while taken := self._take():
                        self.running.add(asyncio.create_task(self._work(taken)))
                    await self._wait()
                    self._flush(whole=False)
                    self._watch()
            finally:
                tasks = [*self.running, *self.probing.values()]
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                self.reward.clock.stop()
                self._flush(whole=True)

    def _is_done(self) -> bool:
        if self.running:
            return False
        return bool(self.reward.stopped_by) or (self.exhausted and not self.ready and not self.later)

    def _pages(self, teachers: Sequence[str]) -> Iterator[list[Job]]:
        for page in unscored(self.store, self.reward.key, teachers):
            yield [Job(*row) for row in page if row[0] not in self.reward.failed]

    def _fill(self) -> None:
        # Until somebody has said who they are, nobody knows which scores are there already.
        while self.reward.revision is not None and not self.exhausted and len(self.ready) < BATCH_ROWS:
            page = next(self.pages, None)
            self.exhausted = page is None
            self.ready.extend(page or ())

    async def _wait(self) -> None:
        tasks = [*self.running, *self.probing.values()]
        if tasks:
            done, _ = await asyncio.wait(tasks, timeout=TICK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                self.running.discard(task)
                task.result()
        else:
            await asyncio.sleep(TICK_SECONDS)

    # Requests

    def _take(self) -> Taken | None:
        if self.reward.stopped_by or len(self.rows) >= 2 * BATCH_ROWS:
            return None
        open_ones = [endpoint for endpoint in self.reward.endpoints if endpoint.has_room]
        if not open_ones:
            return None
        due = bool(self.later) and self.later[0].due <= time.monotonic()
        if not due and not self.ready:
            return None
        job = self.later[0].job if due else self.ready[0]
        # The loop looks again every now and then, so nobody needs to be woken.
        held = self.purse.take(self.reward, lambda: self.reward.most_usd(job.prompt, job.text), lambda: None)
        if isinstance(held, Failed):
            self.reward.stopped_by = held
        if held is None or isinstance(held, Failed):
            return None
        job.held = held
        if due:
            heapq.heappop(self.later)
        else:
            self.ready.popleft()
        self.reward.clock.start()
        endpoint = max(open_ones, key=lambda endpoint: endpoint.limit.value - endpoint.in_flight)
        return job, endpoint, endpoint.enter()

    async def _work(self, taken: Taken | None) -> None:
        while taken:
            await self._request(*taken)
            taken = self._take()

    async def _request(self, job: Job, endpoint: Endpoint, ticket: Ticket) -> None:
        request, scored = self.reward.wire.request(job.prompt, job.text), None
        try:
            scored = await endpoint.post(ticket, request.path, request.body, self.reward.wire.read)
        except Failed as failure:
            outcome = self.reward.wire.outcome(failure)
            if outcome is None:
                self._note_failure(job, endpoint, failure)
            else:
                self._note(job, outcome, None)
        else:
            self._note(job, scored, Paid(self.reward.model, *scored.counted, self.reward.wire.most(request)))
        finally:
            self.purse.settle(self.reward, job.held, scored.counted if scored else None)

    def _note(self, job: Job, scored: Scored, paid: Paid | None) -> None:
        self.trouble_since = None
        self.first_row = self.first_row if self.rows else time.monotonic()
        self.rows.append((job.completion_id, self.reward.key(job.prompt), scored, paid))

    def _note_failure(self, job: Job, endpoint: Endpoint, failure: Failed) -> None:
        self.trouble_since = self.trouble_since or time.monotonic()
        if failure.kind in STOPS_TEACHER:
            self._close(endpoint, failure)
            self._try_later(job, failure, 0.0)
        elif failure.kind is Kind.OVERLOADED:
            job.refusals += 1
            self._try_later(job, failure, 0.025 * 2 ** min(job.refusals, 9))
        else:
            job.attempts += not failure.excuses_ask
            most = MAX_ATTEMPTS_MALFORMED if failure.kind is Kind.BAD_REQUEST else MAX_ATTEMPTS
            if job.attempts < most:
                self._try_later(job, failure, 0.125 * 2**job.attempts)
            else:
                self.reward.failed[job.completion_id] = failure

    def _try_later(self, job: Job, failure: Failed, wait: float) -> None:
        jitter = 0.5 + rng(0, f"wait:{job.attempts}:{job.refusals}", job.completion_id).random()
        due = time.monotonic() + max(wait * jitter, failure.retry_after or 0.0)
        heapq.heappush(self.later, Later(due, next(self.order), job))

    def _flush(self, *, whole: bool) -> None:
        """Commit scores, where there are enough of them or they have waited long enough."""
        if self.rows and (whole or len(self.rows) >= BATCH_ROWS or time.monotonic() - self.first_row >= BATCH_SECONDS):
            rows, self.rows = self.rows, []
            put_scores(self.store, rows)
            self.done += len(rows)
            self.progress(self.done)

    # Endpoints

    def _close(self, endpoint: Endpoint, failure: Failed) -> None:
        endpoint.close(failure)
        if all(other.closed_by for other in self.reward.endpoints):
            self.reward.stopped_by = failure
        else:
            self.tell(f"reward {self.reward.name}: {endpoint.shown} is asked no more: {failure.message}")

    def _start_probes(self) -> None:
        self.probing = {endpoint: task for endpoint, task in self.probing.items() if not task.done()}
        now = time.monotonic()
        for endpoint in self.reward.endpoints:
            if endpoint.parked_until is not None and endpoint.parked_until <= now and endpoint not in self.probing:
                self.probing[endpoint] = asyncio.create_task(self._probe(endpoint))

    async def _probe(self, endpoint: Endpoint) -> None:
        try:
            await self.reward.probe(endpoint)
        except Failed as failure:
            if failure.kind in STOPS_TEACHER:
                self._close(endpoint, failure)

    def _watch(self) -> None:
        """Give the rest up when for the recipe's patience nothing has come but failures, or nobody was there."""
        now = time.monotonic()
        if self.reward.is_down:
            self.trouble_since = self.trouble_since or now
        if self.trouble_since is not None and now - self.trouble_since >= self.patience and not self._is_done():
            self.reward.stopped_by = self.reward.trouble
