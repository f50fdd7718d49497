"""Print the model card's tables: captions by kind of photo, number words, and words for men and women.

Example: python recipes/model_card.py flickr8k.jsonl coco.jsonl
The files are those of `showtell evaluate --captions`. A data set without objects is grouped by what its human captions
mention.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from showtell.evaluation.records import read_records
from showtell.metrics.bootstrap import interval
from showtell.metrics.chair import chair
from showtell.metrics.object_words import coco_words
from showtell.text.tokenizer import tokenize

# The first and the last object of each kind in COCO's list, which is ordered by kind
KINDS = {
    "people": [("person", "person")],
    "animals": [("bird", "giraffe")],
    "vehicles": [("bicycle", "boat")],
    "food": [("banana", "cake")],
    "furniture, kitchen, household items": [("bottle", "bowl"), ("chair", "toothbrush")],
    "sports": [("frisbee", "tennis racket")],
}
MEN = {"man", "men", "boy", "boys", "guy", "guys", "male", "males", "he", "him", "his", "himself"}
WOMEN = {"woman", "women", "girl", "girls", "lady", "ladies", "female", "females", "she", "her", "hers", "herself"}
NUMBERS = {"two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"}
TWO = {"two", "couple", "pair", "both"}
RESAMPLES = 1000

Entry = dict[str, Any]


def main() -> None:
    for path in map(Path, sys.argv[1:]):
        read_records(path)  # refuses what is no such file
        entries = [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n")[:-1]]
        print(f"\n{path.stem}")
        by_kind([entry if "objects" in entry else with_objects(entry) for entry in entries])
        numbers(entries)
        gender(entries)


def with_objects(entry: Entry) -> Entry:
    """The entry with the objects that the human captions and the caption mention."""
    [found] = chair([entry["caption"]], [[]], [entry["references"]]).per_photo
    return entry | {"objects": sorted(found.present), "named": found.named, "hallucinated": found.hallucinated}


def by_kind(entries: Sequence[Entry]) -> None:
    """Print the scores of the photos with each kind of object, and how often it is mentioned and hallucinated."""
    print(f"{'photos with':36}photos  CIDEr-D                CHAIRi  mentioned  hallucinated")
    for name, spans in KINDS.items():
        kind = {one for first, last in spans for one in between(first, last)}
        photos = [entry for entry in entries if kind & set(entry["objects"])]
        if not photos:
            continue
        cider_d = np.array([entry["cider_d"] for entry in photos])
        drawn = np.random.default_rng(0).integers(len(photos), size=(RESAMPLES, len(photos)))
        low, high = interval(cider_d[drawn].mean(axis=1))
        named, wrong = (sum(len(entry[key]) for entry in photos) for key in ("named", "hallucinated"))
        mentioned = np.mean([bool(kind & set(entry["objects"]) & set(entry["named"])) for entry in photos])
        of, invented = (
            sum(one in kind for entry in entries for one in entry[key]) for key in ("named", "hallucinated")
        )
        print(
            f"{name:36}{len(photos):6}  {cider_d.mean():.2f} ({low:.2f} to {high:.2f})  {wrong / max(named, 1):6.2f}"
            f"  {mentioned:9.2f}  {invented / max(of, 1):.2f} ({invented} of {of})"
        )
    invented_objects = Counter(one for entry in entries for one in entry["hallucinated"])
    omitted_objects = Counter(one for entry in entries for one in set(entry["objects"]) - set(entry["named"]))
    print(f"hallucinated most often: {invented_objects.most_common(3)}; omitted: {omitted_objects.most_common(4)}")


def between(first: str, last: str) -> Sequence[str]:
    """The objects from one to another in COCO's list."""
    objects = coco_words().classes
    return objects[objects.index(first) : objects.index(last) + 1]


def numbers(entries: Sequence[Entry]) -> None:
    """Print how many captions contain a number word, and how many say *two* unlike all human captions."""
    said = [(words(entry["caption"]) & NUMBERS, words(*entry["references"])) for entry in entries]
    found = Counter(number for of_caption, _ in said for number in of_caption)
    unlike = sum("two" in of_caption and not human & TWO for of_caption, human in said)
    print(f"captions with a number word: {sum(bool(one) for one, _ in said)}, {dict(found)}; unlike humans: {unlike}")


def gender(entries: Sequence[Entry]) -> None:
    """Print how often a caption's words for men and women are not those of the human captions."""
    said = [(genders(entry["caption"]), genders(*entry["references"])) for entry in entries]
    gendered = [(one, human) for one, human in said if one]
    print(f"captions with a gendered word: {len(gendered)}")
    unlike = [bool(one - human) for one, human in gendered]
    print(f"share with a gender that no human caption uses: {np.mean(unlike):.3f}")
    opposite = [len(human) == 1 and bool(one - human) for one, human in gendered]
    print(f"share where human captions use only the other gender: {np.mean(opposite):.3f}")
    for only, other in (("women", "men"), ("men", "women")):
        photos = [one for one, human in said if human == {only}]
        share = f"{sum(other in one for one in photos)} of {len(photos)}"
        print(f"human captions only say {only}, the caption {other}: {share}")


def genders(*captions: str) -> set[str]:
    """Of "men" and "women" those that the captions' words are for."""
    found = words(*captions)
    return {name for name, of_gender in (("men", MEN), ("women", WOMEN)) if found & of_gender}


def words(*captions: str) -> set[str]:
    """The captions' words, in lower case."""
    return set(tokenize(" ".join(captions)))


if __name__ == "__main__":
    main()
