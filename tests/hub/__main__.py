"""Serve a Hub until terminated: `python tests/hub/__main__.py --folder DIR [--port N]`.

When it listens, one line of JSON is printed: {"url": ..., "token": ..., "read_token": ..., "other_token": ...}.
A server on the same folder goes on where the last one was, even one that was killed.
"""

import argparse
import json
import signal
import sys
from pathlib import Path

# Run by path, Python puts this folder first, where `hub` cannot be found and `log` would hide other modules.
sys.path[0] = str(Path(__file__).resolve().parents[1])

from hub.serve import serving  # noqa: E402


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    options = parser.parse_args()
    # Waited for below: no handler interrupts anything.
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGINT])
    with serving(options.folder, options.port) as server:
        tokens = {name: getattr(server, name) for name in ("token", "read_token", "other_token")}
        print(json.dumps({"url": server.url, **tokens}), flush=True)
        signal.sigwait([signal.SIGTERM, signal.SIGINT])


if __name__ == "__main__":
    main()
