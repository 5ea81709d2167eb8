"""Everything that goes wrong on demand, as a client sees it."""

import json
from collections.abc import Iterator
from http.client import BadStatusLine, IncompleteRead
from threading import Thread
from time import monotonic, sleep

import pytest
import tgi
from test_tgi.calls import CHAT, Reply, get, post, user


@pytest.fixture
def double() -> Iterator[tgi.Handle]:
    with tgi.serve(tgi.Double(model_id="org/m")) as handle:
        yield handle


def chat(double: tgi.Handle, text: str = "Hi", **more: object) -> Reply:
    return post(double.url + CHAT, user(text, **more))


@pytest.mark.parametrize(
    ("fault", "status", "error"),
    [
        ("overloaded", 429, "Model is overloaded"),
        ("incomplete", 500, "Incomplete generation"),
        ("generation", 424, "Request failed during generation: this double was told to fail"),
        ("validation", 422, "Input validation error: this double was told to fail"),
        ("unauthorized", 401, "Invalid credentials in Authorization header"),
        ("payment", 402, "You have exceeded your monthly included credits for Inference Providers."),
        ("gated", 403, "Access to model is restricted and you are not in the authorized list."),
    ],
)
def test_error_answers(double: tgi.Handle, fault: str, status: int, error: str) -> None:
    double.faults.next.append(fault)
    reply = chat(double)
    assert (reply.status, reply.body["error"]) == (status, error)
    assert chat(double).status == 200
    assert [request.fault for request in double.log] == [fault, ""]


def test_answers_of_a_proxy(double: tgi.Handle) -> None:
    double.faults.set(next=["html", "unavailable"], retry_after=3)
    reply = chat(double)
    assert (reply.status, reply.headers["Content-Type"]) == (502, "text/html")
    assert reply.raw.startswith(b"<html>")
    reply = chat(double)
    assert (reply.status, reply.raw, reply.headers["Retry-After"]) == (503, b"", "3")


@pytest.mark.parametrize(
    ("fault", "error"),
    [("reset", ConnectionResetError), ("closed", BadStatusLine), ("cut_body", IncompleteRead)],
)
def test_connections_that_break(double: tgi.Handle, fault: str, error: type[Exception]) -> None:
    for stream in (False, True):
        double.faults.next.append(fault)
        with pytest.raises(error):
            chat(double, stream=stream)
    assert [request.status for request in double.log] == [200 if fault == "cut_body" else 0] * 2


def test_answers_that_are_spoiled(double: tgi.Handle) -> None:
    def spoiled(fault: str) -> Reply:
        double.faults.next.append(fault)
        reply = chat(double)
        assert reply.status == 200
        return reply

    with pytest.raises(json.JSONDecodeError):
        json.loads(spoiled("cut_json").raw)
    with pytest.raises(UnicodeDecodeError):
        spoiled("bad_utf8").raw.decode()
    assert spoiled("bad_type").headers["Content-Type"] == "text/html"
    assert spoiled("empty").raw == b""
    assert spoiled("no_fields").body == {}
    assert spoiled("no_choices").body["choices"] == []
    assert spoiled("null_content").body["choices"][0]["message"]["content"] is None
    assert [choice["index"] for choice in spoiled("extra_choices").body["choices"]] == [0, 1]
    double.faults.set(huge_bytes=5_000_000)
    assert len(spoiled("huge").raw) > 5_000_000
    double.faults.set(drip_seconds=0.2)
    start = monotonic()
    assert spoiled("drip").body["choices"][0]["message"]["content"] == double.says("Hi")
    assert monotonic() - start > 0.15


def test_spoiled_native_answers(double: tgi.Handle) -> None:
    double.faults.set(next=["null_content", "extra_choices", "no_fields"])
    assert post(double.url + "/generate", {"inputs": "x"}).body == {"generated_text": None}
    assert len(post(double.url, {"inputs": "x"}).body) == 2
    assert post(double.url, {"inputs": "x"}).body == {}


def test_a_share_of_requests_is_drawn_anew_for_each(double: tgi.Handle) -> None:
    double.faults.set(shares={"overloaded": 0.2, "incomplete": 0.2}, seed=7)
    statuses = [chat(double, "the same").status for _ in range(200)]
    assert 20 < statuses.count(429) < 60
    assert 20 < statuses.count(500) < 60
    assert statuses.count(200) == 200 - statuses.count(429) - statuses.count(500)


def test_a_share_of_prompts_fails_again_and_again(double: tgi.Handle) -> None:
    double.faults.set(by_prompt={"validation": 0.3})
    first = [chat(double, f"prompt {number}").status for number in range(60)]
    double.faults.set(by_prompt={"validation": 0.3})
    assert [chat(double, f"prompt {number}").status for number in range(60)] == first
    assert 5 < first.count(422) < 35


@pytest.mark.parametrize("how", ["refuse_above", "max_concurrent_requests"])
def test_refusals_above_a_number_in_flight(how: str) -> None:
    double = tgi.Double(latency=0.3)
    if how == "refuse_above":
        double.faults.refuse_above = 2
    else:
        double.limits = tgi.Limits(max_concurrent_requests=2)
    with tgi.serve(double) as handle:
        replies: list[int] = []
        threads = [Thread(target=lambda: replies.append(chat(handle).status)) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(replies) == [200, 200, 429, 429, 429]
        assert chat(handle).status == 200
        assert handle.stats["in_flight"] == 0


def test_slots_make_requests_wait() -> None:
    with tgi.serve(tgi.Double(latency=0.1, slots=1)) as double:
        threads = [Thread(target=chat, args=(double,)) for _ in range(3)]
        start = monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert monotonic() - start >= 0.3


def chat_in_vain(double: tgi.Handle) -> None:
    with pytest.raises(OSError):
        chat(double)


def test_a_hanging_request_ends_with_its_server() -> None:
    with tgi.serve(tgi.Double()) as double:
        double.faults.next.append("hang")
        broken = Thread(target=chat_in_vain, args=(double,))
        broken.start()
        while not double.log:
            sleep(0.01)
    broken.join(5)
    assert not broken.is_alive()
    assert double.log[0].status == 499


def test_down_means_refused_connections_on_a_port_that_is_kept(double: tgi.Handle) -> None:
    for _ in range(2):
        double.faults.set(down=0.2)
        with pytest.raises(ConnectionRefusedError):
            chat(double)
        sleep(0.3)
        assert chat(double).status == 200
    double.faults.set(down=60)
    with pytest.raises(ConnectionRefusedError):
        chat(double)
    double.faults.clear()
    assert chat(double).status == 200


def test_another_model_behind_the_same_door(double: tgi.Handle) -> None:
    double.faults.set(info_model="other/model", info_sha="f" * 40)
    info = get(double.url + "/info").body
    assert (info["model_id"], info["model_sha"]) == ("other/model", "f" * 40)
    assert get(double.url + "/v1/models").body["data"][0]["id"] == "other/model"
    double.faults.clear()
    assert get(double.url + "/info").body["model_id"] == "org/m"


def test_faults_over_http(double: tgi.Handle) -> None:
    steer = double.url + "/__double__/faults"
    assert post(steer, {"shares": {"overloaded": 1.0}, "retry_after": 2}).status == 204
    assert chat(double).headers["Retry-After"] == "2"
    assert post(steer, {}).status == 204
    assert chat(double).status == 200
    assert post(steer, {"down": 0.2}).status == 204
    sleep(0.1)
    with pytest.raises(ConnectionRefusedError):
        chat(double)
    sleep(0.2)
    assert chat(double).status == 200
    assert [request["status"] for request in get(double.url + "/__double__/log").body] == [429, 200, 200]
    assert get(double.url + "/__double__/stats").body == double.stats


def test_a_misspelt_fault_is_an_error(double: tgi.Handle) -> None:
    with pytest.raises(ValueError, match="no such fault: explode"):
        double.faults.set(shares={"explode": 1.0})
    with pytest.raises(ValueError, match="no such fault field: sharez"):
        double.faults.set(sharez={})
    assert post(double.url + "/__double__/faults", {"next": ["explode"]}).status == 400
