"""`make demo`: a world whose truth is known, and everything that a builder, a consumer and a reproducer do in it."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from arbitrage.dataset.manifest import NAME as MANIFEST
from arbitrage.miniature.accuracy import Arms, load
from arbitrage.miniature.make import make
from arbitrage.miniature.tasks import languages
from arbitrage.miniature.world import World
from arbitrage.recipe.reader import read_published

Tell = Callable[[str], None]
SHOWN = 12
"""Lines of a command's output that are shown."""


def demo(world: World, folder: Path, recipe: Path, tell: Tell) -> int:
    """Make a world, build its dataset anew, load it, rebuild it, and say what was right; return the exit code.

    What an earlier demo built is kept beside it, to see whether the same came out.
    """
    start = time.monotonic()
    with _step(tell, "the world: prompts, nine teachers, two reward models, a judge"):
        make(world, folder, lambda line: tell(f"    {line}"))
    run, before = folder / "run", folder / "run.before"
    dataset = run / "dataset"
    if (dataset / MANIFEST).is_file():
        if before.exists():
            shutil.rmtree(before)
        run.rename(before)
    ends = []
    with _step(tell, "build: nine teachers answer, the reward scores, twelve arms choose"):
        ends.append(_run(tell, "build", str(recipe), "--run", str(run)))
    with _step(tell, "reproduce: every arm again from the pool, asking nobody"):
        ends.append(_run(tell, "reproduce", str(dataset)))
    if any(ends):
        return next(end for end in ends if end)
    arms = list(read_published(dataset / "recipe.yaml").arms)
    with _step(tell, "load_dataset: as its consumer has it, beside the truth that no model saw"):
        found = load(dataset, arms, folder / "cache")
        for line in (*accuracy_lines(found), *lead_lines(found), *cost_lines(dataset, found), *misled_lines(found)):
            tell(f"    {line}")
    kept = before / "dataset" / MANIFEST
    if kept.is_file():
        same = kept.read_bytes() == (dataset / MANIFEST).read_bytes()
        tell(f"\nthe manifest is {'the same as' if same else 'NOT that of'} the demo's before")
    tell(f"\n{time.monotonic() - start:.0f} s in all. The dataset: {dataset}")
    return 0


def accuracy_lines(found: Arms) -> Iterator[str]:
    """Yield a table of the arms' true accuracy, in points of 100 with 95 % intervals clustered by source."""
    tongues = languages()
    width = max(map(len, found.rows))
    yield "right answers in 100, by arm, with 95 % intervals clustered by source"
    yield f"{'':{width}}  {'all':>12}  {'test':>12}  " + "  ".join(f"{name:>12}" for name in tongues)
    for arm in found.rows:
        cells = [found.accuracy(arm), found.accuracy(arm, split="test"), *(found.accuracy(arm, x) for x in tongues)]
        yield f"{arm:{width}}  " + "  ".join(f"{'-' if cell is None else str(cell):>12}" for cell in cells)


def lead_lines(found: Arms) -> Iterator[str]:
    """Yield by how much the arms lead each other in truth."""
    best = found.best_single()
    yield ""
    for arm, other in (("reward", "random"), ("reward", "fixed"), ("reward", best), ("fixed", "random")):
        lead, unseen = found.lead(arm, other), found.lead(arm, other, split="test")
        note = ", the best single teacher on train sources" if other == best else ""
        yield f"{arm} leads {other} by {lead} points (test sources: {unseen}){note}"


def cost_lines(dataset: Path, found: Arms) -> Iterator[str]:
    """Yield what each arm asked for: in answers, which is what teachers are paid for, and in tokens."""
    yield ""
    pilot = json.loads((dataset / MANIFEST).read_text(encoding="utf-8"))["pilot"]
    learns = pilot["learned"] if pilot else {}
    for arm, (answers, tokens) in found.cost.items():
        extra = ""
        if arm in learns:
            spent = pilot["prompt_tokens"] + pilot["completion_tokens"]
            extra = f", and {pilot['answers']:,} answers, {spent:,} tokens, for its pilot"
        yield f"{arm} asked for {answers:,} answers, {tokens:,} tokens{extra}"


def misled_lines(found: Arms) -> Iterator[str]:
    """Yield where the reward chose a wrong answer although a right one was there."""
    yield ""
    yield "the reward chose a wrong answer although a teacher gave a right one:"
    for kind, (wrong, of) in found.misled("reward").items():
        yield f"    {kind:10} {wrong:4} of {of}"


@contextmanager
def _step(tell: Tell, what: str) -> Iterator[None]:
    tell(f"\n== {what}")
    start = time.monotonic()
    yield
    tell(f"   {time.monotonic() - start:.0f} s")


def _run(tell: Tell, *command: str) -> int:
    tell(f"    $ arbitrage {' '.join(command)}")
    done = subprocess.run([sys.executable, "-m", "arbitrage", *command], capture_output=True, text=True)
    lines = [*done.stdout.splitlines(), *done.stderr.splitlines()]
    for line in lines if done.returncode else lines[-SHOWN:]:
        tell(f"    {line}")
    return done.returncode
