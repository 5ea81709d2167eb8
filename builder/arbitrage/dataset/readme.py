"""The card's head against the manifest: what loads under a config's name is what the manifest says."""

from pathlib import Path
from typing import Any

from arbitrage.dataset.manifest import Manifest
from arbitrage.dataset.reading import inside
from arbitrage.dataset.report import Report, shown
from arbitrage.errors import DatasetError

NAME = "README.md"
MAX_BYTES = 4 * 2**20


def check_readme(folder: Path, manifest: Manifest, report: Report) -> None:
    """Compare the configs of a card, read as `datasets` reads them, with the manifest's.

    Its text is nobody's business here, but a head that names other files would load other rows.
    """
    try:
        path = inside(folder, NAME)
        if path.stat().st_size > MAX_BYTES:
            raise DatasetError(f"is too large for a card: more than {MAX_BYTES} bytes")
        head = _head(path.read_bytes().decode("utf-8"))
        found = _configs(head)
    except (DatasetError, ValueError) as error:
        report.add(NAME, shown(str(error))[1:-1])
        return
    if "dataset_info" in head:
        report.add(NAME, "has features of its own beside those of the files", column="dataset_info")
    for name in sorted(found.keys() | manifest.configs.keys()):
        if found.get(name) != manifest.configs.get(name):
            report.add(NAME, f"config {shown(name)} is not the manifest's", column="configs")
    defaults = [config.get("config_name") for config in head.get("configs") or () if config.get("default")]
    if defaults != [name for name in [manifest.default_config] if name is not None]:
        report.add(NAME, "the default config is not the manifest's", column="configs")


def _head(text: str) -> dict[str, Any]:
    from huggingface_hub import DatasetCard

    try:
        return dict(DatasetCard(text).data.to_dict())  # type: ignore[no-untyped-call]
    except Exception as error:
        # Whatever a parser makes of foreign text.
        raise DatasetError(f"its head cannot be read: {type(error).__name__}") from error


def _configs(head: dict[str, Any]) -> dict[str, dict[str, list[str]]]:
    try:
        return {
            config["config_name"]: {
                file["split"]: [file["path"]] if isinstance(file["path"], str) else list(file["path"])
                for file in config["data_files"]
            }
            for config in head.get("configs") or ()
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise DatasetError("its configs are not those of a dataset") from error
