"""Make the best captioner of a run the one that ships: `python recipes/flickr8k/ship.py runs/flickr8k-lstm`."""

from __future__ import annotations

import sys
from pathlib import Path

from showtell.captioner import Captioner
from showtell.training.folder import BEST

SHIPPED = Path(__file__).parents[2] / "src" / "showtell" / "models" / "flickr8k-lstm.safetensors"
ABOUT = {
    "trained on": "Flickr8k, the 6,000 photos of its train split with 30,000 captions "
    "(Hodosh, Young & Hockenmaier 2013, JAIR 47)",
    "terms": "the corpus was given out for non-commercial research and teaching; "
    "use these weights for no more than that",
    "good at": "everyday outdoor photos of people and dogs that do something",
    "bad at": "all that Flickr8k seldom or never shows: indoor scenes, food, text, screens, cats, landscapes without "
    "people, drawings, old photos; it then names something that it knows. It guesses gender and age from little, and "
    "cannot count",
}


def main() -> None:
    captioner = Captioner.load(Path(sys.argv[1]) / BEST)
    captioner.about = ABOUT | {name: text for name, text in captioner.about.items() if name not in ABOUT}
    captioner.save(SHIPPED)
    print(f"{SHIPPED}: {SHIPPED.stat().st_size / 1e6:.1f} MB")
    for name, text in captioner.about.items():
        print(f"{name}: {text}")


if __name__ == "__main__":
    main()
