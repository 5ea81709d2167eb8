"""The files that a local task file is made of: what it includes, its functions, its members and its data."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from arbitrage.errors import RecipeError

DATA = {"json", "csv", "parquet", "text", "arrow"}
"""How `datasets` calls files that are loaded as they are."""


@dataclass(frozen=True)
class TaskFile:
    """A task file, read."""

    path: Path
    config: Mapping[str, Any]
    """With what it includes."""
    parts: tuple[Path, ...]
    """The files that say what it is, itself first."""
    members: tuple["TaskFile", ...] = field(default=())
    """Of a group: those of its tasks that lie beside it."""
    foreign: tuple[str, ...] = ()
    """Of a group: the names of the others, which are lm-eval's own."""

    @property
    def leaves(self) -> Iterator[Mapping[str, Any]]:
        """The configurations of the tasks that lie here."""
        if "group" not in self.config:
            yield self.config
        for member in self.members:
            yield from member.leaves

    @cached_property
    def digest(self) -> str:
        """The sha256 over all files, with the names that they have from the task file's folder on."""
        whole = hashlib.sha256()
        found = {*self._all()}
        if any(path.suffix == ".py" for path in found):
            # Modules of `!function` may import any of their neighbours.
            found |= {path.resolve() for path in self.path.parent.glob("*.py")}
        for path in sorted(found):
            with path.open("rb") as file:
                content = hashlib.file_digest(file, "sha256").hexdigest()
            inside = path.is_relative_to(self.path.parent)
            name = path.relative_to(self.path.parent).as_posix() if inside else path.name
            whole.update(f"{name} {content}\n".encode())
        return whole.hexdigest()

    def _all(self) -> Iterator[Path]:
        yield from self.parts
        for config in [self.config] if "group" not in self.config else []:
            yield from data_of(config, self.path)
        for member in self.members:
            yield from member._all()


def read_task_file(path: Path) -> TaskFile:
    """Read a task file and all that it needs from here.

    Raises:
        RecipeError: a file does not exist, or is not what lm-eval reads.
    """
    parts: list[Path] = []
    config = _load(path.resolve(), parts)
    if not any(isinstance(config.get(key), str) for key in ("task", "group")):
        raise RecipeError(f"{path}: has no task: NAME (or group: NAME), so it is no task file of lm-eval")
    if "group" not in config:
        data_of(config, path)
        return TaskFile(path.resolve(), config, tuple(parts))
    names = list(_names(config.get("task")))
    beside = _beside(path.resolve()) if names else {}
    members = tuple(read_task_file(beside[name]) for name in names if name in beside)
    foreign = tuple(name for name in names if name not in beside)
    return TaskFile(path.resolve(), config, tuple(parts), members, foreign)


def data_of(config: Mapping[str, Any], path: Path) -> list[Path]:
    """Return the data files of a task that lie here.

    Raises:
        RecipeError: one of them does not exist, or is a loading script.
    """
    source = config.get("dataset_path")
    told = config.get("dataset_kwargs") or {}
    named = told.get("data_files") if isinstance(told, Mapping) else None
    if isinstance(told, Mapping) and isinstance(told.get("data_dir"), str):
        named = [named, f"{told['data_dir']}/*"] if named is None or isinstance(named, str) else named
    lists = named.values() if isinstance(named, Mapping) else [named]
    wanted = [str(one) for some in lists for one in (some if isinstance(some, list) else [some]) if one is not None]
    found: list[Path] = []
    if isinstance(source, str) and source not in DATA and (path.parent / source).exists():
        place = path.parent / source
        if place.suffix == ".py" or (place / f"{place.name}.py").is_file():
            raise RecipeError(f"{path}: dataset_path: {source}: {SCRIPT}")
        found += sorted(one for one in place.rglob("*") if one.is_file())
    elif source in DATA:
        for name in wanted:
            if "://" in name:
                continue
            # Path.glob takes no absolute patterns.
            here = Path(name) if Path(name).is_absolute() else path.parent / name
            matching = sorted(here.parent.glob(here.name)) if "*" in here.name else [here]
            if not matching or not all(one.is_file() for one in matching):
                raise RecipeError(f"{path}: data_files: {here}: no such file; paths begin at the task file's folder")
            found += matching
    return [one.resolve() for one in found]


SCRIPT = (
    "is a loading script, which `datasets` 4 and later refuse to run: "
    "turn it into Parquet files, or take a set that holds them"
)


def _load(path: Path, parts: list[Path]) -> dict[str, Any]:
    import yaml

    if path in parts:
        raise RecipeError(f"{path}: includes itself")
    if not path.is_file():
        raise RecipeError(f"{path}: no such file")
    parts.append(path)
    functions: list[str] = []

    class Loader(yaml.SafeLoader):
        pass

    def function(loader: yaml.SafeLoader, node: yaml.Node) -> str:
        assert isinstance(node, yaml.ScalarNode)
        functions.append(loader.construct_scalar(node))
        return functions[-1]

    Loader.add_constructor("!function", function)
    try:
        # It constructs what a safe loader does, and names of functions as texts.
        config = yaml.load(path.read_text(encoding="utf-8"), Loader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: is no YAML: {' '.join(str(error).split())}") from None
    if not isinstance(config, dict):
        raise RecipeError(f"{path}: is no task file of lm-eval, which has keys such as task: and dataset_path:")
    modules = (path.parent / f"{name.rpartition('.')[0].replace('.', '/')}.py" for name in functions)
    parts += [module for module in modules if module.is_file() and module not in parts]
    included = config.pop("include", None) or []
    merged: dict[str, Any] = {}
    for name in included if isinstance(included, list) else [included]:
        merged |= _load((path.parent / str(name)).resolve(), parts)
    return merged | config


def _names(members: Any) -> Iterator[str]:
    """Yield the names in a group's `task:`; members that are written out have none."""
    for member in members if isinstance(members, list) else []:
        if isinstance(member, str):
            yield member
        elif isinstance(member, Mapping) and isinstance(member.get("task"), list):
            yield from _names(member["task"])
        elif isinstance(member, Mapping) and isinstance(member.get("task", member.get("group")), str):
            yield str(member.get("task", member.get("group")))


def _beside(group: Path) -> dict[str, Path]:
    """Return the task files in a group's folder by name, as lm-eval finds them: by path, the first of a name."""
    found: dict[str, Path] = {}
    for path in sorted(group.parent.rglob("*.yaml"), key=lambda path: path.as_posix()):
        try:
            config = _load(path.resolve(), [])
        except RecipeError:
            continue  # lm-eval passes over what is no task file
        name = config.get("group", config.get("task"))
        if isinstance(name, str) and path.resolve() != group:
            found.setdefault(name, path.resolve())
    return found
