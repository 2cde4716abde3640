"""`ganjax evaluate`: scores of runs and of other programs' samples, with their protocol.

A run alone is scored by its own data, as in training. With `--against` or `--protocol`,
runs, folders and .npz files are all scored in one way:

    ganjax evaluate runs/first
    ganjax evaluate mine/ theirs.npz --against real/ --protocol clean-fid --weights FILE
"""

import json
from dataclasses import dataclass
from pathlib import Path

from ganjax.errors import UsageError
from ganjax.pretrained import efficientnet
from ganjax.report import markdown
from ganjax.run.args import NoPrefix, PathText, Save
from ganjax.run.hooks import is_chief
from ganjax.run.own_scores import in_words, own_scores
from ganjax.run.score_record import Score, is_run, record_of_subject, write_in_run
from ganjax.run.subjects import Against, Subjects, score_all
from ganjax.run.terminal import warn
from ganjax.run.translate import check_writable
from ganjax.store import write


@dataclass(frozen=True)
class Args:
    """Scores samples of runs, folders and files, with real data as the scale."""

    what: Subjects
    """What is scored, one or more: runs, folders or .zip files of images, .npz of them."""
    against: NoPrefix[Against] = Against()
    data: PathText = ""
    """Where the data of a run is now, if it has moved since."""
    save: NoPrefix[Save] = Save()
    out: PathText = ""
    """A .json file for the scores; those of a run are in its folder, too."""


def main(args: Args) -> None:
    """Prints the scores as JSON, and writes them to `scores.json` in each run's folder."""
    if not args.what:
        raise UsageError(
            "Nothing is named to be scored: give a run, a folder or a file."
        )
    if args.out:
        check_writable(Path(args.out).expanduser().parent)
    found = {}
    if args.against.names_any() or not all(map(is_run, args.what)):
        for name, scores in score_all(args.what, args.against, args.data, args.save):
            found[name] = record_of_subject(scores)
            warn(table(name, scores))
    else:
        more = args.against.features
        features = [efficientnet.features(more)] if more else []
        for run in args.what:
            found[run] = own_scores(run, *features, data=args.data, save=args.save)
    if not is_chief():
        return
    # Printed first: what took so long to compute is not lost if the disk is full.
    told = found[args.what[0]] if len(args.what) == 1 else found
    text = json.dumps(told, indent=1) + "\n"
    print(text, end="", flush=True)
    with in_words("These scores could not be kept"):
        for name, each in found.items():
            write_in_run(name, each)
        if args.out:
            write(Path(args.out).expanduser(), text)
    if args.out:
        warn(f"Scores: {args.out}")


def table(name: str, scores: list[Score]) -> str:
    """Returns the scores of a subject as a table in Markdown."""
    lines = [markdown.header([name, "samples", "95 % of samples", "real data", "aim"])]
    for score in scores:
        ends = score.interval or ()
        within = " to ".join(f"{end:.4g}" for end in ends)
        real = "" if score.real is None else f"{score.real:.4g}"
        value = f"{score.value:.4g}"
        lines.append(
            markdown.row([score.metric.name, value, within, real, score.metric.aim])
        )
    return "\n".join(lines)
