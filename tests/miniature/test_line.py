"""The whole line over a small world, by the commands of the README, through llama.cpp's real servers.

It is made once for this file. What is trained this little knows little, so nothing here says how much is right.
"""

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import datasets
import hub
import pytest
import yaml
from arbitrage.miniature.accuracy import Arms, load
from arbitrage.miniature.preferences import prompts_of
from arbitrage.miniature.tasks import languages
from commands import ROOT, arbitrage
from miniature.worlds import COMMAND, ENVIRON, miniature, small_world, write_world
from servers.llama import Llama

RECIPE = "builder/recipes/miniature.yaml"
DATASET = Path(".miniature/run/dataset")
CUT = "\N{REPLACEMENT CHARACTER}"
ASKED = 24
"""Prompts that every teacher is asked past the line."""


def copied(folder: Path, file: str, **changes: Any) -> str:
    """Copy the recipe beside itself, with changes; return its path."""
    recipe = yaml.safe_load((ROOT / RECIPE).read_text(encoding="utf-8"))
    path = Path(RECIPE).with_name(file)
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_text(yaml.safe_dump(recipe | changes, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return str(path)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder like the top of the repository after its first demo, and what that said."""
    folder = tmp_path_factory.mktemp("top")
    # Teachers that learned this little say nothing at times.
    copied(folder, "miniature.yaml", tolerate=0.5)
    (folder / "world.yaml").write_text(yaml.safe_dump(small_world(), sort_keys=False), encoding="utf-8")
    ran = miniature("demo", ".miniature", RECIPE, "--world", "world.yaml", folder=folder, timeout=900)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stderr == ""
    return folder, ran.stdout


@pytest.fixture(scope="module")
def place(first: tuple[Path, str]) -> Path:
    return first[0]


@pytest.fixture(scope="module")
def truth(place: Path, tmp_path_factory: pytest.TempPathFactory) -> Arms:
    arms = yaml.safe_load((place / RECIPE).read_text(encoding="utf-8"))["arms"]
    return load(place / DATASET, list(arms), tmp_path_factory.mktemp("cache"))


def test_the_demo_says_what_is_true_what_it_cost_and_where_the_reward_misled(first: tuple[Path, str]) -> None:
    folder, said = first
    for arm in ("random", "fixed", "reward", "single_mono_zh"):
        assert re.search(rf"^ +{arm} +[\d.]+( ± [\d.]+)? ", said, re.MULTILINE), arm
        assert re.search(rf"^ +{arm} asked for [\d,]+ answers, [\d,]+ tokens", said, re.MULTILINE), arm
    assert re.search(r"^ +reward leads random by -?[\d.]+ ± [\d.]+ points \(test sources: ", said, re.MULTILINE)
    assert ", the best single teacher on train sources" in said
    assert "the reward chose a wrong answer although a teacher gave a right one:" in said
    assert "for its pilot" in said
    assert said.rstrip().endswith(f"s in all. The dataset: {DATASET}")
    assert "the same (" in said and "the manifest is" not in said
    assert str(folder) not in said


def test_the_same_demo_again_gives_the_same_manifest_and_says_so(place: Path) -> None:
    before = (place / DATASET / "manifest.json").read_bytes()
    ran = miniature("demo", ".miniature", RECIPE, "--world", "world.yaml", folder=place, timeout=600)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "the manifest is the same as the demo's before" in ran.stdout
    assert (place / DATASET / "manifest.json").read_bytes() == before
    assert "teacher multi_order" not in ran.stdout, "the world is there"


def test_by_hand_it_is_the_same_and_rebuilt(place: Path) -> None:
    built = arbitrage("build", RECIPE, folder=place)
    assert built.returncode == 0, built.stdout + built.stderr
    dataset = place / "builder/recipes/runs/miniature/dataset"
    assert (dataset / "manifest.json").read_bytes() == (place / DATASET / "manifest.json").read_bytes()
    rebuilt = arbitrage("reproduce", dataset, folder=place)
    assert (rebuilt.returncode, "the same (" in rebuilt.stdout) == (0, True), rebuilt.stdout
    assert str(place) not in (dataset / "manifest.json").read_text() + (dataset / "recipe.yaml").read_text()


def test_its_consumer_has_every_arm_in_seven_languages(place: Path, tmp_path: Path) -> None:
    for arm in ("random", "fixed", "reward", "single_multi_lexis", "single_geo_west"):
        loaded = datasets.load_dataset(str(place / DATASET), arm, cache_dir=str(tmp_path))
        found = {row["language"] for split in loaded.values() for row in split}
        assert found == ({"de", "en", "fr"} if arm == "single_geo_west" else set(languages()))
        assert {row["task"] for split in loaded.values() for row in split}


class Trained(NamedTuple):
    """The student that learned from the dataset on a Hub, and the commit of that dataset."""

    folder: Path
    commit: str


@pytest.fixture(scope="module")
def trained(place: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    folder = tmp_path_factory.mktemp("hub")
    with hub.serving(folder / "hub") as server:
        environ = {"HF_ENDPOINT": server.url, "HF_TOKEN": server.token, "HF_HOME": str(folder / "home")}
        environ |= {"HF_HUB_DISABLE_XET": "1"}
        published = arbitrage(
            *("publish", RECIPE, "--run", ".miniature/run", "--repo-id", "org/mini"), folder=place, environ=environ
        )
        assert published.returncode == 0, published.stderr
        student = place / ".miniature/trained"
        ran = arbitrage(
            *("train", ROOT / "training/sft.py", "--config", ROOT / "training/recipes/miniature.yaml"),
            *("--dataset_name", "org/mini", "--dataset_revision", "v1.0.0", "--output_dir", student),
            folder=place,
            environ=environ,
        )
        assert ran.returncode == 0, ran.stderr
        return Trained(student, server.repo("org/mini").tags()["v1.0.0"])


def test_its_student_learns_from_what_was_published_by_name_and_tag(trained: Trained) -> None:
    state = json.loads((trained.folder / "training.json").read_text(encoding="utf-8"))
    wanted = {"name": "org/mini", "revision": "v1.0.0", "commit": trained.commit, "files": None}
    assert state["key"]["dataset"] == wanted
    losses = [entry["eval_loss"] for entry in state["log"] if "eval_loss" in entry]
    assert losses[-1] < 0.8 * losses[0]
    assert json.loads((trained.folder / "config.json").read_text())["architectures"] == ["CohereForCausalLM"]


def test_every_teacher_served_by_llama_cpp_answers_as_it_did_where_it_was_trained(place: Path) -> None:
    world = small_world()
    told_apart = set()
    for name in world["teachers"]:
        kept = json.loads((place / ".miniature/answers" / f"{name}.json").read_text(encoding="utf-8"))
        known = [
            (one.prompt, text)
            for annotator, texts in kept.items()
            for one, text in zip(prompts_of(world["seed"], annotator, len(texts)), texts, strict=True)
            if text is not None
        ][:ASKED]
        assert len(known) == ASKED
        with Llama(place / ".miniature/teachers" / f"{name}.gguf", [name], slots=1, context=256) as server:
            for prompt, text in known:
                body = {"messages": [{"role": "user", "content": prompt}], "temperature": 0, "max_tokens": 16}
                status, answer = server.ask("/v1/chat/completions", body)
                assert status == 200, answer
                # Cut off within a character, one of the two shows that and the other leaves it out.
                served = json.loads(answer)["choices"][0]["message"]["content"]
                assert served.rstrip(CUT) == text.rstrip(CUT), (name, prompt)
                told_apart.add(text)
    assert len(told_apart) > ASKED


def test_teachers_are_nine_and_each_is_asked_in_its_languages_alone(truth: Arms) -> None:
    spoken: dict[str, set[str]] = {}
    for row in truth.pool:
        spoken.setdefault(row.teacher, set()).add(row.language)
    stated = {name: set(mixture.get("languages") or languages()) for name, mixture in small_world()["teachers"].items()}
    assert spoken == stated
    prompts = {row.prompt for row in truth.pool}
    assert len(prompts) == 7 * small_world()["sources"]
    # Who asks everybody pays for everybody; who asks one pays for one.
    assert truth.cost["random"][0] == len(prompts)
    assert truth.cost["reward"][0] == len(truth.pool)
    assert truth.cost["single_mono_tr"][0] == small_world()["sources"]


def test_what_is_said_of_accuracy_is_what_the_checker_counts(truth: Arms) -> None:
    for arm, rows in truth.rows.items():
        accuracy = truth.accuracy(arm)
        assert accuracy is not None and accuracy.rows == len(rows)
        assert accuracy.value == pytest.approx(100 * sum(row.right for row in rows) / len(rows))
        in_pool = {(row.prompt, row.teacher): row.right for row in truth.pool}
        assert all(in_pool[row.prompt, row.teacher] == row.right for row in rows)


@pytest.fixture
def judge(place: Path) -> Iterator[str]:
    with subprocess.Popen(
        [*COMMAND, "judge", ".miniature"],
        cwd=place,
        env=ENVIRON,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout and process.stderr
        yield process.stdout.readline().strip()
        process.send_signal(signal.SIGINT)
        assert (process.wait(30), process.stderr.read()) == (0, "")


def test_its_judge_gives_marks_by_the_default_rubric(place: Path, judge: str) -> None:
    marks = {"judge": {"endpoint": judge, "api": "openai", "model": "miniature-judge"}}
    recipe = copied(place, "judged.yaml", name="judged", tolerate=0.5, rewards={"marks": marks}, route_by="marks")
    built = arbitrage("build", recipe, "--limit", "2", folder=place)
    assert built.returncode == 0, built.stdout + built.stderr
    preview = place / "builder/recipes/runs/judged/preview"
    scoring = json.loads((preview / "manifest.json").read_text())["scoring"]["marks"]
    assert not any(scoring["unscored"].values()), scoring
    rows = [row for split in datasets.load_dataset(str(preview), "pool").values() for row in split]
    assert len(rows) == 2 * (3 * 7 + 3 + 2 + 2 + 3)
    scores = {row["reward"] for row in rows if row["completion"]}
    assert None not in scores and all(1 <= score <= 10 for score in scores)
    assert len(scores) > 1


def test_without_its_folder_the_reward_says_where_to_be(place: Path, tmp_path: Path) -> None:
    for verb in ("check", "build"):
        ran = arbitrage(verb, place / RECIPE, "--run", tmp_path / "run", folder=tmp_path)
        assert ran.returncode == 2
        assert ran.stderr == (
            "arbitrage: rewards.likelihood: there is no folder .miniature/reward here: run `python -m "
            "arbitrage.miniature make .miniature` at the top of the repository, and the command there too\n"
        )


@pytest.mark.long
def test_where_all_teachers_are_one_there_is_nothing_to_gain(tmp_path: Path) -> None:
    teachers = {"a": {"favours": ["order"]}, "b": {"languages": ["de", "en", "fr"]}, "c": {"favours": ["translate"]}}
    base = {"samples": 3000, "steps": 60, "early": 60}
    write_world(tmp_path / "world.yaml", teachers=teachers, base=base, vocabulary=800, sources=10)
    made = miniature("make", ".miniature", "--world", "world.yaml", "--control", folder=tmp_path)
    assert made.returncode == 0, made.stderr
    whole = yaml.safe_load((ROOT / RECIPE).read_text(encoding="utf-8"))["teachers"]["multi_order"]
    blocks = {
        name: {
            **whole,
            "gguf": f"../../.miniature/teachers/{name}.gguf",
            **{k: v for k, v in mixture.items() if k == "languages"},
        }
        for name, mixture in teachers.items()
    }
    arms = {name: {"router": name} for name in ("random", "fixed", "reward")}
    arms |= {f"single_{name}": {"router": "single", "teacher": name} for name in teachers}
    recipe = copied(tmp_path, "control.yaml", tolerate=0.9, teachers=blocks, arms=arms)
    built = arbitrage("build", recipe, "--run", "run", folder=tmp_path)
    assert built.returncode == 0, built.stdout + built.stderr
    found = load(tmp_path / "run/dataset", list(arms), tmp_path / "cache")
    answers: dict[str, set[str]] = {}
    for row in (
        row for split in datasets.load_dataset(str(tmp_path / "run/dataset"), "pool").values() for row in split
    ):
        answers.setdefault(row["prompt_id"], set()).add(row["completion"])
    assert len(answers) == 7 * 10 and len({text for texts in answers.values() for text in texts}) > 1
    assert {len(texts) for texts in answers.values()} == {1}, "one teacher under all names says one thing"
    for one in arms:
        for other in arms:
            lead = found.lead(one, other)
            assert lead is not None and lead.value == 0.0


@contextmanager
def counted(judge: str) -> Iterator[tuple[str, list[bytes]]]:
    """The judge behind an address that takes its time and keeps what is asked for answers."""
    asked: list[bytes] = []

    class Forwards(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._forward(None)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if b"SECOND ANSWER" in body:
                asked.append(body)
                time.sleep(0.1)
            self._forward(body)

        def _forward(self, body: bytes | None) -> None:
            url = judge.removesuffix("/v1") + self.path
            try:
                with urlopen(Request(url, body, {"Content-Type": "application/json"}), timeout=30) as answer:
                    status, said = answer.status, answer.read()
            except HTTPError as error:
                with error:
                    status, said = error.code, error.read()
            # Whoever asked may be gone by now.
            with suppress(OSError):
                self.send_response(status)
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Forwards) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/v1", asked
        server.shutdown()


def test_its_suite_examines_its_student_and_goes_on_after_a_kill(place: Path, trained: Trained, judge: str) -> None:
    shutil.copytree(ROOT / "eval/suites/tasks", place / "eval/suites/tasks")
    shutil.copy(ROOT / "eval/suites/miniature.yaml", place / "eval/suites/miniature.yaml")
    run = place / "eval/suites/evals/miniature"
    with counted(judge) as (url, asked):
        environ = {"JUDGE_URL": url, "HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""}
        command = [sys.executable, "-m", "arbitrage", "eval", "eval/suites/miniature.yaml"]
        with subprocess.Popen(
            command, cwd=place, env={**ENVIRON, **environ}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        ) as killed:
            end = time.monotonic() + 240
            while len(asked) < 80:
                assert killed.poll() is None and time.monotonic() < end, killed.stderr and killed.stderr.read()
                time.sleep(0.02)
            killed.kill()
        before = len(asked)
        ran = arbitrage("eval", "eval/suites/miniature.yaml", "--json", folder=place, environ=environ)
        assert ran.returncode == 0, ran.stderr
        found = json.loads(ran.stdout)
        # Those in flight and those of less than a second are asked again, some 44 of 80, and no model is.
        assert len(asked) - len(set(asked)) <= 60
        assert before < len(set(asked)) == found["win_rates"]["spending"]["spent"]["judge"]["requests"]
        teachers = json.loads((run / "asked/run.json").read_text(encoding="utf-8"))["teachers"]
        assert {name: one["asked"] for name, one in teachers.items()} == {"base": 0, "student": 0}
        all_asked = len(asked)
        again = arbitrage("eval", "eval/suites/miniature.yaml", "--json", folder=place, environ=environ)
        assert json.loads(again.stdout) == found and len(asked) == all_asked
        assert "base: 2 of 2 tasks were done before" in again.stderr
    exam = [json.loads(line) for line in (place / ".miniature/exam.jsonl").read_text(encoding="utf-8").splitlines()]
    for model in ("base", "student"):
        assert sum(one["answered"] for one in found["counts"][model].values()) <= len(exam)
        (label,) = (name for name in found["tasks"]["models"][model] if name.startswith("tasks/miniature_exam.yaml"))
        examined = found["tasks"]["models"][model][label]["tasks"]["miniature_exam"]
        assert examined["n"] == len(exam)
        # Two ways to the same answers: served one by one, and by lm-eval.
        means = found["rewards"]["exact"][model]["languages"].values()
        right = sum(mean["value"] * mean["answers"] for mean in means)
        assert abs(examined["metrics"]["exact_match,stripped"]["value"] * len(exam) - right) <= 2
    (pair,) = found["win_rates"]["pairs"]
    assert pair["model"] == "student" and pair["mean"]["macro"]["used"] > 0
    assert "classes" in pair["mean"] and set(pair["mean"]["classes"]) == {"3", "4", "5"}
