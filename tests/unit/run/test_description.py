"""What the manifest of a run says."""

import dataclasses
import json
import sys
from importlib.metadata import version
from types import ModuleType

import jax
import pytest

from ganjax.data import Sizes, Spec, load
from ganjax.data.stream import shapes_of
from ganjax.run import Run, description
from ganjax.run.config import make_config
from ganjax.store import code, shapes


@dataclasses.dataclass(frozen=True)
class Args:
    run: Run
    lr: float = 0.5


SOURCE = load(Spec("ring"))
SHAPES = shapes_of(SOURCE, Sizes(2, 6, 4))


def described(folder):
    args = Args(Run(str(folder), 30, 6))
    config = make_config(args.run, args, {})
    return description.describe_run(config, SOURCE, SHAPES, "Ring")


def test_a_run_is_described_by_all_that_determines_it(tmp_path, monkeypatch):
    path = tmp_path / "mine.py"
    path.write_text("x = 1\n")
    module = ModuleType("mine")
    module.__doc__ = "\n  What it is.\nAnd more."
    monkeypatch.setitem(sys.modules, Args.__module__, module)
    monkeypatch.setattr(
        code, "source_file", lambda kind: path if kind is Args else None
    )
    monkeypatch.setattr(sys, "argv", ["mine.py", "--lr", "0.5"])
    found = described(tmp_path)
    json.dumps(found)
    assert found["experiment"] == "mine" and found["folder"] == str(tmp_path)
    assert found["sha256"] == code.digest(code.read_experiment(path)) != ""
    assert found["doc"] == "What it is." and found["found"] == "Ring"
    assert found["command"] == "python mine.py --lr 0.5"
    assert found["args"]["lr"] == 0.5 and found["args"]["run"]["batch"] == 6
    assert found["data"] == Spec("ring")._asdict()
    assert (found["examples"], found["steps"]) == (SOURCE.length, 30)
    assert found["classes"] == list(SOURCE.classes) and len(found["classes"]) == 8
    assert shapes.from_json(found["shapes"]) == SHAPES
    assert found["versions"]["jax"] == version("jax")
    assert found["versions"]["python"] == ".".join(map(str, sys.version_info[:3]))
    kind = jax.devices()[0].device_kind
    assert found["device"] == f"{kind} x8" == description.describe_devices()


def test_a_run_of_a_notebook_has_no_file(tmp_path, monkeypatch):
    monkeypatch.setattr(code, "source_file", lambda kind: None)
    found = described(tmp_path)
    names = ("experiment", "sha256", "folder", "doc")
    assert [found[name] for name in names] == ["notebook", "", "", ""]


@pytest.mark.parametrize("more", [{}, {"scent": "lemon"}])
def test_the_data_of_a_run_is_found_again(more):
    spec = Spec("a", 8, 1, mirror=True)
    assert description.spec_of({"data": spec._asdict() | more}) == spec
