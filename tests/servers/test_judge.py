"""A judge that is llama.cpp itself, with a model that knows nothing: its verdicts are stored and give no marks."""

import json
from pathlib import Path

import tgi
from line.trial import Trial, double, rows, teacher
from servers.llama import Llama
from servers.tiny_gguf import write_model


def test_verdicts_without_a_mark_are_stored_and_counted(tmp_path: Path) -> None:
    write_model(tmp_path / "judge.gguf", 3)
    with (
        Llama(tmp_path / "judge.gguf", ["org/judge"], keys=["k-secret"], context=4096) as server,
        tgi.serve(double("a")) as handle,
    ):
        judge = {"endpoint": server.url, "api": "openai", "model": "org/judge", "token": "${JUDGE_TOKEN}"}
        made = Trial(
            tmp_path / "trial",
            {"a": teacher("a", handle.url)},
            rows(2),
            arms={"single": {"router": "single", "teacher": "a"}},
            more={"rewards": {"j": {"judge": {**judge, "max_tokens": 24}}}},
            environ={"JUDGE_TOKEN": "k-secret"},
        )
        first = made.build()
        assert first.code == 0
        assert {row["reward"] for row in made.pool()} == {None}
        facts = json.loads((made.dataset / "manifest.json").read_text())["scoring"]["j"]
        assert facts["unscored"] == {"unparsable": 4}
        assert len(made.query("SELECT text FROM verdict")) == 4
        generated = server.generated
        assert made.build().code == 0
        assert server.generated == generated, "no verdict is asked for twice"
        made.assert_nowhere("k-secret", first)
