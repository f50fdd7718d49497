"""Write the golden files that show the tokenizer and the metrics equal to COCO's evaluation.

`python tests/make_golden_scores.py`, where the extra `java` and Java are installed; the tests that read them need
neither. All captions here were written for this project.
"""

from __future__ import annotations

import json
from pathlib import Path

import coco

TESTS = Path(__file__).parent

PHOTOS = [
    [
        "A spotted dog leaps over a low stone wall.",
        "A dog with spots is jumping over a wall made of stones.",
        "The dog's front legs are already on the other side of the wall.",
        "A dog jumps a wall .",
        "Someone's spotted dog clears a stone wall in a field.",
    ],
    [
        "Two women in red T-shirts paddle a yellow canoe.",
        "two women paddling a canoe down a quiet river",
        "A yellow canoe with two people in it, seen from a bridge.",
        "Two friends wearing life jackets aren't in a hurry on the river.",
        "A canoe on a river.",
    ],
    [
        "An old man plays the accordion on a street corner.",
        'A man with an accordion sits beside a sign that reads "Thank you".',
        "A street musician plays for a few people who are passing by.",
        "The man's hat lies on the pavement in front of him; there are coins in it.",
        "An elderly musician is playing the accordion on the sidewalk.",
    ],
    [
        "A child blows soap bubbles in the garden.",
        "A little girl is blowing bubbles.",
        "A girl in a blue dress blows bubbles at her brother.",
        "Bubbles float around a small child in a garden",
        "A young girl and a boy play with soap bubbles on the grass.",
    ],
    [
        "Three cyclists race down a wet road.",
        "Cyclists in a race, on a road that is still wet from the rain.",
        "3 cyclists ride very close to one another.",
        "Three men on racing bikes lean into a curve.",
        "The rider with number 14 leads two others.",
    ],
    [
        "A white boat is tied up at a wooden pier.",
        "A boat at the pier, with mountains behind the lake.",
        "A small white boat floats beside a pier at sunset.",
        "A boat moored at a dock on a calm lake .",
        "The boat can't leave: it's tied to the pier.",
    ],
    [
        "A baker slides loaves of bread into an oven.",
        "A man in a white apron is baking bread.",
        "A baker puts bread into a brick oven with a long-handled shovel.",
        "A baker at work.",
        "Bread is baked in an old-fashioned oven.",
    ],
    [
        "A group of children wait for the school bus.",
        "Five kids with backpacks stand at a bus stop.",
        "Children are waiting at the bus stop in the rain, under umbrellas.",
        "A group of children with umbrellas.",
        "Kids stand in line as the bus pulls up.",
    ],
    [
        "A climber hangs from a rope above the sea.",
        "A rock climber in a green helmet on a steep cliff.",
        "Someone climbs a cliff high above the water.",
        "A person is climbing a rock face by the sea.",
        "A woman is rock climbing.",
    ],
    [
        "A black cat sleeps on a pile of newspapers.",
        "A cat is asleep on top of some newspapers.",
        "The cat sleeps, and the newspapers slide off the table.",
        "A black cat lies on a table.",
        "Cat on newspapers",
    ],
    [
        "A market stall with oranges, lemons and melons.",
        "A woman sells fruit at a market.",
        "Fruit is piled high at a market stall; a sign says $2 a kilo.",
        "A customer picks an orange from a stall full of fruit.",
        "Oranges and lemons for sale at an outdoor market.",
    ],
    [
        "A skier jumps off a ledge into deep snow.",
        "A skier in the air above a snowy slope.",
        "A man on skis is jumping.",
        "A skier in a red-and-black jacket flies over the snow.",
        "A skier does a trick in mid-air .",
    ],
]

CANDIDATES = [
    "A dog is jumping over a stone wall.",
    "Two people in a canoe on a river.",
    "A man plays the guitar on the street.",
    "A little girl is blowing bubbles in the garden.",
    "A man rides a bike down a road.",
    "A white boat is tied up at a wooden pier.",
    "A man in a kitchen.",
    "A group of children with umbrellas wait for the bus.",
    "A person is climbing a cliff.",
    "A black cat sleeps on a table.",
    "A woman sells oranges and lemons at a market stall.",
    "A skier jumps.",
]

DEGRADED = [
    "wall. stone a over jumping is dog A",  # words shuffled
    "Two people in a",  # cut
    "",
    "bubbles bubbles bubbles bubbles bubbles bubbles bubbles",
    "A man rides a bike down a road. A man rides a bike down a road. A man rides a bike down a road.",
    ". , !",  # nothing but what is dropped
    "zebra xylophone quartz zebra",  # in no reference
    "A",
    "A person",
    "A black cat sleeps on a pile of newspapers. A black cat sleeps on a pile of newspapers.",
    "a a a a the the of of in in",
    "A skier in the air above a snowy slope.",
]

STRINGS = [
    *("", " ", ".", "...", "\t\n", "A", "a dog", "A dog.", "A dog .", "  Two   dogs ,  running  !  "),
    "\"Stop\" says 'the sign' on the ``left''.",
    "“Stop” says ‘the sign’ on the «left» and the ‹right›",
    "A man (in a hat) [and gloves] {and a scarf}",
    "an unclosed (bracket and a stray) one",
    "a well-known, red-and-white, two-year-old, T-shirt-wearing boy",
    "one- two -three a--b a---b a - b a -- b – c — d a–b",
    "It's the dog's ball, the boys' bat, James's hat and James' coat",
    "They're here, we've been, I'll go, she'd stay, I'm not, you aren't, can't, won't, shan't, ain't, isn't",
    "DON'T WALK, IT'S CLOSED, THEY'RE GONE",
    "It’s the dog’s and they don’t mind",
    "I cannot, Cannot or CANNOT; gonna, gotta, wanna, lemme, gimme, dunno",
    "'tis the season and 'Twas the night; y'all, ma'am, o'clock, c'mon, rock 'n' roll, rock'n'roll, 'em, 'til, 'cause",
    "O'Brien and D'Angelo eat hors d'oeuvres in the '90s, the 1990s, the 90's and in '85 too",
    "Mr. Smith, Mrs. Jones, Ms. Lee and Dr. Who met Prof. X on Main St. near Mt. Hood, etc.",
    "The U.S. team and the U.K. team, at 5 p.m. in Washington D.C., e.g. with a Ph.D. or i.e. J.R.R. Tolkien",
    "A man in the U.S. He waves. Plan B. The end. Vitamin C. now",
    "No. 5 is a scent, fig. 3 a picture, but no. It is not",
    "Acme Inc. and Widgets Co. and Foo Ltd. sell vs. Bar Corp. since Jan. 5",
    "$5, $ 5, US$5, £5, €5, 5¢, ¥5, #5, 10%, 10 % and 5°",
    "1/2, 1 1/2, ½, 1½, 3/4-inch, and/or, he/she/it, w/o, 24/7",
    "1,000 or 1,000.50 or .5 or -5 or +5 or 3:30 or 3:30pm or 10am or 1-2 or 5x5 or 4x4",
    "12/31/2014, 12-31-2014, 2014-12-31, 1/1 and Dec. 31, 2014",
    "call 555-1234, (555) 555-1234 or 1-800-555-1234",
    "1st, 2nd, 3rd and 20th; a 4-wheeler, 3-D glasses and a 10-year-old",
    "see http://www.example.com/a/b?c=d, https://example.org/x. or www.example.com and example.com",
    "write to someone@example.com or first.last@mail.example.co.uk.",
    "@someone likes #sunset and C++, C#, AT&T, M&M's, R&B, Q&A, A & B, rock&roll",
    "a photo.jpg and an image.png from file_name.txt",
    "salt &amp; pepper, A&amp;M, a &lt;b&gt; c, &quot;quoted&quot; and&nbsp;joined",
    "a <b>bold</b> claim, <unk> and <start>, <3, x < y > z, a <br /> break",
    ":) :-) ;) :( :D <3 ^_^",
    "a 😀 dog, a👍🏽cat, ❤ and ☀ and ★ and → and ©",
    "a café, a naïve piñata, an Ångström, the Champs-Élysées, l’été, señor",
    "die Straße ist naß, İstanbul, ΣΑΣ, DŽ",
    "日本語 の 写真。 русский текст, العربية עברית हिन्दी ไทย 한국어",
    "really?! no!! what??? wait... well.. so … hm",
    "a.b, a . b, a.b.c, node.js, yes!no, end.Start",
    "/ \\ | ~ ^ = + * ** *** _ __ under_score @ # % & ` ´ § ¶",
    "-LRB- round -RRB- and a back`tick",
    "semi;colon co:lon com,ma ques?tion",
    "tab\there, a new\nline and\u00a0no break",
    "co\u00adop zero\u200bwidth",
    "AAAA aAaA ZZZ 007 0 00 1a a1 1a1",
    "no. 5, no.  5, fig.   5 and no. <b>5",
    "Plan B. <b>bold</b>, plan B.  The end, plan B. < x",
    "Inc.-5 and Inc.-55, Co.xy and Co.x, St.-5 and Ph.D.-5",
    "édon't, Σdon't, don'té, édog's, man'sñ, dog'sé",
    "see ~www.example.com, #a.com, a~b.com/cd, A.com/bc, www.a_b.com/c, www.a-b.co.uk and _a.com",
    "İ... ı. ſ. ö. Ö.",
    "an email@😀.com, 33😀4 and no.😀5",
    "1 1/2 cups, (555)  555-1234 and <a b>",
    ":)",
    "a :-)",
    "wait . . .5 or . . . 5 or .. .5 . . . . end . . .",
    "it is 'n",
    "it is '90",
]

# Each but the last looks on into the next.
LINES = [
    *("the letter A.", "The dog runs", "plan B.", "a dog", "plan B. ", "", "  The dog", "plan C.", "<b>bold</b>"),
    *("fig.", "5 men", "no. ", "5 men", "no.", " 5 men", "no.", "", "5 men", "Mr.", "Smith", "letter p.", '"The dog"'),
    *("call (555)", "555-1234", "1", "1/2 cup", "an unclosed <b", "c> d", "", "", "x A.", " It is", "y", "'all :-)"),
]


def case(candidates: list[str], references: list[list[str]]) -> dict[str, object]:
    """What COCO's evaluation is asked, and what it says."""
    found = {name: value.tolist() for name, value in coco.scores(candidates, references).items()}
    return {"candidates": candidates, "references": references, **found}


def main() -> None:
    captions = [caption for photo in PHOTOS for caption in photo] + CANDIDATES + DEGRADED + STRINGS
    words = [
        {"caption": caption, "words": words} for caption, words in zip(captions, coco.words(captions), strict=True)
    ]
    uneven = [captions[: 1 + photo % 5] for photo, captions in enumerate(PHOTOS)]
    cases = {
        "plain": case(CANDIDATES, PHOTOS),
        "degraded": case(DEGRADED, PHOTOS),
        "against one to five references": case(CANDIDATES, uneven),
        "the first reference against the others": case([p[0] for p in PHOTOS], [p[1:] for p in PHOTOS]),
        "the first reference against all": case([p[0] for p in PHOTOS], PHOTOS),
        "nothing said": case([""] * len(PHOTOS), PHOTOS),
        "empty references": case(["a dog", "", "a cat runs"], [["."], ["", "a"], ["a cat runs", "a cat"]]),
        "one photo": case(CANDIDATES[:1], PHOTOS[:1]),
        "nasty strings": case(
            STRINGS, [[caption, other] for caption, other in zip(STRINGS[1:], STRINGS, strict=False)] + [[STRINGS[0]]]
        ),
        "captions that look on into the next": case(
            LINES, [LINES[place - 2 : place + 1] or LINES[:1] for place in range(len(LINES))]
        ),
    }
    lines = [{"caption": caption, "line": line} for caption, line in zip(LINES, coco.lines(LINES), strict=True)]
    for path, content in [
        ("text/golden/tokens.json", words),
        ("text/golden/lines.json", lines),
        ("metrics/golden/scores.json", cases),
    ]:
        (TESTS / path).write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
