"""What the light router costs on a large pool, beside scikit-learn on the same texts: `large.py [--prompts 70000]`.

Both see hashed character n-grams of 2 to 4 characters in 512 numbers. scikit-learn fits one ridge; the router tries
eight on five folds of held-out sources, and a table, and then chooses for every prompt.
"""

import argparse
import resource
import sys
import time
from pathlib import Path
from random import Random

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "builder"), str(ROOT / "dataset_cards")]

from arbitrage.records import Prompt  # noqa: E402
from arbitrage.routers.learned import Learned  # noqa: E402
from arbitrage.routers.learning import learn_values  # noqa: E402
from arbitrage.routers.router import Setting  # noqa: E402
from arbitrage.routers.values import Seen  # noqa: E402

LANGUAGES = ("ar", "de", "en", "fr", "tr", "uk", "zh")
TEACHERS = [f"teacher{n}" for n in range(1, 10)]
POOL = dict.fromkeys(LANGUAGES, TEACHERS)


def pool(count: int) -> list[Seen]:
    """Return prompts of about 30 words with nine rewards, a third of whose differences their topic tells."""
    random, draw = Random(1), np.random.default_rng(1)
    words = ["".join(random.choices("abcdefghijklmnopqrstuvwxyz", k=random.randint(3, 9))) for _ in range(3000)]
    topics = draw.normal(size=(30, 9))
    found = []
    for n in range(count):
        topic = n % 30
        text = " ".join(random.choices(words[topic * 100 : topic * 100 + 100], k=30))
        rewards = draw.normal() + 0.7 * topics[topic] + draw.normal(size=9)
        language = LANGUAGES[n % 7]
        found.append(Seen(text, language, f"s{n // 7}", dict(zip(TEACHERS, map(float, rewards), strict=True))))
    return found


def main() -> None:
    """Read the command line and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompts", type=int, default=70_000)
    parser.add_argument("--alone", action="store_true", help="without scikit-learn, so that the memory is the router's")
    options = parser.parse_args()
    seen = pool(options.prompts)
    print(f"{len(seen):,} prompts x {len(TEACHERS)} teachers; {_megabytes():,.0f} MB before anything is learned")
    begin = time.perf_counter(), time.process_time()
    values, told = learn_values(1, POOL, seen)
    _say("learned", begin)
    print(f"  by {told['uses']}, {told['lead_over_fixed']['mean']:.3f} spreads ahead of fixed on held-out sources")
    router = Learned(Setting("learned", 1, POOL, None, rewarded=True))
    router.values = values
    begin = time.perf_counter(), time.process_time()
    for n, one in enumerate(seen):
        router.decide(Prompt(str(n), one.language, one.source_id, "train", [{"role": "user", "content": one.text}]), [])
    _say("routed, one prompt at a time", begin)
    print(f"  {_megabytes():,.0f} MB at most")
    if options.alone:
        return
    from sklearn.feature_extraction.text import HashingVectorizer
    from sklearn.linear_model import Ridge

    begin = time.perf_counter(), time.process_time()
    features = HashingVectorizer(analyzer="char", ngram_range=(2, 4), n_features=512).transform(x.text for x in seen)
    _say("scikit-learn: features once", begin)
    Ridge(1.0).fit(features, np.array([list(one.rewards.values()) for one in seen], np.float64))
    _say("scikit-learn: features and one ridge", begin)


def _say(what: str, begin: tuple[float, float]) -> None:
    wall, cpu = time.perf_counter() - begin[0], time.process_time() - begin[1]
    print(f"{what}: {wall:.1f} s, {cpu:.1f} CPU-seconds", flush=True)


def _megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
