"""`ganjax compare`: scores of several methods side by side, with what may be said of them.

Each method is a run, a folder whose subfolders are runs that differ in their seed, images
of another program, or a .json that `ganjax evaluate --out` wrote for one subject:

    ganjax compare runs/dcgan runs/sngan            # of each, runs 0/, 1/, 2/
    ganjax compare mine/ theirs.npz --against real/

Scores are compared only if they were computed by one protocol.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import tyro

from ganjax.errors import UsageError
from ganjax.evaluation.protocol import Protocol, check_comparable, from_json
from ganjax.evaluation.uncertainty import MIN_SEEDS, compare_over_seeds, over_seeds
from ganjax.report.results import Column, Table, interval, spread, write_results
from ganjax.run.args import NoPrefix, PathText, Save
from ganjax.run.hooks import is_chief
from ganjax.run.own_scores import own_scores
from ganjax.run.score_record import (
    SCORES,
    is_run,
    read_record,
    record_of_subject,
    write_in_run,
)
from ganjax.run.subjects import Against, Subjects, score_all
from ganjax.run.terminal import warn
from ganjax.run.translate import check_writable


@dataclass(frozen=True)
class Args:
    """Compares scores of runs, of methods over several seeds, and of other samples."""

    what: Subjects
    """What is compared, two or more: runs, folders of runs that differ in their seed,
    folders or files of images, .json files of scores."""
    against: NoPrefix[Against] = Against()
    across: Annotated[tuple[str, ...], tyro.conf.arg(metavar="FIELD...")] = ()
    """Parts of the protocol that are meant to differ, such as weights or truncation."""
    data: PathText = ""
    """Where the data of runs is now, if it has moved since."""
    save: NoPrefix[Save] = Save()
    out: PathText = ""
    """A .json file for the table."""


class Method(NamedTuple):
    """What is compared, with its runs.

    Attributes:
        name: what the table calls it.
        members: the runs, one for each seed; or the one thing that was named.
    """

    name: str
    members: tuple[str, ...]


def main(args: Args) -> None:
    """Prints a table of the scores that all methods have, and writes it with `--out`."""
    if len(args.what) < 2:
        raise UsageError("A comparison needs two: name runs, folders or files.")
    if len({*args.what}) < len(args.what):
        raise UsageError("One thing is named twice: name different ones.")
    if args.out:
        check_writable(Path(args.out).expanduser().parent)
    methods = [_method(what) for what in args.what]
    records = _records(methods, args)
    if not is_chief():
        return
    names = _common_scores(methods, records)
    for name in names:
        check_comparable(
            {
                member: _protocol(records[member], name)
                for method in methods
                for member in method.members
            },
            args.across,
        )
    table = _table(methods, records, names)
    print(table.to_markdown(), flush=True)
    if min(len(method.members) for method in methods) < MIN_SEEDS:
        warn(
            f"With fewer than {MIN_SEEDS} seeds of each, differences may be chance, and "
            "nothing is ranked: name folders of runs that differ in their seed."
        )
    if args.out:
        write_results(Path(args.out).expanduser(), "Comparison", [table])


def _method(what: str) -> Method:
    folder = Path(what).expanduser()
    if folder.is_dir() and not is_run(what):
        runs = sorted(str(path) for path in folder.iterdir() if is_run(str(path)))
        if runs:
            return Method(what, tuple(runs))
    return Method(what, (what,))


def _records(methods: list[Method], args: Args) -> dict[str, dict[str, Any]]:
    """Returns the scores of every member, computing those that are not there yet."""
    members = [member for method in methods for member in method.members]
    found = {each: read_record(each) for each in members if each.endswith(".json")}
    others = [each for each in members if each not in found]
    if args.against.names_any() or not all(map(is_run, others)):
        for name, scores in score_all(others, args.against, args.data, args.save):
            found[name] = record_of_subject(scores)
            if is_chief():
                write_in_run(name, found[name])
        return found
    for run in others:
        path = Path(run).expanduser() / SCORES
        # What `ganjax evaluate` found for the newest save is not computed again.
        if path.exists() and args.save == Save():
            found[run] = read_record(str(path))
            continue
        found[run] = own_scores(run, data=args.data, save=args.save)
        write_in_run(run, found[run])
    return found


def _common_scores(
    methods: list[Method], records: Mapping[str, dict[str, Any]]
) -> list[str]:
    first, *others = (member for method in methods for member in method.members)
    names = list(records[first]["scores"])
    for other in others:
        names = [name for name in names if name in records[other]["scores"]]
        if not names:
            raise UsageError(
                f"The scores of {first} and {other} cannot be compared, as they are on "
                f"different features ({_features(records[first])}; "
                f"{_features(records[other])}): score both with one --against and one "
                "--protocol."
            )
    return names


def _features(record: Mapping[str, Any]) -> str:
    found = {from_json(each).features for each in record["protocols"].values()}
    return ", ".join(sorted(found))


def _protocol(record: Mapping[str, Any], name: str) -> Protocol:
    return from_json(record["protocols"][record["scores"][name]["protocol"]])


def _table(
    methods: list[Method], records: Mapping[str, dict[str, Any]], names: list[str]
) -> Table:
    first, *others = methods
    columns = [Column("score"), *(Column(method.name, ".4g") for method in methods)]
    columns += [Column("real data", ".4g")]
    columns += [Column(f"{each.name} less {first.name}", ".3g") for each in others]
    table = Table("comparison", columns)
    for name in names:
        entries = {m: [records[x]["scores"][name] for x in m.members] for m in methods}
        values = {
            method: np.array([entry["samples"] for entry in each], np.float64)
            for method, each in entries.items()
        }
        cells = [_cell(values[method]) for method in methods]
        differences = [
            _difference(values[other], values[first], entries[first][0]["direction"])
            for other in others
        ]
        table.rows.append([name, *cells, entries[first][0]["real"], *differences])
    return table


def _cell(values: np.ndarray) -> Any:
    found = over_seeds(values)
    if found.seeds == 1:
        return found.interval.mean
    return spread(found.interval.mean, found.spread)


def _difference(values: np.ndarray, baseline: np.ndarray, direction: str) -> Any:
    """Returns the difference with its interval, and which of both is better."""
    if len(values) != len(baseline):
        return "not as many seeds"
    found = compare_over_seeds(values, baseline)
    if found.seeds < MIN_SEEDS:
        return found.difference.mean
    words = {"higher": "better", "lower": "worse"}
    if direction == "lower":
        words = {"higher": "worse", "lower": "better"}
    verdict = found.conclusion
    if direction != "neither":
        verdict = words.get(verdict, verdict)
    return interval(*found.difference, verdict)
