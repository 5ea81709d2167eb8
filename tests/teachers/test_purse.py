"""What a purse lets out, and when it says that nothing more may go."""

from dataclasses import dataclass
from pathlib import Path

from arbitrage.recipe.model import Recipe
from arbitrage.recipe.part import Price
from arbitrage.store.store import open_store
from arbitrage.teachers.failure import Failed, Kind
from arbitrage.teachers.purse import Purse


@dataclass
class Payee:
    """Somebody who is paid by tokens."""

    account: str = "a"
    price: Price | None = None
    deadline: float = 60.0
    in_flight: int = 0

    def active(self, now: float) -> float:
        return 0.0


def _recipe(most: float) -> Recipe:
    return Recipe.model_validate(
        {
            "name": "n",
            "license": "mit",
            "languages": ["de"],
            "prompts": [{"path": "x.jsonl", "language": "de"}],
            "arms": {"a": {"router": "random"}},
            "teachers": {"a": {"api": "tgi", "model": "org/m", "endpoint": "http://host"}},
            "max_usd": most,
        }
    )


def test_a_purse_that_holds_nothing_waits_for_nobody(tmp_path: Path) -> None:
    payee = Payee(price=Price(input=0.0, output=0.0))
    with open_store(tmp_path / "store.sqlite") as store:
        purse = Purse(store, _recipe(1.0))
        held = [purse.take(payee, lambda usd=usd: usd, lambda: None) for usd in (0.1, 0.2, 0.3)]
        assert purse.take(payee, lambda: 0.5, lambda: None) is None, "others may come out cheaper"
        # 0.1 + 0.2 + 0.3 - 0.3 - 0.2 - 0.1 is not 0.
        for one in reversed(held):
            assert isinstance(one, float)
            purse.settle(payee, one, None)
        refused = purse.take(payee, lambda: 1.5, lambda: None)
        assert isinstance(refused, Failed) and refused.kind is Kind.BUDGET
        assert purse.take(payee, lambda: 1.0, lambda: None) == 1.0, "nothing is held"
