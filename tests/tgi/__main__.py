"""Serve doubles until killed: `python tests/tgi/__main__.py [--port 0] [--config FILE]`.

The config is the JSON of one double or a list of them (see `Double.from_config`). When all of them listen,
one line of JSON is printed: {"port": N, "ports": {"name": N, ...}}, where `port` is that of the first.
"""

import argparse
import asyncio
import contextlib
import json
import sys
from pathlib import Path

# Run by path, Python puts this folder first, where `tgi` cannot be found and `log` would hide other modules.
sys.path[0] = str(Path(__file__).resolve().parents[1])

from tgi.double import Double  # noqa: E402
from tgi.serve import Server  # noqa: E402


async def _serve(doubles: list[Double]) -> None:
    servers = [Server(double) for double in doubles]
    for server in servers:
        await server.start()
    ports = {server.double.name or server.double.model_id: server.port for server in servers}
    print(json.dumps({"port": servers[0].port, "ports": ports}), flush=True)
    await asyncio.Event().wait()


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, help="the port of the first double; 0 takes a free one")
    parser.add_argument("--config", type=Path)
    options = parser.parse_args()
    config = json.loads(options.config.read_text(encoding="utf-8")) if options.config else {}
    folder = options.config.parent if options.config else Path()
    doubles = [Double.from_config(one, folder) for one in (config if isinstance(config, list) else [config])]
    if options.port is not None:
        doubles[0].port = options.port
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(doubles))


if __name__ == "__main__":
    main()
