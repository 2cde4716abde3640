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

from ganjax.errors import UsageError


FIXTURES = Path(__file__).parents[1] / "tests" / "parity" / "fixtures"


@dataclass(frozen=True)
class Args:
    checkout: Annotated[Path, tyro.conf.Positional]
    """A folder with the released code."""
    out: Path = FIXTURES


def released(checkout: Path, module: str) -> Any:
    """A module of the checkout; some ask for a package that is no longer there."""
    if not (checkout / f"{module.replace('.', '/')}.py").exists():
        raise UsageError(f"{checkout} has no {module}: give a checkout of the program.")
    old = ModuleType("pkg_resources")
    old.parse_version = parse  # type: ignore[attr-defined]
    sys.modules.setdefault("pkg_resources", old)
    sys.path.insert(0, str(checkout))
    return import_module(module)


def seat(
    net: torch.nn.Module,
    size: Callable[[Shape], float] = unit,
    constant: tuple[str, ...] = (),
    variance: float = 1.0,
) -> torch.nn.Module:
    """The network with drawn weights; names that end with `constant` stay."""
    state = net.state_dict()
    drawn = {
        k: tuple(x.shape) for k, x in state.items() if not k.endswith(constant or "\0")
    }
    filled = fill(drawn, size, variance).items()
    net.load_state_dict(state | {k: torch.from_numpy(np.asarray(x)) for k, x in filled})
    return net


def evaluated(net: torch.nn.Module) -> torch.nn.Module:
    """The network at evaluation, but that spectral norms take a step from u, as ours."""
    net.eval()
    for layer in net.modules():
        layer.training = hasattr(layer, "weight_orig")
    return net


def one_hot(label: np.ndarray, classes: int) -> torch.Tensor:
    """Labels as the programs take them; no columns without classes."""
    return torch.eye(max(classes, 1))[
        torch.from_numpy(label) % max(classes, 1), :classes
    ]


def channels_last(x: torch.Tensor) -> np.ndarray:
    """NCHW as NHWC."""
    return x.detach().permute(0, 2, 3, 1).numpy()


def keep(out: Path, name: str, compressed: bool = False, **arrays: Any) -> None:
    """Writes NAME.npz to the fixtures of the tests."""
    write = np.savez_compressed if compressed else np.savez
    write(out / f"{name}.npz", **{k: np.asarray(x) for k, x in arrays.items()})
    print(f"{out / name}.npz")


def count(nets: Iterable[torch.nn.Module]) -> list[int]:
    """How many parameters each has."""
    return [sum(x.numel() for x in net.parameters()) for net in nets]


def nchw(image: np.ndarray) -> torch.Tensor:
    """NHWC as NCHW."""
    return torch.from_numpy(np.ascontiguousarray(image)).movedim(-1, 1)


def moved(constant: tuple[str, ...], **nets: torch.nn.Module) -> dict[str, np.ndarray]:
    """Every tensor but those whose names end with `constant`, by player and name."""
    return {
        f"{player}/{name}": tensor.numpy().copy()
        for player, net in nets.items()
        for name, tensor in net.state_dict().items()
        if not name.endswith(constant)
    }


def adam(
    net: torch.nn.Module, rate: float, beta2: float, every: int = 0
) -> torch.optim.Adam:
    """Adam as StyleGAN2 has it, where one step in `every` is a regularizer's."""
    ratio = every / (every + 1) if every else 1.0
    return torch.optim.Adam(net.parameters(), rate * ratio, (0.0, beta2**ratio), 1e-8)


def averaged(ema: torch.nn.Module, g: torch.nn.Module, decay: float) -> None:
    """Moves the average's parameters toward G's, and copies G's buffers."""
    with torch.no_grad():
        for mean, own in zip(ema.parameters(), g.parameters(), strict=True):
            mean.copy_(own.lerp(mean, decay))
        for mean, own in zip(ema.buffers(), g.buffers(), strict=True):
            mean.copy_(own)
