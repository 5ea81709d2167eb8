import numpy as np
import pytest
from arbitrage_eval.retrieval.nearest import BLOCK, NEIGHBOURS, nearest
from arbitrage_eval.retrieval.pairs import Pair
from arbitrage_eval.retrieval.rates import rates, wilson
from scipy.stats import binomtest


def test_it_is_the_formula_of_the_paper_also_over_several_blocks() -> None:
    generator = np.random.default_rng(7)
    x, y = (generator.normal(size=(BLOCK + 100, 8)).astype(np.float32) + 1 for _ in range(2))
    found = nearest(x, y)
    cosines = (x @ y.T) / np.linalg.norm(x, axis=1)[:, None] / np.linalg.norm(y, axis=1)[None, :]
    forward = np.sort(cosines, axis=1)[:, -NEIGHBOURS:].sum(axis=1) / (2 * NEIGHBOURS)
    backward = np.sort(cosines, axis=0)[-NEIGHBOURS:].sum(axis=0) / (2 * NEIGHBOURS)
    ratio = cosines / (forward[:, None] + backward[None, :])
    assert np.mean(np.array(found.cosine) == cosines.argmax(axis=1)) > 0.999
    assert np.mean(np.array(found.margin) == ratio.argmax(axis=1)) > 0.999


def test_what_is_near_to_everything_is_nearest_by_cosine_alone() -> None:
    x = np.eye(6, dtype=np.float32) + 1
    hub = np.ones((1, 6), dtype=np.float32)
    weak = np.eye(6, dtype=np.float32) * 3 + np.roll(np.eye(6, dtype=np.float32), 1, axis=1)
    found = nearest(x, np.concatenate([hub, weak]))
    assert set(found.cosine) == {0} and found.margin == [1, 2, 3, 4, 5, 6]


def test_zeros_and_fewer_than_four_others_are_borne() -> None:
    found = nearest(np.zeros((2, 3), dtype=np.float32), np.eye(3, dtype=np.float32)[:2])
    assert found.cosine == [0, 0] and found.margin == [0, 0]


@pytest.mark.parametrize(("hits", "count"), [(0, 10), (10, 10), (5, 10), (999, 1000), (1, 2)])
def test_intervals_are_wilsons(hits: int, count: int) -> None:
    expected = binomtest(hits, count).proportion_ci(method="wilson")
    assert wilson(hits, count) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_the_mean_of_languages_is_clustered_by_their_english() -> None:
    # Every second sentence of every language is found: those of the same English, so languages add no certainty.
    axes = {f"e{n}": np.eye(40, dtype=np.float32)[n] for n in range(40)}
    for language in ("de", "fr"):
        for n in range(40):
            axes[f"{language}{n}"] = np.eye(40, dtype=np.float32)[n if n % 2 else (n + 2) % 40]

    def lookup(texts: list[str]) -> np.ndarray:
        return np.stack([axes[text] for text in texts])

    pairs = {language: [Pair(f"{language}{n}", f"e{n}") for n in range(40)] for language in ("de", "fr")}
    both, one = (rates(some, lookup) for some in (pairs, {"de": pairs["de"]}))  # type: ignore[arg-type]
    assert both["languages"]["de"]["cosine"]["to_english"]["value"] == 0.5
    assert both["languages"]["de"]["pairs"] == 40
    assert both["mean"]["cosine"]["to_english"] == one["mean"]["cosine"]["to_english"]
    assert 0.3 < both["mean"]["margin"]["from_english"]["low"] < 0.36
