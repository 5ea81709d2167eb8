"""The small world from the command line: `python -m arbitrage.miniature make|judge|demo`."""

import argparse
import sys
from pathlib import Path
from typing import Any

from arbitrage.errors import ArbitrageError, Interrupted
from arbitrage.miniature.world import CONTROL, World, read_world
from arbitrage.terminal import safe

DESCRIPTION = """
A small world whose truth is known: tasks in seven languages, nine tiny teachers, two reward models and a judge, all
trained here in minutes from what one file states.
"""


def main() -> int:
    """Read the command line and do what it says; return the exit code."""
    options = _parser().parse_args()
    try:
        return _do(options)
    except ArbitrageError as error:
        _complain(str(error))
        return error.exit_code
    except ModuleNotFoundError as error:
        _complain(f"the small world needs {error.name}, which is not installed: pip install '.[miniature]'")
        return ArbitrageError.exit_code
    except KeyboardInterrupt:
        _complain("interrupted; what is finished stays, and the same command goes on from here")
        return Interrupted.exit_code


def _do(options: argparse.Namespace) -> int:
    if options.command == "judge":
        from arbitrage.miniature.judge import serve

        serve(options.folder)
        return 0
    changes: dict[str, Any] = dict(CONTROL) if options.control else {}
    if options.seed is not None:
        changes["seed"] = options.seed
    world: World = read_world(options.world, changes)
    if options.command == "demo":
        from arbitrage.miniature.demo import demo

        return demo(world, options.folder, options.recipe, _say)
    from arbitrage.miniature.make import make

    seconds = make(world, options.folder, _say)
    _say(f"{options.folder} holds the world, {seconds:.0f} s")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m arbitrage.miniature", description=DESCRIPTION)
    commands = parser.add_subparsers(dest="command", required=True, metavar="make|judge|demo")
    for name, what, more in (
        ("make", "make the prompts and train the models of a world", "What is there already stays."),
        ("judge", "serve a world's judge", "An OpenAI-compatible chat endpoint; its first line is its address."),
        (
            "demo",
            "make a world, build its dataset, load it, rebuild it, and tell the truth",
            "Run it at the top of the repository, with the folder that the recipe names: .miniature.",
        ),
    ):
        command = commands.add_parser(name, help=what, description=f"{what[0].upper()}{what[1:]}. {more}")
        command.add_argument("folder", type=Path, metavar="FOLDER", help="where the world is, or shall be")
        if name == "judge":
            continue
        command.add_argument("--world", type=Path, metavar="FILE", help="another file than the package's world.yaml")
        command.add_argument("--seed", type=int, help="another seed than the file's: another world of the same kind")
        command.add_argument("--control", action="store_true", help="one teacher under all names: nothing to gain")
        if name == "demo":
            command.add_argument("recipe", type=Path, metavar="RECIPE", help="builder/recipes/miniature.yaml")
    return parser


def _say(line: str) -> None:
    sys.stdout.write(f"{safe(line)}\n")
    sys.stdout.flush()


def _complain(message: str) -> None:
    sys.stderr.write(f"arbitrage.miniature: {safe(message)}\n")


if __name__ == "__main__":
    sys.exit(main())
