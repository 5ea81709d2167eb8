"""The wheel, unpacked in an empty folder: what is in it, and that it works from there."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from commands import ROOT

HEAVY = ("PIL", "pyarrow", "datasets", "aiohttp", "huggingface_hub", "sacrebleu", "numpy", "pandas", "ruamel.yaml")
HEAVY += ("sqlite3",)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def run(site: Path, folder: Path, *command: str) -> str:
    environ = {"PYTHONPATH": str(site), "PATH": "/usr/bin:/bin"}
    done = subprocess.run([sys.executable, *command], cwd=folder, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_installs_three_packages_and_one_command(site: Path) -> None:
    (info,) = site.glob("*.dist-info")
    assert {path.name for path in site.iterdir()} == {"arbitrage", "arbitrage_cards", "arbitrage_eval", info.name}
    assert (info / "entry_points.txt").read_text() == "[console_scripts]\narbitrage = arbitrage.cli:main\n"
    assert (info / "licenses/LICENSE").is_file()


@pytest.mark.parametrize("package", ["builder/arbitrage", "dataset_cards/arbitrage_cards", "eval/arbitrage_eval"])
def test_it_holds_every_file_of_a_package(site: Path, package: str) -> None:
    source = ROOT / package
    files = {path.relative_to(source) for path in source.rglob("*") if path.is_file() and path.suffix != ".pyc"}
    copied = site / source.name
    if source.name == "arbitrage":
        scripts = (path for path in (ROOT / "training").rglob("*") if path.is_file() and path.suffix != ".pyc")
        files |= {path.relative_to(ROOT) for path in scripts}
    assert {path.relative_to(copied) for path in copied.rglob("*") if path.suffix != ".pyc" and path.is_file()} == files


def test_it_works_in_an_empty_folder(site: Path, tmp_path: Path) -> None:
    assert run(site, tmp_path, "-c", "import arbitrage; print(arbitrage.__file__)").startswith(str(site))
    assert "reproduce" in run(site, tmp_path, "-m", "arbitrage", "--help")
    assert str(site / "arbitrage/training/sft.py") in run(site, tmp_path, "-m", "arbitrage", "train").splitlines()
    run(site, tmp_path, "-m", "arbitrage", "init")
    assert (tmp_path / "recipe.yaml").read_bytes() == (ROOT / "builder/arbitrage/recipe/starter.yaml").read_bytes()


def test_help_loads_nothing_that_only_a_build_needs(site: Path, tmp_path: Path) -> None:
    code = f"import sys, arbitrage.cli; print(*sorted(set({HEAVY}) & set(sys.modules)))"
    assert run(site, tmp_path, "-c", code).strip() == ""
