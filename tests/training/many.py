"""Run the scripts' work over many command lines in one process, since importing what trains takes seconds.

Standard input is JSON, [[script, argument, ...], ...]; the last line of standard output what each was stopped by, or
null.
"""

import importlib
import json
import sys


def main() -> None:
    """Run all of them."""
    found = []
    for name, *arguments in json.load(sys.stdin):
        module = importlib.import_module(name)
        sys.argv = [f"{name}.py", *arguments]
        try:
            module.work()
            found.append(None)
        except module.Stop as stop:
            found.append(str(stop))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
