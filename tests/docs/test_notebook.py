"""The notebook runs to its end, its last cell's assertions hold, and what is stored of it is whole and small."""

from __future__ import annotations

import base64
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

import showtell

pytestmark = pytest.mark.docs

NOTEBOOK = Path(__file__).parents[2] / "docs" / "gates.ipynb"
IMAGES = 300_000
"""Bytes of all stored pictures together, at most."""


@pytest.fixture
def notebook() -> nbformat.NotebookNode:
    return nbformat.read(NOTEBOOK, as_version=4)


def code_cells(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


@pytest.mark.slow
def test_the_notebook_runs(notebook: nbformat.NotebookNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(showtell.__file__).parents[1]))  # the showtell that is tested
    assert "assert" in code_cells(notebook)[-1].source
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert not list(tmp_path.iterdir())


def test_its_outputs_are_those_of_one_run_from_start_to_end(notebook: nbformat.NotebookNode) -> None:
    cells = code_cells(notebook)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error" or output.get("name") == "stderr"]
    images = [base64.b64decode(output.data["image/png"]) for output in outputs if "image/png" in output.get("data", {})]
    assert images
    assert sum(map(len, images)) < IMAGES


def test_notebook_is_tidy(notebook: nbformat.NotebookNode) -> None:
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    assert not [cell.id for cell in notebook.cells if cell.metadata]
