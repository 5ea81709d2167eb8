"""What the processes of embedded servers have in common: they speak on one pipe, and never outlive their run.

The first line of output is the address. A process ends when its input does, so that it never outlives who started it,
however that ended; on Linux the kernel sees to it too, as long as the model is still being loaded.
"""

import ctypes
import os
import signal
import sys
import threading
from typing import NoReturn

PR_SET_PDEATHSIG = 1
NOT_INSTALLED = 3
"""The exit status where the library that serves is not installed."""
SAYS_WHY = " E "
"""What marks the lines of a log that say why it ends."""


def belong_to(parent: int) -> None:
    """End when the process that started this one does, and not before it says so."""
    # Ctrl-C goes to the whole group; whoever started this says when it ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
    threading.Thread(target=_wait_for_end, daemon=True).start()


def give_up(why: str, status: int = 1) -> NoReturn:
    """End, saying why in the log."""
    sys.stderr.write(f"serving{SAYS_WHY}{' '.join(why.split())}\n")
    sys.stderr.flush()
    os._exit(status)


def _wait_for_end() -> None:
    while os.read(0, 4096):
        pass
    os._exit(0)
