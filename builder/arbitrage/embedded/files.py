"""Which file an embedded teacher is: here or on the Hub, named by the sha256 of its content."""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arbitrage.embedded.metadata import chat_template
from arbitrage.errors import TeacherError
from arbitrage.recipe.model import REPO_ID, Recipe, Teacher
from arbitrage.store.store import Store, open_store

PART = re.compile(r"-\d{5}-of-\d{5}\.gguf$")
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A GGUF file; `path` is None while it was not fetched from the Hub."""

    sha256: str
    size: int
    path: Path | None
    repo_id: str | None = None
    file: str | None = None
    commit: str | None = None


def resolve(recipe: Recipe, folder: Path, store: Store) -> tuple[Recipe, dict[str, ModelFile]]:
    """Return the recipe with every embedded teacher pinned to its file's content, and these files by teacher.

    Nothing is fetched: the Hub tells the sha256 of a file before it is. A file on the Hub stays at the commit that
    this run saw first, until its `revision:` is changed.

    Raises:
        TeacherError: there is no such file, it is another than the recipe says, or it cannot be served so.
        HubError: the Hub does not say.
    """
    files: dict[str, ModelFile] = {}
    teachers = dict(recipe.teachers)
    for name, teacher in recipe.teachers.items():
        if teacher.gguf is None:
            continue
        found = _find(name, teacher, folder, store)
        if teacher.sha256 not in (None, found.sha256):
            raise TeacherError(
                f"teacher {name}: the file's sha256 is {found.sha256}, the recipe says {teacher.sha256}: "
                "it is another file; mend gguf:, file: or sha256:"
            )
        if found.path is not None:
            check(name, teacher, found.path)
        files[name] = found
        teachers[name] = teacher.model_copy(update={"sha256": found.sha256, "revision": found.commit})
    return (recipe.model_copy(update={"teachers": teachers}) if files else recipe), files


def fetch(name: str, teacher: Teacher, found: ModelFile, store_path: Path, tell: Tell) -> Path:
    """Return where a file lies, after fetching it from the Hub where it does not lie here yet.

    Raises:
        TeacherError: what came is another file, or cannot be served.
        HubError: the Hub does not give it.
    """
    if found.path is not None:
        return found.path
    from huggingface_hub import hf_hub_download

    from arbitrage.hub.refusals import explained

    assert found.repo_id is not None and found.file is not None
    shown = f"{found.repo_id}/{found.file}"
    tell(f"{name}: fetching {shown} ({found.size / 1e9:.1f} GB), unless it is in the cache")
    with explained(shown):
        path = Path(hf_hub_download(found.repo_id, found.file, revision=found.commit)).resolve()
    with open_store(store_path) as store:
        digest = _sha256(name, path, store)
    if digest != found.sha256:
        raise TeacherError(f"teacher {name}: {path} has sha256 {digest}, the Hub says {found.sha256}: delete it")
    check(name, teacher, path)
    return path


def check(name: str, teacher: Teacher, path: Path) -> None:
    """Refuse what llama.cpp would serve otherwise than the recipe means.

    Raises:
        TeacherError: it is no GGUF file, a part of one, or has no chat template where turns are to be sent.
    """
    if PART.search(path.name):
        raise TeacherError(
            f"teacher {name}: {path.name} is a part of a model: join the parts, for instance with gguf-split"
        )
    # Without one, llama.cpp would put another model's template around the turns.
    if chat_template(path) is None and teacher.format == "chat":
        raise TeacherError(f"teacher {name}: {path.name} has no chat template: take another file, or say format: raw")


def _find(name: str, teacher: Teacher, folder: Path, store: Store) -> ModelFile:
    assert teacher.gguf is not None
    path = folder / teacher.gguf
    if teacher.file is not None and path.is_dir():
        path = path / teacher.file
    if path.is_file():
        path = path.resolve()
        return ModelFile(_sha256(name, path, store), path.stat().st_size, path)
    if teacher.file is None or not REPO_ID.fullmatch(teacher.gguf):
        raise TeacherError(
            f"teacher {name}: {path}: no such file; give a .gguf file here, or a repository on the Hub "
            "(gguf: org/name) and its file: NAME.gguf"
        )
    return _on_hub(name, teacher.gguf, teacher.file, teacher.revision, store)


def _on_hub(name: str, repo_id: str, file: str, revision: str | None, store: Store) -> ModelFile:
    address, known = f"{repo_id}@{revision or ''}/{file}", store.get("gguf") or {}
    if address not in known:
        store.keep("gguf", {**known, address: _ask_hub(name, repo_id, file, revision)})
    said: Mapping[str, Any] = store.get("gguf")[address]
    return ModelFile(said["sha256"], said["size"], None, repo_id, file, said["commit"])


def _ask_hub(name: str, repo_id: str, file: str, revision: str | None) -> dict[str, Any]:
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import RepoFile

    from arbitrage.hub.refusals import explained

    api, shown = HfApi(), f"{repo_id}@{revision}" if revision else repo_id
    with explained(f"teacher {name}: {shown}"):
        commit = api.model_info(repo_id, revision=revision).sha
        entries = api.get_paths_info(repo_id, [file], revision=commit)
    entry = next((entry for entry in entries if isinstance(entry, RepoFile)), None)
    if commit is None or entry is None or entry.lfs is None:
        raise TeacherError(f"teacher {name}: {shown} has no model file {file!r}; look at its files on the Hub")
    return {"commit": commit, "sha256": entry.lfs.sha256, "size": entry.size}


def _sha256(name: str, path: Path, store: Store) -> str:
    """Return a file's sha256, which is not computed again while size and time of the file stay."""
    stat, known = path.stat(), store.get("sha256") or {}
    mark = [stat.st_size, stat.st_mtime_ns]
    before = known.get(str(path))
    if before and before[:2] == mark:
        return str(before[2])
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise TeacherError(f"teacher {name}: {path}: cannot be read: {error.strerror or error}") from error
    store.keep("sha256", {**known, str(path): [*mark, digest]})
    return digest
