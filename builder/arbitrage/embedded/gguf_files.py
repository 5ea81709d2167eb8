"""Which GGUF file an embedded teacher is: here or on the Hub, named by the sha256 of its content."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from arbitrage.embedded.content import ModelFiles, sha256_of
from arbitrage.embedded.metadata import chat_template
from arbitrage.errors import TeacherError
from arbitrage.hub.refusals import explained
from arbitrage.recipe.model import REPO_ID, Teacher
from arbitrage.store.store import Store, open_store

PART = re.compile(r"-\d{5}-of-\d{5}\.gguf$")


def find(name: str, teacher: Teacher, folder: Path, store: Store) -> ModelFiles:
    """Return a teacher's file; nothing is fetched, since the Hub tells the sha256 of a file before it is.

    Raises:
        TeacherError: there is no such file, it is another than the recipe says, or it cannot be served so.
        HubError: the Hub does not say.
    """
    assert teacher.gguf is not None
    path = folder / teacher.gguf
    if teacher.file is not None and path.is_dir():
        path = path / teacher.file
    if path.is_file():
        path = path.resolve()
        found = ModelFiles({"sha256": sha256_of(name, path, store)}, path.stat().st_size, path)
    elif teacher.file is None or not REPO_ID.fullmatch(teacher.gguf):
        raise TeacherError(
            f"teacher {name}: {path}: no such file; give a .gguf file here, or a repository on the Hub "
            "(gguf: org/name) and its file: NAME.gguf"
        )
    else:
        found = _on_hub(name, teacher.gguf, teacher.file, teacher.revision, store)
    if teacher.sha256 not in (None, found.pins["sha256"]):
        raise TeacherError(
            f"teacher {name}: the file's sha256 is {found.pins['sha256']}, the recipe says {teacher.sha256}: "
            "it is another file; mend gguf:, file: or sha256:"
        )
    if found.path is not None:
        _check(name, teacher, found.path)
    return found


def fetch(name: str, teacher: Teacher, found: ModelFiles, store_path: Path) -> Path:
    """Return where a file of the Hub lies, once it is fetched.

    Raises:
        TeacherError: what came is another file, or cannot be served.
        HubError: the Hub does not give it.
    """
    from huggingface_hub import hf_hub_download

    assert found.repo_id is not None
    with explained(found.shown):
        path = Path(hf_hub_download(found.repo_id, found.files[0], revision=found.commit)).resolve()
    with open_store(store_path) as store:
        digest = sha256_of(name, path, store)
    if digest != found.pins["sha256"]:
        raise TeacherError(
            f"teacher {name}: {path} has sha256 {digest}, the Hub says {found.pins['sha256']}: delete it"
        )
    _check(name, teacher, path)
    return path


def _check(name: str, teacher: Teacher, path: Path) -> None:
    """Refuse what llama.cpp would serve otherwise than the recipe means."""
    if PART.search(path.name):
        raise TeacherError(
            f"teacher {name}: {path.name} is a part of a model: join the parts, for instance with gguf-split"
        )
    # Without one, llama.cpp would put another model's template around the turns.
    if chat_template(path) is None and teacher.format == "chat":
        raise TeacherError(f"teacher {name}: {path.name} has no chat template: take another file, or say format: raw")


def _on_hub(name: str, repo_id: str, file: str, revision: str | None, store: Store) -> ModelFiles:
    address, known = f"{repo_id}@{revision or ''}/{file}", store.get("gguf") or {}
    if address not in known:
        store.keep("gguf", {**known, address: _ask_hub(name, repo_id, file, revision)})
    said: Mapping[str, Any] = store.get("gguf")[address]
    pins = {"sha256": said["sha256"], "revision": said["commit"]}
    return ModelFiles(pins, said["size"], None, repo_id, said["commit"], (file,))


def _ask_hub(name: str, repo_id: str, file: str, revision: str | None) -> dict[str, Any]:
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import RepoFile

    api, shown = HfApi(), f"{repo_id}@{revision}" if revision else repo_id
    with explained(f"teacher {name}: {shown}"):
        commit = api.model_info(repo_id, revision=revision).sha
        entries = api.get_paths_info(repo_id, [file], revision=commit)
    entry = next((entry for entry in entries if isinstance(entry, RepoFile)), None)
    if commit is None or entry is None or entry.lfs is None:
        raise TeacherError(f"teacher {name}: {shown} has no model file {file!r}; look at its files on the Hub")
    return {"commit": commit, "sha256": entry.lfs.sha256, "size": entry.size}
