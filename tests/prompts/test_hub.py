import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hub import Server, Settings, serving

ROOT = Path(__file__).parents[2]
CARD = """\
---
configs:
- config_name: default
  data_files:
  - {split: train, path: data/train-*}
  - {split: test, path: data/test-*}
- config_name: small
  data_files: data/test-*
---
"""


def parquet(**columns: list) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table({name: pa.array(values) for name, values in columns.items()}), file)
    return file.getvalue()


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("hub")) as hub:
        prompts, test = hub.create("org/prompts"), parquet(text=["test"], id=[9], other=[0.5])
        for tag, texts in (("v1.0.0", ["eins"]), ("v2.0.0", ["eins", "zwei 😀", " "])):
            train = parquet(text=texts, id=list(range(len(texts))), other=[1.5] * len(texts))
            files = {"data/train-00000.parquet": train, "data/test-00000.parquet": test}
            prompts.push({"README.md": CARD, **files})
            prompts.tag(tag)
        hub.create("org/gated", gated="auto").push({"README.md": CARD, **files})
        rows = [{"q": [{"role": "user", "content": text}], "lang": "de"} for text in ("eins", "zwei 😀")]
        hub.create("org/lines").push({"train.jsonl": "".join(json.dumps(row) + "\n" for row in rows)})
        yield hub


@pytest.fixture(scope="module")
def first(hub):
    return hub.repo("org/prompts").tags()["v1.0.0"]


@pytest.fixture(scope="module")
def second(hub):
    return hub.repo("org/prompts").tags()["v2.0.0"]


def ask(hub: Server, home: Path, *sources: dict, **environ: str) -> list[dict]:
    """Return what reading each source gave, all in one process with one cache."""
    done = run(
        [str(Path(__file__).with_name("hub_reader.py"))],
        settings(hub, home) | environ,
        "".join(json.dumps({"language": "de", **source}) + "\n" for source in sources),
    )
    answers = [json.loads(line[7:]) for line in done.stdout.splitlines() if line.startswith("ANSWER ")]
    assert len(answers) == len(sources), done.stderr
    return answers


def settings(hub: Server, home: Path) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    return inherited | {
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(home),
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "PYTHONPATH": str(ROOT / "builder"),
    }


def run(arguments: list[str], environ: dict[str, str], given: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        input=given,
        env=environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )


def texts(answer: dict) -> list[str]:
    return [row["messages"][0]["content"] for row in answer["rows"]]


TEXT = {"columns": {"prompt": "text", "source_id": "id"}}


def test_a_dataset_on_the_hub_is_read_at_the_commit_its_revision_is(hub, first, second, tmp_path):
    main, tag, split, config, lines = ask(
        hub,
        tmp_path,
        {"path": "org/prompts", **TEXT},
        {"path": "org/prompts", "revision": "v1.0.0", **TEXT},
        {"path": "org/prompts", "revision": first, "split": "test", **TEXT},
        {"path": "org/prompts", "config": "small", **TEXT},
        {"path": "org/lines", "language": None, "columns": {"messages": "q", "language": "lang"}},
    )
    assert main["pinned"]["revision"] == second
    assert main["rows"] == [
        {
            "language": "de",
            "source_id": "0",
            "messages": [{"role": "user", "content": "eins"}],
            "columns": {},
            "where": f"org/prompts@{second[:12]} row 1",
        },
        {
            "language": "de",
            "source_id": "1",
            "messages": [{"role": "user", "content": "zwei 😀"}],
            "columns": {},
            "where": f"org/prompts@{second[:12]} row 2",
        },
        {"where": f"org/prompts@{second[:12]} row 3", "why": "'text': the last turn is blank"},
    ]
    assert tag["pinned"]["revision"] == first
    assert texts(tag) == ["eins"]
    assert texts(split) == texts(config) == ["test"]
    assert texts(lines) == ["eins", "zwei 😀"]
    assert len({answer["pinned"]["fingerprint"] for answer in (main, tag, split, config, lines)}) == 5


def test_what_cannot_be_read_says_what_to_do(hub, tmp_path):
    errors = [
        answer.get("error", "")
        for answer in ask(
            hub,
            tmp_path,
            {"path": "org/missing"},
            {"path": "org/prompts", "revision": "v9"},
            {"path": "org/prompts", "config": "no-such-config", **TEXT},
            {"path": "org/prompts", "split": "validation", **TEXT},
            {"path": "org/prompts", "columns": {"prompt": "txt"}},
            {"path": "org/lines", "columns": {"prompt": "txt"}},
            {"path": "org/gated", **TEXT},
            {"path": "no file here"},
        )
    ]
    expected = [
        "org/missing: no such file here and no such dataset on the Hub, or a private one",
        "org/prompts@v9: the dataset has no such revision",
        "no-such-config",
        "validation",
        "has no column 'txt'; it has text, id, other",
        "has no column 'txt'; it has q, lang",
        "org/gated: is gated; accept its terms on its page on the Hub and set HF_TOKEN",
        "no file here: is neither a file here (.jsonl, .parquet, folder) nor a Hub id (org/name)",
    ]
    for error, part in zip(errors, expected, strict=True):
        assert part in error
        assert "\n" not in error
        assert "Traceback" not in error


def test_what_is_cached_is_not_taken_for_what_was_asked(hub, first, tmp_path):
    load = f"import datasets; datasets.load_dataset('org/prompts', revision='{first}')"
    run(["-c", load], settings(hub, tmp_path))
    hub.repo("org/prompts").settings = Settings(gated="auto")
    try:
        (answer,) = ask(hub, tmp_path, {"path": "org/prompts", **TEXT})
    finally:
        hub.repo("org/prompts").settings = Settings()
    assert answer["error"].startswith("org/prompts: is gated")


def test_offline(hub, tmp_path):
    (answer,) = ask(hub, tmp_path, {"path": "org/prompts"}, HF_HUB_OFFLINE="1")
    assert "HF_HUB_OFFLINE is set; unset it, or name a local file" in answer["error"]


def test_an_unreachable_hub(hub, tmp_path):
    (answer,) = ask(hub, tmp_path, {"path": "org/prompts"}, HF_ENDPOINT="http://127.0.0.1:9")
    assert answer["error"].startswith("org/prompts: the Hub cannot be reached")
