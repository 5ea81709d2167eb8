"""Hugging Face's own clients must be as happy and as unhappy with the double as with TGI."""

import asyncio
from collections.abc import Iterator

import pytest
import tgi
from huggingface_hub import AsyncInferenceClient, InferenceClient
from huggingface_hub.errors import (
    GenerationError,
    HfHubHTTPError,
    IncompleteGenerationError,
    InferenceTimeoutError,
    OverloadedError,
    TextGenerationError,
    ValidationError,
)


@pytest.fixture
def double() -> Iterator[tgi.Handle]:
    with tgi.serve(tgi.Double(model_id="org/m", answers=lambda question: "one two three four")) as handle:
        yield handle


@pytest.fixture
def client(double: tgi.Handle) -> InferenceClient:
    return InferenceClient(double.url, timeout=5)


def test_text_generation(client: InferenceClient) -> None:
    assert client.text_generation("Hi ") == "Hi one two three four"
    assert client.text_generation("Hi ", return_full_text=False) == "one two three four"
    output = client.text_generation(
        "Hello", details=True, decoder_input_details=True, do_sample=True, best_of=2, max_new_tokens=3
    )
    assert (output.details.finish_reason, output.details.generated_tokens) == ("length", 3)
    assert [token.text for token in output.details.prefill] == ["Hell", "o"]
    assert len(output.details.best_of_sequences or []) == 1
    output = client.text_generation("Hello", details=True, do_sample=True, seed=7)
    assert (output.details.finish_reason, output.details.seed) == ("eos_token", 7)


def test_the_native_route(double: tgi.Handle) -> None:
    client = InferenceClient(double.url + "/generate", timeout=5)
    with pytest.raises(ValidationError, match="`top_p` must be"):
        client.text_generation("Hi", top_p=1.0)
    assert double.log[0].route == "/generate"


def test_streamed_text_generation(client: InferenceClient) -> None:
    # The client passes the special token on, where the streamed chat does not.
    assert "".join(client.text_generation("Hi", stream=True)) == "one two three four</s>"
    *_, last = client.text_generation("Hi", stream=True, details=True, return_full_text=False)
    assert last.generated_text == "one two three four"
    assert last.details is not None
    assert (last.details.finish_reason, last.details.input_length) == ("eos_token", 1)
    with pytest.raises(ValidationError):
        list(client.text_generation("Hi", stream=True, top_p=1.0))


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("overloaded", OverloadedError),
        ("validation", ValidationError),
        ("generation", GenerationError),
        ("incomplete", IncompleteGenerationError),
    ],
)
def test_errors_keep_their_names(
    double: tgi.Handle, client: InferenceClient, fault: str, error: type[TextGenerationError]
) -> None:
    double.faults.next.append(fault)
    with pytest.raises(error):
        client.text_generation("Hi")
    double.faults.next.append(fault)
    with pytest.raises(HfHubHTTPError) as caught:
        client.chat_completion([{"role": "user", "content": "Hi"}], model="org/m")
    assert caught.value.response.status_code == double.log[-1].status


def test_a_client_that_gives_up_is_logged(double: tgi.Handle) -> None:
    double.faults.next.append("hang")
    with pytest.raises(InferenceTimeoutError):
        InferenceClient(double.url, timeout=0.1).text_generation("Hi")
    assert InferenceClient(double.url, timeout=5).text_generation("Hi")
    assert [request.status for request in double.log] == [499, 200]


def test_chat_completion(client: InferenceClient) -> None:
    messages = [{"role": "system", "content": "Be kind"}, {"role": "user", "content": "Hi"}]
    output = client.chat_completion(messages, model="org/m", max_tokens=100, temperature=0.3, top_p=0.9, seed=5)
    assert output.choices[0].message.content == "one two three four"
    assert (output.choices[0].finish_reason, output.model) == ("stop", "org/m")
    assert output.usage.completion_tokens == 6
    output = client.chat_completion(messages, model="org/m", max_tokens=100, logprobs=True, stop=["two"])
    assert output.choices[0].finish_reason == "stop_sequence"
    assert output.choices[0].logprobs is not None
    assert [token.token for token in output.choices[0].logprobs.content] == ["one ", "two"]


def test_streamed_chat_completion(client: InferenceClient) -> None:
    messages = [{"role": "user", "content": "Hi"}]
    chunks = list(client.chat_completion(messages, model="org/m", stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "one two three four"
    assert chunks[-1].choices[0].finish_reason == "stop"


def test_the_asynchronous_client(double: tgi.Handle) -> None:
    async def talk() -> None:
        async with AsyncInferenceClient(double.url, timeout=5) as client:
            assert await client.text_generation("Hi", return_full_text=False) == "one two three four"
            stream = await client.text_generation("Hi", stream=True)
            assert "".join([text async for text in stream]) == "one two three four</s>"
            double.faults.next.append("overloaded")
            with pytest.raises(OverloadedError):
                await client.text_generation("Hi")
            messages = [{"role": "user", "content": "Hi"}]
            asked = [client.chat_completion(messages, model="org/m", seed=seed) for seed in range(8)]
            outputs = await asyncio.gather(*asked)
            assert {output.choices[0].message.content for output in outputs} == {"one two three four"}

    asyncio.run(talk())
    assert sorted(request.seed for request in double.log if request.seed is not None) == list(range(8))
