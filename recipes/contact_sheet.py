"""Draw the photos of a folder on one sheet, each with the caption that the shipped captioner gives it.

Example: python recipes/contact_sheet.py tests/photos docs/contact_sheet.jpg
"""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, ImageOps

import showtell
from showtell.vision.photo import open_photo

COLUMNS, WIDTH, HEIGHT, TEXT, GAP = 4, 300, 225, 76, 16
PAPER, INK = "#ffffff", "#1f2328"


def main() -> None:
    folder, sheet = map(Path, sys.argv[1:])
    photos = sorted(path for path in folder.iterdir() if path.suffix in {".jpg", ".png"})
    captions = showtell.load().caption(photos)
    rows = -(-len(photos) // COLUMNS)
    size = (COLUMNS * (WIDTH + GAP) + GAP, rows * (HEIGHT + TEXT + GAP) + GAP)
    paper = Image.new("RGB", size, PAPER)
    pen, font = ImageDraw.Draw(paper), ImageFont.load_default(17)
    for place, (photo, caption) in enumerate(zip(photos, captions, strict=True)):
        row, column = divmod(place, COLUMNS)
        left, top = GAP + column * (WIDTH + GAP), GAP + row * (HEIGHT + TEXT + GAP)
        paper.paste(ImageOps.fit(open_photo(photo), (WIDTH, HEIGHT), Image.Resampling.LANCZOS), (left, top))
        pen.multiline_text((left, top + HEIGHT + 6), textwrap.fill(caption.text, 34), INK, font, spacing=3)
        print(f"{photo.name}: {caption.text}")
    sheet.parent.mkdir(parents=True, exist_ok=True)
    paper.save(sheet, quality=88, optimize=True)


if __name__ == "__main__":
    main()
