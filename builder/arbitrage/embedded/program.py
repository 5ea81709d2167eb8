"""What serves an embedded teacher: the module that is started, and what it is told."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arbitrage.recipe.model import Teacher


@dataclass(frozen=True, slots=True)
class Program:
    """A server that a run starts as a process of its own."""

    module: str
    title: str
    lacking: str
    """What to say where its library is not installed."""


LLAMA_CPP = Program(
    "arbitrage.embedded.llama_cpp",
    "llama.cpp",
    "xllamacpp is not installed: pip install 'multilingual-arbitrage[gguf]'",
)
TRANSFORMERS = Program(
    "arbitrage.embedded.transformers_serve",
    "transformers",
    "transformers cannot serve without what is not installed: pip install 'multilingual-arbitrage[serve]'",
)


def program_for(teacher: Teacher, path: Path, threads: int) -> tuple[Program, dict[str, Any]]:
    """Return what serves a teacher whose files lie at a path, and the settings that it is started with."""
    settings = {"path": str(path), "model": teacher.model, "threads": teacher.threads or threads}
    if teacher.gguf is None:
        return TRANSFORMERS, settings
    return LLAMA_CPP, {**settings, "slots": teacher.slots, "context": teacher.context}
