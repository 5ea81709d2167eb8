"""What a build pins by itself does not make it the dataset of another recipe."""

from pathlib import Path

import hub
import tgi
from line.translated import served, translated_trial
from line.trial import Trial, rows, teacher
from publish.site import Site
from servers.tiny_gguf import write_model

__all__ = ["served"]


def test_a_translated_dataset_is_published(tmp_path: Path, server: hub.Server, served: list[tgi.Handle]) -> None:
    trial = translated_trial(tmp_path / "work", served[0], served[1])
    trial.more["publish"] = {"repo_id": "org/data"}
    site = Site(trial, server, {})
    site.build()
    site.publish()
    site.assert_published("v1.0.0")
    assert "holds this already" in site.publish().out
    # Another revision than the one that translated is another recipe.
    trial.more["translate"] = {**trial.more["translate"], "revision": "b" * 40}
    trial.write()
    assert "was built from another recipe" in site.publish(code=2).err


def test_one_with_a_teacher_of_its_own_is_published(
    tmp_path: Path, server: hub.Server, teachers: dict[str, tgi.Handle]
) -> None:
    work = tmp_path / "work"
    work.mkdir()
    write_model(work / "tiny.gguf", seed=0)
    trial = Trial(
        work,
        {
            "own": {"gguf": "tiny.gguf", "context": 512, "sampling": {"max_tokens": 8}, "license": "mit"},
            "a": teacher("a", teachers["a"].url),
        },
        prompts=rows(8),
        arms={"reward": {"router": "reward"}, "fixed": {"router": "fixed"}},
        more={"pilot": 4, "publish": {"repo_id": "org/data"}},
    )
    site = Site(trial, server, {})
    site.build()
    site.publish()
    site.assert_published("v1.0.0")
    assert "holds this already" in site.publish().out
