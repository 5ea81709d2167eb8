"""The `text-generation` client, which cannot be installed beside today's `huggingface_hub`.

It gets an environment of its own, made once and kept in the repository's folder. Where that fails, so does
the test: a client that was never run is not one that works.
"""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest
import tgi

CLIENT = "text-generation==0.7.0"
ENVIRONMENT = Path(__file__).parents[2] / ".venv-text-generation"
SCRIPT = """
import sys
import requests
from text_generation import Client, errors

client = Client(sys.argv[1], timeout=5)
response = client.generate("Hello ", max_new_tokens=3)
assert response.generated_text == "one two thre", response
assert response.details.finish_reason == "length", response
assert response.details.generated_tokens == 3, response
assert len(response.details.prefill) == 0, response
response = client.generate("Hello ", do_sample=True, best_of=2, decoder_input_details=True)
assert response.details.finish_reason == "eos_token", response
assert len(response.details.prefill) == 2, response
assert len(response.details.best_of_sequences) == 1, response

events = list(client.generate_stream("Hello "))
assert "".join(event.token.text for event in events if not event.token.special) == "one two three four"
assert events[-1].details.finish_reason == "eos_token", events

chat = client.chat([{"role": "user", "content": "Hi"}], max_tokens=100, temperature=0.3, seed=1)
assert chat.choices[0].message.content == "one two three four", chat
assert chat.usage["completion_tokens"] == 6, chat

for fault, error in (
    ("validation", errors.ValidationError),
    ("overloaded", errors.OverloadedError),
    ("generation", errors.GenerationError),
    ("incomplete", errors.IncompleteGenerationError),
):
    requests.post(sys.argv[1] + "/__double__/faults", json={"next": [fault]}).raise_for_status()
    try:
        client.generate("Hello")
    except error:
        pass
    else:
        raise AssertionError(f"{fault} did not raise {error}")
print("all good")
"""


def run(*command: str | Path) -> str:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command[0]} failed with {done.returncode}:\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="session")
def python() -> Path:
    """The interpreter of an environment that has the old client."""
    interpreter = ENVIRONMENT / "bin" / "python"
    ready = ENVIRONMENT / "ready"
    wanted = f"{CLIENT} on {sys.version}"
    with Path(f"{ENVIRONMENT}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (ready.exists() and ready.read_text() == wanted):
            run(sys.executable, "-m", "venv", "--clear", ENVIRONMENT)
            run(interpreter, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", CLIENT)
            ready.write_text(wanted)
    return interpreter


@pytest.mark.long
def test_the_text_generation_client(python: Path) -> None:
    assert not os.environ.get("HF_HUB_OFFLINE"), "offline, the client refuses even a server on this machine"
    double = tgi.Double(answers=lambda question: "one two three four")
    with tgi.serve(double) as handle:
        assert run(python, "-c", SCRIPT, handle.url) == "all good\n"
        assert {request.route for request in handle.log} == {"/", "/v1/chat/completions"}
