"""The command line: a message and an exit code in place of a traceback for what a person can mend."""

import io
import signal
import sys

from arbitrage.errors import ArbitrageError, Interrupted
from arbitrage.terminal import safe
from arbitrage.verbs import building, publishing, routing, students
from arbitrage.verbs.app import app

__all__ = ["app", "building", "main", "publishing", "routing", "students"]


def main() -> None:
    """Run the command line; a message and an exit code instead of a traceback for what a person can mend."""
    signal.signal(signal.SIGTERM, _interrupt)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A character that the terminal does not have is shown as its code.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        app()
    except ArbitrageError as error:
        _complain(str(error))
        sys.exit(error.exit_code)
    except SystemExit as stop:
        if stop.code == Interrupted.exit_code:
            # An upload that is under way is waited for; who does not want to wait ends it with one more Ctrl-C.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            _complain("interrupted; everything stored so far is safe, and the same command goes on from here")
        raise
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _complain(f"{where}{error.strerror or error}; mend it and run the same command again: what is stored is safe")
        sys.exit(2)


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def _complain(message: str) -> None:
    sys.stderr.write(f"arbitrage: {safe(message)}\n")
