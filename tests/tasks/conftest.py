import pytest
import tgi
from line.trial import Trial, double, rows, teacher
from rewards.tiny_model import write_chat_model


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Trial:
    with tgi.serve([double("good"), double("poor")]) as handles:
        made = Trial(
            tmp_path_factory.mktemp("suite"),
            {name: teacher(name, handle.url) for name, handle in zip(("good", "poor"), handles, strict=True)},
            rows(20),
            arms={"reward": {"router": "reward"}},
        )
        assert made.build().code == 0
    write_chat_model(made.folder / "model")
    return made
