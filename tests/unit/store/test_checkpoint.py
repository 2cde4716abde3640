"""States on disk: every bit comes back, and damage is noticed."""

import shutil
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.sharding import NamedSharding, PartitionSpec as P

from ganjax import parallel
from ganjax.errors import UsageError
from ganjax.store import checkpoint, readback
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
    found = restore(open_saves(folder, read_only=True), some, print, partial=True)
    same(found, {"params": {"w": whole["params"]["w"]}, "half": whole["half"]})
    some["params"]["w"] = jnp.zeros((8, 31))
    with pytest.raises(UsageError, match="params.w is float32.8,32. in it"):
        restore(open_saves(folder, read_only=True), some, print, partial=True)


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
