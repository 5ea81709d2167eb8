"""A run, a Hub, and what is really in the Hub's repository."""

import json
import os
from dataclasses import dataclass, field
from fnmatch import fnmatch
from typing import Any

import hub
from line.trial import Ran, Trial, contents


@dataclass
class Site:
    """Build and publish a trial; look at the Hub past all HTTP."""

    trial: Trial
    server: hub.Server
    teachers: dict[str, dict[str, Any]]
    """Every teacher there is; the trial begins with `a` and `b`."""
    environ: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # For commands in processes of their own.
        self.environ |= {
            "HF_ENDPOINT": self.server.url,
            "HF_TOKEN": self.server.token,
            "HF_HOME": str(self.trial.folder.parent / "home"),
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        }

    def build(self) -> None:
        ran = self.trial.build()
        assert ran.code == 0, ran

    def publish(self, *options: str, code: int = 0) -> Ran:
        """Publish in this process."""
        ran = self.trial.run("publish", *options)
        assert ran.code == code, ran
        return ran

    @property
    def repo(self) -> hub.Repo:
        return self.server.repo("org/data")

    def titles(self) -> list[str]:
        """Return the titles of the commits after the one that the Hub begins with, oldest first."""
        titles = [commit.title for commit in reversed(self.repo.commits())]
        assert titles[0] == "initial commit"
        return titles[1:]

    def tagged(self, tag: str) -> dict[str, bytes]:
        """Return every file at a tag but the Hub's own."""
        return {path: self.repo.read(tag, path) for path in self.repo.files(tag) if path != ".gitattributes"}

    def assert_published(self, *tags: str) -> None:
        """Each tag is one commit that holds what its manifest names and no more; the last is what lies here."""
        assert self.titles() == list(tags)
        assert set(self.repo.tags()) == set(tags)
        for tag in tags:
            self.assert_whole(tag)
        assert self.tagged(tags[-1]) == contents(self.trial.dataset)

    def assert_whole(self, revision: str) -> dict[str, Any]:
        """A revision holds the files of its manifest, every one and none besides; return the manifest."""
        files = self.repo.files(revision)
        manifest: dict[str, Any] = json.loads(self.repo.read(revision, "manifest.json"))
        assert {path for path in files if path.endswith(".parquet")} == set(manifest["files"])
        for splits in manifest["configs"].values():
            for patterns in splits.values():
                assert all(any(fnmatch(path, pattern) for path in files) for pattern in patterns)
        return manifest

    def env(self) -> dict[str, str]:
        return {**os.environ, **self.environ}
