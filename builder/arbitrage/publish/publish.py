"""Publish a dataset folder: blobs first, then one commit of what changed, then the tag."""

import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arbitrage.dataset import readme
from arbitrage.dataset.manifest import NAME, Manifest, read_manifest
from arbitrage.errors import DatasetError, HubError, HubUnavailable
from arbitrage.hub.refusals import explained, said, status_of, unreachable
from arbitrage.hub.repository import BRANCH, TYPE, Repository, Seen
from arbitrage.hub.version import Version
from arbitrage.licensing import refuse_looser
from arbitrage.publish.plan import Plan, make_plan
from arbitrage.recipe.model import Recipe
from arbitrage.recipe.published import is_pinned_from, published_recipe
from arbitrage.results import for_dataset
from arbitrage.run import Run, write_whole
from arbitrage.store.files import only_builder

ATTEMPTS = 4
"""Times that a commit or a tag is sent; between them it is looked up whether the one before has landed."""
PAUSE = 1.0
"""Seconds before the second; each further wait is twice as long."""

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Published:
    """What a publish did, or with `commit` None, what it would do."""

    repo_id: str
    plan: Plan
    private: bool
    commit: str | None

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON-able data."""
        plan = self.plan
        return {
            "repo_id": self.repo_id,
            "tag": str(plan.version),
            "previous": str(plan.previous) if plan.previous else None,
            "private": self.private,
            "commit": self.commit,
            "already_there": plan.is_there,
            "upload": {path: plan.files[path].content.size for path in plan.upload},
            "delete": list(plan.delete),
            "unchanged": len(plan.files) - len(plan.upload),
            "rows": plan.difference.as_dict() if plan.difference else None,
            "changes": list(plan.changes),
            "card": plan.card_difference() if self.commit is None else None,
        }


def publish(
    recipe: Recipe,
    folder: Path,
    run: Run,
    *,
    repo_id: str | None,
    tag: Version | None,
    private: bool,
    dry_run: bool,
    tell: Tell,
) -> Published:
    """Publish a run's dataset folder as one commit and one tag; the same content again changes nothing.

    Args:
        recipe: the recipe as it is now; the dataset must have been built from it.
        folder: the recipe's own, where its paths start.
        run: where the dataset is.
        repo_id: instead of the recipe's.
        tag: instead of the version that follows from what changed.
        private: make the repository private, as the recipe can say too.
        dry_run: look, and change nothing.
        tell: told of each step.

    Raises:
        RecipeError: the dataset's license is looser than what it is made from.
        HubError: the Hub or the repository does not allow it.
        HubUnavailable: the Hub failed, or somebody else pushed meanwhile; the same command goes on.
        DatasetError: there is no dataset folder, or it is not of this recipe.
    """
    refuse_looser(recipe)
    repository = Repository(_repo_id(recipe, repo_id))
    private = private or (recipe.publish is not None and recipe.publish.private)
    results = for_dataset(folder / path for path in (recipe.publish.results if recipe.publish else ()))
    if not run.folder.is_dir():
        raise DatasetError(f"{run.folder}: no build has begun here; run `arbitrage build`, or say which --run you mean")
    with only_builder(run.folder):
        manifest = _built(recipe, run)
        plan = make_plan(repository, run.dataset, manifest, tag, results)
        if plan.seen is not None:
            if private and not plan.seen.private:
                raise HubError(
                    f"{repository.id} is public, and was to be private: make it private in its settings on the Hub, "
                    "or take `private: true` or --private away"
                )
            private = plan.seen.private
        if dry_run:
            return Published(repository.id, plan, private, None)
        commit = repository.resolve(str(plan.version)) if plan.is_there else _carry_out(repository, plan, private, tell)
        # The folder is now what the Hub holds.
        write_whole(run.dataset / readme.NAME, plan.card)
        for stale in {path for path in run.dataset.glob("results/*.json")} - {run.dataset / path for path in results}:
            stale.unlink()
        for path, content in results.items():
            (run.dataset / path).parent.mkdir(exist_ok=True)
            write_whole(run.dataset / path, content.decode("utf-8"))
        return Published(repository.id, plan, private, commit)


def _repo_id(recipe: Recipe, repo_id: str | None) -> str:
    found = repo_id or (recipe.publish.repo_id if recipe.publish else None)
    if found is None:
        raise HubError("say where to publish: `publish: {repo_id: org/name}` in the recipe, or --repo-id org/name")
    return found


def _built(recipe: Recipe, run: Run) -> Manifest:
    if not (run.dataset / NAME).exists():
        preview = " (a preview is not published)" if run.preview.exists() else ""
        raise DatasetError(f"{run.dataset}: there is no dataset yet{preview}: run `arbitrage build` without --limit")
    manifest = read_manifest(run.dataset)
    if not is_pinned_from(manifest.recipe, published_recipe(recipe, {})):
        raise DatasetError(
            f"{run.dataset} was built from another recipe, or with --arm: run `arbitrage build` first; what is stored "
            "is not asked again"
        )
    if manifest.default_config is None:
        raise DatasetError(f"{run.dataset} has no rows: there is nothing to publish")
    return manifest


def _carry_out(repository: Repository, plan: Plan, private: bool, tell: Tell) -> str:
    seen = plan.seen
    if seen is None:
        with explained(repository.id):
            repository.api.create_repo(repository.id, repo_type=TYPE, private=private, exist_ok=True)
        tell(f"created {repository.id} ({'private' if private else 'public'})")
        seen = _created(repository, private)
    elif seen.versions and (plan.upload or plan.delete) and repository.resolve(str(seen.versions[-1])) != seen.head:
        tell(
            f"note: {BRANCH} has moved on since {seen.versions[-1]} ({repository.title(seen.head)!a}); files of this "
            "version are replaced, others stay"
        )
    commit = _commit(repository, plan, seen, tell) if plan.upload or plan.delete else seen.head
    _verify(repository, plan, commit)
    _tag(repository, plan, commit)
    tell(f"tagged {plan.version}")
    return commit


def _created(repository: Repository, private: bool) -> Seen:
    seen = repository.look()
    if seen is None:
        raise HubUnavailable(f"{repository.id}: was created, but is not there yet; run the same command again")
    # Somebody else may have created it first, and the plan knows nothing of what they put there.
    if seen.private != private or seen.versions or set(repository.files(seen.head)) - {".gitattributes"}:
        raise HubUnavailable(
            f"{repository.id}: somebody else created it meanwhile; nothing was published: run the same command again"
        )
    return seen


def _commit(repository: Repository, plan: Plan, seen: Seen, tell: Tell) -> str:
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete
    from huggingface_hub.utils.tqdm import disable_progress_bars

    if not sys.stderr.isatty():
        disable_progress_bars()
    additions = []
    for path in plan.upload:
        source = plan.files[path].source
        additions.append(CommitOperationAdd(path, str(source) if isinstance(source, Path) else source))
    size = sum(plan.files[path].content.size for path in plan.upload)
    tell(f"uploading {len(plan.upload)} of {len(plan.files)} files, {size / 1e6:,.1f} MB")
    with explained(repository.id), warnings.catch_warnings():
        # How the client speaks to its own HTTP client is not for our user to mend, nor to fail of.
        warnings.filterwarnings("ignore", "Use 'content=", DeprecationWarning)
        repository.api.preupload_lfs_files(repository.id, additions, repo_type=TYPE, free_memory=False)
    operations: list[CommitOperationAdd | CommitOperationDelete] = list(additions)
    operations += [CommitOperationDelete(path, is_folder=False) for path in plan.delete]

    def send() -> str:
        return repository.api.create_commit(
            repository.id,
            operations,
            commit_message=str(plan.version),
            commit_description="\n".join(f"- {line}" for line in plan.changes),
            repo_type=TYPE,
            parent_commit=seen.head,
        ).oid

    def landed() -> str | None:
        now = repository.look()
        if now is None or now.head == seen.head:
            return None
        if _lacking(plan, repository, now.head):
            raise HubUnavailable(
                f"{repository.id}: somebody else pushed {now.head[:12]} ({repository.title(now.head)!a}) meanwhile; "
                "nothing was published: look at it, then run the same command again"
            )
        return now.head

    commit = _insist(repository.id, "commit", send, landed)
    tell(f"committed {commit}")
    return commit


def _tag(repository: Repository, plan: Plan, commit: str) -> None:
    tag = str(plan.version)

    def send() -> str:
        repository.api.create_tag(repository.id, tag=tag, revision=commit, repo_type=TYPE)
        return commit

    def landed() -> str | None:
        now = repository.look()
        if now is None or plan.version not in now.versions:
            return None
        found = repository.resolve(tag)
        if found != commit:
            raise HubError(
                f"{repository.id}: somebody else tagged {found[:12]} as {tag} meanwhile; {commit[:12]} is committed: "
                "run the same command again, and it gets the next tag"
            )
        return found

    _insist(repository.id, "tag", send, landed)


def _insist(repo_id: str, what: str, send: Callable[[], str], landed: Callable[[], str | None]) -> str:
    """Send until it has landed, looking each time before sending again: an answer can be lost after it landed."""
    failures: tuple[type[Exception], ...] = (*unreachable(), ValueError)
    for attempt in range(ATTEMPTS):
        try:
            return send()
        except failures as error:
            status = status_of(error)
            found = landed()
            if found is not None:
                return found
            if status is None and isinstance(error, ValueError):
                raise HubError(f"{repo_id}: the Hub refuses the {what}: {said(error)}") from error
            if attempt == ATTEMPTS - 1 or not (status is None or status in (408, 429) or status >= 500):
                with explained(repo_id):
                    raise
        time.sleep(PAUSE * 2**attempt)
    raise AssertionError("the last attempt returns or raises")


def _verify(repository: Repository, plan: Plan, commit: str) -> None:
    lacking = _lacking(plan, repository, commit)
    if lacking:
        raise HubError(
            f"{repository.id}: commit {commit[:12]} does not hold what was sent ({lacking[0]}; does a .gitignore there "
            "leave it out?); it was not tagged"
        )


def _lacking(plan: Plan, repository: Repository, commit: str) -> list[str]:
    there = repository.files(commit)
    wrong = [path for path, file in plan.files.items() if not file.is_in(there.get(path))]
    return wrong + [path for path in plan.delete if path in there]
