"""The code of a run: its experiment's file, and the files that this imports.

A copy is kept in the run's folder, so that the run can be sampled after its experiment has
been edited: `experiment.py` and, if it imports files of its own folder, these in `code/`.
If the code has changed when a run is resumed, the old files are moved to
`code-until-STEP/`: they belong to the saves up to that step.

A run's folder may come from anybody, so its code is run only if it is known: it equals an
experiment that is present here, or a run was trained with it on this machine by this user.
"""

import ast
import importlib.util
import inspect
import os
import shutil
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import ganjax
from ganjax.errors import UsageError
from ganjax.store import cache
from ganjax.store.atomic import write
from ganjax.store.hashing import sha256


EXPERIMENT = "experiment.py"
IMPORTS_FOLDER = "code"  # the folder of the files that the experiment imports
# Of the folder of an earlier version; the last step that was trained with it follows.
OLD_CODE_PREFIX = "code-until-"


class Code(NamedTuple):
    """The contents of an experiment's file, and of the files that it imports.

    Only imports from the experiment's own folder count, not installed packages.
    """

    experiment: bytes
    imports: Mapping[str, bytes]  # by POSIX paths relative to the experiment's folder


def source_file(args_type: type) -> Path | None:
    """Returns the file that defines an experiment's `Args`.

    It is None if there is no such file, as in a notebook, or if it is installed.
    """
    name = args_type.__module__
    # `make_dataclass` gives its classes the module "types": take the script that is run.
    module = sys.modules.get("__main__" if name == "types" else name)
    try:
        path = Path(inspect.getfile(module)) if module else None
    except TypeError:
        return None
    return file_of(path)


def file_of(name: str | Path | None) -> Path | None:
    """Returns the path of a file with an experiment's code.

    It is None if there is no such file, as in a notebook, or if it is installed.
    """
    path = Path(name) if name else None
    if path is None or path.suffix != ".py" or not path.exists() or _is_installed(path):
        return None
    return path


def read_experiment(path: Path) -> Code:
    """Returns the code of an experiment's file, with all that it imports from its folder.

    Imports are followed from file to file, without running any.
    """
    path = path.absolute()
    imports: dict[str, bytes] = {}
    # The graph of imports may have cycles.
    queue = [path]
    while queue:
        for file in _local_imports(queue.pop(), path.parent):
            name = file.relative_to(path.parent).as_posix()
            if file != path and name not in imports:
                imports[name] = file.read_bytes()
                queue.append(file)
    return Code(path.read_bytes(), dict(sorted(imports.items())))


def defines(path: Path, names: Iterable[str]) -> bool:
    """Returns whether a file defines or imports all of these names, without running it."""
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return True  # the import of the file says what is wrong with it
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found.update((alias.asname or alias.name) for alias in node.names)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
    # What a star brings is not known before the file is run.
    return "*" in found or found.issuperset(names)


def find_kept(folder: Path, step: int | None = None) -> Path | None:
    """Returns the folder with the code of a run.

    Args:
        folder: the folder of the run.
        step: the step up to which the code trained; by default the newest code is meant.

    Returns:
        `folder` itself, or that of an earlier version in it; None if the run kept no code,
        as in a notebook.
    """
    code_folder = folder
    # Of the versions that reach `step`, the earliest is the one that trained up to it.
    for old in sorted(folder.glob(f"{OLD_CODE_PREFIX}*"), reverse=True):
        if step is not None and step <= _last_step(old):
            code_folder = old
    return code_folder if (code_folder / EXPERIMENT).is_file() else None


def keep(folder: Path, code: Code, step: int) -> bool:
    """Copies the code with which a run starts or resumes into the run's folder.

    Versions of later steps, of which no save is left, are deleted. If the process is killed
    in here, the next start finds either version complete, or reports the change again.

    Args:
        folder: the folder of the run.
        code: the code with which the run starts or resumes.
        step: the step from which it resumes, 0 at the start.

    Returns:
        Whether the code has changed since the run was trained up to `step`.
    """
    # The run resumes from `step`: versions that trained beyond it belong to no save.
    for old in folder.glob(f"{OLD_CODE_PREFIX}*"):
        if _last_step(old) > step:
            shutil.rmtree(old, ignore_errors=True)
    newest = find_kept(folder)
    before = find_kept(folder, step)
    changed = before is not None and read_kept(before) != code
    # The old version is set aside before the new one is written. At step 0 nothing was
    # trained with it, so it is simply replaced.
    if changed and step > 0:
        _set_aside(folder, step)
    # The experiment's file comes last: until it is there, the next start finds the change.
    if newest is None or read_kept(newest) != code:
        shutil.rmtree(folder / IMPORTS_FOLDER, ignore_errors=True)
        for name, data in code.imports.items():
            write(folder / IMPORTS_FOLDER / name, data, parents=True)
        write(folder / EXPERIMENT, code.experiment, parents=True)
    _remember(code)
    return changed and step > 0


def read_kept(code_folder: Path) -> Code:
    """Returns the code in a folder that `find_kept` returned."""
    root = code_folder / IMPORTS_FOLDER
    files = sorted(root.rglob("*.py")) if root.is_dir() else []
    imports = {path.relative_to(root).as_posix(): path.read_bytes() for path in files}
    return Code((code_folder / EXPERIMENT).read_bytes(), dict(sorted(imports.items())))


def digest(code: Code) -> str:
    """Returns the SHA-256 of all files of an experiment.

    For a single file it is that of the file, as `sha256sum` prints it.
    """
    # Names and lengths are hashed as well, so that different sets of files never give the
    # same bytes.
    parts: list[str | bytes] = [code.experiment]
    for name, data in code.imports.items():
        parts += [f"\0{name}\0{len(data)}\0", data]
    return sha256(parts)


def is_known(code: Code, folder: Path) -> bool:
    """Returns whether code may be run: whether it has been here before.

    It is known if a run was trained with it on this machine by this user, or if it equals
    an experiment of this checkout or of the current folder.

    Args:
        code: the code of a run.
        folder: the folder of that run. Experiments inside of it do not count.
    """
    code_digest = digest(code)
    if (_registry() / code_digest).exists():
        return True
    experiments = (p for p in _list_experiments() if folder.resolve() not in p.parents)
    return any(digest(read_experiment(path)) == code_digest for path in experiments)


@contextmanager
def import_kept(code_folder: Path, name: str, origin: str = "") -> Iterator[ModuleType]:
    """Imports an experiment that was kept, and yields its module.

    Within the block, imports find the files that were kept with it, or else those in the
    folder that it came from. `sys.path` and `sys.modules` are changed for the block only,
    as the modules of two runs may have the same names.

    Args:
        code_folder: the folder with the code (see `find_kept`).
        name: the name that the module gets.
        origin: the folder that the experiment came from; '' if that is not known.

    Yields:
        The module of `experiment.py`.

    Raises:
        UsageError: if the code cannot be run.
    """
    # Modules of the same names, of another run or of the user, are hidden during the block:
    # an import would find them in `sys.modules` before it looked at any file.
    code = read_kept(code_folder)
    original_path = [*sys.path]
    packages = {Path(file).parts[0].removesuffix(".py") for file in code.imports}
    hidden = {x: m for x, m in sys.modules.items() if x.split(".")[0] in packages}
    for module_name in hidden:
        del sys.modules[module_name]
    sys.path[:0] = [str(code_folder / IMPORTS_FOLDER), *([origin] if origin else [])]
    try:
        yield _import_file(code_folder / EXPERIMENT, name)
    finally:
        sys.path[:] = original_path
        for module_name in [x for x in sys.modules if x.split(".")[0] in packages]:
            del sys.modules[module_name]
        sys.modules.update(hidden)


def _import_file(path: Path, name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look up their annotations through `sys.modules`. The module stays there
    # after the block, as the run's game still uses it.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except ModuleNotFoundError as error:
        raise UsageError(
            f"{path} imports {error.name}, which is not found: install it, or put "
            f"{error.name}.py into {path.parent / IMPORTS_FOLDER}."
        ) from error
    except Exception as error:
        raise UsageError(
            f"{path} cannot be run ({type(error).__name__}: {error}): hand the game to "
            "ganjax.load(run, game=...)."
        ) from error
    return module


def _local_imports(path: Path, root: Path) -> list[Path]:
    """The files below `root` that a file imports, found in its syntax tree.

    Imports of installed packages name no file below `root`, and so drop out.
    """
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        return []
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            # `from . import x` is relative to the file's folder, `from x` to the root.
            start = path.parents[node.level - 1] if node.level else root
            packages = (
                start.relative_to(root).parts if start.is_relative_to(root) else ()
            )
            base = ".".join([*packages, *filter(None, [node.module])])
            # The imported names may themselves be modules.
            names += [base, *(f"{base}.{alias.name}" for alias in node.names)]
    # Python also runs the `__init__.py` of every package that contains a module.
    files: dict[Path, None] = {}  # an ordered set
    for name in names:
        parts = name.split(".") if name else []
        for depth in range(1, len(parts) + 1):
            stem = root.joinpath(*parts[:depth])
            for file in (stem.with_suffix(".py"), stem / "__init__.py"):
                if file.is_file():
                    files[file] = None
    return list(files)


def _set_aside(folder: Path, step: int) -> None:
    aside = folder / f"{OLD_CODE_PREFIX}{step:09d}"
    if aside.exists():  # the current version was never saved with, so drop it
        return
    # The folder is filled under another name and then renamed, so that it is never seen
    # incomplete.
    draft = folder / f".{aside.name}.partial"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    shutil.copy2(folder / EXPERIMENT, draft)
    if (folder / IMPORTS_FOLDER).is_dir():
        shutil.copytree(folder / IMPORTS_FOLDER, draft / IMPORTS_FOLDER)
    os.replace(draft, aside)


def _last_step(old: Path) -> int:
    """The step up to which an earlier version trained; 0 if the name does not say."""
    step = old.name.removeprefix(OLD_CODE_PREFIX)
    return int(step) if step.isdecimal() else 0


def _registry() -> Path:
    """A folder of empty files, named by the digests of code that was trained with."""
    return cache.folder() / "known"


def _remember(code: Code) -> None:
    # If the home folder is read only, the worst is that sampling needs --trust.
    with suppress(OSError):
        _registry().mkdir(parents=True, exist_ok=True)
        (_registry() / digest(code)).touch()


def _list_experiments() -> list[Path]:
    """The experiments of this checkout, and of the current folder."""
    folders = (Path(ganjax.__file__).parents[1] / "experiments", Path("experiments"))
    return [path.resolve() for folder in folders for path in folder.glob("*.py")]


def _is_installed(path: Path) -> bool:
    folders = {sysconfig.get_path(x) for x in ("stdlib", "purelib", "platlib")}
    return any(path.is_relative_to(folder) for folder in folders if folder)
