"""The house has floors: a module imports only from those below its own."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest


FLOORS = [
    "errors",
    "lazy",
    "ops",
    "core",
    "likelihoods",
    "parallel",
    "store",
    "evaluation",
    "data",
    "modalities",
    "layers",
    "models",
    "losses",
    "regularizers",
    "augment",
    "optim",
    "games",
    "loop",
    "pretrained",
    "report",
    "run",
    "commands",
    "cli",
    "__main__",
]
SIBLINGS = {"models", "losses", "regularizers", "augment", "optim"}
ROOT = Path(__file__).parents[2] / "ganjax"
FILES = sorted(path for path in ROOT.rglob("*.py") if path != ROOT / "__init__.py")


def room(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    """The rooms of ganjax that a file imports from."""
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            rooms |= {name.name for name in node.names}
        if isinstance(node, ast.ImportFrom) and node.module == "ganjax":
            rooms |= {f"ganjax.{name.name}" for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            rooms.add(node.module or "")
    return {r.split(".")[1] for r in rooms if r.startswith("ganjax.")}


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_module_imports_only_from_the_floors_below(path):
    own = room(path)
    assert own in FLOORS, f"{own} has no floor yet: give it one"
    for other in imported(path) - {own}:
        assert FLOORS.index(other) < FLOORS.index(own), f"{own} reaches up to {other}"
        assert not {own, other} <= SIBLINGS, f"{own} and {other} are siblings"


def test_the_house_is_two_folders_deep():
    for path in FILES:
        assert len(path.relative_to(ROOT).parts) <= 2, path


def test_the_step_has_no_branches():
    text = (ROOT / "core" / "step.py").read_text()
    branches = ast.If, ast.IfExp, ast.Match, ast.BoolOp
    assert not [n for n in ast.walk(ast.parse(text)) if isinstance(n, branches)]


PUBLIC = [
    (path, node)
    for path in FILES
    for node in ast.parse(path.read_text()).body
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name[0] != "_"
]


@pytest.mark.parametrize(
    ("path", "node"), PUBLIC, ids=[f"{p.relative_to(ROOT)}:{n.name}" for p, n in PUBLIC]
)
def test_public_things_have_a_docstring_and_annotations(path, node):
    assert ast.get_docstring(node), f"{path.name}:{node.name} says nothing"
    if isinstance(node, ast.FunctionDef):
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        bare = [argument.arg for argument in arguments if argument.annotation is None]
        assert not bare, f"{node.name}: {bare} have no annotation"
        assert node.returns is not None, f"{node.name} does not say what it gives"


def test_no_code_is_run_from_data():
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                name = ast.unparse(node.func)
                assert name not in ("eval", "exec", "pickle.load", "pickle.loads"), path
                # `genops` decodes the instructions of a pickle and executes none.
                if name != "pickletools.genops":
                    assert "pickle" not in name and "joblib" not in name, path
            if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
                assert (
                    isinstance(node.value, ast.Constant) and node.value.value is False
                )


def test_games_are_made_without_the_libraries_of_runs():
    """A script of one's own needs no library of data sets, checkpoints or flags."""
    heavy = ("tyro", "orbax", "tensorflow_datasets", "grain", "sklearn")
    program = (
        "import sys, ganjax, ganjax.models.dcgan, ganjax.augment, ganjax.regularizers\n"
        f"print(*[name for name in {heavy} if name in sys.modules])\n"
        "print(ganjax.train.__module__, ganjax.load.__module__)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["", "ganjax.run.training ganjax.run.loading"]
