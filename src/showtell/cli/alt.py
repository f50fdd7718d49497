"""`showtell alt`: alternative text for the images of a web site's sources."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from showtell._util.console import json_line, put, put_bytes, shown, tell
from showtell.errors import NoCaptionError, PhotoError, ShowtellError

if TYPE_CHECKING:
    from showtell.alt.image import Image
    from showtell.alt.page import Page
    from showtell.alt.use import Use
    from showtell.captioning.caption import Caption


def alt(
    paths: Annotated[
        list[str],
        typer.Argument(metavar="SITE...", help="Site folders, searched for HTML and Markdown, or single pages."),
    ],
    model: Annotated[
        Path | None,
        typer.Option("--model", "-m", help="Captioner file or run folder; default: the bundled one."),
    ] = None,
    min_confidence: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Leave out texts below this confidence (0 to 1)."),
    ] = None,
    patch: Annotated[Path | None, typer.Option(help="Write a diff for `patch -p0` to this file; - for stdout.")] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Write the texts directly into the pages.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per line.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Hide the progress bar.")] = False,
) -> None:
    """Propose alternative text for images that have none.

    Pages are not changed unless --apply is given. A page or photo that cannot be read is reported on stderr and
    skipped, and the exit status is then 1. Remote images, drawings, pictures of one colour, of noise or of text alone,
    and texts below --min-confidence are reported there too, without changing the exit status.

    Example: showtell alt site/ --patch alt.patch
    """
    on_stdout = patch == Path("-")
    if patch and apply:
        raise typer.BadParameter("choose one of --patch and --apply")
    if on_stdout and as_json:
        raise typer.BadParameter("choose one of --json and --patch -")
    if patch and not on_stdout:
        _check_patch(patch)

    uses, pages, failed = _uses(paths)
    names = {use.page.path: _name_in_patch(use.page.path) for use in uses} if patch else {}
    captions = _captions_of(uses, model, min_confidence, quiet)
    alts: dict[Path, dict[Image, str]] = {}
    for use in uses:
        told = _told(use, captions, min_confidence)
        failed += "error" in told
        if text := told.get("alt"):
            alts.setdefault(use.page.path, {})[use.image] = str(text)
        _write(use, told, as_json=as_json, silent=on_stdout)
    if pages and not uses:
        tell(f"no image without alternative text in {_count(len(pages), 'page')}")

    changed = [(page, alts[page.path]) for page in pages if page.path in alts]
    if patch:
        _write_patch(patch, [(names[page.path], page, texts) for page, texts in changed])
    elif apply:
        failed += _apply(changed)
    if failed:
        raise typer.Exit(1)


def _uses(paths: list[str]) -> tuple[list[Use], list[Page], int]:
    """The images without alternative text, the pages that were read, and how many could not be read."""
    from showtell.alt.page import read_page
    from showtell.alt.site import list_pages, site_of
    from showtell.alt.use import uses_of

    uses: list[Use] = []
    pages: dict[Path, Page] = {}
    broken = 0
    for top in map(Path, paths):
        site = site_of(top)
        listing = list_pages(top)
        for path, reason in sorted(listing.skipped.items()):
            tell(f"{path}: skipped, because it {reason}; pass it explicitly to search it")
        for path, reason in listing.unreadable.items():
            broken += 1
            tell(f"{path}: the folder cannot be read ({reason})")
        for path in listing.pages:
            if path.resolve() in pages:
                continue
            try:
                page = read_page(path)
            except ShowtellError as error:
                broken += 1
                tell(str(error))
                continue
            pages[path.resolve()] = page
            uses += uses_of(page, site)
    if not pages and not broken:
        raise ShowtellError(f"no HTML or Markdown pages in {', '.join(paths)}")
    return uses, list(pages.values()), broken


def _captions_of(
    uses: list[Use], model: Path | None, min_confidence: float | None, quiet: bool
) -> dict[Path | bytes, Caption | PhotoError]:
    """A caption or an error for each photo; a photo that is used several times is captioned once."""
    photos = list(dict.fromkeys(use.photo for use in uses if isinstance(use.photo, (Path, bytes))))
    if not photos:
        return {}
    from showtell._util.progress import bar
    from showtell.cli.model import check_confidence, load_captioner

    captioner = load_captioner(model)
    check_confidence(captioner, model, min_confidence)
    found: dict[Path | bytes, Caption | PhotoError] = {}
    with bar("captioning photos", quiet=quiet) as report:
        for photo, outcome in captioner.stream(photos):
            found[photo] = outcome
            report(len(found), len(photos))
    return found


def _told(
    use: Use, captions: dict[Path | bytes, Caption | PhotoError], min_confidence: float | None
) -> dict[str, object]:
    """The JSON fields of an image: `alt` and `confidence`, or the reason why it is `skipped`, or the `error`."""
    from showtell.alt.source import Skipped
    from showtell.alt.text import alt_text

    outcome = captions[use.photo] if isinstance(use.photo, (Path, bytes)) else use.photo
    if isinstance(outcome, PhotoError):
        kind = "skipped" if isinstance(outcome, NoCaptionError) else "error"
        return {kind: shown(str(outcome).removeprefix(f"{use.photo!s}: "))}
    if isinstance(outcome, Skipped):
        return {"skipped": outcome.reason}
    confidence = outcome.confidence
    if min_confidence is not None and confidence is not None and confidence < min_confidence:
        return {"skipped": f"left out at confidence {confidence:.3f}"}
    text = alt_text(outcome.text)
    if not text:  # an empty text would say that it is decoration
        return {"skipped": "the captioner has no words for it"}
    return {"alt": text, "confidence": None if confidence is None else round(confidence, 6)}


def _write(use: Use, told: dict[str, object], *, as_json: bool, silent: bool) -> None:
    """Report an image: its text on stdout unless `silent`, errors and reasons on stderr."""
    from showtell.alt.source import abbreviated

    line, source = use.page.line(use.image), abbreviated(use.source)
    file = shown(str(use.page.path))
    where = f"{file}:{line}: {source or '(no src)'}"
    if reason := told.get("error") or told.get("skipped"):
        tell(f"{where}: {reason}")
    if as_json:
        put(json_line({"file": file, "line": line, "src": source} | told))
    elif "alt" in told and not silent:
        sure = told["confidence"]
        put(f"{where}: {told['alt']}" + ("" if sure is None else f" ({sure:.2f})"))


def _name_in_patch(path: Path) -> Path:
    """The name of a page in a patch: its path relative to the current folder.

    Raises:
        ShowtellError: the page is not below the current folder, so `patch` could not find it.
    """
    here = Path().resolve()
    if not path.resolve().is_relative_to(here):
        raise ShowtellError(f"{path} is not below the current folder, where a patch would be applied; cd to the site")
    return path.resolve().relative_to(here)


def _check_patch(patch: Path) -> None:
    """Check before the work that the patch can be written and replaces nothing but an older patch.

    Raises:
        ShowtellError: the folder does not exist, or the file exists and is not a diff.
    """
    from showtell._util.files import read_regular
    from showtell.alt.patch import is_diff

    if patch.is_dir() or not patch.parent.is_dir():
        raise ShowtellError(f"{patch}: the patch cannot be written; name a file in an existing folder")
    if patch.is_file():
        try:
            if is_diff(read_regular(patch)):
                return
        except OSError as error:
            raise ShowtellError(f"{patch}: cannot be read ({error.strerror}); check its permissions") from error
        raise ShowtellError(f"{patch}: exists and is not a patch; name another file for the patch, or remove this one")


def _write_patch(patch: Path, changed: list[tuple[Path, Page, dict[Image, str]]]) -> None:
    from showtell._util.files import write_atomically
    from showtell.alt.patch import unified_diff

    diff = b"".join(unified_diff(name, page.data, page.insertions(texts)) for name, page, texts in changed)
    if patch == Path("-"):
        put_bytes(diff)
        return
    try:
        write_atomically(patch, diff)
    except OSError as error:
        raise ShowtellError(f"{patch}: the patch cannot be written ({error.strerror}); check the folder") from error


def _apply(changed: list[tuple[Page, dict[Image, str]]]) -> int:
    """Write the texts into their pages; returns the number of pages for which that failed."""
    from showtell._util.files import remove_leftovers
    from showtell.alt.page import write_page

    remove_leftovers({page.path.resolve().parent for page, _ in changed})
    failed = 0
    for page, texts in changed:
        try:
            write_page(page, texts)
        except ShowtellError as error:
            failed += 1
            tell(str(error))
    return failed


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
