from collections.abc import Iterator

import hub
import pytest
from training.place import Place, make_place


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("training")
    with hub.serving(folder / "hub") as server:
        yield make_place(folder, server)
