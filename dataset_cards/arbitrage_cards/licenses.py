"""The licences that the Hub has ids for, and what each asks of whoever passes on text made under it.

This is a reader's summary and no legal advice: the link has the words that count. Names and ids are those of
https://huggingface.co/docs/hub/repositories-licenses.
"""

from collections.abc import Iterator
from typing import NamedTuple


class License(NamedTuple):
    """A licence: what it asks of whoever passes on text made under it, and the duty that a card shows."""

    id: str
    name: str
    link: str | None
    asks: frozenset[str]  # of attribution, share-alike, non-commercial, no-derivatives
    duty: str | None  # None where nothing is asked
    software: bool = False  # keeping its notice is asked of copies of the program, not of what it prints


_WORDS = {"b": "attribution", "s": "share-alike", "n": "non-commercial", "d": "no-derivatives"}
_SPDX = "https://spdx.org/licenses/{}.html"
_NOTICE = "Keep the copyright and licence notice."
_COPYLEFT = "Pass it on under the same licence, with its notice."
_RAIL = "The use restrictions of the licence bind whoever uses the model's outputs too; pass them on."
_LLAMA = 'Show "Built with Llama"; the name of a model trained on it begins with "Llama".'
_RESEARCH = "For non-commercial research alone; read the licence."

# id | SPDX id, which is where the text is | name | asks, by the first letters above (b: by)
_SOFTWARE = """
afl-3.0 | AFL-3.0 | Academic Free License 3.0 | b
agpl-3.0 | AGPL-3.0-only | GNU Affero General Public License 3.0 | bs
apache-2.0 | Apache-2.0 | Apache License 2.0 | b
artistic-2.0 | Artistic-2.0 | Artistic License 2.0 | b
bsd | | BSD licences | b
bsd-2-clause | BSD-2-Clause | BSD 2-Clause License | b
bsd-3-clause | BSD-3-Clause | BSD 3-Clause License | b
bsd-3-clause-clear | BSD-3-Clause-Clear | BSD 3-Clause Clear License | b
bsl-1.0 | BSL-1.0 | Boost Software License 1.0 | b
ecl-2.0 | ECL-2.0 | Educational Community License 2.0 | b
epl-1.0 | EPL-1.0 | Eclipse Public License 1.0 | bs
epl-2.0 | EPL-2.0 | Eclipse Public License 2.0 | bs
eupl-1.1 | EUPL-1.1 | European Union Public License 1.1 | bs
eupl-1.2 | EUPL-1.2 | European Union Public License 1.2 | bs
gpl | GPL-3.0-or-later | GNU General Public License, any version | bs
gpl-2.0 | GPL-2.0-only | GNU General Public License 2.0 | bs
gpl-3.0 | GPL-3.0-only | GNU General Public License 3.0 | bs
isc | ISC | ISC License | b
lgpl | LGPL-3.0-or-later | GNU Lesser General Public License, any version | bs
lgpl-2.1 | LGPL-2.1-only | GNU Lesser General Public License 2.1 | bs
lgpl-3.0 | LGPL-3.0-only | GNU Lesser General Public License 3.0 | bs
lppl-1.3c | LPPL-1.3c | LaTeX Project Public License 1.3c | b
mit | MIT | MIT License | b
mpl-2.0 | MPL-2.0 | Mozilla Public License 2.0 | bs
ms-pl | MS-PL | Microsoft Public License | bs
ncsa | NCSA | University of Illinois/NCSA Open Source License | b
osl-3.0 | OSL-3.0 | Open Software License 3.0 | bs
postgresql | PostgreSQL | PostgreSQL License | b
unlicense | Unlicense | The Unlicense |
wtfpl | WTFPL | WTFPL |
zlib | Zlib | zlib License | b
"""

# For works and data.
_WORKS = """
cdla-permissive-1.0 | CDLA-Permissive-1.0 | Community Data License Agreement, Permissive 1.0 | b
cdla-permissive-2.0 | CDLA-Permissive-2.0 | Community Data License Agreement, Permissive 2.0 | b
cdla-sharing-1.0 | CDLA-Sharing-1.0 | Community Data License Agreement, Sharing 1.0 | bs
gfdl | GFDL-1.3-or-later | GNU Free Documentation License | bs
lgpl-lr | LGPLLR | Lesser General Public License for Linguistic Resources | bs
odbl | ODbL-1.0 | Open Data Commons Open Database License | bs
odc-by | ODC-By-1.0 | Open Data Commons Attribution License | b
ofl-1.1 | OFL-1.1 | SIL Open Font License 1.1 | bs
pddl | PDDL-1.0 | Open Data Commons Public Domain Dedication and License |
etalab-2.0 | etalab-2.0 | Open License (Etalab) 2.0 | b
"""

_CC = """
cc-by-2.0 cc-by-2.5 cc-by-3.0 cc-by-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0
cc-by-nd-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0
""".split()

# Ids of more than one licence, or of one whose words we could not read: nothing is claimed about them.
_UNTOLD = frozenset("apple-ascl cc h-research unknown other".split())


def _made_for_models() -> Iterator[License]:
    """Yield the licences that were written for models; each has its own words about what a model writes."""
    hub = "https://huggingface.co"
    meta = "https://github.com/meta-llama/llama-models/blob/main/models/{}/LICENSE"
    asks = _asks("b")
    for version, folder in (("3.1", "llama3_1"), ("3.2", "llama3_2"), ("3.3", "llama3_3"), ("4", "llama4")):
        yield License(f"llama{version}", f"Llama {version} Community License", meta.format(folder), asks, _LLAMA)
    llama3 = (
        'Show "Built with Meta Llama 3"; it may not be used to improve any large language model but Llama 3, '
        'and the name of a model trained on it begins with "Llama 3".'
    )
    yield License("llama3", "Meta Llama 3 Community License", meta.format("llama3"), asks, llama3)
    llama2 = "It may not be used to improve any large language model but Llama 2; keep the licence's notice."
    yield License("llama2", "Llama 2 Community License", meta.format("llama2"), asks, llama2)
    gemma = (
        "The Gemma terms of use and prohibited uses pass on to a model trained on it to perform like Gemma; "
        "the outputs are yours to answer for."
    )
    yield License("gemma", "Gemma Terms of Use", "https://ai.google.dev/gemma/terms", asks, gemma)
    grok = "It may not be used to train or improve any model but Grok 2; read the licence."
    yield License("grok2-community", "Grok 2 Community License", f"{hub}/xai-org/grok-2/blob/main/LICENSE", asks, grok)
    rails = {
        "openrail": ("Open RAIL licences", None),
        "bigscience-openrail-m": ("BigScience OpenRAIL-M", f"{hub}/spaces/bigscience/license"),
        "creativeml-openrail-m": ("CreativeML OpenRAIL-M", f"{hub}/spaces/CompVis/stable-diffusion-license"),
        "bigscience-bloom-rail-1.0": ("BigScience BLOOM RAIL 1.0", f"{hub}/spaces/bigscience/license"),
        "bigcode-openrail-m": ("BigCode OpenRAIL-M", f"{hub}/spaces/bigcode/bigcode-model-license-agreement"),
        "openrail++": ("CreativeML Open RAIL++-M", None),
    }
    for rail, (name, link) in rails.items():
        yield License(rail, name, link, asks, _RAIL)
    openmdw = "Keep its notices with the materials; it asks nothing about what a model writes."
    name = "OpenMDW License Agreement 1.0"
    yield License("openmdw-1.0", name, "https://github.com/OpenMDW/OpenMDW", asks, openmdw, software=True)
    research = {
        "apple-amlr": "Apple Machine Learning Research Model License",
        "deepfloyd-if-license": "DeepFloyd IF License",
        "fair-noncommercial-research-license": "FAIR Noncommercial Research License",
        "intel-research": "Intel Research Use License",
    }
    for license_id, name in research.items():
        yield License(license_id, name, None, _asks("bn"), _RESEARCH)


def _asks(letters: str) -> frozenset[str]:
    return frozenset(_WORDS[letter] for letter in letters)


def _creative_commons(license_id: str) -> License:
    parts, version = license_id.removeprefix("cc-").rsplit("-", 1)
    asks = _asks("".join({"by": "b", "sa": "s", "nc": "n", "nd": "d"}[part] for part in parts.split("-")))
    duty = ["Name the authors, link the licence and say what was changed"]
    duty += ["use it for nothing commercial"] * ("non-commercial" in asks)
    duty += ["pass it on under the same licence"] * ("share-alike" in asks)
    duty += ["pass on nothing that was changed"] * ("no-derivatives" in asks)
    link = f"https://creativecommons.org/licenses/{parts}/{version}/"
    return License(license_id, f"Creative Commons {parts.upper()} {version}", link, asks, "; ".join(duty) + ".")


def _rows(table: str, software: bool) -> Iterator[License]:
    for line in table.strip().splitlines():
        license_id, spdx, name, letters = (cell.strip() for cell in line.split("|"))
        duty = _COPYLEFT if "s" in letters else _NOTICE if letters else None
        yield License(license_id, name, _SPDX.format(spdx) if spdx else None, _asks(letters), duty, software)


_CC0 = License(
    "cc0-1.0", "Creative Commons Zero 1.0", "https://creativecommons.org/publicdomain/zero/1.0/", frozenset(), None
)
_C_UDA = License(
    "c-uda",
    "Computational Use of Data Agreement 1.0",
    "https://github.com/microsoft/Computational-Use-of-Data-Agreement",
    _asks("bs"),
    "Use it for analysis by computers alone, keep its credits, and bind whoever gets it to the same terms.",
)
_TABLE = {
    entry.id: entry
    for entry in (
        _CC0,
        _C_UDA,
        *map(_creative_commons, _CC),
        *_rows(_SOFTWARE, software=True),
        *_rows(_WORKS, software=False),
        *_made_for_models(),
    )
}

# The ids that the Hub takes; any other license is `other` with a name.
LICENSES = frozenset(_TABLE) | _UNTOLD


def license_of(license_id: str | None) -> License | None:
    """Return what a licence asks; None where it is not stated, or where its words are not known here."""
    return None if license_id is None else _TABLE.get(license_id.lower())
