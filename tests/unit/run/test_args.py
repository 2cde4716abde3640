"""Arguments: their flags, types and ranges, and how a run's folder keeps them."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from ganjax.errors import UsageError
from ganjax.run import NoPrefix, PositiveFloat, Run
from ganjax.run.args import (
    MAX_INT,
    Range,
    check,
    convert_types,
    defaults,
    from_json,
    to_json,
)
from ganjax.run.command import parse
from ganjax.run.resume import find_changes
from ganjax.store import json_object


@dataclass(frozen=True)
class Optimizer:
    lr: PositiveFloat = 1e-3
    betas: tuple[float, ...] = (0.0, 0.9)


@dataclass(frozen=True)
class Networks:
    d_opt: Optimizer = Optimizer()


@dataclass(frozen=True)
class Args:
    run: NoPrefix[Run] = Run("runs/a", steps=8, batch=4)
    g_opt: Optimizer = Optimizer(lr=2e-3)
    nets: Networks = Networks()
    bare: NoPrefix[Networks] = Networks()
    flip: bool = False


PATHS = {
    "--steps": lambda args, x: replace(args, run=replace(args.run, steps=x)),
    "--g-opt.lr": lambda args, x: replace(args, g_opt=Optimizer(x)),
    "--nets.d-opt.lr": lambda args, x: replace(args, nets=Networks(Optimizer(x))),
    "--lr": lambda args, x: replace(args, bare=Networks(Optimizer(x))),
}


@pytest.mark.parametrize("flag", PATHS)
def test_a_number_out_of_range_is_named_by_its_flag(flag):
    bad = PATHS[flag](Args(), -1)
    with pytest.raises(UsageError, match=f"^{flag} -1 is out of range"):
        check(bad)
    # The flag is that of the parser, too.
    assert parse(Args, "", [flag, "7"]) == PATHS[flag](Args(), 7)


def test_a_range_prints_counts_with_all_their_digits():
    assert str(Range(1, MAX_INT)) == "at least 1 and at most 2147483647"
    assert str(Range(0, low_excluded=True)) == "more than 0"
    assert str(Range(0.25, 0.5)) == "at least 0.25 and at most 0.5"


@pytest.mark.parametrize("x", [0.0, -1.0, float("nan"), float("inf")])
def test_what_is_not_in_a_range(x):
    assert not Range(0, low_excluded=True).contains(x)


def test_booleans_of_numpy_become_those_of_python():
    assert convert_types(replace(Args(), flip=np.bool_(True))).flip is True


def test_arguments_are_the_same_after_they_were_kept():
    args = replace(Args(), g_opt=Optimizer(0.5, (0.5,)))
    assert from_json(Args, to_json(args)) == args


def test_defaults_are_those_of_the_experiment_by_path():
    values = defaults(Args())
    assert values["run.steps"] == 8 and values["run.save_every"] == 1_000
    assert values["g_opt.lr"] == 2e-3 and values["nets.d_opt.lr"] == 1e-3
    assert values == json_object.flatten(to_json(Args()))


def remarks(before, after):
    """What a resumed run says of its arguments; all else is as it was."""
    same = {
        "experiment": "a",
        "shapes": {},
        "data": {"where": "ring"},
        "classes": [],
        "examples": 1,
    }
    then, now = ({**same, "args": to_json(args)} for args in (before, after))
    return find_changes(Path("run"), then, now, defaults(after), None, {})


@pytest.mark.parametrize("flag", ["--g-opt.lr", "--nets.d-opt.lr"])
def test_no_argument_of_a_group_changes_when_a_run_is_resumed(flag):
    """Also if another group has one of the same name, which stays."""
    with pytest.raises(UsageError, match=f"^{flag} was .* and is 7"):
        remarks(Args(), PATHS[flag](Args(), 7))
    assert remarks(Args(), PATHS["--steps"](Args(), 7)) == []


@dataclass(frozen=True)
class Sweep:
    devices: str = "all"


@dataclass(frozen=True)
class Swept:
    run: NoPrefix[Run] = Run("runs/a", steps=8, batch=4)
    sweep: Sweep = Sweep()


def test_an_argument_of_a_name_that_may_change_in_run_is_not_one_of_run():
    on_one_device = replace(Swept(), run=replace(Swept().run, devices="jit"))
    assert remarks(Swept(), on_one_device) == []
    with pytest.raises(UsageError, match=r"^--sweep.devices was all"):
        remarks(Swept(), replace(Swept(), sweep=Sweep("few")))
