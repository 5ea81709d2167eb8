"""A light sheet to draw on: the same bytes for the same marks, as long as the drawing library stays the same."""

from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL import ImageFont

Colour = tuple[int, int, int]

GROUND: Colour = (255, 255, 255)
"""Opaque, so that pictures are read on dark pages too."""
INK: Colour = (31, 35, 40)
FAINT: Colour = (101, 109, 118)
RULE: Colour = (208, 215, 222)
MARGIN = 24


class Canvas:
    """A picture in the making."""

    def __init__(self, width: int, height: int) -> None:
        # The library is only loaded by those who draw.
        from PIL import Image, ImageDraw

        self._image = Image.new("RGB", (width, height), GROUND)
        self._draw = ImageDraw.Draw(self._image)

    def text(self, x: float, y: float, text: str, size: int, anchor: str = "lm", ink: Colour = INK) -> None:
        """Write text; `anchor` says which point of it stands at x and y, `lm` the middle of its left side."""
        self._draw.text((round(x), round(y)), text, ink, font=_font(size), anchor=anchor)

    def upright(self, x: float, bottom: float, text: str, size: int) -> None:
        """Write text from the bottom upwards, its middle at x."""
        from PIL import Image, ImageDraw

        height = size + 8
        strip = Image.new("RGB", (round(width_of(text, size)) + 4, height), GROUND)
        ImageDraw.Draw(strip).text((2, height // 2), text, INK, font=_font(size), anchor="lm")
        turned = strip.transpose(Image.Transpose.ROTATE_90)
        self._image.paste(turned, (round(x - height / 2), round(bottom - turned.height)))

    def box(self, left: float, top: float, right: float, bottom: float, fill: Colour) -> None:
        """Fill a rectangle."""
        self._draw.rectangle((round(left), round(top), round(right) - 1, round(bottom) - 1), fill)

    def frame(self, left: float, top: float, right: float, bottom: float, ink: Colour, width: int) -> None:
        """Draw the rim of a rectangle."""
        self._draw.rectangle((round(left), round(top), round(right) - 1, round(bottom) - 1), outline=ink, width=width)

    def png(self) -> bytes:
        """Return the picture's bytes."""
        file = BytesIO()
        self._image.save(file, "PNG")
        return file.getvalue()


@cache
def _font(size: int) -> "ImageFont.FreeTypeFont | ImageFont.ImageFont":
    from PIL import ImageFont

    # The library's own font: none has to be found on this machine, and all draw alike.
    return ImageFont.load_default(size)


def width_of(text: str, size: int) -> float:
    """Return how wide text is."""
    return float(_font(size).getlength(text))


def label(value: Any, size: int, room: float) -> str:
    """Return a name that fits, in plain ASCII: what the font cannot draw right is spelled as escapes."""
    text = str(value)[:200]
    if not (text.isascii() and text.isprintable()):
        text = ascii(text)[1:-1]
    if width_of(text, size) <= room:
        return text
    while text and width_of(text + "...", size) > room:
        text = text[:-1]
    return text + "..."
