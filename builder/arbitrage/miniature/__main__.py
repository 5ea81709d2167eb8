"""The small world from the command line: `python -m arbitrage.miniature make|judge|demo`."""

import argparse
import sys
from pathlib import Path

from arbitrage.errors import ArbitrageError
from arbitrage.miniature.world import CONTROL, World, read_world


def main() -> int:
    """Read the command line and do what it says; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m arbitrage.miniature", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="make|judge|demo")
    make = commands.add_parser("make", help="make the prompts and train the models of a world; what is there stays")
    judge = commands.add_parser("judge", help="serve a world's judge; its first line is the address")
    demo = commands.add_parser("demo", help="make a world, build its dataset, load it, rebuild it, and tell the truth")
    for command in (make, judge, demo):
        command.add_argument("folder", type=Path, metavar="FOLDER", help="where the world is")
    for command in (make, demo):
        command.add_argument("--world", type=Path, metavar="FILE", help="another file than the package's world.yaml")
        command.add_argument("--seed", type=int, help="another seed than the file's")
        command.add_argument("--control", action="store_true", help="one teacher under all names: nothing to gain")
    demo.add_argument("recipe", type=Path, metavar="RECIPE", help="builder/recipes/miniature.yaml")
    options = parser.parse_args()
    try:
        if options.command == "judge":
            from arbitrage.miniature.judge import serve

            serve(options.folder)
        elif options.command == "make":
            from arbitrage.miniature.make import make as make_world

            make_world(_world(options), options.folder, _say)
        else:
            from arbitrage.miniature.demo import demo as do_demo

            return do_demo(_world(options), options.folder, options.recipe, _say)
    except ArbitrageError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def _world(options: argparse.Namespace) -> World:
    changes = dict(CONTROL) if options.control else {}
    if options.seed is not None:
        changes["seed"] = options.seed
    return read_world(options.world, changes)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
