"""The code of a run: its experiment's file, and what that imports from beside it.

It is kept in the run's folder, so that a run can be sampled after its experiment has moved
on: `experiment.py` and, where it imports files of the same folder, these in `code/`. If
the code has changed when a run is resumed, the old files go to `code-until-STEP/`: they
belong to the saves up to that step.

Kept code runs only where it is known: it equals an experiment that is present here, or a
run was trained with it on this machine by this user.
"""

import ast
import hashlib
import importlib.util
import inspect
import os
import shutil
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import ganjax
from ganjax.errors import Mistake
from ganjax.evaluation import cache


EXPERIMENT = "experiment.py"
BESIDE = "code"  # the folder of what the experiment imports
UNTIL = "code-until-"  # and of an earlier version, up to a step


class Code(NamedTuple):
    """The files of an experiment: its own, and by their paths those that it imports."""

    experiment: bytes
    beside: Mapping[str, bytes]  # posix paths from the experiment's folder


def source_file(kind: type) -> Path | None:
    """The file in which an experiment's `Args` are written; None in a notebook.

    A dataclass that `make_dataclass` made belongs to the script that is run.
    """
    name = kind.__module__
    module = sys.modules.get("__main__" if name == "types" else name)
    try:
        path = Path(inspect.getfile(module)) if module else None
    except TypeError:
        return None
    if path is None or path.suffix != ".py" or not path.exists() or _is_installed(path):
        return None
    return path


def read(path: Path) -> Code:
    """The code of the experiment in a file, with all that it imports from beside it."""
    path = path.absolute()
    beside: dict[str, bytes] = {}
    waiting = [path]
    while waiting:
        for found in _imported(waiting.pop(), path.parent):
            name = found.relative_to(path.parent).as_posix()
            if found != path and name not in beside:
                beside[name] = found.read_bytes()
                waiting.append(found)
    return Code(path.read_bytes(), dict(sorted(beside.items())))


def kept(folder: Path, step: int | None = None) -> Path | None:
    """Where the code lies that played up to `step`, by default the newest.

    That is a folder with an `experiment.py`; None where a run has none.
    """
    place = folder
    for old in sorted(folder.glob(f"{UNTIL}*"), reverse=True):
        if step is not None and step <= _until(old):
            place = old
    return place if (place / EXPERIMENT).is_file() else None


def keep(folder: Path, code: Code, step: int) -> bool:
    """Keeps the code with which a run goes on from `step`; says whether it has changed.

    What is kept of later steps, to which no save is left, is dropped. Killed at any moment,
    the next start finds either version whole, or says so again.
    """
    for old in folder.glob(f"{UNTIL}*"):
        if _until(old) > step:
            shutil.rmtree(old, ignore_errors=True)
    newest, before = kept(folder), kept(folder, step)
    changed = before is not None and of(before) != code
    if changed and step > 0:
        _set_aside(folder, step)
    if newest is None or of(newest) != code:
        shutil.rmtree(folder / BESIDE, ignore_errors=True)
        for name, data in code.beside.items():
            _write(folder / BESIDE / name, data)
        _write(folder / EXPERIMENT, code.experiment)
    _remember(code)
    return changed and step > 0


def of(place: Path) -> Code:
    """The code that is kept in a folder."""
    root = place / BESIDE
    files = sorted(root.rglob("*.py")) if root.is_dir() else []
    beside = {path.relative_to(root).as_posix(): path.read_bytes() for path in files}
    return Code((place / EXPERIMENT).read_bytes(), dict(sorted(beside.items())))


def digest(code: Code) -> str:
    """The SHA-256 of all files of an experiment; for a single file that of the file."""
    made = hashlib.sha256(code.experiment)
    for name, data in code.beside.items():
        made.update(f"\0{name}\0{len(data)}\0".encode() + data)
    return made.hexdigest()


def is_known(code: Code, folder: Path) -> bool:
    """Whether code equals an experiment that is present here, or was trained with here.

    What lies in the run's own `folder` does not count as present.
    """
    wanted = digest(code)
    if (_registry() / wanted).exists():
        return True
    present = (p for p in _present() if folder.resolve() not in p.parents)
    return any(digest(read(path)) == wanted for path in present)


@contextmanager
def imported(place: Path, name: str, origin: str = "") -> Iterator[ModuleType]:
    """The experiment's module, run; within, it finds the files that were beside it.

    These are the kept ones, or else those of the folder `origin`, where it once lay.
    Raises a `Mistake` where it cannot be run.
    """
    code, before = of(place), [*sys.path]
    tops = {Path(file).parts[0].removesuffix(".py") for file in code.beside}
    hidden = {x: m for x, m in sys.modules.items() if x.split(".")[0] in tops}
    for each in hidden:  # another run's files may have the same names
        del sys.modules[each]
    sys.path[:0] = [str(place / BESIDE), *([origin] if origin else [])]
    try:
        yield _run(place / EXPERIMENT, name)
    finally:
        sys.path[:] = before
        for each in [x for x in sys.modules if x.split(".")[0] in tops]:
            del sys.modules[each]
        sys.modules.update(hidden)


def _run(path: Path, name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except ModuleNotFoundError as error:
        raise Mistake(
            f"{path} imports {error.name}, which is not found: install it, or put "
            f"{error.name}.py into {path.parent / BESIDE}."
        ) from error
    except Exception as error:
        raise Mistake(
            f"{path} cannot be run ({type(error).__name__}: {error}): hand the game to "
            "ganjax.load(run, game=...)."
        ) from error
    return module


def _imported(path: Path, root: Path) -> list[Path]:
    """The files below `root` that a file imports, found without running it."""
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        return []
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = path.parents[node.level - 1] if node.level else root
            inside = above.relative_to(root).parts if above.is_relative_to(root) else ()
            base = ".".join([*inside, *filter(None, [node.module])])
            names += [base, *(f"{base}.{alias.name}" for alias in node.names)]
    found: dict[Path, None] = {}
    for name in names:
        parts = name.split(".") if name else []
        for depth in range(1, len(parts) + 1):
            stem = root.joinpath(*parts[:depth])
            for file in (stem.with_suffix(".py"), stem / "__init__.py"):
                if file.is_file():
                    found[file] = None
    return list(found)


def _set_aside(folder: Path, step: int) -> None:
    aside = folder / f"{UNTIL}{step:09d}"
    if aside.exists():  # what came after it never saved
        return
    draft = folder / f".{aside.name}.partial"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    shutil.copy2(folder / EXPERIMENT, draft)
    if (folder / BESIDE).is_dir():
        shutil.copytree(folder / BESIDE, draft / BESIDE)
    os.replace(draft, aside)


def _until(old: Path) -> int:
    """The step up to which an earlier version played; 0 if the name does not say."""
    step = old.name.removeprefix(UNTIL)
    return int(step) if step.isdecimal() else 0


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.partial")
    draft.write_bytes(data)
    os.replace(draft, path)


def _registry() -> Path:
    return cache.folder() / "known"


def _remember(code: Code) -> None:
    # Without a home that can be written, sampling asks for --trust, and no more is lost.
    with suppress(OSError):
        _registry().mkdir(parents=True, exist_ok=True)
        (_registry() / digest(code)).touch()


def _present() -> list[Path]:
    shelves = Path(ganjax.__file__).parents[1] / "experiments", Path("experiments")
    return [path.resolve() for shelf in shelves for path in shelf.glob("*.py")]


def _is_installed(path: Path) -> bool:
    places = {sysconfig.get_path(x) for x in ("stdlib", "purelib", "platlib")}
    return any(path.is_relative_to(place) for place in places if place)
