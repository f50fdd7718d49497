"""Make the best captioner of a run the one that ships: `python recipes/everyday/ship.py runs/everyday`."""

from __future__ import annotations

import sys
from pathlib import Path

from showtell.captioning.captioner import Captioner
from showtell.training.folder import BEST

SHIPPED = Path(__file__).parents[2] / "src" / "showtell" / "models" / "everyday-lstm.safetensors"
ABOUT = {
    "trained on": "Flickr8k, 6,000 photos with 30,000 captions (Hodosh, Young & Hockenmaier 2013, JAIR 47); "
    "4,697 training photos of COCO, 3,197 of them with 9,163 captions, and 168,803 captions of 46,554 more without "
    "their photos (Lin et al. 2014; Chen et al. 2015)",
    "terms": "Flickr8k was given out for non-commercial research and teaching, COCO's captions under CC BY 4.0; "
    "use these weights for no more than non-commercial research and teaching",
    "good at": "photos of everyday life: people, pets and other animals, rooms, food, streets and what drives there",
    "bad at": "counting, colours, text, gender and age; towers and buildings get clocks; of what it has never seen it "
    "names something that it knows",
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
