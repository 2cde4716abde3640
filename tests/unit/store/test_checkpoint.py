"""States on disk: every bit comes back, and damage is noticed."""

import errno
import hashlib
import os
import shutil
import time
from pathlib import Path
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.sharding import NamedSharding, PartitionSpec as P

from ganjax import parallel
from ganjax.errors import UsageError
from ganjax.store import checkpoint, orbax_workarounds, readback
from ganjax.store.checkpoint import (
    best_step,
    describe_arrays,
    finish,
    open_saves,
    record_score,
    restore,
    save,
)
from tests.helpers.damage import flip, largest
from tests.helpers.states import same


def state(step=0):
    """Keys, counts, and numbers that few formats keep, another for each step."""
    params = {
        "w": jax.random.normal(jax.random.key(step), (8, 32)),
        "odd": jnp.asarray([-0.0, 1e-45, 3.4e38]) + 0 * step,
    }
    return {
        "step": jnp.int32(step),
        "key": jax.random.key(step),
        "params": params,
        "opt": optax.adam(1e-3).init(params),
        "memory": {"r1": ()},
        "half": jnp.full((3,), 1 / 3 + step, jnp.bfloat16),
    }


def store(folder: Path, *steps, scores=()):
    """Saves of these steps, whole on disk, and nobody holding them open."""
    saves = open_saves(folder)
    for i, step in enumerate(steps):
        save(saves, step, state(step))
        finish(saves)
        if i < len(scores) and scores[i] is not None:
            record_score(saves, step, scores[i])
    saves.orbax.close()


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """Saves of steps 1 and 2, to be copied."""
    folder = tmp_path_factory.mktemp("two") / "saves"
    store(folder, 1, 2)
    return folder


@pytest.fixture
def folder(two, tmp_path):
    return Path(shutil.copytree(two, tmp_path / "saves"))


def files(folder):
    """The contents of every file, by its path."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def truncate(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def read(folder, like=None, **options):
    """What is restored and what was said meanwhile."""
    said, saves = [], open_saves(folder)
    found = restore(saves, like or state(), said.append, **options)
    saves.orbax.close()
    return found, said


def test_every_bit_comes_back_with_its_type(folder):
    found, said = read(folder)
    same(found, state(2))
    assert jax.tree.structure(found) == jax.tree.structure(state(2))
    assert jax.dtypes.issubdtype(found["key"].dtype, jax.dtypes.prng_key)
    assert said == []
    found, _ = read(folder, jax.eval_shape(state))
    same(found, state(2))


def test_a_state_comes_back_laid_out_as_asked(folder):
    like = state()
    rows = NamedSharding(parallel.mesh(), P(parallel.AXIS))
    like["params"]["w"] = jax.device_put(like["params"]["w"], rows)
    found, _ = read(folder, like)
    assert found["params"]["w"].sharding == rows
    same(found, state(2))


def test_with_a_step_no_newer_save_is_considered(folder):
    for step, wanted in ((1, 1), (2, 2), (7, 2)):
        same(read(folder, step=step)[0], state(wanted))
    assert read(folder, step=0) == (None, [])


def test_the_newest_two_are_kept_and_the_one_with_the_lowest_score(tmp_path):
    store(tmp_path, 1, 2, 3, 4, 5, 6, scores=(5.0, 1.0, 4.0, None, 3.0, 2.0))
    saves = open_saves(tmp_path)
    assert sorted(saves.orbax.all_steps()) == [2, 5, 6]
    assert best_step(saves) == 2
    same(restore(saves, state(), print, step=2), state(2))
    saves.orbax.close()


def test_a_step_that_is_saved_again_has_no_score_until_it_is_scored_again(tmp_path):
    """As after a run went back, which may play on with other code or data."""
    store(tmp_path, 1, 2, scores=(5.0, 1.0))
    shutil.rmtree(tmp_path / "2")
    saves = open_saves(tmp_path)
    save(saves, 2, state(2))
    finish(saves)
    assert best_step(saves) == 1
    record_score(saves, 2, 4.0)
    assert best_step(saves) == 2
    saves.orbax.close()


def test_without_scores_the_newest_is_the_best(folder, tmp_path):
    saves, none = open_saves(folder), open_saves(tmp_path / "none")
    assert best_step(saves) == 2 and best_step(none) is None
    assert restore(none, state(), print) is None
    for each in (saves, none):
        each.orbax.close()


@pytest.mark.parametrize("damage", [flip, truncate, Path.unlink])
def test_a_damaged_save_is_named_put_aside_and_passed_over(folder, damage):
    damage(largest(folder / "2"))
    broken = files(folder / "2")
    found, said = read(folder)
    same(found, state(1))
    (sentence,) = said
    assert f"The save {folder / '2'} is damaged and skipped: " in sentence
    assert "\n" not in sentence
    assert not (folder / "2").exists() and files(folder / "damaged-2") == broken
    assert read(folder)[1] == [], "it is named only once"


def test_a_save_whose_arrays_are_whole_but_not_its_own_is_damaged(folder):
    shutil.rmtree(folder / "2" / "state")
    shutil.copytree(folder / "1" / "state", folder / "2" / "state")
    found, (sentence,) = read(folder)
    same(found, state(1))
    assert "is not what was saved" in sentence


def test_the_step_of_a_damaged_save_may_be_saved_again_and_damaged_again(folder):
    for aside in ("damaged-2", "damaged-2-again"):
        flip(largest(folder / "2"))
        saves, said = open_saves(folder), []
        same(restore(saves, state(), said.append), state(1))
        assert len(said) == 1 and (folder / aside).is_dir()
        save(saves, 2, state(2))
        finish(saves)
        same(restore(saves, state(), said.append), state(2))
        assert len(said) == 1
        saves.orbax.close()


def test_where_every_save_is_damaged_there_is_none(folder):
    for step in ("1", "2"):
        largest(folder / step).unlink()
    found, said = read(folder)
    assert found is None
    assert [sentence.split()[2] for sentence in said] == [
        str(folder / "2"),
        str(folder / "1"),
    ]


@pytest.mark.parametrize("change", ["shape", "type", "missing", "new"])
def test_a_save_of_other_contents_is_a_mistake_that_names_the_array(folder, change):
    like = state()
    path = "params.w"
    if change == "shape":
        like["params"]["w"] = jnp.zeros((8, 16))
    elif change == "type":
        like["params"]["w"] = jnp.zeros((8, 32), jnp.bfloat16)
    elif change == "missing":
        del like["params"]["w"]
    else:
        like["params"]["new"], path = jnp.zeros(()), "params.new"
    before = files(folder)
    with pytest.raises(UsageError) as error:
        read(folder, like)
    assert path in str(error.value) and "step 2" in str(error.value)
    assert describe_arrays(state())["params.w"] == "float32[8,32]"
    assert files(folder) == before, "a good save was touched"


def test_a_reader_creates_and_deletes_nothing(folder, tmp_path):
    before = files(folder)
    saves = open_saves(folder, read_only=True)
    same(restore(saves, state(), print), state(2))
    same(restore(saves, state(), print, step=1), state(1))
    saves.orbax.close()
    assert files(folder) == before
    nowhere = tmp_path / "nowhere"
    saves = open_saves(nowhere, read_only=True)
    assert restore(saves, state(), print) is None and best_step(saves) is None
    assert not nowhere.exists()


def test_a_reader_passes_over_a_damaged_save_and_leaves_it_where_it_is(folder):
    """The run may still be writing: what becomes of its saves is for it to say."""
    flip(largest(folder / "2"))
    before, said = files(folder), []
    saves = open_saves(folder, read_only=True)
    for _ in range(2):
        same(restore(saves, state(), said.append), state(1))
    saves.orbax.close()
    assert len(said) == 2 and files(folder) == before


def test_a_resumed_run_remembers_which_save_was_the_best(tmp_path):
    store(tmp_path, 1, 2, 3, scores=(5.0, 1.0, 4.0))
    store(tmp_path, 4, 5, scores=(3.0,))
    for read_only in (True, False):
        saves = open_saves(tmp_path, read_only=read_only)
        assert sorted(saves.orbax.all_steps()) == [2, 4, 5] and best_step(saves) == 2
        saves.orbax.close()


def test_a_save_that_was_begun_and_not_finished_is_not_seen(folder):
    """As a kill leaves it: Orbax gives a save its name when it is whole."""
    unfinished = folder / "3.orbax-checkpoint-tmp"
    shutil.copytree(folder / "2", unfinished)
    saves = open_saves(folder, read_only=True)
    assert sorted(saves.orbax.all_steps()) == [1, 2] and unfinished.exists()
    saves.orbax.close()
    same(read(folder)[0], state(2))
    # Orbax removes it in the background, and `close` does not wait for that.
    until = time.monotonic() + 60
    while unfinished.exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert not unfinished.exists()


def test_the_digest_is_of_the_bits():
    one = {"x": jnp.asarray([0.0, 1.0]), "key": jax.random.key(0)}
    two = {"x": jnp.asarray([-0.0, 1.0]), "key": jax.random.key(1)}
    first, second = checkpoint.digests(one), checkpoint.digests(two)
    assert first == checkpoint.digests(jax.tree.map(jnp.copy, one))
    assert all(first[path] != second[path] for path in first)
    rows = NamedSharding(parallel.mesh(), P(parallel.AXIS))
    x = np.arange(16.0, dtype=np.float32)
    assert checkpoint.digests(jax.device_put(x, rows)) == checkpoint.digests(
        jnp.asarray(x)
    )


def test_a_part_is_read_from_a_save_of_more(folder):
    whole = state(2)
    some = {"params": {"w": jnp.zeros((8, 32))}, "half": jnp.zeros((3,), jnp.bfloat16)}
    saves = open_saves(folder, read_only=True)
    found = restore(saves, some, print, partial=True)
    same(found, {"params": {"w": whole["params"]["w"]}, "half": whole["half"]})
    some["params"]["w"] = jnp.zeros((8, 31))
    with pytest.raises(UsageError, match="params.w is float32.8,32. in it"):
        restore(saves, some, print, partial=True)
    with pytest.raises(UsageError, match="key is key<fry>.. in it and none here"):
        checkpoint.restore_step(saves, 2, {"half": whole["half"]}, print)


@pytest.mark.parametrize("name", ["[x]", "a*b", "what?", "back\\slash", "runs[1]/deep"])
def test_a_folder_from_which_no_save_could_be_read_is_refused_at_once(name, tmp_path):
    """Orbax looks for its own files by a glob over the whole path."""
    folder = tmp_path / name
    folder.mkdir(parents=True)
    with pytest.raises(
        UsageError, match=r"No save could be read back from .* in its path"
    ):
        checkpoint.check_folder(folder)
    assert not list(folder.iterdir())


@pytest.mark.parametrize(
    "name", ["plain", "100% done", "a#b", "Größe ☃", "{a,b}", "~x"]
)
def test_other_names_are_tried_out_and_leave_nothing(name, tmp_path):
    folder = tmp_path / name
    folder.mkdir()
    checkpoint.check_folder(folder)
    assert not list(folder.iterdir())


def test_a_save_that_is_silently_none_is_noticed_at_once(tmp_path, monkeypatch):
    """Whatever keeps Orbax from joining what it wrote: here its glob finds nothing."""
    from etils.epath import gpath

    monkeypatch.setattr(gpath.PosixGPath, "glob", lambda self, pattern: iter(()))
    with pytest.raises(OSError, match="never joined.*Skipping merge"):
        store(tmp_path / "saves", 1)
    with pytest.raises(UsageError, match="never joined"):
        checkpoint.check_folder(tmp_path)


def test_what_was_left_apart_is_joined(folder, tmp_path):
    odd = tmp_path / "[x]"
    shutil.copytree(folder, odd / "saves")
    save = odd / "saves" / "2"
    (save / "state" / "manifest.ocdbt").unlink()
    shutil.rmtree(save / "state" / "d")
    assert readback.find_problem(save) == readback.NOT_JOINED
    readback.join_parts(save)
    assert readback.find_problem(save) == ""
    same(read(odd / "saves")[0], state(2))


def test_of_equal_scores_the_earliest_step_is_the_best():
    scores = {7: 1.0, 3: 1.0, 9: 0.5, 5: 2.0}
    policy = checkpoint.NewestAndBest(scores)

    def kept(*steps):
        given = [SimpleNamespace(step=step) for step in steps]
        flags = policy.should_preserve(given, context=None)
        return [step for step, keep in zip(steps, flags, strict=True) if keep]

    assert kept(1, 3, 5, 7, 8, 10) == [3, 8, 10]
    assert kept(1, 2, 4, 6) == [4, 6] and kept(5, 6) == [5, 6] and kept() == []
    scores[4] = 0.0  # as when it is recorded later
    assert kept(1, 2, 4, 5, 6, 8) == [4, 6, 8]


def test_scores_are_read_from_saves_of_old_versions_and_those_recorded_later_win(
    tmp_path,
):
    def old(step, text):
        (tmp_path / step / "check").mkdir(parents=True)
        (tmp_path / step / "check" / "metadata").write_text(text)

    old("4", '{"score": 3}')
    old("5", '{"score": 2.5}')
    for step, text in (("6", "{}"), ("7", '{"score": null}'), ("8", "{"), ("x", "[]")):
        old(step, text)
    (tmp_path / "9").mkdir()
    read = lambda: dict(checkpoint._read_scores(tmp_path))
    assert read() == {4: 3.0, 5: 2.5}
    (tmp_path / "scores.json").write_text('{"5": 1, "10": 7.5}')
    assert read() == {4: 3.0, 5: 1.0, 10: 7.5}
    for text in ("{", "[]", '{"a": 1}', '{"10": null}', "[" * 10**5):
        (tmp_path / "scores.json").write_text(text)
        assert read() == {4: 3.0, 5: 2.5}
    assert dict(checkpoint._read_scores(tmp_path / "gone")) == {}


class Orbax:
    """In place of Orbax's manager: the steps that it has, and what it raises."""

    def __init__(self, *steps, error=None):
        self.steps = [*steps]
        self.error = error
        self.calls = []

    def all_steps(self):
        return self.steps

    def wait_until_finished(self):
        self.calls.append("wait")
        if self.error:
            raise self.error

    def delete(self, step):
        self.calls.append(("delete", step))

    def reload(self):
        self.calls.append("reload")


def saves_of(folder, orbax=None, *, read_only=False, scores=None, pending=()):
    orbax = orbax or Orbax()
    return checkpoint.Saves(folder, orbax, scores or {}, read_only, [*pending], [])


def test_scores_are_written_by_step_in_order(tmp_path, monkeypatch):
    saves = saves_of(tmp_path, scores={10: 2.0})
    record_score(saves, 9, 1.5)
    record_score(saves, 100, 0.25)
    text = '{"9": 1.5, "10": 2.0, "100": 0.25}\n'
    assert (tmp_path / "scores.json").read_text() == text
    monkeypatch.setattr(jax, "process_index", lambda: 1)
    record_score(saves, 9, 7.0)
    assert (tmp_path / "scores.json").read_text() == text and saves.scores[9] == 7
    gone = saves_of(tmp_path / "gone")
    record_score(gone, 1, 1.0)
    assert not gone.folder.exists() and gone.scores == {1: 1.0}


def test_the_saves_from_which_a_run_does_not_go_on_are_deleted(tmp_path):
    orbax = Orbax(4, 8, 12, 16)
    checkpoint.delete_after(saves_of(tmp_path, orbax), 8)
    assert orbax.calls == [("delete", 12), ("delete", 16)]


def test_the_best_is_the_lowest_of_the_scores_of_saves_that_are_there(tmp_path):
    scores = {2: 1.0, 4: 3.0, 8: 2.0}
    best = lambda *steps: best_step(saves_of(tmp_path, Orbax(*steps), scores=scores))
    assert best(4, 8, 12) == 8 and best(6, 4) == 4
    assert best(3, 12, 6) == 12 and best() is None


@pytest.mark.parametrize("number", checkpoint.WRITE_ERRORS)
def test_errors_of_orbax_are_those_of_the_system_if_their_text_says_so(
    number, tmp_path, monkeypatch
):
    monkeypatch.setattr(checkpoint, "clear_frames", lambda error: None)
    inner = ValueError(f"UNKNOWN: {os.strerror(number)} [while writing]")
    with pytest.raises(OSError, match=os.strerror(number)) as told:
        finish(saves_of(tmp_path, Orbax(error=inner)))
    assert (told.value.errno, told.value.filename) == (number, str(tmp_path))
    assert told.value.__cause__ is inner


def test_other_errors_of_orbax_are_told_in_one_line_and_our_own_pass(
    tmp_path, monkeypatch
):
    freed = []
    monkeypatch.setattr(checkpoint, "clear_frames", freed.append)
    inner = RuntimeError("It broke.\nIn many lines.")
    said = rf"A save in {tmp_path} could not be written \(It broke\)"
    for ask in (finish, checkpoint.verify):
        with pytest.raises(OSError, match=said):
            ask(saves_of(tmp_path, Orbax(error=inner)))
    denied, mistake = PermissionError(13, "Permission denied"), UsageError("No.")
    for own in (denied, mistake):
        with pytest.raises(type(own)) as told:
            finish(saves_of(tmp_path, Orbax(error=own)))
        assert told.value is own
    assert freed == [inner, inner, denied]


def test_each_save_that_was_begun_is_opened_and_the_first_is_read(
    tmp_path, monkeypatch
):
    asked = []

    def find_problem(path, *, arrays):
        asked.append((path.name, arrays))
        return "it is cut off" if path.name == "9" else ""

    monkeypatch.setattr(readback, "find_problem", find_problem)
    monkeypatch.setattr(checkpoint, "last_warning", lambda: "a remark")
    for step in (4, 8, 9):
        (tmp_path / str(step)).mkdir()
    saves = saves_of(tmp_path, pending=(4, 8))
    finish(saves)
    assert sorted(asked) == [("4", False), ("8", False)]
    assert saves.pending == [] == saves.verified and saves.orbax.calls == ["wait"]
    asked.clear()
    saves.pending.extend((4, 8))
    checkpoint.verify(saves)
    assert asked == [("4", True), ("8", True)]
    assert (saves.pending, saves.verified) == ([], [4, 8])
    for step, why in ((9, "it is cut off"), (10, "it is not there")):
        said = f"The save {tmp_path / str(step)} cannot be read back: {why}; the "
        for ask in (finish, checkpoint.verify):
            with pytest.raises(OSError, match=f"{said}checkpoint library said: a rem"):
                ask(saves_of(tmp_path, pending=(step,)))
    monkeypatch.setattr(jax, "process_index", lambda: 1)
    finish(saves_of(tmp_path, pending=(9, 10)))  # the first process looks after them


def test_warnings_before_a_save_that_is_intact_are_not_told_of_a_later_one(
    tmp_path, monkeypatch
):
    problems = iter(["", "it is cut off"])
    monkeypatch.setattr(readback, "find_problem", lambda *rest, **more: next(problems))
    orbax_workarounds._warnings.append("of the first save")
    for step in (4, 8):
        (tmp_path / str(step)).mkdir()
    finish(saves_of(tmp_path, pending=(4,)))
    with pytest.raises(OSError, match="cut off$"):
        finish(saves_of(tmp_path, pending=(8,)))


def test_saves_are_tried_from_the_newest_and_the_damaged_ones_put_aside(
    tmp_path, monkeypatch
):
    asked = []

    def restore_step(saves, step, like, warn, *, partial):
        asked.append((step, like, partial))
        return {"step": step} if step <= 5 else None

    monkeypatch.setattr(checkpoint, "restore_step", restore_step)
    for step in (3, 5, 9, 10):
        (tmp_path / str(step)).mkdir()
    saves = saves_of(tmp_path, Orbax(9, 3, 10, 5), read_only=True)
    found = restore(saves, {"like": 1}, print, partial=True)
    assert found == {"step": 5}
    assert asked == [(step, {"like": 1}, True) for step in (10, 9, 5)]
    assert not list(tmp_path.glob("damaged*")) and saves.orbax.calls == []
    saves = saves._replace(read_only=False)
    assert restore(saves, {}, print, step=9) == {"step": 5}
    assert [step for step, *_ in asked[3:]] == [9, 5] and not asked[-1][-1]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "10",
        "3",
        "5",
        "damaged-9",
    ]
    assert saves.orbax.calls == ["reload"]
    assert restore(saves, {}, print, step=2) is None


def test_a_save_that_orbax_cannot_read_is_damaged_unless_the_error_may_go_away(
    tmp_path, monkeypatch
):
    errors = []

    def fail(*rest):
        raise errors[-1]

    monkeypatch.setattr(checkpoint, "clear_frames", lambda error: None)
    monkeypatch.setattr(checkpoint, "_read", fail)
    monkeypatch.setattr(readback, "find_problem", lambda path: "")
    said = []
    errors.append(ValueError("No such key.\nIn many lines."))
    assert checkpoint.restore_step(saves_of(tmp_path), 8, {}, said.append) is None
    path = tmp_path / "8"
    assert said == [f"The save {path} is damaged and skipped: No such key"]
    for error in (UsageError("No."), MemoryError(), PermissionError()):
        errors.append(error)
        with pytest.raises(type(error)):
            checkpoint.restore_step(saves_of(tmp_path), 8, {}, said.append)
    errors.append(ValueError(f"INTERNAL: {os.strerror(errno.EIO)}"))
    with pytest.raises(OSError, match="Input/output"):
        checkpoint.restore_step(saves_of(tmp_path), 8, {}, said.append)
    monkeypatch.setattr(readback, "find_problem", lambda path: readback.NOT_JOINED)
    assert checkpoint.restore_step(saves_of(tmp_path), 8, {}, said.append) is None
    assert len(said) == 2 and "skipped (`ganjax check` joins it): what each" in said[1]


def test_arrays_are_described_by_their_paths():
    assert describe_arrays(
        {
            "a": [jnp.zeros((2, 3), jnp.int8), jax.random.key(0)],
            "b": {"c": jnp.ones(())},
        }
    ) == {"a.0": "int8[2,3]", "a.1": "key<fry>[]", "b.c": "float32[]"}


def test_digests_are_of_the_bytes_in_order():
    x = np.arange(6, dtype=np.int16).reshape(2, 3)
    key = jax.random.key(3)
    sha = lambda data: hashlib.sha256(data).hexdigest()
    assert checkpoint.digests({"x": jnp.asarray(x).T, "key": key}) == {
        "x": sha(x.T.tobytes()),
        "key": sha(np.asarray(jax.random.key_data(key)).tobytes()),
    }
    everywhere = NamedSharding(parallel.mesh(), parallel.REPLICATED)
    copies = jax.device_put(x, everywhere)
    assert checkpoint.digests([copies]) == {"0": sha(x.tobytes())}


def test_every_save_is_kept_if_that_is_asked_and_steps_may_go_back(tmp_path):
    saves = open_saves(tmp_path / "all", keep_all=True)
    for step in (1, 2, 3, 7, 5):
        save(saves, step, {"x": jnp.float32(step)})
        # The one before it is looked after when the next one begins.
        assert saves.pending == ([] if step == 1 else [step])
    finish(saves)
    assert saves.verified == [1], "the first save of a process is read back"
    assert sorted(saves.orbax.all_steps()) == [1, 2, 3, 5, 7]
    checkpoint.delete_after(saves, 3)
    assert sorted(saves.orbax.all_steps()) == [1, 2, 3]
    saves.orbax.close()


def test_saves_may_be_opened_by_a_relative_path(folder, monkeypatch):
    monkeypatch.chdir(folder.parent)
    saves = open_saves(Path(folder.name), read_only=True)
    assert saves.folder == folder and best_step(saves) == 2


def test_a_save_fails_at_once_where_no_folder_can_be_made(tmp_path):
    saves = open_saves(tmp_path / "saves")
    shutil.rmtree(tmp_path / "saves")
    with pytest.raises(FileNotFoundError):
        save(saves, 1, {"x": jnp.zeros(3)})
    assert saves.pending == []
    saves.orbax.close()


@pytest.mark.parametrize(
    "error", [OSError(28, "No space left"), ValueError("No."), RuntimeError("No.")]
)
def test_a_trial_that_fails_is_a_sentence_and_leaves_nothing(
    error, tmp_path, monkeypatch
):
    def fail(*rest):
        raise error

    (tmp_path / ".trial").mkdir()
    (tmp_path / ".trial" / "of_before").touch()
    monkeypatch.setattr(checkpoint, "save", fail)
    said = f"No save could be read back from {tmp_path} .(No|No space left)"
    with pytest.raises(UsageError, match=said) as told:
        checkpoint.check_folder(tmp_path)
    assert told.value.__cause__ is error and not list(tmp_path.iterdir())
