"""What the scripts of this room share that ask a released PyTorch program."""

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

import numpy as np
import torch
import tyro
from packaging.version import parse
from weights import Shape, fill, unit

from ganjax.errors import Mistake


@dataclass(frozen=True)
class Args:
    checkout: Annotated[Path, tyro.conf.Positional]
    """A folder with the released code."""
    out: Path = Path(__file__).parents[2] / "tests" / "released"


def released(checkout: Path, module: str) -> Any:
    """A module of the checkout; some ask for a package that is no longer there."""
    if not (checkout / f"{module.replace('.', '/')}.py").exists():
        raise Mistake(f"{checkout} has no {module}: give a checkout of the program.")
    old = ModuleType("pkg_resources")
    old.parse_version = parse  # type: ignore[attr-defined]
    sys.modules.setdefault("pkg_resources", old)
    sys.path.insert(0, str(checkout))
    return import_module(module)


def seat(
    net: torch.nn.Module,
    size: Callable[[Shape], float] = unit,
    constant: tuple[str, ...] = (),
) -> torch.nn.Module:
    """The network with drawn weights; names that end with `constant` stay."""
    state = net.state_dict()
    drawn = {
        k: tuple(x.shape) for k, x in state.items() if not k.endswith(constant or "\0")
    }
    filled = {k: torch.from_numpy(np.asarray(x)) for k, x in fill(drawn, size).items()}
    net.load_state_dict(state | filled)
    return net


def one_hot(label: np.ndarray, classes: int) -> torch.Tensor:
    """Labels as the programs take them; no columns without classes."""
    return torch.eye(max(classes, 1))[
        torch.from_numpy(label) % max(classes, 1), :classes
    ]


def channels_last(x: torch.Tensor) -> np.ndarray:
    """NCHW as NHWC."""
    return x.detach().permute(0, 2, 3, 1).numpy()


def keep(out: Path, name: str, **arrays: Any) -> None:
    """Writes tests/released/NAME.npz."""
    np.savez(out / f"{name}.npz", **{k: np.asarray(x) for k, x in arrays.items()})
    print(f"{out / name}.npz")


def count(nets: Iterable[torch.nn.Module]) -> list[int]:
    """How many parameters each has."""
    return [sum(x.numel() for x in net.parameters()) for net in nets]
