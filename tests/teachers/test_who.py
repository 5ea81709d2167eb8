"""Who an OpenAI-compatible endpoint is and whether it lets us in, found out for free: what goes over the wire."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import tgi
from line.trial import Trial, double, teacher

OPEN_LIST = {"/v1/models"}


class Server(ThreadingHTTPServer):
    """Lists `models`; wants the key `right` except where `public`, and knows no route but the two it needs."""

    def __init__(self, models: object, public: set[str], unknown: int, software: str) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.models, self.public, self.unknown, self.software = models, public, unknown, software
        self.seen: list[tuple[str, str, int]] = []
        self.closing: list[bool] = []
        self.url = f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(200 if self.path == "/v1/models" else self.server.unknown, self.server.models)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path != "/v1/chat/completions":
            self._answer(self.server.unknown, {})
        elif "messages" not in body:
            self._answer(400, {"error": {"message": "'messages' is required"}})
        else:
            choice = {"message": {"role": "assistant", "content": "ja"}, "finish_reason": "stop"}
            self._answer(200, {"choices": [choice]})

    def _answer(self, status: int, body: object) -> None:
        if self.path not in self.server.public and self.headers["Authorization"] != "Bearer right":
            status, body = 401, {"error": {"message": "Invalid API Key"}}
        raw = json.dumps(body).encode()
        self.server.closing.append(self.close_connection)
        self.server.seen.append((self.command, self.path, status))
        self.send_response(status)
        self.send_header("Content-Length", str(len(raw)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(raw)

    def version_string(self) -> str:
        return self.server.software

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def served(models: object, public: set[str] = OPEN_LIST, unknown: int = 404, software: str = "x") -> Iterator[Server]:
    with Server(models, public, unknown, software) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


def trial(folder: Path, url: str, token: str) -> Trial:
    line = Trial(folder, {"a": teacher("a", url, api="openai", token="${TOKEN}")}, environ={"TOKEN": token})
    line.write()
    return line


LIST = {"data": [{"id": "org/a"}]}


def test_a_wrong_token_is_named_where_the_list_of_models_is_open_to_all(tmp_path: Path) -> None:
    with served(LIST) as server:
        ran = trial(tmp_path, server.url, "wrong").run("build")
        assert ran.code == 2
        assert "HTTP 401: Invalid API Key" in ran.err and "check token:" in ran.err
        assert ("POST", "/v1/chat/completions", 401) in server.seen
        assert len(server.seen) <= 3


@pytest.mark.parametrize("unknown", [401, 403, 404, 500])
def test_what_it_answers_to_unknown_routes_says_nothing(tmp_path: Path, unknown: int) -> None:
    with served(LIST, unknown=unknown) as server:
        line = trial(tmp_path, server.url, "right")
        assert line.run("build").code == 0
        statuses = [status for method, _, status in server.seen if method == "POST"]
        assert statuses == [400] + [200] * len(line.prompts)


def test_tgi_shows_who_it_is_to_all_but_lets_only_its_key_in(tmp_path: Path) -> None:
    with tgi.serve(double("a", api_key="right")) as handle:
        ran = trial(tmp_path, handle.url, "wrong").run("build")
        assert ran.code == 2
        assert "HTTP 401" in ran.err and "check token:" in ran.err
        assert handle.log == []
        assert trial(tmp_path, handle.url, "right").run("build").code == 0
        assert {request.status for request in handle.log} == {200}


@pytest.mark.parametrize(
    ("aliases", "code"),
    [(["org/a", "x"], 0), (["x"], 2), ([], 2), (None, 2), ("org/a", 2), (5, 2), ([None, {}], 2)],
)
def test_other_names_of_a_model_are_names_of_it(tmp_path: Path, aliases: object, code: int) -> None:
    with served({"data": [{"id": "x", "aliases": aliases}]}) as server:
        ran = trial(tmp_path, server.url, "right").run("check")
        assert ran.code == code
        assert ("serves 'x', not 'org/a'" in ran.err) == (code == 2)


@pytest.mark.parametrize("software", ["llama.cpp", "uvicorn"])
def test_connections_are_not_kept_where_each_one_holds_a_thread(tmp_path: Path, software: str) -> None:
    with served(LIST, software=software) as server:
        line = trial(tmp_path, server.url, "right")
        assert line.run("build").code == 0
        # Only the first answer says who it is.
        assert server.closing == [False] + [software == "llama.cpp"] * (2 + len(line.prompts))
