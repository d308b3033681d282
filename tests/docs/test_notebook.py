"""The example notebook, run."""

import ast
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_the_notebook_runs_from_an_empty_directory(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IPYTHONDIR", str(here.parent / "ipython"))
    notebook = nbformat.read(  # type: ignore[no-untyped-call]
        EXAMPLES / "first_steps.ipynb", as_version=4
    )
    assert not any(cell.get("outputs") for cell in notebook.cells), "kept without outputs"
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(here)}}).execute()
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    told = "".join(o.text for cell in code for o in cell.outputs if o.get("name") == "stderr")
    assert all("trained already" in line for line in told.splitlines())
    outputs = [
        "".join(
            output.get("text", "") or output.get("data", {}).get("text/plain", "")
            for output in cell.outputs
            if output.get("name") != "stderr"
        )
        for cell in code
    ]
    assert outputs[0].startswith("pets / gru, seed 0\nsplit ")
    assert outputs[2].startswith("Rex ")
    assert str(here) in outputs[3]
    scores = ast.literal_eval(outputs[4])
    assert set(scores) == {"rnn", "lstm", "gru"}
    assert outputs[5] == "", "the cell passes its check"
    assert "pets / base, seed 0" in outputs[6]
    names = ast.literal_eval(outputs[7])
    assert len(names) == 5
    assert all(name.isalpha() for name in names)
    assert {path.name for path in here.iterdir()} == {"outputs"}
