"""The Hub's real clients in a process of their own, as they take their endpoint at import.

Every line of standard input is JSON, {"code": Python, "values": {name: value}}; the answer is a line with the value
of the code's last expression, or with the error that it ended in.
"""

import ast
import json
import sys
from typing import Any


def main() -> None:
    """Answer until the input ends."""
    answers = sys.stdout
    # The clients print as they please.
    sys.stdout = sys.stderr
    import datasets
    import huggingface_hub

    datasets.disable_progress_bars()
    names: dict[str, Any] = {"datasets": datasets, "hub": huggingface_hub, "api": huggingface_hub.HfApi()}
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            answer = {"value": run(asked["code"], names | asked["values"])}
        except Exception as error:  # noqa: BLE001 - whatever it is, the test is told
            response = getattr(error, "response", None)
            status = response.status_code if response is not None else None
            answer = {"error": type(error).__name__, "status": status, "text": str(error)}
        answers.write(json.dumps(answer, default=str) + "\n")
        answers.flush()


def run(code: str, names: dict[str, Any]) -> Any:
    """Run a block and return the value of its last line."""
    block = ast.parse(code)
    last = block.body.pop() if isinstance(block.body[-1], ast.Expr) else None
    exec(compile(block, "<test>", "exec"), names)
    return eval(compile(ast.Expression(last.value), "<test>", "eval"), names) if isinstance(last, ast.Expr) else None


if __name__ == "__main__":
    main()
