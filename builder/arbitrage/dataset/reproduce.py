"""Prove a dataset folder: nothing is asked, nothing the recipe names is imported, no environment is read."""

import os
from contextlib import closing
from pathlib import Path

from arbitrage.dataset.files import Files
from arbitrage.dataset.folder import SPLITS, default_config
from arbitrage.dataset.manifest import Manifest, read_manifest
from arbitrage.dataset.parents import Parents
from arbitrage.dataset.pilot import learn_again
from arbitrage.dataset.reading import inside
from arbitrage.dataset.readme import check_readme
from arbitrage.dataset.rebuild import Rebuild
from arbitrage.dataset.report import Report, shown
from arbitrage.dataset.tally import Tally
from arbitrage.errors import DatasetError, RecipeError
from arbitrage.recipe.document import read_document
from arbitrage.recipe.model import Arm, Recipe
from arbitrage.recipe.published import recipe_hash
from arbitrage.recipe.reader import read_published
from arbitrage.routers import Router, make_routers

RECIPE = "recipe.yaml"


def reproduce(folder: Path) -> Report:
    """Check a dataset folder against its manifest and rebuild what follows from its pool and its routes.

    Raises:
        DatasetError: the folder holds no manifest that this version understands.
    """
    manifest = read_manifest(folder)
    report = Report(manifest.name if manifest.name.isascii() and manifest.name.isprintable() else shown(manifest.name))
    recipe = _recipe(folder, manifest, report)
    files = Files(folder, manifest, report)
    files.check()
    check_readme(folder, manifest, report)
    arms = {name: Arm(router=arm.router, teacher=arm.teacher) for name, arm in manifest.arms.items()}
    audited = recipe is not None and manifest.auditors is not None
    tally = Tally(arms, manifest.published_arms, recipe.auditors if recipe is not None and audited else ())
    routers = _routers(recipe, manifest, report)
    if recipe is not None:
        learn_again(recipe, files, routers, manifest, report)
    parents = Parents(recipe)
    rebuild = Rebuild(files, routers, manifest.seed, tally, report, parents)
    with closing(tally), closing(rebuild.splits), closing(parents):
        try:
            for language in manifest.languages:
                for split in SPLITS:
                    rebuild.run(language, split)
        except DatasetError as error:
            rebuild.whole = rebuild.read = False
            report.add("pool", shown(str(error))[1:-1])
        if rebuild.read:
            parents.check(report)
        if rebuild.whole:
            _check_counts(manifest, tally, report, audited)
    return report


def _recipe(folder: Path, manifest: Manifest, report: Report) -> Recipe | None:
    try:
        path = inside(folder, RECIPE)
        found = recipe_hash(read_document(path).data)
        if found != manifest.recipe_hash:
            report.add(RECIPE, f"its hash is {found}, the manifest says {manifest.recipe_hash}")
        if recipe_hash(manifest.recipe) != manifest.recipe_hash:
            report.add("manifest.json", "is not the recipe that recipe_hash names", column="recipe")
        recipe = read_published(path)
    except (DatasetError, RecipeError, ValueError, RecursionError) as error:
        # Without the folder, which says nothing and leaves no room for what does.
        report.add(RECIPE, shown(str(error).replace(f"{folder.resolve()}{os.sep}", ""))[1:-1])
        return None
    for key in ("name", "license", "languages", "seed"):
        if getattr(manifest, key) != getattr(recipe, key):
            report.add("manifest.json", f"is not the {key} of {RECIPE}", column=key)
    published = recipe.published_arms
    arms = {name: (arm.router, arm.teacher, arm.published) for name, arm in manifest.arms.items()}
    if arms != {name: (arm.router, arm.teacher, name in published) for name, arm in recipe.arms.items()}:
        report.add("manifest.json", f"are not the arms of {RECIPE}", column="arms")
        return None
    return recipe


def _routers(recipe: Recipe | None, manifest: Manifest, report: Report) -> dict[str, Router]:
    if recipe is None:
        report.notes.append("no router decided again, since the recipe is not the manifest's")
        return {}
    try:
        routers = make_routers(recipe, None)
    except RecipeError as error:
        report.add(RECIPE, shown(str(error))[1:-1])
        return {}
    for name, arm in recipe.arms.items():
        if name not in routers:
            report.notes.append(
                f"arm {name}: its router {shown(arm.router)} is not built in, so its choices are those of routes/"
            )
        elif not manifest.arms[name].asked:
            report.notes.append(f"arm {name} asked nobody in this dataset")
            del routers[name]
    return routers


def _check_counts(manifest: Manifest, tally: Tally, report: Report, audited: bool) -> None:
    try:
        counted = tally.result()
    except ValueError:
        report.add("pool", "holds tokens that nobody can have counted", column="prompt_tokens")
        return
    for key in ("arms", "common", "overall", *(("auditors",) if audited else ()), "pool"):
        if counted[key] != getattr(manifest, key):
            report.add("manifest.json", "is not what pool and routes count", column=key)
    with_rows = [name for name in manifest.recipe.get("arms", {}) if name in manifest.configs]
    if manifest.default_config not in {None, *manifest.configs} or (
        default_config(with_rows, manifest.configs) == "reward" and manifest.default_config != "reward"
    ):
        report.add("manifest.json", "is no config that can be the default", column="default_config")
