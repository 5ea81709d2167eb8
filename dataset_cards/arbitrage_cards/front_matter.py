"""The YAML head of a card, as the Hub and every YAML parser reads it alike."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

# The ids that the Hub takes; any other license is `other` with a name.
LICENSES = frozenset(
    """
    apache-2.0 mit openrail bigscience-openrail-m creativeml-openrail-m bigscience-bloom-rail-1.0
    bigcode-openrail-m afl-3.0 artistic-2.0 bsl-1.0 bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear c-uda cc
    cc0-1.0 cc-by-2.0 cc-by-2.5 cc-by-3.0 cc-by-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc-by-nc-2.0 cc-by-nc-3.0
    cc-by-nc-4.0 cc-by-nd-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0
    cdla-sharing-1.0 cdla-permissive-1.0 cdla-permissive-2.0 wtfpl ecl-2.0 epl-1.0 epl-2.0 etalab-2.0 eupl-1.1
    eupl-1.2 agpl-3.0 gfdl gpl gpl-2.0 gpl-3.0 lgpl lgpl-2.1 lgpl-3.0 isc h-research intel-research lppl-1.3c
    ms-pl apple-ascl apple-amlr mpl-2.0 odc-by odbl openmdw-1.0 openrail++ osl-3.0 postgresql ofl-1.1 ncsa
    unlicense zlib pddl lgpl-lr deepfloyd-if-license fair-noncommercial-research-license llama2 llama3
    llama3.1 llama3.2 llama3.3 llama4 gemma grok2-community unknown other
    """.split()
)
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
        lines += ["license: other", f"license_name: {scalar(license_id)}"]
    lines += _list("language", sorted({language.split("-")[0] for language in manifest["languages"]}))
    lines += _list("task_categories", ["text-generation"])
    lines += _list("size_categories", [size_category(manifest)])
    lines += _list("tags", ["synthetic", "multilingual", "multilingual-arbitrage"])
    if manifest["configs"]:
        lines.append("configs:")
    for name, splits in sorted(manifest["configs"].items()):
        lines.append(f"- config_name: {scalar(name)}")
        if name == manifest["default_config"]:
            lines.append("  default: true")
        lines.append("  data_files:")
        for split in ("train", "test"):
            if split in splits:
                lines += [f"  - split: {split}", "    path:"]
                lines += [f"    - {scalar(pattern)}" for pattern in splits[split]]
    return "\n".join([*lines, "---", ""])


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
