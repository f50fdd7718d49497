"""`showtell train`: a captioner of one's own from photos with captions."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from showtell._util.console import put
from showtell.errors import ShowtellError
from showtell.training.recipe import SETTINGS, Recipe, Setting


def with_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command that takes `**settings` an option for each setting of a recipe."""
    signature = inspect.signature(command, eval_str=True)
    parameters = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
    parameters += [_option(setting) for setting in SETTINGS.values()]
    command.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in parameters} | {"return": None}
    return command


def _option(setting: Setting) -> inspect.Parameter:
    flag = f"--{setting.name.replace('_', '-')}"
    shown = typer.Option(
        f"{flag}/--no-{flag[2:]}" if setting.kind is bool else flag,
        help=setting.description,
        metavar="|".join(setting.choices) or None,
        rich_help_panel=setting.group,
    )
    annotation = Annotated[setting.kind, shown]  # type: ignore[name-defined]
    kind = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(setting.name, kind, default=setting.default, annotation=annotation)


@with_settings
def train(
    context: typer.Context,
    datasets: Annotated[
        list[Path],
        typer.Argument(metavar="DATASET...", help="Folders or captions files: Flickr8k, COCO, Karpathy, CSV, ..."),
    ],
    photos: Annotated[Path | None, typer.Option(help="Folder of the photos, if not next to the captions.")] = None,
    run: Annotated[
        Path | None, typer.Option("--run", "-r", help="Folder of the run.", show_default="runs/DATASETS-CELL")
    ] = None,
    recipe: Annotated[
        Path | None,
        typer.Option(help="TOML file of settings, such as hidden_dim = 256; the options below override it."),
    ] = None,
    features: Annotated[Path, typer.Option(help="Folder of encoded photos, shared between runs.")] = Path(
        "runs/features"
    ),
    encoder: Annotated[
        Path | None,
        typer.Option(
            help="Encoder to use: an ONNX file, or a captioner or run folder.", show_default="the bundled one"
        ),
    ] = None,
    ray: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Compute --shards on a Ray cluster: local, auto or HOST:PORT."),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the result only.")] = False,
    **settings: Any,
) -> None:
    """Train a captioner on one or more data sets of photos with captions.

    An interrupted run resumes when the same command is repeated.

    Example: showtell train flickr8k/ --cell gru --epochs 15
    """
    from showtell._util.progress import bar
    from showtell.cli.model import load_encoder
    from showtell.training.folder import BEST
    from showtell.training.run import train as train_run

    sources = {name: context.get_parameter_source(name) for name in settings}
    # by name: typer has a click of its own, or takes the one that is installed, depending on its version
    given = {name: settings[name] for name, source in sources.items() if source and source.name == "COMMANDLINE"}
    chosen = Recipe.read(recipe, **given) if recipe else Recipe.from_mapping(given)
    names = "-".join(path.name if path.is_dir() else path.stem for path in (dataset.resolve() for dataset in datasets))
    folder = run or Path("runs") / f"{names}-{chosen.cell}"
    if photos and len(datasets) > 1:
        raise ShowtellError(
            "--photos is the folder of one data set's photos; lay those of several beside their captions"
        )

    def say(line: str) -> None:
        if not quiet:
            put(line)

    start = partial(
        train_run,
        datasets,
        chosen,
        folder,
        photos=photos,
        features=features,
        encoder=load_encoder(encoder),
        say=say,
        bar=partial(bar, quiet=quiet),
        on_epoch=lambda record: say(_line(record)),
    )
    if ray is None:
        progress = start()
    else:
        from showtell.cluster.connection import connected

        if chosen.shards == 1:
            raise ShowtellError("--ray spreads the shards of a batch, and there is one; add --shards 8, for example")
        with connected(ray):
            from showtell.cluster.training import ClusterShards

            progress = start(compute_shards=ClusterShards())
    best = progress.history[progress.best_epoch - 1]
    put(
        f"best: epoch {progress.best_epoch}, CIDEr-D {best['cider_d']:.3f}, BLEU-4 {best['bleu_4']:.3f}: "
        f"{folder / BEST}"
    )


def _line(record: dict[str, float]) -> str:
    learnt = f"loss {record['train_loss']:.3f}" if "train_loss" in record else f"reward {record['reward']:.3f}"
    return (
        f"epoch {record['epoch']:.0f}: {learnt}, validation loss {record['val_loss']:.3f}, "
        f"CIDEr-D {record['cider_d']:.3f}, BLEU-4 {record['bleu_4']:.3f}, {record['words_per_second']:,.0f} words/s"
    )
