"""`showtell train`: a captioner of one's own from photos with captions."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from showtell.errors import ShowtellError


def train(
    datasets: Annotated[
        list[Path],
        typer.Argument(metavar="DATASET...", help="Folders or captions files: Flickr8k, COCO, Karpathy, CSV, ..."),
    ],
    photos: Annotated[Path | None, typer.Option(help="The photos' folder, if not beside the captions.")] = None,
    run: Annotated[
        Path | None, typer.Option("--run", "-r", help="The run's folder.  [default: runs/DATASETS-CELL]")
    ] = None,
    recipe: Annotated[Path | None, typer.Option(help="A TOML file of settings; the options below go over it.")] = None,
    cell: Annotated[str | None, typer.Option(help="lstm, gru or rnn.")] = None,
    activation: Annotated[str | None, typer.Option(help="Of the rnn: tanh or relu.")] = None,
    init: Annotated[str | None, typer.Option(help="Of the recurrent weights: orthogonal, xavier, identity.")] = None,
    hidden_dim: Annotated[int | None, typer.Option(help="Width of the hidden state.")] = None,
    attention_dim: Annotated[int | None, typer.Option(help="Width of the attention; 0 for none.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the captions, at most.")] = None,
    scst_epochs: Annotated[int | None, typer.Option(help="Passes on the CIDEr-D of sampled captions after.")] = None,
    tune_encoder: Annotated[
        bool | None, typer.Option("--tune-encoder", help="Let the encoder learn too; needs the extra tune.")
    ] = None,
    batch_size: Annotated[int | None, typer.Option(help="Captions in an update.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Adam's, at its peak.")] = None,
    dropout: Annotated[float | None, typer.Option(help="Share of numbers dropped in training.")] = None,
    precision: Annotated[str | None, typer.Option(help="Of the products: float32, bf16 or auto, the faster.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of all randomness.")] = None,
    features: Annotated[Path, typer.Option(help="Where features are kept between runs.")] = Path("runs/features"),
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only the result.")] = False,
) -> None:
    """Train a captioner on photos with captions, of one data set or of several.

    A run that was stopped or killed goes on where it was when the same command is given again.

    Example: showtell train flickr8k/ --cell gru --epochs 15
    """
    from showtell._util.progress import bar
    from showtell.training.folder import BEST
    from showtell.training.recipe import Recipe
    from showtell.training.run import train as train_run

    given = {
        "cell": cell,
        "activation": activation,
        "init": init,
        "hidden_dim": hidden_dim,
        "attention_dim": attention_dim,
        "epochs": epochs,
        "scst_epochs": scst_epochs,
        "tune_encoder": tune_encoder,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "dropout": dropout,
        "precision": precision,
        "seed": seed,
    }
    changes = {name: value for name, value in given.items() if value is not None}
    settings = Recipe.read(recipe, **changes) if recipe else Recipe.from_mapping(changes)
    names = "-".join(dataset.resolve().stem for dataset in datasets)
    folder = run or Path("runs") / f"{names}-{settings.cell}"
    if photos and len(datasets) > 1:
        raise ShowtellError(
            "--photos is the folder of one data set's photos; lay those of several beside their captions"
        )

    def say(line: str) -> None:
        if not quiet:
            typer.echo(line)

    progress = train_run(
        datasets,
        settings,
        folder,
        photos=photos,
        features=features,
        say=say,
        bar=partial(bar, quiet=quiet),
        on_epoch=lambda record: say(_line(record)),
    )
    best = progress.history[progress.best_epoch - 1]
    typer.echo(
        f"best: epoch {progress.best_epoch}, CIDEr-D {best['cider_d']:.3f}, BLEU-4 {best['bleu_4']:.3f}: "
        f"{folder / BEST}"
    )


def _line(record: dict[str, float]) -> str:
    learnt = f"loss {record['train_loss']:.3f}" if "train_loss" in record else f"reward {record['reward']:.3f}"
    return (
        f"epoch {record['epoch']:.0f}: {learnt}, validation loss {record['val_loss']:.3f}, "
        f"CIDEr-D {record['cider_d']:.3f}, BLEU-4 {record['bleu_4']:.3f}, {record['words_per_second']:,.0f} words/s"
    )
