"""A photo goes in, a sentence comes out.

    import showtell
    captioner = showtell.load()
    print(captioner.caption("photo.jpg"))

Heavy modules are imported on first use, so that `import showtell` is fast.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from showtell.errors import DatasetError, ModelError, PhotoError, ShowtellError

if TYPE_CHECKING:
    from showtell.captioning.caption import Caption
    from showtell.captioning.captioner import Captioner, load
    from showtell.captioning.decoder import CaptionDecoder
    from showtell.evaluation.evaluate import Evaluation, evaluate
    from showtell.nn.kernels import get_num_threads, set_num_threads
    from showtell.text.vocabulary import Vocabulary
    from showtell.training.recipe import Recipe
    from showtell.training.run import train
    from showtell.vision.encoder import Encoder

__version__ = "0.1.0"

__all__ = [
    "Caption",
    "CaptionDecoder",
    "Captioner",
    "DatasetError",
    "Encoder",
    "Evaluation",
    "ModelError",
    "PhotoError",
    "Recipe",
    "ShowtellError",
    "Vocabulary",
    "evaluate",
    "get_num_threads",
    "load",
    "set_num_threads",
    "train",
]

_HOME = {
    "Caption": "captioning.caption",
    "Captioner": "captioning.captioner",
    "load": "captioning.captioner",
    "CaptionDecoder": "captioning.decoder",
    "Evaluation": "evaluation.evaluate",
    "evaluate": "evaluation.evaluate",
    "Recipe": "training.recipe",
    "train": "training.run",
    "Vocabulary": "text.vocabulary",
    "get_num_threads": "nn.kernels",
    "set_num_threads": "nn.kernels",
    "Encoder": "vision.encoder",
}


def __getattr__(name: str) -> Any:
    """Import a public name from its module when it is first asked for (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module 'showtell' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"showtell.{_HOME[name]}"), name)
