"""The COCO convention of what a caption's words are.

Captions are scored (BLEU, CIDEr-D) on Penn Treebank tokens, as Stanford's PTBTokenizer 3.4.1 makes them with
`-preserveLines -lowerCase`, less some punctuation (Chen et al. 2015, "Microsoft COCO Captions: Data Collection and
Evaluation Server"). The rules below were found by asking that program what it does to strings, and keep its quirks:
`U.S.` has its full stops, a bracket stays as the word `-lrb-`, `:-)` is a word. What differs is told in docs/scores.md.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from showtell.text.scripts import characters, has_no_blanks

# Dropped by COCO's evaluation. Its list has brackets too, but as `-LRB-`, which lower case never is.
_DROPPED = frozenset(["''", "'", "``", "`", ".", "?", "!", ",", ":", "-", "--", "...", ";"])

# These keep their full stop: always (the first kind even with a letter right behind it), if capitalized, before a
# number.
_SUFFIXES = (
    "al ala apr ariz assn aug bhd bldg blvd bros calif co colo conn corp cos ct dak dec esq est etc ext "
    "feb fla fri ga inc ind intl jan jr jul jun kan kans ky ltd mar md mich minn mo mon mont neb nev nov "
    "oct okla penn plc ppte ppty pte ptes pty ptys rd rt sep sept seq sq sr sys tel tenn thu thurs tue "
    "tues univ va vt wed wis wisc wyo"
).replace(" ", "|")
_TITLES = (
    "adj adm adv alex assoc asst atty ave brig capt cf cie cmdr col cpl dept det dr drs elec ens ft gen "
    "gov govs hon insp invt jos lieut lt maj messrs mfg mlle mme mr mrs ms msgr mt mtg natl pfc ph pres "
    "prof pvt rep reps rev sen sens sfc sgt spc st ste supt treas vs wm"
).replace(" ", "|")
_CAPITALIZED = "Ark|ARK|Az|AZ|Del|DEL|Ill|ILL|La|LA|Mass|MASS|Miss|MISS|Ore|ORE|Pa|PA|Tex|TEX|Wash|WASH"
_NUMBERED = "art|ca|fig|figs|no|nos|op|pp|prop"

# Before one of these the full stop of a single letter ends a sentence.
_STARTS = (
    "A About According Additionally After An As At But Earlier He Her Here However If In It Last Many More Mr\\. "
    "Ms\\. Now Once One Other Our She Since So Some Such That The Their Then There These They This We What When While "
    "Yet You"
).replace(" ", "|")

_SPLIT = "cannot|gonna|gotta|lemme|gimme|wanna"
_FILES = (
    "bat bmp c cgi cpp dll doc docx exe gif gz h htm html jar java jpeg jpg mov mp3 pdf php pl png ppt ps py sql "
    "tar txt wav x xml zip"
).replace(" ", "|")

# Letters and the marks among them, of the Basic Multilingual Plane. Some are in two of the lists: what has matched one
# way is not tried in another, or a run of n of them would be read in 2 ** n ways.
_LETTER = (
    r"(?>[^\W\d_\U00010000-\U0010ffff¹²³¼-¾⁰-⁹₀-₉⅐-ↈ①-⒛⓪-⓿❶-➓]"
    r"|[\u00ad\u02c2-\u036f\u0483-\u0487\u0591-\u05bd\u05bf-\u05c5\u05c7\u0610-\u061a\u064b-\u065e\u0670"
    r"\u06d6-\u06ed\u0711-\u074c\u07a6-\u07b0\u07eb-\u07f3\u0900-\u0963\u0981-\u0e3e\u0e40-\u0e4e\u0eb1-\u0ecd]"
    r"|&[aeiouAEIOU](?:acute|grave|uml);)"
)
_ALNUM = rf"(?:{_LETTER}|[^\D\U00010000-\U0010ffff])"
_APOS = "(?:['’\u0092]|&apos;)"
_APOS_INSIDE = "(?:['’\u0092`‘\u0091‛]|&apos;)"
_CLITIC = rf"(?:'(?i:[msd]|re|ve|ll)(?![A-Za-z])|{_APOS}(?<!')(?i:[msd]|re|ve|ll))"
_AND = "(?:&(?i:amp);|&)"
_PART = rf"(?:[dDoOlL]{_APOS_INSIDE}{_ALNUM})?{_ALNUM}+"
_HYPHENATED = rf"{_PART}(?:[-_‐‑\u058a]{_PART})*"
_SIDE = "[A-Za-z0-9]+(?:-[A-Za-z]+){0,2}"
_HOST = r"[^\s\"<>|(){}.]+"
_EMAIL = rf"[A-Za-z0-9][^\s\"<>|(){{}}]{{0,63}}@{_HOST}(?:\.{_HOST})*>?"
_NAME = r"(?a:[A-Za-z][\w:.-]*)"
_TAG = rf"(?:</?{_NAME}(?: +{_NAME}(?:=(?:\"[^\"\n]*\"|'[^'\n]*'))?)* */?>|<[!?][A-Za-z-][^>\n]{{0,1000}}>)"
_PATH = r"[^\s\"<>|()]{2,}(?<![-.!?,{}])"
_JOINED_BY_HYPHEN = r"[A-Za-z0-9][A-Za-z0-9.,]*(?:-(?:[A-Za-z0-9]+|[A-Za-z](?:\.[A-Za-z])*\.))+"
_WWW_PART = r"[^\s!\"(),.<>?{|}]+"
_WWW = rf"(?i:www)\.(?:{_WWW_PART}\.)+[A-Za-z]{{2,4}}(?:/{_PATH})?"
_ADDRESS_PART = r"[^\s!\"$'()`{|},-_]+"  # the range is that program's slip
_ADDRESS = rf"(?:{_ADDRESS_PART}\.)+(?:com|net|org|edu)(?:/{_PATH})?"
_FILE = rf"{_ALNUM}+(?:\.{_ALNUM}+)*\.(?i:{_FILES})(?=[\s.,!?])"

# At any place of a caption the rule with the longest match wins, the first of equals. A rule that has a group takes
# the group and only looks at the rest of its match. The first rules are those for what begins with a Latin letter.
_WORD_RULES = (
    # Contractions: dog|'s, do|n't, can|not.
    rf"({_LETTER}+){_CLITIC}",
    rf"([A-Za-z]+?)[nN]{_APOS_INSIDE}[tT]",
    rf"[nN]{_APOS_INSIDE}[tT]",
    r"(?i:(can)not)",
    r"(?i:(gon|wan)na)",
    r"(?i:(got)ta)",
    r"(?i:(lem|gim)me)",
    # Apostrophes inside of a word: l'|arbre, y'|all, o'clock, d'art, ma'am.
    rf"[lLdDjJ]{_APOS}|(?:[dD]unkin|somethin|[oO]l){_APOS}|[cC]{_APOS}(?:mon|est)|[yY]{_APOS}(?={_LETTER})",
    rf"cont{_APOS}d\.|[nN]or{_APOS}easter|[oO]{_APOS_INSIDE}(?:clock|[oO])",
    rf"[A-HJ-XZn]{_APOS_INSIDE}{_LETTER}{{2,}}",
    rf"{_LETTER}+[aeiouyAEIOUY]{_APOS_INSIDE}[aeiouA-Z]{_LETTER}*",
    # Words, also joined ones: node.js, t-shirt, 5.5-inch, U.S.-based, and/or, AT&T, C++, US$.
    rf"{_LETTER}{_ALNUM}*(?:[.!?]{_LETTER}{_ALNUM}*)*",
    _HYPHENATED,
    rf"(?s:((?i:ph\.d|{_SUFFIXES})\.)..)",
    rf"({_HYPHENATED}\.)[,:;]",
    _JOINED_BY_HYPHEN,
    rf"{_SIDE}(?:\\?/{_SIDE}){{1,2}}",
    rf"[A-Z]+(?:(?:\+|{_AND})[A-Z]+)+",
    r"[cC]\+\+|[cCfF]#|[A-Z]+\$",
    # Abbreviations: Mr., Ph.D., U.S., no.|5, the letter A|. The next sentence.
    rf"(?:(?i:ph\.d|{_SUFFIXES}|{_TITLES})|[A-Za-z]|{_CAPITALIZED})\.",
    r"[A-Za-z](?:\.[A-Za-z])+\.",
    rf"((?i:{_NUMBERED})\.)\s?\d",
    rf"([A-Za-z])\.\s+(?:{_STARTS}|{_STARTS.upper()}|{_TAG})\s",
    # Addresses and files.
    _EMAIL,
    rf"(?i:https?)://{_PATH}",
    _WWW,
    _ADDRESS,
    _FILE,
)
_OTHER_RULES = (
    # Contractions on their own, short forms and years: 's, 't|is, 'til, '90s.
    _CLITIC,
    r"('[tT])(?i:is|was)",
    rf"{_APOS}(?:[eE]m|till?|cause|[2-9]0s)|{_APOS}[nN]{_APOS}|{_APOS}(?:[nN](?=\s|$)|\d\d(?=\s))|[’\u0092][nN]",
    # Numbers, dates, fractions, telephones.
    r"[-+]?(?:\d*(?:[.:,]\d+)+|\d+)",
    r"\d{1,2}[-/]\d{1,2}[-/]\d{2,4}",
    r"(?:\d{1,4}[ -])?\d{1,4}\\?[/⁄]\d{1,4}",
    r"(?:\(\d{2,3}\) ?|\+{0,2}(?:\d{2,4}[ -]){1,2})\d{3,4}[ -]?\d{3,5}",
    r"[⁺⁻₊₋]?(?:[⁰¹²³⁴-⁹]+|[₀-₉]+)",
    # Markup, handles, tags.
    _TAG,
    rf"<{_EMAIL}",
    rf"@(?a:[A-Za-z_]\w*)|#{_LETTER}+|&#\d+;|&(?i:amp|lt|gt|quot|apos|nbsp|[mn]dash);|-(?i:[lr][rsc]b)-",
    # Faces, runs of a sign, single signs.
    r"[<>]?[:;=][-'*o]?[()\[\]{\\|@DdPpO](?=[^A-Za-z0-9])|\([-'<=>^~x][-._]?[-'`<=>^~x]\)|[-'<=>^~x]_[-'<=>^~x]",
    r"''|[‘’“”‛«»‹›`\u0091-\u0094]{1,2}|[?!]+|--+|\.{3,}|\. \. \.|\*+|_+|#+|@@+|<<|>>|\\\*",
    r"[!-/:-@\[-`{-~¡-©¬®-±´¶-¸¼-¿×÷\u0080\u0096\u0097\u037e\u0387\u0589\u05be\u05c0\u05c3\u05f3\u05f4\u060c"
    r"\u061b\u061f\u066a\u066d\u06d4\u0964\u0965\u0e3f\u0e4f‖‗‚„-•…‰-‸※‾-⁂⁄⁺-⁾₊-₎₠₤€℀℁℃-℆℈℉№-℘℞-™℥℧℩℮"
    r"⅀-⅄⅊-⅍⅏⅓-⅞←-⯿。、〒・！-／：-＠［-｀｛-･￠￡￥￦]",
)
# Rules that look far ahead, and how far: where such a rule has found nothing from one place on, it finds nothing from
# any further one that it has looked at, and is not asked there. So the time grows with the length of a caption.
_FAR = {
    _JOINED_BY_HYPHEN: r"[A-Za-z0-9][A-Za-z0-9.,]*",
    _WWW: rf"(?i:www)\.(?:{_WWW_PART}\.)*{_WWW_PART}?",
    _ADDRESS: rf"{_ADDRESS_PART}",
    _FILE: rf"{_ALNUM}+(?:\.{_ALNUM}+)*",
}
_OF_LETTERS = [(re.compile(rule), re.compile(_FAR[rule]) if rule in _FAR else None) for rule in _WORD_RULES]
_RULES = _OF_LETTERS + [(re.compile(rule), None) for rule in _OTHER_RULES]

# Most of a caption is words that no rule changes: a run of them is taken at once, and so is the last one with its
# full stop, unless it may keep it.
_PLAIN_WORDS = re.compile(rf"(?: |(?!\. \. \.)[.,](?=[ \n])|(?!(?i:{_SPLIT})\b)[A-Za-z]+(?:-[A-Za-z]+)*(?=,?[ \n]))+")
_WORD_AND_STOP = re.compile(r"([A-Za-z]{2,})\.(?=[ \n])")
_NOT_PLAIN = frozenset(f"{_SUFFIXES}|{_TITLES}|{_NUMBERED}|{_CAPITALIZED}|{_SPLIT}".lower().split("|"))

# How Penn Treebank spells quotes, dashes, brackets, money. Here a token is in lower case.
_QUOTES = (
    dict.fromkeys("`‘‛‹\u0091", "`")
    | dict.fromkeys("'’›\u0092", "'")
    | dict.fromkeys("“«\u0093", "``")
    | dict.fromkeys('"”»\u0094', "''")
)
_SPELLED = (
    _QUOTES
    | {first + second: _QUOTES[first] + _QUOTES[second] for first in _QUOTES for second in _QUOTES}
    | {f"{quote}{rest}": f"'{rest}" for quote in "’\u0092" for rest in ("s", "m", "d", "re", "ve", "ll")}
    | {"n’t": "n't", "n\u0092t": "n't"}
    | dict.fromkeys(("–", "—", "―", "\u0096", "\u0097", "---", "----", "&ndash;", "&mdash;"), "--")
    | dict.fromkeys("€₠¤\u0080", "$")
    | {"£": "#", "¢": "cents", "½": "1/2", "¼": "1/4", "¾": "3/4", "⅓": "1/3", "⅔": "2/3", "…": "...", ". . .": "..."}
    | {"[": "-lsb-", "]": "-rsb-", "{": "-lcb-", "}": "-rcb-"}
    | {"&lt;": "<", "&gt;": ">", "&quot;": "''", "&nbsp;": ""}
)
_SPELLED_INSIDE = {"(": "-lrb-", ")": "-rrb-", "&amp;": "&", "&apos;": "'", "\u00ad": ""}
_INSIDE = re.compile("|".join(map(re.escape, _SPELLED_INSIDE)))

_TO_BLANKS = {place: " " for place in range(0x3001) if chr(place).isspace()}


def tokenize(caption: str) -> list[str]:
    """Split a caption into lower-case words as COCO's evaluation does, punctuation dropped.

    The caption is read on its own, as one line. Whatever lies beyond the Basic Multilingual Plane, such as emoji,
    only separates words. Of a caption that is written without blanks between words each character is a word, where
    COCO's evaluation takes all as one. Any string will do; one without words gives an empty list.
    """
    return " ".join(_tokens(caption.translate(_TO_BLANKS), "\n")).split()


def tokenize_lines(captions: Sequence[str]) -> list[str]:
    """Split captions into words as COCO's evaluation does with a list of them: as the lines of one file.

    Returns:
        Each caption's words with a blank between; what PTBTokenizer takes as one but is written with a blank, such as
        `1 1/2`, has a no-break space there. The words are those of `tokenize`, but for a letter, or an abbreviation
        such as `no.`, at the end of a caption: whether it keeps its full stop depends on how the next one begins.
    """
    lines = []
    rest = ""  # from this line's end to that of the next one that is not blank; the last line has none
    for line in (caption.translate(_TO_BLANKS) for caption in reversed(captions)):
        lines.append(" ".join(_tokens(line, rest)))
        rest = f"\n{line}{rest[:1] if line.strip() else rest}"
    return lines[::-1]


def _tokens(line: str, rest: str) -> list[str]:
    """The tokens of `line` that are not dropped; the rules may look on into `rest`."""
    text = line + rest
    tokens: list[str] = []
    hopeless: dict[re.Pattern[str], int] = {}
    place = 0
    while place < len(line):
        if plain := _PLAIN_WORDS.match(text, place):
            tokens += plain[0].lower().replace(",", " ").replace(".", " ").split()
            place = plain.end()
        elif (last := _WORD_AND_STOP.match(text, place)) and last[1].lower() not in _NOT_PLAIN:
            tokens.append(last[1].lower())
            place = last.end()
        else:
            token = _next_token(text, place, hopeless)
            spelled = _spell(token.lower())
            if spelled and spelled not in _DROPPED:
                tokens.append(spelled.replace(" ", "\u00a0"))
            place += len(token) or 1
    return [part for token in tokens for part in characters(token)] if has_no_blanks(line) else tokens


def _next_token(text: str, place: int, hopeless: dict[re.Pattern[str], int]) -> str:
    """The token at `place`, empty where no rule matches; `hopeless` says up to where a rule need not be asked."""
    matches = []
    for rule, reach in _OF_LETTERS if text[place].isalpha() and text[place].isascii() else _RULES:
        if reach and place < hopeless.get(rule, 0):
            continue
        if match := rule.match(text, place):
            matches.append(match)
        elif reach and (seen := reach.match(text, place)):
            hopeless[rule] = seen.end()
    if not matches:
        return ""
    longest = max(matches, key=re.Match.end)
    return longest[longest.lastindex or 0]


def _spell(token: str) -> str:
    if token.startswith("..."):
        return "..."
    if token in _SPELLED:
        return _SPELLED[token]
    return _INSIDE.sub(lambda match: _SPELLED_INSIDE[match[0]], token)
