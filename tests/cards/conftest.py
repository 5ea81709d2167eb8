import json
from pathlib import Path
from typing import Any

import pytest
from dataset.world import build


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("card") / "dataset"
    build(folder)
    return folder


@pytest.fixture
def manifest(built: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((built / "manifest.json").read_bytes())
    return found


def without_config(manifest: dict[str, Any], arm: str) -> dict[str, Any]:
    """Return the manifest of a dataset that does not publish an arm."""
    configs = {name: splits for name, splits in manifest["configs"].items() if name.split("-")[0] != arm}
    files = {path: file for path, file in manifest["files"].items() if not path.startswith(f"{arm}/")}
    return {**manifest, "configs": configs, "files": files}
