"""Arms and preferences from the pool and the routes, and routers that decide again."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import groupby

from arbitrage.dataset.compare import Comparison, compare
from arbitrage.dataset.files import Files
from arbitrage.dataset.parents import Parents
from arbitrage.dataset.reading import Located, hole, rows
from arbitrage.dataset.report import Report
from arbitrage.dataset.rows import (
    answer_of,
    chosen_answer,
    prompt_of,
    route_of,
    route_row,
    rows_of,
)
from arbitrage.dataset.schema import POOL, PREFERENCES, ROUTES, schema_of
from arbitrage.dataset.splits import Splits
from arbitrage.dataset.tally import Tally
from arbitrage.errors import DatasetError, RouterError
from arbitrage.identity import prompt_id
from arbitrage.records import Ask, Prompt, Route, Routed, Split
from arbitrage.routers import Router, settle

MAX_ANSWERS = 10_000
OWN = frozenset({*schema_of(POOL, {}).names, *schema_of(ROUTES, {}).names})


class Rebuild:
    """Rebuilds one language and split after the other, and compares."""

    def __init__(
        self,
        files: Files,
        routers: Mapping[str, Router],
        seed: int,
        tally: Tally,
        report: Report,
        parents: Parents,
    ) -> None:
        self.files = files
        self.routers = routers
        self.seed = seed
        self.tally = tally
        self.report = report
        self.parents = parents
        self.splits = Splits()
        self.whole = True
        """Whether every prompt could be rebuilt, so that the tally says something."""
        self.read = True
        """Whether every row of the pool was looked at, so that what is not there is missing."""

    def run(self, language: str, split: Split) -> None:
        """Rebuild a language and split."""
        if not (self.files.readable(POOL, language, split) and self.files.readable(ROUTES, language, split)):
            self.report.notes.append(f"{language} {split} was not rebuilt: its pool or its routes cannot be read")
            self.whole = self.read = False
            return
        arms = self.files.manifest.published_arms
        comparisons = {
            table: self._comparison(table, language, split)
            for table in (*arms, PREFERENCES)
            if self.files.readable(table, language, split)
        }
        for routed in self._routed(language, split):
            self.report.counts["prompts"] += 1
            self.report.counts["answers"] += len(routed.answers)
            self.tally.add(routed)
            for table, row in rows_of(routed, self.seed, arms):
                if table in comparisons:
                    comparisons[table].expect(row)
        for comparison in comparisons.values():
            comparison.finish()

    def _comparison(self, table: str, language: str, split: str) -> Comparison:
        paths = self.files.paths(table, language, split)
        path = paths[-1] if paths else f"{table}/{language}/{split}-00000.parquet"
        return Comparison(self.report, path, self._rows(paths))

    def _rows(self, paths: list[str]) -> Iterator[Located]:
        for found in rows(self.files.folder, paths):
            name = hole(found.value, OWN)
            if name is None:
                yield found
            else:
                who = found.value.get("prompt_id")
                self.report.add(found.path, "lacks a value that must be there", found.row, who, name)
                self.whole = False

    def _routed(self, language: str, split: Split) -> Iterator[Routed]:
        pools = self._groups(self.files.paths(POOL, language, split))
        routes = self._groups(self.files.paths(ROUTES, language, split))
        route = next(routes, None)
        for name, pool in pools:
            while route is not None and route[0] < name:
                self._lonely(route[1])
                route = next(routes, None)
            own: list[Located] = []
            if route is not None and route[0] == name:
                own = route[1]
                route = next(routes, None)
            yield self._one(pool, own, language, split)
        while route is not None:
            self._lonely(route[1])
            route = next(routes, None)

    def _lonely(self, group: Iterable[Located]) -> None:
        for found in group:
            self.report.add(found.path, "routes a prompt that the pool lacks", found.row, found.value["prompt_id"])

    def _groups(self, paths: list[str]) -> Iterator[tuple[str, list[Located]]]:
        before = ""
        for name, group in groupby(self._rows(paths), key=lambda found: str(found.value["prompt_id"])):
            members: list[Located] = []
            for found in group:
                if len(members) == MAX_ANSWERS:
                    raise DatasetError(f"{found.path}: more than {MAX_ANSWERS} rows of one prompt")
                members.append(found)
            if name <= before:
                first = members[0]
                self.report.add(first.path, "is out of the order of prompt ids", first.row, name)
                self.whole = self.read = False
                continue
            before = name
            yield name, members

    def _one(self, pool: list[Located], routes: list[Located], language: str, split: Split) -> Routed:
        carried = list(self.files.carried or {})
        first = pool[0]
        prompt = prompt_of(first.value, split, carried)
        self._check_prompt(prompt, first, language)
        shared = {name: first.value[name] for name in ("prompt_id", "source_id", "language", "prompt", *carried)}
        keys = []
        for found in pool:
            if found is not first:
                subset = found._replace(value={name: found.value[name] for name in shared})
                compare(self.report, subset, shared, "the prompt's first row says")
            keys.append((found.value["teacher"], found.value["draw"]))
            if keys[-1:] <= keys[-2:-1]:
                self.report.add(found.path, "is out of the order of teachers and draws", found.row, prompt.id)
        routed = Routed(prompt, [answer_of(found.value) for found in pool], [])
        for found, answer in zip(pool, routed.answers, strict=True):
            self.parents.add(prompt, answer, found, self.report)
        kept = [self._check_route(found, routed) for found in routes]
        arms = [route.arm for route in kept if route is not None]
        if arms != sorted(set(arms)):
            self.report.add(routes[0].path, "is out of the order of arms", routes[0].row, prompt.id)
        by_arm = {route.arm: route for route in kept if route is not None}
        self._decide_again(routed, by_arm, routes)
        return replace(routed, routes=list(by_arm.values()))

    def _check_prompt(self, prompt: Prompt, first: Located, language: str) -> None:
        if prompt.language != language:
            self.report.add(first.path, "is not of the folder's language", first.row, prompt.id, "language")
        elif prompt_id(language, first.value["prompt"]) != prompt.id:
            message = "is not the hash of language and messages"
            self.report.add(first.path, message, first.row, prompt.id, "prompt_id")
        for column, name in (("source_id", prompt.source_id), ("prompt_id", prompt.id)):
            other = self.splits.other(column, name, prompt.split)
            if other is not None:
                self.report.add(first.path, f"stands in {other} too", first.row, prompt.id, column)

    def _check_route(self, found: Located, routed: Routed) -> Route | None:
        route = route_of(found.value)
        prompt = routed.prompt
        if route.arm not in self.files.manifest.arms:
            self.report.add(found.path, "is of no arm in the manifest", found.row, prompt.id, "arm")
            self.whole = False
            return None
        if found.value["language"] != prompt.language:
            self.report.add(found.path, "is not the prompt's language", found.row, prompt.id, "language")
        answers = {(answer.teacher, answer.draw) for answer in routed.answers}
        lacking = [ask for ask in route.asked if (ask.teacher, ask.draw) not in answers]
        if lacking:
            message = f"asked {lacking[0].teacher!a}, draw {lacking[0].draw}, whose answer the pool lacks"
            self.report.add(found.path, message, found.row, prompt.id, "asked")
        if route.chosen is not None:
            try:
                chosen_answer(prompt, routed.answers, route)
            except DatasetError:
                self.report.add(found.path, "is no completion in the pool", found.row, prompt.id, "chosen")
                self.whole = False
                return replace(route, chosen=None)
        return route

    def _decide_again(self, routed: Routed, by_arm: Mapping[str, Route], routes: list[Located]) -> None:
        prompt = routed.prompt
        answers = {(answer.teacher, answer.draw): answer for answer in routed.answers}
        located = {str(found.value["arm"]): found for found in routes}
        for arm, router in self.routers.items():
            found = located.get(arm)
            path = found.path if found else self._routes_path(prompt)
            row = found.row if found else None
            try:
                route = settle(arm, router, prompt, lambda ask: answers.get((ask.teacher, ask.draw)))
            except RouterError as error:
                self.report.add(path, f"arm {arm} cannot decide again: {error!a}", row, prompt.id)
                continue
            self.report.counts["decided again"] += 1
            if isinstance(route, Route):
                if found is None:
                    self.report.add(path, f"lacks the route of arm {arm}", row, prompt.id)
                else:
                    compare(self.report, found, route_row(prompt, route), "its router decides")
            elif found is not None:
                asks: list[Ask] = list(route or [])
                message = f"arm {arm} would ask {asks[0].teacher}" if asks else f"arm {arm} would ask nobody"
                self.report.add(path, message, row, prompt.id, "asked")

    def _routes_path(self, prompt: Prompt) -> str:
        paths = self.files.paths(ROUTES, prompt.language, prompt.split)
        return paths[-1] if paths else f"{ROUTES}/{prompt.language}/{prompt.split}-00000.parquet"
