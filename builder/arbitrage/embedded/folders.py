"""Which transformers model an embedded teacher is: a folder, named by its files' content, or a commit on the Hub."""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePath
from typing import Any

from arbitrage.embedded.content import ModelFiles, sha256_of
from arbitrage.errors import TeacherError
from arbitrage.hub.model import sum_of, weighs
from arbitrage.hub.refusals import explained
from arbitrage.recipe.model import REPO_ID, Teacher
from arbitrage.store.store import Store, open_store

TEMPLATES = "additional_chat_templates"
ADAPTER = (
    "is an adapter, which transformers does not serve: merge it into its base model first (merge_and_unload() of peft, "
    "then save_pretrained() of model and tokenizer)"
)
OTHERS = (".gguf", ".onnx", ".h5", ".msgpack", ".ot", ".pt", ".pth", ".tflite", ".zip")
"""Ends of files with weights that are not for transformers, or are there twice."""


def find(name: str, teacher: Teacher, folder: Path, store: Store) -> ModelFiles:
    """Return a teacher's folder with the sha256 over its files, or what the Hub has; nothing is fetched.

    Raises:
        TeacherError: there is no such folder, it is another model than the recipe says, or it cannot be served so.
        HubError: the Hub does not say.
    """
    assert teacher.transformers is not None
    path = folder / teacher.transformers
    if REPO_ID.fullmatch(teacher.transformers):
        return _on_hub(name, teacher, f", and there is no folder {path}", store)
    if not path.is_dir():
        raise TeacherError(
            f"teacher {name}: {path}: no such folder; give one with a transformers model, or a repository on the Hub "
            "(transformers: org/name)"
        )
    path = path.resolve()
    _check(name, teacher, path)
    digest = _digest(name, path, store)
    if teacher.revision not in (None, digest):
        raise TeacherError(
            f"teacher {name}: the sha256 over the files of {path.name} is {digest}, the recipe says revision "
            f"{teacher.revision}: it is another model; mend transformers: or revision:"
        )
    return ModelFiles({"revision": digest}, sum(file.stat().st_size for file in _files(path)), path)


def unchanged(name: str, found: ModelFiles, store_path: Path) -> Path:
    """Return a folder, once it is certain that it still holds what its answers will be said to come from.

    Raises:
        TeacherError: it holds something else by now.
    """
    assert found.path is not None
    with open_store(store_path) as store:
        digest = _digest(name, found.path, store)
    if digest != found.pins["revision"]:
        raise TeacherError(f"teacher {name}: {found.path} was changed since this run began: run the same command again")
    return found.path


def fetch(name: str, teacher: Teacher, found: ModelFiles) -> Path:
    """Return where the files of a model on the Hub lie, once they are fetched.

    Raises:
        TeacherError: they cannot be served.
        HubError: the Hub does not give them.
    """
    from huggingface_hub import snapshot_download

    assert found.repo_id is not None
    with explained(found.shown):
        path = Path(snapshot_download(found.repo_id, revision=found.commit, allow_patterns=list(found.files)))
    _check(name, teacher, path)
    return path


def _check(name: str, teacher: Teacher, path: Path) -> None:
    """Refuse what transformers would not serve, or otherwise than the recipe means."""
    shown = teacher.transformers if REPO_ID.fullmatch(teacher.transformers or "") else path.name
    if (path / "adapter_config.json").is_file():
        raise TeacherError(f"teacher {name}: {shown} {ADAPTER}")
    if not (path / "config.json").is_file():
        raise TeacherError(f"teacher {name}: {shown} holds no model: it has no config.json")
    if teacher.format == "chat" and not _has_template(path):
        raise TeacherError(f"teacher {name}: {shown} has no chat template: give its tokenizer one, or say format: raw")


def _has_template(path: Path) -> bool:
    if (path / "chat_template.jinja").is_file() or (path / TEMPLATES).is_dir():
        return True
    for file in (path / "chat_template.json", path / "tokenizer_config.json", path / "processor_config.json"):
        try:
            said = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            continue
        if isinstance(said, Mapping) and said.get("chat_template"):
            return True
    return False


def _files(path: Path) -> list[Path]:
    """Return the files of a model's folder that decide what it says: a card that is written anew is no new model."""
    return [one for one in sorted(path.iterdir()) if weighs(one)]


def _digest(name: str, path: Path, store: Store) -> str:
    return sum_of((file.name, sha256_of(name, file, store)) for file in _files(path))


def _on_hub(name: str, teacher: Teacher, beside: str, store: Store) -> ModelFiles:
    assert teacher.transformers is not None
    address, known = f"{teacher.transformers}@{teacher.revision or ''}", store.get("transformers") or {}
    if address not in known:
        shown = f"{teacher.transformers}@{teacher.revision}" if teacher.revision else teacher.transformers
        said = _ask_hub(f"teacher {name}: {shown}", teacher.transformers, teacher.revision, beside)
        store.keep("transformers", {**known, address: said})
    said = store.get("transformers")[address]
    return ModelFiles(
        {"revision": said["commit"]}, said["size"], None, teacher.transformers, said["commit"], tuple(said["files"])
    )


def _ask_hub(shown: str, repo_id: str, revision: str | None, beside: str) -> dict[str, Any]:
    from huggingface_hub import HfApi

    with explained(f"{shown} (a model on the Hub{beside})"):
        info = HfApi().model_info(repo_id, revision=revision, files_metadata=True)
    sizes = {file.rfilename: file.size or 0 for file in info.siblings or []}
    files = sorted(_wanted(sizes))
    if "adapter_config.json" in files:
        raise TeacherError(f"{shown} {ADAPTER}")
    if info.sha is None or "config.json" not in files:
        raise TeacherError(f"{shown} holds no model for transformers: it has no config.json")
    return {"commit": info.sha, "size": sum(sizes[file] for file in files), "files": files}


def _wanted(files: Iterable[str]) -> Iterator[str]:
    """Yield the files of a repository that its model needs: of weights in several formats one."""
    top = [file for file in files if "/" not in file or file.startswith(f"{TEMPLATES}/")]
    is_safe = any(
        file.startswith("model") and file.endswith((".safetensors", ".safetensors.index.json")) for file in top
    )
    for file in top:
        is_twice = is_safe and (file.endswith(".bin") or file.startswith("consolidated"))
        if not file.startswith(".") and not is_twice and PurePath(file).suffix not in OTHERS:
            yield file
