"""Scoring takes little memory, ends no run, and says what samples are compared with."""

import errno
import json
import os
import tracemalloc
from types import SimpleNamespace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from ganjax import cli, evaluation
from ganjax.core import Batch, Game, ImageToImage, Labels, pixels
from ganjax.data import Source, Spec, load
from ganjax.data.source import example_struct
from ganjax.errors import UsageError
from ganjax.evaluation import buffer, classifier, distances
from ganjax.evaluation.evaluator import Evaluator, Scoring, in_memory_scoring
from ganjax.evaluation.metric import higher_is_better, lower_is_better
from ganjax.modalities import IMAGES, image_scores
from ganjax.run import hooks, own_scores, sampling
from ganjax.run.compiled import CompiledGame
from ganjax.run.evaluator import check_held_out, evaluator


RNG = np.random.default_rng(0)
LABELS = Labels()


def some_images(n, shape=(8, 8, 3), shift=0):
    return RNG.integers(shift, 200 + shift, (n, *shape), np.uint8)


def gan_of(real=lambda x: x, conditions=LABELS):
    """A game of which only the data and the conditions are used."""
    unused = lambda *args: pytest.fail("scores need no more of a game")
    return Game(unused, unused, unused, unused, IMAGES, conditions, real)


def kept(path, **arrays):
    np.savez(path, **arrays)
    return Spec(str(path))


def gathered(rows, folder=None, chunk=7):
    into = evaluation.row_buffer(folder)
    for i in range(0, len(rows), chunk):
        into.add(rows[i : i + chunk])
    return into.rows()


def spill(patch):
    """As if all were large: features go to a file, and work is done in small blocks."""
    patch.setattr(buffer, "MAX_BYTES_IN_MEMORY", 1000)
    patch.setattr(distances, "BLOCK_SIZE", 5000)
    patch.setattr(image_scores, "CHUNK_BYTES", 30_000)


def close(found, wanted):
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        assert found[name] == pytest.approx(value, rel=1e-6, abs=1e-9), name


@pytest.mark.parametrize("held_out", [True, False])
@pytest.mark.parametrize("shape", [(8, 8, 3), (4, 4, 1)])
def test_scores_are_the_same_in_blocks_and_from_a_file(tmp_path, held_out, shape):
    spec = kept(
        tmp_path / "a.npz",
        image=some_images(90, shape),
        **({"image_test": some_images(70, shape)} if held_out else {}),
    )
    made = np.asarray(pixels(some_images(90, shape, shift=30)))
    plain = evaluator(spec, gan_of())
    made = made[: plain.count]
    wanted, real = plain.score(made), plain.real_scores()
    with pytest.MonkeyPatch.context() as patch:
        spill(patch)
        judged = evaluator(spec, gan_of(), scratch=tmp_path)
        close(judged.score(np.array_split(made, 7)), wanted)
        close(judged.real_scores(), real)
        close(judged.score(made), wanted)  # and again, by what was kept
    assert judged.reference == plain.reference and judged.shape == shape
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]


def test_every_score_of_two_sets_can_come_from_a_file(monkeypatch, tmp_path):
    spill(monkeypatch)
    a, b, c = (RNG.normal(size=(n, 40)).astype(np.float32) for n in (50, 60, 30))
    files = [gathered(rows, tmp_path) for rows in (a, b, c)]
    for score in (
        evaluation.frechet_distance,
        evaluation.kernel_distance,
        evaluation.prdc,
    ):
        assert score(files[0], files[1]) == pytest.approx(score(a, b), rel=1e-9)
    near, wanted = evaluation.copies(*files), evaluation.copies(a, b, c)
    assert near.ratio == pytest.approx(wanted.ratio, rel=1e-9)
    assert near.close == wanted.close
    np.testing.assert_array_equal(near.fake.index, wanted.fake.index)
    copied = evaluation.nearest_neighbors(gathered(b[20:40]), files[1])
    np.testing.assert_array_equal(copied.distance, 0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint8])
@pytest.mark.parametrize("where", [0, 10**9])
def test_what_was_gathered_is_read_in_any_order(monkeypatch, dtype, where):
    monkeypatch.setattr(buffer, "MAX_BYTES_IN_MEMORY", where)
    rows = RNG.uniform(0, 255, (30, 6)).astype(dtype)
    found = gathered(rows, chunk=4)
    assert (found.length, found.width) == rows.shape
    index = RNG.permutation(30)[:11]
    for some in (slice(None), slice(3, 9), index, index[:0]):
        for columns in (slice(None), slice(1, 4), slice(6, 9)):
            np.testing.assert_array_equal(
                found.read(some, columns), rows[some][:, columns]
            )
    images = evaluation.StoredImages(found, (3, 2), np.dtype(dtype))
    assert images.shape == (30, 3, 2) and len(images) == 30
    np.testing.assert_array_equal(images[index], rows[index].reshape(-1, 3, 2))


def test_features_that_are_not_finite_are_a_mistake():
    with pytest.raises(UsageError, match="NaN"):
        gathered(np.array([[1.0, np.inf]]))


def test_the_disk_is_not_filled_by_features(monkeypatch):
    monkeypatch.setattr(buffer, "MAX_BYTES_IN_MEMORY", 0)
    monkeypatch.setattr(buffer, "MIN_FREE_BYTES", 2**60)
    with pytest.raises(OSError, match="no room") as failed:
        gathered(np.zeros((3, 2)))
    assert failed.value.errno == errno.ENOSPC


def test_a_folder_that_cannot_be_written_is_done_without(monkeypatch, tmp_path):
    monkeypatch.setattr(buffer, "MAX_BYTES_IN_MEMORY", 0)
    rows = np.arange(6.0).reshape(3, 2)
    found = gathered(rows, tmp_path / "missing")
    np.testing.assert_array_equal(found.read(slice(None), slice(None)), rows)


def test_memory_does_not_grow_with_the_number_of_images(monkeypatch, tmp_path):
    """Of n images the float64 features alone, as they once were held, would be 4 n c."""
    monkeypatch.setattr(buffer, "MAX_BYTES_IN_MEMORY", 10_000)
    monkeypatch.setattr(image_scores, "CHUNK_BYTES", 30_000)
    monkeypatch.setattr(distances, "BLOCK_SIZE", 2**14)
    shape = 16, 16, 3

    def read(rows):
        image = np.stack(
            [np.random.default_rng(r).integers(0, 256, shape, np.uint8) for r in rows]
        )
        return Batch(image, np.zeros(len(rows), np.int32))

    def most(n):
        source = Source(Spec("x"), n, example_struct(shape), (), read)
        other = source._replace(read=lambda rows: read(rows + n))
        load = lambda spec: other if spec.split == "test" else source
        game = gan_of()._replace(modality=IMAGES._replace(load=load))
        tracemalloc.start()
        judged = evaluator(Spec("x"), game, scratch=tmp_path)
        drawn = (read(np.arange(i, i + 10)).x for i in range(0, n, 10))
        drawn = (image / np.float32(127.5) - 1 for image in drawn)
        judged.score(drawn)
        judged.real_scores()
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return peak

    most(20)
    few, many = most(30), most(90)
    one = 8 * np.prod(shape)  # bytes of an image in float64
    assert many < few + 20 * one


def test_a_classifier_learns_the_same_from_images_in_a_file(monkeypatch, tmp_path):
    x, y = some_images(60, (4, 4, 3)), np.arange(60, dtype=np.int32) % 2
    x[y == 1, ..., 0] //= 4
    quick = classifier.Settings(steps=5, batch=8)
    learn = lambda images, cache: evaluation.train_classifier(
        images, y, images, y, classes=2, settings=quick, cache=tmp_path / cache
    )
    plain = learn(x, "plain")
    monkeypatch.setattr(buffer, "MAX_BYTES_IN_MEMORY", 100)
    images = evaluation.StoredImages(gathered(x), x.shape[1:], x.dtype)
    found = learn(images, "file")
    assert found.features.name == plain.features.name
    assert found.accuracy == plain.accuracy
    names = [
        [path.name for path in (tmp_path / x).iterdir()] for x in ("plain", "file")
    ]
    assert names[0] == names[1]


def test_a_classifier_learns_as_much_from_large_images_in_parts(monkeypatch, tmp_path):
    x, y = some_images(40, (4, 4, 3)), np.arange(40, dtype=np.int32) % 2
    quick = classifier.Settings(steps=8, batch=12)
    learn = lambda cache: evaluation.train_classifier(
        x, y, x, y, classes=2, settings=quick, cache=tmp_path / cache
    )
    plain = learn("plain").probabilities(np.asarray(pixels(x)))
    monkeypatch.setattr(classifier, "MAX_BATCH_BYTES", 5 * 4 * 48)
    assert classifier._num_parts(12, (4, 4, 3)) == 3  # of four images each
    found = learn("parts").probabilities(np.asarray(pixels(x)))
    np.testing.assert_allclose(found, plain, atol=1e-4)
    assert np.ptp(plain[:, 0]) > 1e-3


def test_a_classifier_learns_from_some_of_everywhere_in_a_large_set(monkeypatch):
    monkeypatch.setattr(image_scores, "MAX_CLASSIFIER_BYTES", 64 * 101)
    source = load(Spec("digits"))
    images, labels = image_scores._labeled(source, None)
    assert images.shape == (101, 8, 8, 1) and len(labels) == 101
    np.testing.assert_array_equal(images[:1], source.read(np.arange(1)).x)
    last = source.read(np.array([source.length - 1]))
    np.testing.assert_array_equal(images[np.array([100])], last.x)
    assert labels[-1] == last.label[0] and set(labels) == set(range(10))


def lay(root, folder, n, size=(8, 8)):
    (root / folder).mkdir(parents=True)
    for i in range(n):
        image = some_images(1, (*size, 3))[0]
        Image.fromarray(image).save(root / folder / f"{i}.png")


@pytest.mark.parametrize(
    ("held_out", "why"),
    [
        (0, "the training images, as none are held out"),
        (1, "the training images, as only 1 are held out"),
        (19, "the training images, as only 19 are held out"),
        (20, "held-out images"),
    ],
)
def test_a_folder_is_compared_with_what_it_holds_out(tmp_path, held_out, why):
    lay(tmp_path, "train" if held_out else ".data", 22)
    if held_out:
        lay(tmp_path, "test", held_out)
    where = tmp_path if held_out else tmp_path / ".data"
    judged = evaluator(Spec(str(where)), gan_of())
    assert judged.reference == why
    assert judged.count == (20 if held_out == 20 else 22)


@pytest.mark.parametrize("damage", ["text", "empty", "size", "none"])
def test_a_held_out_split_that_cannot_be_used_is_a_mistake_before_training(
    tmp_path, damage
):
    lay(tmp_path, "train", 22)
    lay(tmp_path, "test", 0 if damage == "none" else 22)
    (tmp_path / "test" / "notes.txt").write_text("")
    if damage in ("text", "empty"):
        (tmp_path / "test" / "3.png").write_text("no image" if damage == "text" else "")
    if damage == "size":
        for path in (tmp_path / "test").glob("*.png"):
            Image.fromarray(some_images(1, (9, 8, 3))[0]).save(path)
    spec = Spec(str(tmp_path))
    says = {"size": "holds out are 9x8x3 and those to train on 8x8x3"}
    for look in (check_held_out, lambda source, game: evaluator(source.spec, game)):
        with pytest.raises(UsageError, match=says.get(damage, "test")):
            look(load(spec), gan_of())


def test_held_out_images_of_another_size_may_come_to_the_same(tmp_path):
    spec = kept(
        tmp_path / "a.npz",
        image=some_images(30),
        image_test=some_images(30, (12, 12, 3)),
    )
    middle = lambda x: x[:, 2:6, 2:6]
    assert evaluator(spec, gan_of(middle)).shape == (4, 4, 3)
    with pytest.raises(UsageError, match="12x12x3 and those to train on 8x8x3"):
        evaluator(spec, gan_of())


def test_few_training_images_are_scored_against_those_held_out(tmp_path):
    x, y = some_images(4), some_images(30)
    judged = evaluator(kept(tmp_path / "a.npz", image=x, image_test=y), gan_of())
    assert judged.reference == "held-out images" and judged.count == 30
    made = np.asarray(pixels(some_images(30)))
    assert judged.score(made)["copies/ratio/pixels"] > 0
    assert judged.real_scores() == {}


def before(sample, state, purpose, asked, seed=0):
    """How samples were drawn when all of them were kept."""
    key = jax.random.fold_in(jax.random.key(seed), purpose)
    n = len(asked)
    size = min(256, n)
    parts = []
    for i in range(-(-n // size)):
        rows = np.arange(i * size, (i + 1) * size) % n
        parts.append(sample(state, jax.random.fold_in(key, i), asked[rows]))
    return np.concatenate(parts, axis=1)[:, :n]


def told(state, key, asked):
    """Samples that tell what they were drawn with."""
    number = np.asarray(jax.random.key_data(key))[-1] % 1000
    return np.stack([asked * 1000.0 + number, asked + number + len(asked)])


@pytest.mark.parametrize("n", [1, 255, 256, 300, 600])
def test_samples_are_drawn_as_they_were(n):
    asked = np.arange(n) % 7
    wanted = before(told, None, sampling.SCORED, asked, 3)
    drawn = sampling.draw(told, None, sampling.SCORED, asked, 3)
    np.testing.assert_array_equal(drawn, wanted)
    rows = lambda rows: asked[rows]
    parts = [*sampling.chunks(told, None, sampling.SCORED, rows, n, 3)]
    assert max(part.shape[1] for part in parts) <= 256
    np.testing.assert_array_equal(np.concatenate(parts, 1), wanted)


def test_a_chunk_of_large_samples_has_fewer_of_them():
    assert sampling.rows_at_once((256, 256, 3)) == 256
    assert sampling.rows_at_once((64, 64, 3), seeds=8) == 256
    assert sampling.rows_at_once((512, 512, 3)) < 256
    assert sampling.rows_at_once((2**14, 2**14, 3)) == 1
    sizes = []

    def sample(state, key, asked):
        sizes.append(len(asked))
        return asked[None]

    rows = lambda rows: rows
    parts = [*sampling.chunks(sample, None, 0, rows, 23, size=5)]
    assert sizes == [5] * 5
    np.testing.assert_array_equal(np.concatenate(parts, 1), np.arange(23)[None])


@pytest.mark.parametrize("classes", [0, 1, 2, 3, 10])
def test_what_is_asked_for_in_parts_is_what_is_asked_for_at_once(tmp_path, classes):
    spec = kept(tmp_path / "a.npz", image=some_images(9), image_test=some_images(5))
    read = []

    def mirror(image):
        read.append(len(image))
        return image[:, :, ::-1]

    images = ImageToImage(mirror)

    class Both(NamedTuple):
        def make(self, n, classes, examples):
            return {
                "label": Labels().make(n, classes, examples),
                "image": images.make(n, classes, examples),
            }

    for conditions in (LABELS, images, Both()):
        made = gan_of(conditions=conditions)
        whole = sampling.conditions(made, spec, 13, classes)
        part = sampling.conditions_in_parts(made, spec, 13, classes)
        read.clear()
        for rows in (np.arange(4), np.arange(4, 8), np.arange(11, 13)):
            same = jax.tree.map(np.array_equal, part(rows), sampling._take(whole, rows))
            assert all(jax.tree.leaves(same))
        if conditions is images:
            assert max(read) == 4


class Kept(list):
    """A record of rows."""

    def __call__(self, step, row):
        self.append((step, row))


def hook_of(monkeypatch, folder, judged, sample=None):
    """The hook of scores, its records and the best score, with a judge given."""
    rows, best = Kept(), {}
    monkeypatch.setattr(hooks, "evaluator", judged)
    draw = lambda state, key, asked: np.zeros((1, len(asked), 2), np.float32)
    unused: Any = lambda *args: None
    made = CompiledGame(*[unused] * 4, sample or draw)
    source = load(Spec("ring"))
    rate = lambda step, score: best.update(step=step, score=score)
    hook = hooks.score_hook(folder, 0, made, gan_of(), source, rows, rate)
    return lambda step: hook(step, SimpleNamespace(step=np.int32(step)), {}), rows, best


def test_a_picture_of_real_examples_has_more_than_the_first_class(
    monkeypatch, tmp_path
):
    """As files are read class by class, the first ones may all be of one class."""
    drawn = []
    label = np.repeat(np.arange(3, dtype=np.int32), 100)
    image = np.full((300, 8, 8, 3), 0, np.uint8) + label[:, None, None, None].astype(
        "u1"
    )
    source = load(kept(tmp_path / "a.npz", image=image, label=label))
    monkeypatch.setattr(hooks, "save_png", lambda page, path: None)
    unused: Any = lambda *args: None
    unused_compiled = CompiledGame(*[unused] * 5)
    render = lambda samples, *rest: drawn.append(samples)
    for conditions, values in ((LABELS, 3), (ImageToImage(lambda x: x), 1)):
        modality = IMAGES._replace(render=render)
        game = gan_of(conditions=conditions)._replace(modality=modality)
        hooks.picture_hook(tmp_path, 0, unused_compiled, game, source)
        assert len(np.unique(drawn[-1])) == values


def good(*_, **__):
    scoring = Scoring(lambda chunk: None, lambda: {"x": 1.0})
    x = lower_is_better("x", "A number.")
    return Evaluator(30, lambda: scoring, (x,), x, lambda: {"x": 0.5}, "", (2,))


def failing(error, where):
    def fail(*_, **__):
        raise error

    if where == "judge":
        return fail
    if where == "real":
        return lambda *_, **__: good()._replace(real_scores=fail)
    bad = {"add": Scoring(fail, dict), "scores": Scoring(lambda chunk: None, fail)}
    return lambda *_, **__: good()._replace(begin=lambda: bad[where])


ERRORS = [
    (MemoryError(), "out of memory"),
    (
        MemoryError("Unable to allocate 9 GiB"),
        "out of memory: Unable to allocate 9 GiB",
    ),
    (OSError(errno.ENOSPC, "No space left", "/a/b"), "/a/b: No space left"),
    (UsageError("The images contain NaN."), "The images contain NaN"),
    (
        jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: of\n\nmemory"),
        "RESOURCE_EXHAUSTED",
    ),
    (ValueError("x" * 999), "ValueError: xxx"),
    (RuntimeError(), "RuntimeError"),
]


@pytest.mark.parametrize("where", ["judge", "add", "scores", "real", "sample"])
@pytest.mark.parametrize(("error", "says"), ERRORS)
def test_a_failing_score_is_a_sentence_and_the_run_goes_on(
    monkeypatch, tmp_path, capsys, where, error, says
):
    sample = failing(error, "judge") if where == "sample" else None
    judged = good if sample else failing(error, where)
    hook, rows, best = hook_of(monkeypatch, tmp_path, judged, sample)
    hook(4)
    hook(8)
    lines = capsys.readouterr().out.splitlines()
    lines = [line for line in lines if "Looking at real images" not in line]
    assert len(lines) == 1 and len(lines[0]) < 400  # and only once
    assert lines[0].startswith("Scores at step 4 could not be made (")
    assert says in lines[0] and "--no-scores" in lines[0]
    if where == "real":
        assert [step for step, _ in rows] == [4, 8] and best["step"] == 8
    else:
        assert not rows and not best
    assert not (tmp_path / "evaluation.json").exists()


def test_scores_come_back_when_what_they_lacked_is_there(monkeypatch, tmp_path):
    judges = [failing(MemoryError(), "judge"), good]
    hook, rows, best = hook_of(
        monkeypatch, tmp_path, lambda *a, **k: judges.pop(0)(*a, **k)
    )
    hook(1)
    hook(2)
    hook(3)
    assert [step for step, _ in rows] == [2, 3] and not judges
    assert best == {"step": 3, "score": 1.0}
    told = json.loads((tmp_path / "evaluation.json").read_text())
    x = {"direction": "lower", "aim": "lower is better", "meaning": "A number."}
    assert told["metrics"] == {"x": {**x, "real": 0.5}} and told["headline"] == "x"


def test_the_best_save_is_the_one_with_the_highest_score_where_higher_is_better(
    monkeypatch, tmp_path
):
    x = higher_is_better("x", "A number.")
    judged = lambda *a, **k: good()._replace(metrics=(x,), headline=x)
    hook, rows, best = hook_of(monkeypatch, tmp_path, judged)
    hook(1)
    assert rows[0][1]["x"] == 1.0 and best == {"step": 1, "score": -1.0}


def test_a_stop_that_is_asked_for_while_scoring_is_no_failure(monkeypatch, tmp_path):
    hook, *_ = hook_of(monkeypatch, tmp_path, failing(KeyboardInterrupt(), "scores"))
    with pytest.raises(KeyboardInterrupt):
        hook(1)


def test_every_process_draws_though_the_chief_has_failed(monkeypatch, tmp_path):
    """Drawing is done by all devices, so one that leaves off keeps the others waiting."""
    drawn, failed = [], failing(MemoryError(), "add")

    def sample(state, key, asked):
        drawn.append(len(asked))
        return np.zeros((1, len(asked), 2), np.float32)

    many = lambda *a, **k: failed()._replace(count=600)
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    monkeypatch.setattr(
        hooks, "broadcast_from_chief", lambda plan: [int(x) for x in plan]
    )
    monkeypatch.setattr(hooks, "all_ready", bool)
    hook, rows, _ = hook_of(monkeypatch, tmp_path, many, sample)
    hook(1)
    assert drawn == [256, 256, 256] and not rows


def test_seeds_are_scored_each_by_itself():
    judged = good()._replace(
        begin=lambda: in_memory_scoring(lambda x: {"m": x.mean()})()
    )
    chunks = np.arange(12.0).reshape(3, 2, 2, 1)  # chunks of two rows of two seeds
    found = hooks.score(judged, iter(chunks), 2)
    np.testing.assert_allclose(found["m"], chunks.mean((0, 2, 3)))


def evaluating(monkeypatch, folder, judged=good, manifest=None):
    """`ganjax evaluate`, of a run that is not there."""
    flat = lambda state, z, label, key: jnp.zeros((len(label), 2))
    loaded = SimpleNamespace(
        game=gan_of()._replace(latents=lambda key, n: (), generate=flat),
        state=None,
        classes=(),
        example=example_struct((8, 8, 3)),
    )
    seen = []
    (folder / "run.json").touch()
    read = lambda folder: manifest or {"data": Spec("ring")._asdict()}

    def evaluator(spec, *more, **given):
        seen.append(spec)
        return judged(spec, *more, **given)

    monkeypatch.setattr(own_scores, "load", lambda *_, **__: loaded)
    monkeypatch.setattr(own_scores, "evaluator", evaluator)
    monkeypatch.setattr(own_scores, "read_manifest", read)
    return seen


def test_scores_are_printed_before_they_are_kept(monkeypatch, tmp_path, capsys):
    evaluating(monkeypatch, tmp_path)
    (tmp_path / "scores.json").mkdir()
    with pytest.raises(SystemExit) as ended:
        cli.main(["evaluate", str(tmp_path)])
    said = capsys.readouterr()
    x = json.loads(said.out)["scores"]["x"]
    assert (x["samples"], x["real"], x["aim"]) == (1.0, 0.5, "lower is better")
    assert ended.value.code == 2
    assert said.err.startswith("These scores could not be kept (")
    os.rmdir(tmp_path / "scores.json")
    cli.main(["evaluate", str(tmp_path)])
    assert (tmp_path / "scores.json").read_text() in capsys.readouterr().out


def test_what_cannot_be_scored_is_a_sentence(monkeypatch, tmp_path, capsys):
    evaluating(monkeypatch, tmp_path, failing(MemoryError("9 GiB"), "scores"))
    with pytest.raises(SystemExit) as ended:
        cli.main(["evaluate", str(tmp_path)])
    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert said == "The samples could not be scored (out of memory: 9 GiB).\n"


def test_data_that_has_moved_is_found_and_other_data_refused(
    monkeypatch, tmp_path, capsys
):
    manifest = {"data": Spec(str(tmp_path / "gone.npz"))._asdict()}
    seen = evaluating(monkeypatch, tmp_path, manifest=manifest)
    moved = kept(tmp_path / "a.npz", image=some_images(9)).where
    cli.main(["evaluate", str(tmp_path), "--data", moved])
    assert seen == [Spec(moved)]
    other = kept(tmp_path / "b.npz", image=some_images(9, (8, 9, 3))).where
    with pytest.raises(SystemExit) as ended:
        cli.main(["evaluate", str(tmp_path), "--data", other])
    said = capsys.readouterr().err
    assert ended.value.code == 2 and "holds images of 8x9x3" in said and "8x8x3" in said
