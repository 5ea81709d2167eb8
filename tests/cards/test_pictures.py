import hashlib
import json
import struct
import subprocess
import sys
from io import BytesIO
from typing import Any

import arbitrage_cards
import pytest
from arbitrage_cards.canvas import label, width_of
from cards.large import large
from commands import ROOT
from dataset.world import HOSTILE
from PIL import Image

RTL = "معلّم عربي שלום"


def opened(picture: bytes) -> Image.Image:
    image = Image.open(BytesIO(picture))
    image.load()
    return image


def chunks(picture: bytes) -> list[bytes]:
    found, place = [], 8
    while place < len(picture):
        (length,) = struct.unpack(">I", picture[place : place + 4])
        found.append(picture[place + 4 : place + 8])
        place += 12 + length
    return found


def luminance(colour: tuple[int, ...]) -> float:
    parts = [part / 255 / 12.92 if part <= 10 else ((part / 255 + 0.055) / 1.055) ** 2.4 for part in colour]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


@pytest.mark.parametrize("size", [(1, 1, 1), (1, 2, 2), (7, 9, 15), (15, 9, 4), (60, 30, 30), (60, 1, 2), (2, 60, 40)])
def test_pictures_fit_a_page_at_any_size(size: tuple[int, int, int]) -> None:
    pictures = arbitrage_cards.pictures(large(*size))
    assert sorted(pictures) == ["assets/rewards.png", "assets/wins.png"]
    for picture in pictures.values():
        image = opened(picture)
        assert (image.format, image.mode) == ("PNG", "RGB")
        assert image.width <= 1600
        assert image.height <= 2800
        assert len(picture) < 600_000
        # Opaque and light with a margin, whatever the page is.
        assert {image.getpixel((x, y)) for x in (0, 5, image.width - 1) for y in (0, 5, image.height - 1)} == {
            (255, 255, 255)
        }
        for edge in ((0, 0, 12, image.height), (image.width - 12, 0, image.width, image.height)):
            assert image.crop(edge).getextrema() == ((255, 255),) * 3


def test_a_picture_says_nothing_but_what_it_shows() -> None:
    for picture in arbitrage_cards.pictures(large(7, 9, 15)).values():
        assert set(chunks(picture)) == {b"IHDR", b"IDAT", b"IEND"}


def test_pictures_are_the_same_in_another_process() -> None:
    code = (
        "import arbitrage_cards, hashlib, json; from cards.large import large; "
        "found = arbitrage_cards.pictures(large(7, 9, 15)); "
        "print(json.dumps({name: hashlib.sha256(picture).hexdigest() for name, picture in found.items()}))"
    )
    path = ":".join(str(ROOT / part) for part in ("dataset_cards", "builder", "tests"))
    hashes = {
        name: hashlib.sha256(picture).hexdigest() for name, picture in arbitrage_cards.pictures(large(7, 9, 15)).items()
    }
    for seed in ("0", "7"):
        environ = {"PYTHONPATH": path, "PYTHONHASHSEED": seed, "TZ": "Asia/Tokyo", "LANG": "ar_EG.UTF-8"}
        done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True)
        assert json.loads(done.stdout) == hashes


def test_what_the_font_cannot_draw_right_is_spelled() -> None:
    assert label("aya-23_8B", 20, 400) == "aya-23_8B"
    assert label("שלום", 20, 400) == "\\u05e9\\u05dc\\u05d5\\u05dd"
    for text in (RTL, HOSTILE, "é", "a\nb", "😀", "\u202eevil", "x" * 10_000, "", None):
        drawn = label(text, 20, 150)
        assert drawn.isascii()
        assert drawn.isprintable()
        assert width_of(drawn, 20) <= 150


def test_labels_that_nobody_foresaw(manifest: dict[str, Any]) -> None:
    found = large(3, 3, 3)
    for old, new in (("t0", RTL), ("teacher-1-8b-instruct", HOSTILE), ("teacher-2-8b-instruct", "w" * 96)):
        found["pool"]["teachers"][new] = found["pool"]["teachers"].pop(old)
        for arm in found["arms"].values():
            for chosen in arm["chosen"].values():
                chosen[new] = chosen.pop(old)
    found["languages"][0] = HOSTILE
    for part in (found["common"], *(arm["chosen"] for arm in found["arms"].values())):
        part[HOSTILE] = part.pop("ar")
    for picture in arbitrage_cards.pictures(found).values():
        assert opened(picture).width <= 1600


@pytest.mark.parametrize(
    "numbers",
    [(1e150, -1e150, 1e150), (0.0, 0.0, 0.0), (5e-324, None, None), (float("inf"), float("nan"), None), (-3, -4, -2),
     ("x", None, True)],
)  # fmt: skip
def test_numbers_at_the_edge(numbers: tuple[Any, ...]) -> None:
    found = large(2, 2, 2)
    estimate = dict(zip(("mean", "low", "high"), numbers, strict=True))
    for part in (*found["common"].values(), found["overall"]):
        part["reward"] = dict.fromkeys(part["reward"], estimate)
    assert opened(arbitrage_cards.pictures(found)["assets/rewards.png"])
    arbitrage_cards.render(found)


def test_text_stands_out_of_every_shade() -> None:
    from arbitrage_cards.heat import between, ink_on

    for step in range(101):
        ground = between(step / 100)
        lights = sorted((luminance(ground), luminance(ink_on(ground))))
        assert (lights[1] + 0.05) / (lights[0] + 0.05) > 3.9, step


def test_nothing_to_draw_is_not_drawn(manifest: dict[str, Any]) -> None:
    nothing = {**manifest, "configs": {}, "default_config": None, "common": {}, "overall": None}
    assert arbitrage_cards.pictures(nothing) == {}
    assert "assets/" not in arbitrage_cards.render(nothing)
    blind = {**manifest, "common": {}, "overall": None}
    assert list(arbitrage_cards.pictures(blind)) == ["assets/wins.png"]
    assert "rewards.png" not in arbitrage_cards.render(blind)
