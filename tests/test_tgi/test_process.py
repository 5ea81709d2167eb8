"""The doubles as a process of their own."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import tgi
from test_tgi.calls import CHAT, get, post, user


@contextmanager
def process(*options: str | Path, folder: Path) -> Iterator[dict[str, Any]]:
    script = Path(tgi.__file__).parent / "__main__.py"
    command = [sys.executable, str(script), *map(str, options)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=folder) as started:
        assert started.stdout
        try:
            yield json.loads(started.stdout.readline())
        finally:
            started.kill()


def test_one_double_without_a_config(tmp_path: Path) -> None:
    with process("--port", "0", folder=tmp_path) as ready:
        assert get(f"http://127.0.0.1:{ready['port']}/info").body["model_id"] == "double/model"


def test_a_pool_from_a_config(tmp_path: Path) -> None:
    (tmp_path / "recorded.jsonl").write_text('{"prompt": "Wer?", "completion": "Ich."}\n', encoding="utf-8")
    config = [
        {"name": "fast", "model_id": "org/a", "replay": "recorded.jsonl", "log": "fast.log"},
        {
            "model_id": "org/b",
            "latency": 0.01,
            "per_token": 0.001,
            "slots": 2,
            "limits": {"max_concurrent_requests": 8},
            "template": {"roles": ["user"], "alternate": True},
            "faults": {"next": ["html"], "refuse_above": 8},
        },
    ]
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    with process("--config", tmp_path / "config.json", folder=Path("/")) as ready:
        fast, slow = (f"http://127.0.0.1:{port}" for port in ready["ports"].values())
        assert list(ready["ports"]) == ["fast", "org/b"]
        assert post(fast + CHAT, user("Wer?", seed=3)).body["choices"][0]["message"]["content"] == "Ich."
        assert post(fast + "/generate", {"inputs": "Qui?"}).status == 424
        assert get(slow + "/info").body["max_concurrent_requests"] == 8
        assert [post(slow + CHAT, user()).status for _ in range(2)] == [502, 200]
        assert post(slow + CHAT, {"messages": [{"role": "system", "content": "x"}]}).status == 422
        assert post(fast + "/__double__/faults", {"next": ["gated"]}).status == 204
        assert post(fast + CHAT, user("Wer?")).status == 403
        # Every line is there as soon as the answer is.
        lines = [json.loads(line) for line in (tmp_path / "fast.log").read_text().splitlines()]
    assert [(line["index"], line["route"], line["status"]) for line in lines] == [
        (0, CHAT, 200),
        (1, "/generate", 424),
        (2, CHAT, 403),
    ]
    assert (lines[0]["key"], lines[0]["seed"], lines[0]["in_flight"]) == (tgi.key_of("Wer?"), 3, 1)
    assert lines[0]["start"] <= lines[0]["end"] <= lines[1]["start"]
