"""The page in a real browser: Debian's chromium, driven by Playwright."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from conftest import PHOTOS
from showtell.captioner import Captioner

playwright = pytest.importorskip("playwright.sync_api", reason="a test in a browser needs playwright")
CHROMIUM = shutil.which("chromium")
CAT, COFFEE, TABLE = (PHOTOS / name for name in ("chelsea.png", "coffee.png", "CREDITS.csv"))

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="a test in a browser needs chromium"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # of playwright's own loop
]


@pytest.fixture(params=[(1280, 900), (390, 844)], ids=["desktop", "phone"])
def page(address: str, request: pytest.FixtureRequest) -> Iterator[object]:
    """The page, and what it complained of."""
    width, height = request.param
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
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
        browser.close()


def test_photos_get_their_sentences(page, captioner: Captioner) -> None:
    page.set_input_files("#files", [CAT, TABLE, COFFEE])
    cards = page.locator(".card")
    cards.nth(0).get_by_role("button", name="Copy as alt text").wait_for()
    coffee, table, cat = (cards.nth(place) for place in range(3))
    for card, photo in ((coffee, COFFEE), (cat, CAT)):
        caption = captioner.caption(photo)
        assert card.locator(".caption").inner_text() == caption.text
        assert card.locator("img").get_attribute("alt") == caption.text
        assert card.locator(".words button").all_inner_texts() == [word for word, _ in caption.words]
    assert "is not a photo" in table.inner_text()
    assert table.get_by_role("button").count() == 0
    cat.get_by_role("button", name="Copy as HTML").click()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == f'<img src="chelsea.png" alt="{captioner.caption(CAT).text}">'


def test_with_the_keyboard_alone_one_sees_where_it_looked(page, captioner: Captioner) -> None:
    page.set_input_files("#files", [CAT])
    page.get_by_role("button", name="Copy as alt text").wait_for()
    shown = page.locator("canvas.shown")
    assert shown.count() == 0
    order = []
    for _ in range(3):
        page.keyboard.press("Tab")
        order.append(page.evaluate("document.activeElement.textContent"))
    assert order == ["Choose photos", "Take a photo", captioner.caption(CAT).words[0][0]]
    assert shown.count() == 1
    assert page.get_by_role("status").inner_text().startswith("chelsea.png: ")
