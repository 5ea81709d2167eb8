"""The YAML head of a card, as the Hub and every YAML parser reads it alike."""

import json
import re
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any

from arbitrage_cards.licenses import LICENSES, license_of
from arbitrage_cards.prompts import hub_id

_SIZES = (
    (10**3, "n<1K"),
    (10**4, "1K<n<10K"),
    (10**5, "10K<n<100K"),
    (10**6, "100K<n<1M"),
    (10**7, "1M<n<10M"),
    (10**8, "10M<n<100M"),
    (10**9, "100M<n<1B"),
)


def front_matter(manifest: Mapping[str, Any]) -> str:
    """Return the card's head, both `---` lines included."""
    license_id = manifest["license"]
    lines = ["---", f"pretty_name: {scalar(manifest['name'])}"]
    if license_id in LICENSES:
        lines.append(f"license: {scalar(license_id)}")
    else:
        lines += ["license: other", f"license_name: {scalar(_slug(license_id))}"]
    known = license_of(license_id)
    if known and known.link:
        lines.append(f"license_link: {scalar(known.link)}")
    lines += _list("language", sorted({language.split("-")[0] for language in manifest["languages"]}))
    lines += _list("multilinguality", ["multilingual" if len(manifest["languages"]) > 1 else "monolingual"])
    lines += _list("task_categories", ["text-generation"])
    lines += _list("size_categories", [size_category(manifest)])
    lines += _list("tags", ["synthetic", "multilingual", "multilingual-arbitrage"])
    sources = sorted({found for source in manifest["recipe"].get("prompts", []) if (found := hub_id(source))})
    if sources:
        lines += _list("source_datasets", sources)
    if manifest["configs"]:
        lines.append("configs:")
    for name, splits in sorted(manifest["configs"].items()):
        lines.append(f"- config_name: {scalar(name)}")
        if name == manifest["default_config"]:
            lines += ["  default: true", f"  description: {scalar(_which_rows(manifest))}"]
        lines.append("  data_files:")
        for split in ("train", "test"):
            if split in splits:
                lines += [f"  - split: {split}", "    path:"]
                lines += [f"    - {scalar(pattern)}" for pattern in splits[split]]
    return "\n".join([*lines, "---", ""])


def _which_rows(manifest: Mapping[str, Any]) -> str:
    """Return a text that other rows do not have.

    `datasets` keeps what it loaded from a folder under the folder's name and a hash of its card's configs. Two folders
    of one name, or one that was built anew, would pass for each other without it.
    """
    rows = "".join(f"{path} {file['rows_sha256']}\n" for path, file in sorted(manifest["files"].items()))
    return f"rows {sha256(rows.encode()).hexdigest()[:16]}"


def _slug(license_id: str) -> str:
    """Return a license's name in the form that the Hub asks for, such as `my-license-1.0`."""
    return re.sub(r"[^a-z0-9.]+", "-", license_id.lower()).strip("-.")[:64].strip("-.") or "custom"


def scalar(text: str) -> str:
    """Return a string as YAML of any version reads it: plain where nobody can mistake it, else quoted."""
    words = "y n yes no on off true false null".split()
    if re.fullmatch(r"[A-Za-z][A-Za-z0-9_./*-]*", text) and text.lower() not in words:
        return text
    return json.dumps("".join(char for char in text if char.isprintable()), ensure_ascii=False)


def _list(key: str, values: Iterable[str]) -> list[str]:
    return [f"{key}:", *(f"- {scalar(value)}" for value in values)]


def size_category(manifest: Mapping[str, Any]) -> str:
    """Return the Hub's size category for the rows of the default config."""
    table = str(manifest["default_config"]) + "/"
    rows = sum(file["rows"] for path, file in manifest["files"].items() if path.startswith(table))
    return next((name for limit, name in _SIZES if rows < limit), "1B<n<10B")
