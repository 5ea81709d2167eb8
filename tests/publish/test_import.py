"""A lost store comes back from the Hub: what was published is not paid for again."""

import shutil

import tgi
from line.trial import contents
from publish.site import Site


def test_a_lost_store_is_imported_from_the_hub_and_nobody_is_asked(site: Site, teachers: dict[str, tgi.Handle]) -> None:
    site.publish()
    shutil.rmtree(site.trial.run_folder)
    asked = {name: len(handle.log) for name, handle in teachers.items()}
    ran = site.trial.run("import", "org/data@v1.0.0")
    assert ran.code == 0, ran
    site.build()
    assert {name: len(handle.log) for name, handle in teachers.items()} == asked
    parquet = {path: file for path, file in contents(site.trial.dataset).items() if path.endswith(".parquet")}
    assert parquet == {path: file for path, file in site.tagged("v1.0.0").items() if path.endswith(".parquet")}
    # The rows are the same; that they were imported is a fact of the manifest, so the card has a version more.
    assert site.publish("--json").json["tag"] == "v1.0.1"
    assert "org/data@v1.0.0" in site.tagged("v1.0.1")["manifest.json"].decode()


def test_a_dataset_that_is_not_there_is_named(site: Site) -> None:
    ran = site.trial.run("import", "org/none@v1.0.0")
    assert ran.code == 2
    assert "org/none@v1.0.0: no such dataset on the Hub" in ran.err
