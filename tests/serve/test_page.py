"""The page in a real browser: Debian's chromium, driven by Playwright."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator

import numpy as np
import pytest

from conftest import PHOTOS
from showtell.captioning.captioner import Captioner
from showtell.captioning.confidence import Confidence
from showtell.vision.encoder import Encoder

playwright = pytest.importorskip("playwright.sync_api", reason="a test in a browser needs playwright")
CHROMIUM = shutil.which("chromium")
CAT, COFFEE, TABLE = (PHOTOS / name for name in ("chelsea.png", "coffee.png", "CREDITS.csv"))

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="a test in a browser needs chromium"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # of playwright's own loop
]


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    """The network, which sees a cat."""
    return Encoder()


@pytest.fixture
def captioner(captioner: Captioner) -> Captioner:
    """One that is sure of nothing, and names the cat: its photo has no words to look for, the coffee's has."""
    captioner.confidence = Confidence(0.5, (-np.log(3), 0.0, 0.0), (0.0, 0.0, 0.0))
    captioner.out_of_domain_classes = ("Egyptian cat",)
    return captioner


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(params=[(1280, 900), (390, 844)], ids=["desktop", "phone"])
def page(browser, address: str, request: pytest.FixtureRequest) -> Iterator[object]:
    """The page, and what it complained of."""
    width, height = request.param
    context = browser.new_context(viewport={"width": width, "height": height})
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=address)
    page = context.new_page()
    elsewhere = []
    page.on(
        "request",
        lambda sent: None if sent.url.startswith((address, "blob:", "data:")) else elsewhere.append(sent.url),
    )
    page.goto(address)
    yield page
    assert elsewhere == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()


def states(page) -> Iterator[str]:
    """The page in one state after the other."""
    yield "empty"
    held: list = []
    page.route("**/v1/captions*", lambda route: held.append(route), times=1)
    page.set_input_files("#files", [COFFEE])
    page.get_by_text("…", exact=True).wait_for()
    yield "waiting"
    held[0].continue_()
    page.set_input_files("#files", [CAT])
    page.locator(".card .text:visible").nth(1).wait_for()
    yield "captions"
    for summary in page.get_by_text("In other words").all():
        summary.click()
    page.locator(".words button").first.focus()
    yield "looks"
    page.set_input_files("#files", [TABLE])
    page.locator(".wrong").wait_for()
    yield "error"


def focused(page) -> str:
    """The text of what has the focus."""
    return page.evaluate("document.activeElement.textContent")


def test_photos_get_their_sentences(page, captioner: Captioner) -> None:
    page.set_input_files("#files", [CAT, TABLE, COFFEE])
    cards = page.locator(".card")
    cards.nth(0).get_by_role("button", name="Copy as alt text").wait_for()
    coffee, table, cat = (cards.nth(place) for place in range(3))
    for card, photo in ((coffee, COFFEE), (cat, CAT)):
        caption = captioner.caption(photo)
        assert card.locator(".caption").inner_text() == caption.text
        assert card.locator("img").get_attribute("alt") == caption.text
        words = [] if caption.named else [word for word, _ in caption.words]
        assert card.locator(".words button").all_inner_texts() == words
    assert "25\u00a0% sure" in coffee.inner_text()
    assert "A name, as there are no words for it" in cat.inner_text()
    assert "is not a photo" in table.inner_text()
    assert table.get_by_role("button").count() == 0
    cat.get_by_role("button", name="Copy as HTML").click()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == f'<img src="chelsea.png" alt="{captioner.caption(CAT).text}">'


def test_copying_fails_gracefully_without_permission(page, captioner: Captioner) -> None:
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error()); }")
    page.set_input_files("#files", [CAT])
    page.get_by_role("button", name="Copy as alt text").click()
    page.get_by_text(f"The browser does not let this page copy: {captioner.caption(CAT).text}").wait_for()


def test_every_control_is_reached_and_works_with_the_keyboard(page, captioner: Captioner) -> None:
    page.on("filechooser", lambda chooser: None)  # from now on, so that none opens before it is waited for
    page.set_input_files("#files", [COFFEE])
    page.get_by_role("button", name="Copy as alt text").wait_for()
    shown, opened = page.locator("canvas.shown"), page.locator("details[open]")
    words = [word for word, _ in captioner.caption(COFFEE).words]
    order = ["Choose photos", "Take a photo", *words, "Copy as alt text", "Copy as HTML", "In other words", "The API"]
    for name, key in zip(order, ["Enter", "Space"] * len(order), strict=False):
        page.keyboard.press("Tab")
        assert focused(page) == name
        if name in order[:2]:
            with page.expect_file_chooser() as chooser:
                page.keyboard.press(key)
            assert chooser.value.is_multiple() == (name == "Choose photos")
        elif name in words:
            assert shown.count() == 1
            page.keyboard.press("Escape")
            assert shown.count() == 0
            page.keyboard.press(key)
            assert shown.count() == 1
        elif name.startswith("Copy"):
            assert shown.count() == 0
            page.keyboard.press(key)
            page.get_by_role("status").get_by_text("Copied").wait_for()
        elif name == "In other words":
            page.keyboard.press(key)
            assert opened.count() == 1
            page.keyboard.press(key)
            assert opened.count() == 0
    page.keyboard.press("Tab")  # and out of the page
    assert page.evaluate("document.activeElement === document.body")
    for name in reversed(order):
        page.keyboard.press("Shift+Tab")
        assert focused(page) == name


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_focus_is_visible(page, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_input_files("#files", [COFFEE])
    page.get_by_role("button", name="Copy as alt text").wait_for()
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    for _ in range(page.locator("button:visible, summary:visible, a").count()):
        page.keyboard.press("Tab")
        outline = page.evaluate(
            "(({ outlineStyle, outlineColor }) => [outlineStyle, outlineColor])"
            "(getComputedStyle(document.activeElement))"
        )
        assert outline[0] == "solid"
        assert contrast(outline[1], ground) >= 3  # WCAG 2.2, 1.4.11


def contrast(one: str, other: str) -> float:
    """Of two colours without transparency, as WCAG 2.2 defines it."""
    low, high = sorted(map(luminance, (one, other)))
    return (high + 0.05) / (low + 0.05)


def luminance(color: str) -> float:
    red, green, blue = (int(part) / 255 for part in re.fullmatch(r"rgb\((\d+), (\d+), (\d+)\)", color).groups())
    parts = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in (red, green, blue)]
    return float(np.dot([0.2126, 0.7152, 0.0722], parts))


def test_attention_map_stays_until_the_pointer_leaves(page) -> None:
    """WCAG 2.2, 1.4.13: what covers the photo can be pointed at, and sent away with Escape."""
    page.set_input_files("#files", [COFFEE])
    page.get_by_role("button", name="Copy as alt text").wait_for()
    shown, word = page.locator("canvas.shown"), page.locator(".words button").first
    word.hover()
    assert shown.count() == 1
    page.locator(".photo").hover()
    assert shown.count() == 1
    page.keyboard.press("Escape")
    assert shown.count() == 0
    word.hover()
    page.get_by_role("heading", name="showtell").hover()
    assert shown.count() == 0


PAGE = """\
- main:
  - /children: equal
  - heading "showtell" [level=1]
  - paragraph: A photo goes in, a sentence comes out. Photos stay on this machine.
  - region "Choose photos":
    - paragraph: Drop photos here, or paste one.
    - paragraph:
      - button "Choose photos"
      - button "Take a photo"
  - status{}
{}  - link "The API":
    - /url: docs
"""


def card(*lines: str) -> str:
    """A card of the gallery in an aria snapshot, with nothing else in it."""
    return "".join(f"      {line}\n" for line in ("- /children: equal", *lines))


def test_screen_reader_texts(page, captioner: Captioner) -> None:
    """The roles and names of the page, from top to bottom; under `/children: equal` there is nothing else."""
    (cat, *_), (coffee, *others) = (captioner.caption(photo, 3).n_best for photo in (CAT, COFFEE))
    copy = ("- paragraph:", '  - button "Copy as alt text"', '  - button "Copy as HTML"')
    waiting = card('- heading "coffee.png" [level=2]', "- paragraph: …")
    named = card(
        '- heading "chelsea.png" [level=2]',
        f'- img "{cat.text}"',
        f"- paragraph: {cat.text}",
        r"- paragraph: /^A name, as there are no words for it. \d\d\s% sure\.$/",
        *copy,
        "- group: In other words",
    )
    told = [
        '- heading "coffee.png" [level=2]',
        f'- img "{coffee.text}"',
        f"- paragraph: {coffee.text}",
        r"- paragraph: /^25\s% sure that it says what people would\.$/",
        '- group "Where it looked for each word":',
        "  - /children: equal",
        *(f"  - button /^{word}, [a-z ]+$/" for word, _ in coffee.words),
        *copy,
    ]
    closed = card(*told, "- group: In other words")
    opened = card(*told, "- group:", "  - list:", *(f"    - listitem: {other.text}" for other in others))
    wrong = card('- heading "CREDITS.csv" [level=2]', "- paragraph: /is not a photo/")
    expected = {
        "empty": ("", []),
        "waiting": (': "Captioning coffee.png…"', [waiting]),
        "captions": (f': "chelsea.png: {cat.text}"', [named, closed]),
        "looks": (f': "chelsea.png: {cat.text}"', [named, opened]),
        "error": (": /^CREDITS.csv. .* is not a photo/", [wrong, named, opened]),
    }
    for state in states(page):
        said, cards = expected[state]
        gallery = "".join(f"    - listitem:\n{card}" for card in cards)
        gallery = gallery and f'  - list "Photos":\n    - /children: equal\n{gallery}'
        playwright.expect(page.locator("body")).to_match_aria_snapshot(PAGE.format(said, gallery))


def test_attention_is_described_to_screen_readers(page) -> None:
    looks = {"top left": (0, 0), "top middle": (2, 5), "middle right": (3, 8), "middle": (4, 4), "bottom left": (8, 2)}
    words = [
        {"word": "a", "attention_map": [[float(place == (row, column)) for column in range(9)] for row in range(9)]}
        for place in looks.values()
    ]
    answer = {"captions": [{"caption": "A.", "confidence": None, "named": False, "words": [*words, {"word": "b"}]}]}
    page.route("**/v1/captions*", lambda route: route.fulfill(json=answer))
    page.set_input_files("#files", [CAT])
    page.get_by_role("button", name="Copy as alt text").wait_for()
    buttons = page.locator(".words button").all()
    assert [button.get_attribute("aria-label") for button in buttons] == [f"a, {place}" for place in looks]


def test_live_region_announcements(page, captioner: Captioner) -> None:
    """The live region is there before it says something, and what it says again is a change too."""
    page.evaluate("""() => {
        const said = document.querySelector("[role=status]");
        window.heard = [];
        new MutationObserver(() => window.heard.push(said.textContent)).observe(said, { childList: true });
    }""")
    page.set_input_files("#files", [CAT, TABLE, COFFEE])
    copy = page.locator(".card").first.get_by_role("button", name="Copy as alt text")
    copy.click()
    copy.click()
    page.wait_for_timeout(100)
    cat, coffee = (captioner.caption(photo).text for photo in (CAT, COFFEE))
    heard = page.evaluate("heard")
    assert "is not a photo" in heard.pop(2)
    assert heard == [
        "Captioning 3 photos…",
        f"chelsea.png: {cat}",
        f"coffee.png: {coffee}",
        f"Copied: {coffee}",
        f"Copied: {coffee}\u00a0",
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_violations(page, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python").Axe()
    rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice"]
    page.emulate_media(color_scheme=scheme)
    for state in states(page):
        results = axe.run(page, options={"runOnly": rules}).response
        assert {rule["id"] for rule in results["passes"]} >= {"button-name", "color-contrast", "region", "target-size"}
        assert [(state, rule["id"], node["target"]) for rule in results["violations"] for node in rule["nodes"]] == []
