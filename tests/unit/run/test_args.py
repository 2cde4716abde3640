"""Arguments: their flags, types and ranges, and how a run's folder keeps them."""

from dataclasses import dataclass, field, fields, make_dataclass, replace
from pathlib import Path, PurePath
from typing import Any, Literal

import numpy as np
import pytest

from ganjax.errors import UsageError
from ganjax.run import NoPrefix, PositiveFloat, Run
from ganjax.run.args import (
    MAX_INT,
    Fraction,
    Range,
    Save,
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


@pytest.mark.parametrize(
    ("limits", "inside", "outside"),
    [
        (Range(2, 5), [2, 3.5, 5], [1.999, 5.001, -3]),
        (Range(2, 5, low_excluded=True), [2.001, 5], [2, 1, 6]),
        (Range(0), [0, 1e300], [-1e-9, float("inf"), float("nan")]),
    ],
)
def test_the_ends_of_a_range_are_in_it_unless_the_lower_is_excluded(
    limits, inside, outside
):
    assert all(limits.contains(x) for x in inside)
    assert not any(limits.contains(x) for x in outside)


COUNTS = {"steps", "batch", "seeds", "microbatches", "log_every"}
INTERVALS = {"seed", "sample_every", "evaluate_every", "save_every", "keep_every"}


@pytest.mark.parametrize("name", sorted(COUNTS | INTERVALS))
def test_counts_begin_at_one_and_intervals_and_seeds_at_zero(name):
    run = Run("runs/a", steps=8, batch=4)
    least = 1 if name in COUNTS else 0
    for value in (least, MAX_INT):
        check(replace(run, **{name: value}))
    flag = f"--{name.replace('_', '-')}"
    for value in (least - 1, MAX_INT + 1):
        with pytest.raises(UsageError, match=f"{flag} {value} is out of range"):
            check(replace(run, **{name: value}))


def test_the_newest_weights_are_taken_unless_others_are_asked_for():
    assert Save() == Save(best=False, member=0, sigma_rel=0.0, trust=False)
    check(Save(member=7, sigma_rel=0.05))
    for bad in (Save(member=-1), Save(sigma_rel=-0.1)):
        with pytest.raises(UsageError, match="is out of range: give at least 0"):
            check(bad)


def test_a_fraction_is_from_zero_to_one():
    Made = make_dataclass("Made", [("part", Fraction)])
    for part in (0.0, 0.5, 1.0):
        check(Made(part))
    for part in (-0.01, 1.01):
        with pytest.raises(UsageError, match="--part .* at least 0 and at most 1"):
            check(Made(part))


def test_a_run_that_is_told_no_more_has_the_settings_that_are_documented():
    run = Run("runs/a", steps=8, batch=4)
    assert (run.seed, run.seeds, run.microbatches) == (0, 1, 1)
    assert (run.devices, run.distributed) == ("shard", False)
    assert (run.log_every, run.sample_every, run.save_every) == (100, 1_000, 1_000)
    assert (run.evaluate_every, run.keep_every) == (0, 1_000)
    assert run.scores is True and run.posthoc_ema == () and run.init_from == ""


OTHERS = {"devices": "jit", "distributed": True, "scores": False}
OTHERS |= {"init_parts": ("d",)}
OTHERS |= {"init_from": "runs/b", "workdir": "runs/c", "posthoc_ema": (0.1,)}
DETERMINE = {"batch", "seed", "seeds", "posthoc_ema"}


@pytest.mark.parametrize("name", [each.name for each in fields(Run)])
def test_a_run_goes_on_with_all_settings_that_determine_no_other_state(name):
    now = replace(Args(), run=replace(Args().run, **{name: OTHERS.get(name, 9)}))
    if name in DETERMINE:
        flag = f"--{name.replace('_', '-')}"
        with pytest.raises(UsageError, match=f"^{flag} was .* another --workdir"):
            remarks(Args(), now)
    else:
        assert remarks(Args(), now) == []


@dataclass(frozen=True)
class Loose:
    """Values of all kinds, which Python does not check."""

    run: Any = Run("runs/a", steps=8, batch=4)
    count: int = 1
    rate: float = 0.5
    name: str = "a"
    flag: bool = False
    kind: Literal["wide", "deep"] = "wide"
    sizes: tuple[int, ...] = (1,)
    pair: tuple[int, str] = (1, "a")
    other: Any = None
    made: int = field(init=False, default=7)


@pytest.mark.parametrize(
    ("name", "given", "wanted"),
    [
        ("count", 3.0, 3),
        ("count", np.int64(3), 3),
        ("count", np.float32(3), 3),
        ("rate", 2, 2.0),
        ("rate", np.float64(0.25), 0.25),
        ("name", Path("a/b"), "a/b"),
        ("flag", np.bool_(True), True),
        ("sizes", [1.0, np.int32(2)], (1, 2)),
        ("sizes", (), ()),
        ("pair", (1.0, 2), (1.0, 2)),
        ("kind", "deep", "deep"),
        ("other", 3.5, 3.5),
    ],
)
def test_values_are_converted_where_nothing_is_lost(name, given, wanted):
    found = getattr(convert_types(replace(Loose(), **{name: given})), name)
    assert found == wanted and type(found) is type(wanted)
    assert [*map(type, found)] == [*map(type, wanted)] if name == "sizes" else True


@pytest.mark.parametrize(
    ("name", "given", "says"),
    [
        ("count", 3.5, "count is 3.5: give a whole number"),
        ("count", True, "count is True: give a whole number"),
        ("count", "3", "count is '3': give a whole number"),
        ("rate", True, "rate is True: give a number"),
        ("rate", "x", "rate is 'x': give a number"),
        ("name", 3, "name is 3: give text"),
        ("flag", 1, "flag is 1: give True or False"),
        ("kind", "tall", "kind is 'tall': give one of wide, deep"),
        ("sizes", 3, r"sizes is 3: give a tuple, such as \(3,\)"),
        ("sizes", (1, 2.5), "sizes is 2.5: give a whole number"),
    ],
)
def test_values_of_another_type_are_a_mistake(name, given, says):
    with pytest.raises(UsageError, match=f"^{says}"):
        convert_types(replace(Loose(), **{name: given}))


def test_arguments_within_groups_are_converted_too():
    Group = make_dataclass("Group", [("width", int)], frozen=True)
    Made = make_dataclass("Made", [("run", Run), ("group", Group)])
    found = convert_types(Made(Run("runs/a", steps=8, batch=4), Group(16.0)))
    assert found.group == Group(16) and type(found.group.width) is int
    with pytest.raises(UsageError, match="width is 1.5"):
        convert_types(Made(found.run, Group(1.5)))


@dataclass(frozen=True)
class Kept:
    """Arguments without defaults, and with some that are made anew or are paths."""

    needed: int
    place: Path = Path("a/b")
    sizes: tuple[int, ...] = (1, 2)
    made: tuple[str, ...] = field(default_factory=lambda: ("x",))
    group: Optimizer = field(default_factory=lambda: Optimizer(lr=7e-3))


def test_only_arguments_that_have_a_default_have_one():
    assert defaults(Kept(3, Path("c"), (5,), ("y",), Optimizer(1.0))) == {
        "place": "a/b",
        "sizes": [1, 2],
        "made": ["x"],
        "group.lr": 7e-3,
        "group.betas": [0.0, 0.9],
    }


def test_paths_tuples_and_groups_come_back_from_json():
    args = Kept(3, Path("c/d"), (5, 6, 7), (), Optimizer(0.25))
    kept = to_json(args)
    assert kept["place"] == "c/d" and kept["sizes"] == [5, 6, 7]
    again = from_json(Kept, kept)
    assert again == args and isinstance(again.place, PurePath)


def test_what_json_cannot_hold_is_a_mistake():
    with pytest.raises(UsageError, match=r"is <object .* cannot be kept with the run"):
        to_json(replace(Loose(), other=object()))


def test_names_of_another_version_are_passed_over_in_run_alone():
    kept = to_json(Args())
    kept["run"]["gone"] = 3
    assert from_json(Args, kept) == Args()
    kept["lost"] = 4
    with pytest.raises(UsageError, match="has an argument lost that Args lacks"):
        from_json(Args, kept)


@pytest.mark.parametrize("values", [{}, {"needed": 1, "group": 3}])
def test_kept_arguments_that_do_not_fit_are_a_mistake(values):
    with pytest.raises(UsageError, match="The run's arguments do not fit|has an arg"):
        from_json(Kept, values)
