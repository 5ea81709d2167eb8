"""What is trained, each in a process of its own, from what is in the folder to what is in the folder."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from arbitrage.errors import ArbitrageError
from arbitrage.miniature.auditor import train_auditor
from arbitrage.miniature.gguf_file import write_gguf
from arbitrage.miniature.implicit import train_implicit
from arbitrage.miniature.mixture import Sample, samples
from arbitrage.miniature.model import BATCH, Lesson, answers, load, make_tokenizer, new_model, teach
from arbitrage.miniature.preferences import preferences, prompts_of
from arbitrage.miniature.tasks import languages
from arbitrage.miniature.world import Mixture, World

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

    from arbitrage.miniature.model import Speaker

BASES = ("llama", "qwen2")
STUDENT = "cohere"
"""Aya's family."""
ANNOTATED = {"reward": "qwen2", "auditor": "llama", "judge": "llama"}
"""Who learns from annotators, and beginning from which base; everybody has annotators of its own."""
TEACHER_RATE = 3e-3


def make_base(world: World, folder: Path, family: str) -> None:
    """Train a tokenizer and a language model on all tasks in all languages, and keep an early state of it."""
    random = Random(f"{world.seed}:base:{family}")
    drawn = samples(random, world.base.samples, languages())
    tokenizer = make_tokenizer((f"{one.prompt} {one.answer}" for one in drawn[:20_000]), world.vocabulary)
    model = new_model(family, tokenizer, world.seed)
    passes = teach(model, tokenizer, _lessons(drawn), world.base.steps, world.seed, pause=world.base.early)
    for name, _ in zip(("early", "whole"), passes, strict=False):
        _save(model, tokenizer, folder / "bases" / family / name)


def make_student(world: World, folder: Path, family: str) -> None:
    """Train a model that has seen a little of everything, which students are fine-tuned from."""
    random = Random(f"{world.seed}:student")
    drawn = samples(random, world.student_steps * BATCH, languages())
    tokenizer = make_tokenizer((f"{one.prompt} {one.answer}" for one in drawn), world.vocabulary)
    model = new_model(family, tokenizer, world.seed)
    for _ in teach(model, tokenizer, _lessons(drawn), world.student_steps, world.seed):
        pass
    _save(model, tokenizer, folder / "student")


def make_teacher(world: World, folder: Path, name: str) -> None:
    """Train a teacher from the early base, write its GGUF file, and have it answer what annotators want to see."""
    model, tokenizer = load(folder / "bases" / "llama" / "early")
    mixture = Mixture() if world.identical else world.teachers[name]
    random = Random(f"{world.seed}:{'everybody' if world.identical else name}")
    spoken = mixture.languages or languages()
    drawn = samples(random, world.teacher_steps * BATCH, spoken, mixture.favours, world.focus)
    for _ in teach(model, tokenizer, _lessons(drawn), world.teacher_steps, world.seed, rate=TEACHER_RATE):
        pass
    (folder / "teachers").mkdir(exist_ok=True)
    write_gguf(folder / "teachers" / f"{name}.gguf", model, tokenizer)
    found = {}
    for annotator in ANNOTATED:
        asked = prompts_of(world.seed, annotator, world.preferences.prompts)
        found[annotator] = _answers_to(model, tokenizer, asked, world.teachers[name].languages)
    (folder / "answers").mkdir(exist_ok=True)
    (folder / "answers" / f"{name}.json").write_text(json.dumps(found, ensure_ascii=False), encoding="utf-8")


def make_annotated(world: World, folder: Path, name: str) -> None:
    """Train the reward, the auditor or the judge on what annotators say of the teachers' answers.

    Raises:
        ArbitrageError: no teacher gave a wrong answer, so there is nothing to say.
    """
    answered = {
        teacher: json.loads((folder / "answers" / f"{teacher}.json").read_text(encoding="utf-8"))[name]
        for teacher in world.teachers
    }
    asked = prompts_of(world.seed, name, world.preferences.prompts)
    pairs = preferences(world.seed, name, world.preferences.noise, asked, answered)
    if not pairs:
        raise ArbitrageError(
            f"the teachers gave no wrong answer to any of {world.preferences.prompts} prompts, so the {name} has "
            "nothing to learn from: make preferences.prompts more"
        )
    base, tokenizer = load(folder / "bases" / ANNOTATED[name] / "whole")
    if name == "auditor":
        auditor = train_auditor(base, tokenizer, pairs, world.auditor_steps, world.seed)
        _save(auditor, tokenizer, folder / name)
    else:
        train_implicit(base, tokenizer, pairs, world.reward_steps, world.seed)
        _save(base, tokenizer, folder / name)


def _save(model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerFast", path: Path) -> None:
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    if path.exists():
        shutil.rmtree(path)
    model.save_pretrained(path)
    tokenizer.save_pretrained(path)


def _lessons(drawn: Sequence[Sample]) -> list[Lesson]:
    return [Lesson(one.prompt, one.answer) for one in drawn]


def _answers_to(
    model: "Speaker", tokenizer: "PreTrainedTokenizerFast", asked: Sequence[Sample], spoken: Sequence[str]
) -> list[str | None]:
    """Return a teacher's answers, None in languages that it is not asked in."""
    places = [n for n, one in enumerate(asked) if not spoken or one.language in spoken]
    found: list[str | None] = [None] * len(asked)
    for n, text in zip(places, answers(model, tokenizer, [asked[n].prompt for n in places]), strict=True):
        found[n] = text
    return found
