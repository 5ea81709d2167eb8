"""Bring completions that were made elsewhere into a run's store, as if they had been asked."""

from collections import defaultdict
from collections.abc import Iterator, Set
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from arbitrage.dataset.manifest import Manifest
from arbitrage.dataset.schema import POOL
from arbitrage.embedded.files import resolve
from arbitrage.hub.download import at_hub, dataset_at
from arbitrage.imports.answers import bring_answers
from arbitrage.imports.batch import Batch
from arbitrage.imports.offer import Offer, Passed
from arbitrage.imports.pool import PublishedPool
from arbitrage.imports.translations import Translated
from arbitrage.progress import Progress
from arbitrage.prompts.files import SUFFIXES
from arbitrage.prompts.ingest import NAMED_ROWS, ingest
from arbitrage.recipe.model import Recipe
from arbitrage.run import Log, Run, make_folder
from arbitrage.store.completions import have_prompts, put_imported
from arbitrage.store.files import only_builder
from arbitrage.store.store import Store, open_store
from arbitrage.teachers.identity import UNVERIFIED
from arbitrage.teachers.pool import Pool

BATCH_ROWS = 500
"""Rows that are committed at once: what a kill can make an import do again."""

MAX_LINE = 500
"""Characters of what is said about one row."""


@dataclass(slots=True)
class Imported:
    """What became of the rows of an import."""

    source: str
    read: int = 0
    imported: int = 0
    stored: int = 0
    """The store had a completion under their identity before."""
    other: int = 0
    """Of a model, settings or revision that the recipe does not have."""
    not_text: int = 0
    unreadable: int = 0
    asked: int = 0
    """Imported and stored ones of the recipe's prompts, in languages that their teachers are asked in."""
    translations: int = 0
    """Texts of translated prompts, and answers, that were not in the store."""
    named: list[str] = field(default_factory=list)
    """The first unreadable rows; the log has them all."""

    def as_dict(self) -> dict[str, Any]:
        """Return the counts as JSON-able data."""
        return asdict(self)


def import_completions(source: str, recipe: Recipe, folder: Path, run: Run, progress: Progress) -> Imported:
    """Import a published dataset's pool or a file of completions; done again, it adds nothing.

    Args:
        source: a dataset folder, `ORG/NAME@TAG` on the Hub, or a .jsonl or .parquet file of (prompt, teacher,
            completion).
        recipe: today's recipe, whose teachers' identities the completions get.
        folder: the recipe's own, where its paths start.
        run: where the state is kept.
        progress: told how far it is.

    Raises:
        ArbitrageError: the user must change something; what was committed stays.
    """
    path = Path(source)
    if not path.exists() and path.suffix.lower() not in SUFFIXES:
        repo_id, revision = at_hub(source, None)
        with dataset_at(repo_id, revision, _all_but_the_pool) as found:
            name = f"{repo_id}@{revision or found.commit}"
            return import_pool(found.folder, name, recipe, folder, run, progress)
    if path.is_dir():
        return import_pool(path, path.resolve().name, recipe, folder, run, progress)
    batch = Batch(path)
    with _prepared(recipe, folder, run, progress, path.name) as (store, log):
        offers = batch.offers(recipe, _Revisions(recipe, folder, store, progress))
        return _bring_in(offers, Imported(path.name), recipe, store, progress, log)


def import_pool(path: Path, shown: str, recipe: Recipe, folder: Path, run: Run, progress: Progress) -> Imported:
    """Import the pool of a dataset folder, which the store and the manifest then know as `shown`.

    Raises:
        ArbitrageError: the folder is not what its manifest says, or the user must change something.
    """
    pool = PublishedPool(path, shown)
    with _prepared(recipe, folder, run, progress, shown) as (store, log):
        found, revisions = Imported(shown), defaultdict[tuple[str, str], set[str]](set)
        translated = Translated(pool.translation, recipe.translate)
        prompts = set[str]()
        if translated.is_ours and recipe.translate is not None:
            rows = pool.translated(recipe.translate.columns)
            found.translations, prompts = translated.bring(store, rows, shown)
            answers = pool.translated_answers(recipe.translate.source)
            found.translations += bring_answers(store, answers, recipe.translate, translated.by, shown)
        offers = _noting(pool.offers(recipe), recipe, revisions)
        _bring_in(offers, found, recipe, store, progress, log, prompts)
        translated.said(found.translations, progress.tell)
        translated.said(found.translations, log)
        translated.remember(store)
        # A teacher that is gone can then still be built with: its completions are all there will ever be.
        for (api, model), known in revisions.items():
            if len(known) == 1 and store.remembered_revision(api, model) is None:
                store.remember_revision(api, model, next(iter(known)))
        return found


class _Revisions:
    """The revisions of teachers that neither a row nor the recipe says; endpoints are asked once, when it matters."""

    def __init__(self, recipe: Recipe, folder: Path, store: Store, progress: Progress) -> None:
        self._recipe = recipe
        self._folder = folder
        self._store = store
        self._progress = progress
        self._known: dict[str, str] | None = None

    def __call__(self, name: str) -> str:
        if self._known is None:
            pool = Pool(resolve(self._recipe, self._folder, self._store)[0], self._store)
            pool.identify()
            self._known = {}
            for teacher in pool.teachers:
                self._known[teacher.name] = teacher.revision or UNVERIFIED
                if teacher.revision is None:
                    self._progress.tell(
                        f"teacher {teacher.name}: nobody says its revision; what is imported counts as {UNVERIFIED!r}, "
                        "and is asked again where its endpoint says another"
                    )
        return self._known[name]


def _all_but_the_pool(manifest: Manifest) -> set[str]:
    return {path for path in manifest.files if not path.startswith(f"{POOL}/")}


@contextmanager
def _prepared(recipe: Recipe, folder: Path, run: Run, progress: Progress, shown: str) -> Iterator[tuple[Store, Log]]:
    make_folder(run)
    with only_builder(run.folder), open_store(run.store) as store:
        log = Log(run.log)
        try:
            log(f"import of {shown} begins")
            ingest(store, recipe, folder, progress.tell, log)
            yield store, log
            log("done")
        except BaseException as error:
            log(f"stopped: {type(error).__name__}: {error}")
            raise
        finally:
            log.close()


def _noting(
    offers: Iterator[Offer | Passed], recipe: Recipe, revisions: dict[tuple[str, str], set[str]]
) -> Iterator[Offer | Passed]:
    for offer in offers:
        if isinstance(offer, Offer):
            known = revisions[recipe.teachers[offer.teacher].api, offer.completion.model]
            if len(known) < 2:
                known.add(offer.completion.revision)
        yield offer


def _bring_in(
    offers: Iterator[Offer | Passed],
    found: Imported,
    recipe: Recipe,
    store: Store,
    progress: Progress,
    log: Log,
    translated: Set[str] = frozenset(),
) -> Imported:
    while page := list(islice(offers, BATCH_ROWS)):
        found.read += len(page)
        accepted = [offer for offer in page if isinstance(offer, Offer)]
        for passed in page:
            if isinstance(passed, Passed):
                found.other += passed.what == "other"
                found.not_text += passed.what == "not_text"
                if passed.what == "unreadable":
                    found.unreadable += 1
                    _name(passed, found, progress, log)
        new = put_imported(store, [offer.completion for offer in accepted])
        found.imported += new
        found.stored += len(accepted) - new
        prompts = translated | have_prompts(store, [offer.completion.prompt_id for offer in accepted])
        found.asked += sum(
            offer.completion.prompt_id in prompts and recipe.teachers[offer.teacher].serves(offer.language)
            for offer in accepted
        )
        progress.importing(found.source, found.read, found.imported)
    log(f"imported {found.imported} of {found.read} rows")
    return found


def _name(passed: Passed, found: Imported, progress: Progress, log: Log) -> None:
    line = f"{passed.where}: {passed.why}"[:MAX_LINE]
    log(f"unreadable: {line}")
    if len(found.named) < NAMED_ROWS:
        found.named.append(line)
        progress.tell(f"unreadable: {line}")
