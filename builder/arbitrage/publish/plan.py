"""What a publish would do: the version, the files that the Hub lacks, and those that go."""

import difflib
import json
import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import arbitrage_cards
from arbitrage_cards.pictures import PICTURES

from arbitrage.dataset import readme
from arbitrage.dataset.manifest import NAME, PATH, Manifest
from arbitrage.dataset.reading import inside
from arbitrage.errors import DatasetError, HubError, HubUnavailable
from arbitrage.hub.download import RECIPE, dataset_at
from arbitrage.hub.repository import Content, RemoteFile, Repository, Seen, content_of
from arbitrage.hub.version import FIRST, Version
from arbitrage.publish.difference import Difference, alike, difference
from arbitrage.recipe.document import read_document
from arbitrage.recipe.published import recipe_hash
from arbitrage.results import RESULTS

ANYONES = frozenset((".gitattributes", ".gitignore", readme.NAME, "LICENSE", "LICENSE.txt", "LICENSE.md"))
"""What a repository may hold that no version was published to yet."""


class Upload(NamedTuple):
    """A file of the version; `kept` is what the Hub may hold in its place, the same rows in another encoding."""

    source: Path | bytes
    content: Content
    kept: RemoteFile | None = None

    def is_in(self, file: RemoteFile | None) -> bool:
        """Say whether the Hub's file will do."""
        return self.content.is_in(file) or (file is not None and file == self.kept)


@dataclass(frozen=True, slots=True)
class Plan:
    """One version, and what it takes."""

    version: Version
    previous: Version | None
    seen: Seen | None
    """The repository when it was looked at; None where there is none yet."""
    files: Mapping[str, Upload]
    """Every file of the version."""
    upload: Sequence[str]
    """Those that `main` lacks."""
    delete: Sequence[str]
    """Files at `main` that are of an earlier version and not of this one."""
    difference: Difference | None
    """Row by row from the version before; None for the first."""
    changes: Sequence[str]
    """The same in sentences, from the two manifests."""
    card_before: str = field(repr=False)

    @property
    def is_there(self) -> bool:
        """Whether this very version is tagged already."""
        return self.seen is not None and self.version in self.seen.versions

    @property
    def card(self) -> str:
        """The card as it will be published."""
        source = self.files[readme.NAME].source
        assert isinstance(source, bytes)
        return source.decode("utf-8")

    def card_difference(self) -> list[str]:
        """Return the lines of the card that change, as a unified diff."""
        before, after = self.card_before.splitlines(), self.card.splitlines()
        return list(
            difflib.unified_diff(
                before, after, f"{readme.NAME} (on the Hub)", f"{readme.NAME} ({self.version})", lineterm=""
            )
        )


def make_plan(
    repository: Repository, folder: Path, manifest: Manifest, asked: Version | None, results: Mapping[str, bytes]
) -> Plan:
    """Compare a dataset folder, and results of evaluations by their paths, with what is on the Hub.

    Raises:
        HubError: the repository is somebody else's, or the tag that is asked for cannot be.
        DatasetError: the folder is not what its manifest says.
    """
    seen = repository.look()
    if seen is None:
        repository.log_in()
    there = repository.files(seen.head) if seen else {}
    versions = list(seen.versions) if seen else []
    _refuse_foreign(repository.id, versions, there)
    local = _local(folder, manifest)
    local |= {path: Upload(content, content_of(content)) for path, content in results.items()}
    card = _card_at(repository, seen, there)
    if seen is not None and asked in versions:
        again = _version_again(repository, seen, local, manifest, asked)
        if again.upload or again.delete:
            raise HubError(
                f"--tag {asked}: {repository.id} has it already with other content "
                f"({_few(again.upload or again.delete)}); a version never changes: give a higher one than "
                f"{versions[-1]}, or leave --tag out"
            )
        return again
    if asked is not None and versions and asked < versions[-1]:
        raise HubError(f"--tag {asked}: versions only go up, and {repository.id} has {versions[-1]}")
    if seen is None or not versions:
        return _planned(repository, seen, there, local, manifest, asked or FIRST, card)
    latest = versions[-1]
    with _comparable(repository, latest):
        old = _manifest_at(repository, latest)
    if _facts(old) == _facts(manifest):
        local = _keeping(local, repository.files(repository.resolve(str(latest))))
        again = _version_again(repository, seen, local, manifest, latest)
        if asked is None and not again.upload and not again.delete:
            return again
    with _comparable(repository, latest):
        found = _difference(repository, latest, folder, manifest)
    version = asked or latest.after(found.change)
    return _planned(repository, seen, there, local, manifest, version, card, (latest, old), found)


@contextmanager
def _comparable(repository: Repository, latest: Version) -> Iterator[None]:
    try:
        yield
    except HubUnavailable:
        raise
    except (DatasetError, HubError) as error:
        raise HubError(
            f"{repository.id}: its latest version {latest} cannot be compared with what is here ({error}): if it is no "
            "version of this dataset, or a damaged one, delete that tag on the Hub; else give another --repo-id"
        ) from error


def _planned(
    repository: Repository,
    seen: Seen | None,
    there: Mapping[str, RemoteFile],
    local: Mapping[str, Upload],
    manifest: Manifest,
    version: Version,
    card_before: str,
    previous: tuple[Version, Manifest] | None = None,
    found: Difference | None = None,
) -> Plan:
    data = manifest.as_dict()
    before = (str(previous[0]), previous[1].as_dict()) if previous else None
    results = [json.loads(one.source) for one in local.values() if isinstance(one.source, bytes)]
    card = arbitrage_cards.render(data, repository.id, str(version), before, results).encode("utf-8")
    files = {**local, readme.NAME: Upload(card, content_of(card))}
    lacking = [path for path, file in files.items() if not file.is_in(there.get(path))]
    if any(files[path].kept for path in lacking):
        # Files of two encodings would not be what either manifest says.
        files = {path: file._replace(kept=None) for path, file in files.items()}
        lacking = [path for path, file in files.items() if not file.is_in(there.get(path))]
    return Plan(
        version=version,
        previous=previous[0] if previous else None,
        seen=seen,
        files=files,
        upload=sorted(lacking),
        delete=_stale(there, files, manifest),
        difference=found,
        changes=arbitrage_cards.changes(before[1], data) if before else [],
        card_before=card_before,
    )


def _version_again(
    repository: Repository, seen: Seen, local: Mapping[str, Upload], manifest: Manifest, version: Version
) -> Plan:
    """Return the plan of a version that is tagged already; it has nothing to do where the version holds the same."""
    earlier = [other for other in seen.versions if other < version]
    previous = (earlier[-1], _manifest_at(repository, earlier[-1])) if earlier else None
    tagged = repository.files(repository.resolve(str(version)))
    return _planned(repository, seen, tagged, local, manifest, version, "", previous)


def _stale(there: Iterable[str], files: Container[str], manifest: Manifest) -> list[str]:
    """Return the files of earlier versions that are none of this one's, and strays that its configs would load."""
    patterns = {pattern for splits in manifest.configs.values() for found in splits.values() for pattern in found}
    loaded = re.compile("|".join(re.escape(pattern).replace(r"\*", "[^/]*") for pattern in patterns))
    ours = (
        path
        for path in there
        if PATH.fullmatch(path) or path in PICTURES or RESULTS.fullmatch(path) or loaded.fullmatch(path)
    )
    return sorted(path for path in ours if path not in files)


def _refuse_foreign(repo_id: str, versions: Sequence[Version], there: Mapping[str, RemoteFile]) -> None:
    foreign = sorted(set(there) - ANYONES)
    if foreign and NAME not in there:
        raise HubError(
            f"{repo_id} holds files that were not published from here ({_few(foreign)}) and no {NAME}: "
            "give another --repo-id, or empty it first"
        )


def _local(folder: Path, manifest: Manifest) -> dict[str, Upload]:
    """Return every file of the folder but the card, having made sure that the manifest still holds."""
    files = {}
    # By name: what else lies in the folder stays here.
    for path in (*manifest.files, NAME, RECIPE, *arbitrage_cards.picture_paths(manifest.as_dict())):
        source = folder / path
        try:
            files[path] = Upload(source, content_of(inside(folder, path)))
        except DatasetError as error:
            raise DatasetError(f"{source} {error}: run `arbitrage build` again") from error
        if path in manifest.files and files[path].content.sha256 != manifest.files[path].file_sha256:
            raise DatasetError(f"{source} is not what {NAME} says: run `arbitrage build` again")
    if {recipe_hash(read_document(folder / RECIPE).data), recipe_hash(manifest.recipe)} != {manifest.recipe_hash}:
        raise DatasetError(f"{folder / RECIPE} is not what {NAME} says: run `arbitrage build` again")
    return files


def _keeping(local: Mapping[str, Upload], tagged: Mapping[str, RemoteFile]) -> dict[str, Upload]:
    return {
        path: file._replace(kept=tagged.get(path)) if path == NAME or path.endswith(".parquet") else file
        for path, file in local.items()
    }


def _facts(manifest: Manifest) -> dict[str, Any]:
    """Return a manifest without what depends on the encoding of its files alone."""
    data = manifest.as_dict()
    del data["writer"]
    for file in data["files"].values():
        del file["file_sha256"], file["bytes"]
    return data


def _manifest_at(repository: Repository, version: Version) -> Manifest:
    with dataset_at(repository.id, str(version), lambda manifest: manifest.files) as found:
        return found.manifest


def _difference(repository: Repository, latest: Version, folder: Path, manifest: Manifest) -> Difference:
    with dataset_at(repository.id, str(latest), lambda old: alike(old, manifest)) as found:
        return difference(found.folder, found.manifest, folder, manifest)


def _card_at(repository: Repository, seen: Seen | None, there: Mapping[str, RemoteFile]) -> str:
    if seen is None or readme.NAME not in there or there[readme.NAME].size > readme.MAX_BYTES:
        return ""
    return repository.fetch(seen.head, readme.NAME).read_text(encoding="utf-8", errors="replace")


def _few(paths: Sequence[str]) -> str:
    named = ", ".join(ascii(path)[1:-1][:80] for path in paths[:3])
    return named + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")
