"""The dataset folder: what is written, proved and rebuilt."""

from arbitrage.dataset.folder import repair, write_dataset
from arbitrage.dataset.manifest import Manifest, read_manifest
from arbitrage.dataset.report import Problem, Report
from arbitrage.dataset.reproduce import reproduce

__all__ = ["Manifest", "Problem", "Report", "read_manifest", "repair", "reproduce", "write_dataset"]
