"""Tiny finished runs, made once and copied for each situation that wants one."""

import contextlib
import importlib.util
import io
import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from PIL import Image


HERE = Path(__file__).parent
EXPERIMENTS = HERE.parents[1] / "experiments"
WHERE = "GANJAX_FUZZ_READY"  # the folder in which they lie
WANTED = {  # kind of situation -> the runs that it copies
    "translate": ("rgb", "gray", "fill"),
    "complete": ("fill",),
    "run": ("ring", "rgb"),
    "command": ("ring",),
}


OFTEN = {"log_every": 1, "sample_every": 2, "save_every": 2, "evaluate_every": 0}


def make(folder: Path, kinds: list[str]) -> None:
    """Makes in `folder` the runs that situations of these kinds copy."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {name for kind in kinds for name in WANTED.get(kind, ())}
    images = folder / "images"
    images.mkdir(exist_ok=True)
    rng = np.random.default_rng(0)
    for i in range(8):
        pixels = rng.integers(0, 256, (8, 8, 3), np.uint8)
        Image.fromarray(pixels).save(images / f"{i}.png")
    for name in sorted(wanted):
        if not (folder / name).exists():
            screen = io.StringIO()
            with contextlib.redirect_stdout(screen), contextlib.redirect_stderr(screen):
                MAKERS[name](folder / name, images)


def copied(name: str, to: Path) -> Path:
    """A run of one's own."""
    shutil.copytree(Path(os.environ[WHERE]) / name, to)
    return to


def module(path: Path, name: str = "") -> ModuleType:
    """An experiment's file as a module, which `inspect` finds."""
    name = name or path.stem
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    sys.modules[name] = made
    spec.loader.exec_module(made)
    return made


def _ring(folder: Path, images: Path) -> None:
    """Saves at steps 2 and 4."""
    ring = module(EXPERIMENTS / "ring.py")
    run = replace(ring.TINY.run, workdir=str(folder), devices="jit", **OFTEN)
    ring.main(replace(ring.TINY, run=run))


def _identity(folder: Path, images: Path, **args: Any) -> None:
    identity = module(HERE / "identity.py")
    run = replace(identity.Args().run, workdir=str(folder), devices="jit")
    identity.main(identity.Args(run, str(images), **args))


MAKERS = {
    "ring": _ring,
    "rgb": _identity,
    "gray": lambda folder, images: _identity(folder, images, channels=1),
    "fill": lambda folder, images: _identity(folder, images, fills=True),
}
