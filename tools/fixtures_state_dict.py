"""A checkpoint in both of PyTorch's formats, for the tests that read it without PyTorch.

`python tools/fixtures_state_dict.py` writes the tests' fixtures checkpoint.pt and
checkpoint_legacy.pth. Needs PyTorch.
"""

from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import torch

from ganjax.run import command


DTYPES = {
    "float32": torch.float32,
    "float64": torch.float64,
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
    "int64": torch.int64,
    "int32": torch.int32,
    "uint8": torch.uint8,
    "bool": torch.bool,
}


@dataclass(frozen=True)
class Args:
    out: str = "tests/parity/fixtures"


def main(args: Args) -> None:
    """Writes both files."""
    state = OrderedDict()
    for name, dtype in DTYPES.items():
        state[name] = torch.arange(6).reshape(2, 3).to(dtype)
    base = torch.arange(24, dtype=torch.float32).reshape(4, 6)
    # Two views of one storage, in other orders.
    state["transposed"] = base.T
    state["view"] = base[1:3, ::2]
    state["scalar"] = torch.tensor(2.5)
    state["empty"] = torch.zeros(0, 3)
    net = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3))
    checkpoint = {
        "g": {"ema": state},
        "step": 7,
        "net": net.state_dict(),
        "parameter": torch.nn.Parameter(torch.ones(2)),
        "list": [torch.ones(1), "a", None, True, 1.5],
        "module": net,
    }
    folder = Path(args.out)
    torch.save(checkpoint, folder / "checkpoint.pt")
    # In that format a module's own code would be in the file.
    del checkpoint["module"]
    torch.save(
        checkpoint,
        folder / "checkpoint_legacy.pth",
        _use_new_zipfile_serialization=False,
    )


if __name__ == "__main__":
    command(main)
