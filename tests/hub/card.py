"""The Hub's check of a card: the head of a README.md.

The lists of licences, languages and sizes and the shape of configs are the Hub's. Stricter than the Hub, so that a
mistake shows in a test: it only warns of an unknown task, takes a config that says nothing of files, and does
not look whether the patterns of a config match any file.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterator
from typing import Any

import yaml
from fsspec.utils import glob_translate  # type: ignore[import-untyped]

from hub.card_lists import LICENSES, SIZES, TASKS, languages
from hub.refusal import Refusal

SPLIT = re.compile(r"\w+(\.\w+)*")
CONFIG = re.compile(r"[^<>:/\\|?*]+")
"""`datasets` makes a folder of the name."""
HEAD = re.compile(r"\s*^---[ \t]*$\r?\n(.*?)(^---[ \t]*$)", re.DOTALL | re.MULTILINE)


class _Loader(yaml.SafeLoader):
    """YAML as the Hub reads it: a key that stands twice is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = Counter(self.construct_object(key, deep=True) for key, _ in node.value)
        if doubled := [key for key, count in keys.items() if count > 1]:
            raise yaml.constructor.ConstructorError(
                None, None, f"duplicated mapping key: {doubled[0]}", node.start_mark
            )
        return super().construct_mapping(node, deep)


def head(card: str) -> Any:
    """Return the YAML head of a card, None where it has none.

    Raises:
        yaml.YAMLError: It is no YAML.
    """
    found = HEAD.match(card)
    return yaml.load(found[1], _Loader) if found else None


def validate(card: str, kind: str) -> tuple[list[str], list[str]]:
    """Return the errors and the warnings of a card."""
    try:
        data = head(card)
    except (yaml.YAMLError, TypeError) as error:
        return [f"Invalid YAML: {' '.join(str(error).split())}"], []
    if data is None:
        return [], ["empty or missing yaml metadata in repo card"]
    if not isinstance(data, dict):
        return ["metadata must be an object"], []
    errors = list(_values(data, "license", LICENSES)) + list(_languages(data))
    if kind == "dataset":
        errors += _values(data, "task_categories", TASKS)
        errors += _values(data, "size_categories", SIZES)
        errors += _configs(data.get("configs", []))
    for key in ("pretty_name", "license_name", "license_link"):
        if key in data and not isinstance(data[key], str):
            errors.append(f'"{key}" must be a string')
    tags = data.get("tags") or []
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        errors.append('"tags" must be an array of strings')
    return errors, list(_warnings(data))


def check_commit(card: str, kind: str, paths: Collection[str], new: bool) -> None:
    """Turn down a commit whose card is wrong, or names files that are not there.

    Raises:
        Refusal: With every reason.
    """
    errors = validate(card, kind)[0]
    if errors and not new:
        return
    if not errors and kind == "dataset":
        errors = _missing(card, paths)
    if errors:
        reasons = "\n".join(f"- {error}" for error in errors)
        raise Refusal(400, f"Invalid metadata in README.md.\n{reasons}")


def _values(data: dict[str, Any], key: str, allowed: list[str]) -> Iterator[str]:
    for name, value in _given(data, key):
        if value not in allowed:
            yield f'"{name}" must be one of [{", ".join(allowed)}]'


def _given(data: dict[str, Any], key: str) -> list[tuple[str, Any]]:
    """Return the value of a key, or each of its values, with what the Hub calls it."""
    given = data.get(key)
    if isinstance(given, list):
        return [(f"{key}[{place}]", value) for place, value in enumerate(given)]
    return [] if given is None else [(key, given)]


def _languages(data: dict[str, Any]) -> Iterator[str]:
    for name, code in _given(data, "language"):
        if not isinstance(code, str):
            # `no` without quotes is false.
            yield f'"{name}" must be a string'
        elif code not in languages():
            yield (
                f'"{name}" with value "{code}" is not valid. It must be an ISO 639-1, 639-2 or 639-3 code '
                '(two/three letters), or a special value like "code", "multilingual". '
                "If you want to use BCP-47 identifiers, you can specify them in language_bcp47."
            )


def _configs(configs: Any) -> Iterator[str]:
    if not isinstance(configs, list) or not all(isinstance(config, dict) for config in configs):
        yield '"configs" must be an array of objects'
        return
    names = Counter(str(config.get("config_name", "default")) for config in configs)
    yield from (f'"configs" has two configs called "{name}"' for name, count in names.items() if count > 1)
    if sum(config.get("default") is True for config in configs) > 1:
        yield '"configs" has more than one default config'
    for place, config in enumerate(configs):
        where = f"configs[{place}]"
        name = config.get("config_name", "default")
        if not isinstance(name, str) or not CONFIG.fullmatch(name):
            yield f'"{where}.config_name" must be a string without any of <>:/\\|?*'
        if not isinstance(config.get("default", False), bool):
            yield f'"{where}.default" must be a boolean'
        if "data_files" not in config and "data_dir" not in config:
            yield f'"{where}" has no data_files'
        elif "data_files" in config:
            yield from _data_files(config["data_files"], f"{where}.data_files")


def _data_files(files: Any, where: str) -> Iterator[str]:
    shapes = f'"{where}" must be a path, an array of paths, or an array of objects with split and path'
    listed = files if isinstance(files, list) else [files]
    if not listed or not all(isinstance(one, str | dict) for one in listed):
        yield shapes
        return
    if len({type(one) for one in listed}) > 1 or isinstance(files, dict):
        yield shapes
        return
    if isinstance(listed[0], str):
        return
    for one in listed:
        split, path = one.get("split"), one.get("path")
        if not isinstance(split, str) or not SPLIT.fullmatch(split):
            yield f'"{where}": split name must match {SPLIT.pattern}, but is {split!r}'
        paths = path if isinstance(path, list) else [path]
        if not paths or not all(isinstance(one, str) for one in paths):
            yield shapes
    doubled = [split for split, count in Counter(str(one.get("split")) for one in listed).items() if count > 1]
    yield from (f'"{where}" has split "{split}" twice' for split in doubled)


def _warnings(data: dict[str, Any]) -> Iterator[str]:
    name = data.get("license_name")
    if isinstance(name, str) and not re.fullmatch(r"[a-z0-9.-]+", name):
        yield '"license_name" should be of lower case letters, digits, dots and hyphens'


def _missing(card: str, paths: Collection[str]) -> list[str]:
    data, errors = head(card) or {}, []
    for config in data.get("configs", []):
        folder = str(config.get("data_dir", "")).strip("/")
        files = config.get("data_files", "**")
        for one in files if isinstance(files, list) else [files]:
            patterns = one["path"] if isinstance(one, dict) else one
            for pattern in patterns if isinstance(patterns, list) else [patterns]:
                full = re.compile(glob_translate(f"{folder}/{pattern}" if folder else pattern))
                if not any(full.match(path) for path in paths):
                    name = config.get("config_name", "default")
                    errors.append(f'config "{name}": no file matches {pattern}')
    return errors
