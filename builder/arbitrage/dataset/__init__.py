"""The dataset folder: what is written, proved and rebuilt."""

from arbitrage.dataset.folder import repair, write_dataset
from arbitrage.dataset.manifest import Manifest, read_manifest

__all__ = ["Manifest", "read_manifest", "repair", "write_dataset"]
