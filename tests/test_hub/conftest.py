from collections.abc import Iterator

import pytest
from hub import Server, serving
from test_hub.calls import Client


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("hub")) as server:
        yield server


@pytest.fixture
def server(running: Server) -> Iterator[Server]:
    yield running
    running.faults.clear()


@pytest.fixture(scope="session")
def client(running: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    client = Client(running.url, running.token, tmp_path_factory.mktemp("home"))
    yield client
    client.close()
