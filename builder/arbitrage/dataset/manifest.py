"""The manifest: checksums and provenance of a dataset folder, without clock, host or path."""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from arbitrage.dataset.reading import inside
from arbitrage.dataset.report import shown
from arbitrage.errors import DatasetError
from arbitrage.records import Split

NAME = "manifest.json"
MAX_BYTES = 64 * 2**20

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
PATH = re.compile(r"^[a-z][a-z0-9_]*/[a-z]{2,3}(-[A-Z][a-z]{3})?/(train|test)-[0-9]{5,9}\.parquet\Z")
FilePath = Annotated[str, StringConstraints(pattern=PATH, max_length=200)]
Config = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*(-[a-z]{2,3}(-[A-Z][a-z]{3})?)?$", max_length=200)]
Pattern = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_/*.-]+$", max_length=200)]
Count = Annotated[int, Field(ge=0, lt=2**63)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class File(_Part):
    """One Parquet file."""

    rows: Count
    rows_sha256: Sha256
    """Over the canonical JSON lines of its rows in order."""
    groups_sha256: list[Sha256]
    """The same for each block of 1000 rows, so that a change can be located."""
    file_sha256: Sha256
    bytes: Count


class Writer(_Part):
    """What wrote the files: equal bytes may only be expected of an equal writer."""

    pyarrow: str
    settings: dict[str, Any]
    group_rows: Count
    shard_rows: Count


class Arm(_Part):
    """What became of one arm, by language and split."""

    router: str
    teacher: str | None
    published: bool
    """Whether it has files of its own; else its rows follow from the pool and the routes."""
    asked: dict[str, dict[str, Count]]
    """Prompts that it asked somebody for."""
    rows: dict[str, dict[str, Count]]
    without_row: dict[str, Count]
    """Prompts without a row, by why."""
    chosen: dict[str, dict[str, Count]]
    """Rows by language and teacher."""


class Estimate(_Part):
    """A mean with its 95 % interval, clustered by source; no interval where there are fewer than two sources."""

    mean: float
    low: float | None
    high: float | None


class Common(_Part):
    """Rewards over the prompts of one language on which every arm has a scored row."""

    prompts: Count
    sources: Count
    reward: dict[str, Estimate]
    gain: dict[str, Estimate]
    """Over the arm `random`, prompt by prompt; empty where there is none."""


class Overall(Common):
    """The same over all languages: each mean is the mean of the languages' means."""

    languages: list[str]


class Agreement(_Part):
    """How often an auditor prefers what the routing reward prefers, of two unflagged answers to one prompt."""

    prompts: Count
    """Those with two answers that the routing reward tells apart and both have scored."""
    sources: Count
    share: Estimate
    """The mean over prompts; one half is chance."""


class Transfer(_Part):
    """Gains of arms over `random`, in the routing reward and in an auditor, on the same prompts.

    The unit is the standard deviation of a reward's scores within a prompt, in each language.
    """

    prompts: Count
    sources: Count
    routing: dict[str, Estimate]
    auditor: dict[str, Estimate]


class Auditor(_Part):
    """What a reward that did not route says of what was routed, by language and over all of them."""

    agreement: dict[str, Agreement]
    agreement_overall: Agreement | None
    transfer: dict[str, Transfer]
    transfer_overall: Transfer | None


class Served(_Part):
    """A model that answered under a teacher's name."""

    model: str
    revision: str
    answers: Count


class Answers(_Part):
    """What one teacher gave in one language."""

    answers: Count
    usable: Count
    checks: dict[str, Count]
    errors: dict[str, Count]
    prompt_tokens: Count
    completion_tokens: Count
    tokens_counted: Count
    """Answers whose tokens somebody counted."""


class TeacherAnswers(_Part):
    """What one teacher gave."""

    served: list[Served]
    languages: dict[str, Answers]


class Pool(_Part):
    """All answers there are."""

    prompts: dict[str, dict[str, Count]]
    """By language and split."""
    teachers: dict[str, TeacherAnswers]


class Pilot(_Part):
    """What the whole pool was asked so that routers could learn, and what they learned."""

    sources: Count
    """The recipe's number of sources for a language."""
    prompts: dict[str, Count]
    """By language, of those with more than one teacher."""
    answers: Count
    usable: Count
    tokens_counted: Count
    prompt_tokens: Count
    completion_tokens: Count
    usd: dict[str, float]
    """By teacher, where its price is by tokens and every token was counted."""
    learned: dict[str, dict[str, Any]]
    """By arm, in its router's own words."""


class Manifest(BaseModel):
    """The whole manifest; further keys are facts that a build states as they are."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    format: Literal[1]
    name: str
    license: str
    languages: list[str]
    seed: int
    recipe_hash: Sha256
    recipe: dict[str, Any]
    files: dict[FilePath, File]
    writer: Writer
    configs: dict[Config, dict[Split, list[Pattern]]]
    """Config to split to file patterns."""
    default_config: Config | None
    arms: dict[str, Arm]
    common: dict[str, Common]
    overall: Overall | None
    auditors: dict[str, Auditor] | None = None
    """None in manifests of versions that did not audit."""
    pool: Pool
    pilot: Pilot | None = None

    @property
    def published_arms(self) -> list[str]:
        """The arms that have files of their own, where any row is in them."""
        return [name for name, arm in self.arms.items() if arm.published]

    def as_dict(self) -> dict[str, Any]:
        """Return the manifest as JSON-able data."""
        return self.model_dump()

    def to_json(self) -> bytes:
        """Return the bytes of `manifest.json`.

        Raises:
            DatasetError: a fact is nothing that JSON can say.
        """
        try:
            text = json.dumps(self.as_dict(), ensure_ascii=False, allow_nan=False, sort_keys=True, indent=1)
            return text.encode("utf-8") + b"\n"
        except (TypeError, ValueError) as error:
            raise DatasetError(f"{NAME}: a value cannot be written as JSON: {error}") from error


def configs_of(files: Iterable[str]) -> dict[str, dict[Split, list[str]]]:
    """Return the configs that have rows: each table over all languages, then language by language."""
    found = sorted({(table, language, split.split("-")[0]) for table, language, split in map(_parts, files)})
    configs: dict[str, dict[Split, list[str]]] = {}
    splits: tuple[Split, ...] = ("train", "test")
    for split in splits:
        for table, language, found_split in found:
            if found_split == split:
                configs.setdefault(table, {})[split] = [f"{table}/*/{split}-*.parquet"]
                configs.setdefault(f"{table}-{language}", {})[split] = [f"{table}/{language}/{split}-*.parquet"]
    return dict(sorted(configs.items()))


def _parts(path: str) -> tuple[str, str, str]:
    table, language, name = path.split("/")
    return table, language, name


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of a dataset folder.

    Raises:
        DatasetError: there is none, or it is nothing that this version understands.
    """
    path = folder / NAME
    try:
        with inside(folder, NAME).open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise DatasetError(f"is too large for a manifest: more than {MAX_BYTES} bytes")
        data = json.loads(content)
    except DatasetError as error:
        raise DatasetError(f"{path} {error}; a dataset folder holds a {NAME}") from error
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"{path} is not JSON: {error}") from error
    if isinstance(data, dict) and (data.get("format", 1) != 1 or data.get("format") is True):
        known = "1 is known; update multilingual-arbitrage"
        raise DatasetError(f"{path}: format {shown(data['format'])} is unknown here ({known})")
    try:
        return Manifest.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(shown(str(part))[1:-1] for part in first["loc"]) or "the whole"
        raise DatasetError(f"{path}: {where}: {shown(first['msg'])[1:-1]}") from error
