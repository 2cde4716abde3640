"""What happens to runs: nothing that was trained is lost or changes in silence."""

import dataclasses
import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import optax
import pytest
from PIL import Image

import ganjax
from ganjax import cli, losses
from ganjax.commands import sample
from ganjax.core import GAN, Player, normal
from ganjax.data import Sizes, Spec, load
from ganjax.data.stream import shapes_of
from ganjax.errors import UsageError
from ganjax.models import mlp
from ganjax.run import (
    NoPrefix,
    Run,
    attempts,
    hooks,
    resume,
)
from ganjax.run.fitting import step_digest
from ganjax.store import checkpoint, readback
from ganjax.store.check import check_saves, describe_state
from ganjax.store.manifest import INVENTORY
from ganjax.store.status import read_status, write_status
from ganjax.store.workdir import locked
from tests.helpers.processes import environment, experiment, finished
from tests.helpers.runs import ADAM, args, game, train
from tests.helpers.states import same


SECONDS = 120


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A finished run with saves of steps 4 and 8, to be copied."""
    folder = tmp_path_factory.mktemp("cases") / "run"
    return folder, train(folder, save_every=4, scores=False)


@pytest.fixture
def copy(run, tmp_path):
    return Path(shutil.copytree(run[0], tmp_path / "run"))


def manifest(folder):
    return json.loads((folder / "run.json").read_text())


def rewrite(folder, change):
    """Changes the manifest of a run by hand."""
    found = manifest(folder)
    change(found)
    (folder / "run.json").write_text(json.dumps(found))


def listing(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


def images(folder, count=24, side=4, start=0):
    """So many pictures, no two alike."""
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(start, start + count):
        rows = np.random.default_rng(i).integers(0, 256, (side, side), np.uint8)
        Image.fromarray(rows).save(folder / f"{i}.png")
    return folder


def painter():
    """A game whose G makes images of 4x4 pixels."""
    net = mlp.Generator(shape=(4, 4, 1), width=8)
    return game()._replace(
        **ganjax.game(
            GAN(
                Player(net, ADAM),
                Player(mlp.Discriminator(width=8), ADAM),
                losses.hinge(),
                normal(2),
                ema=lambda step: 0.9,
            )
        )._asdict()
    )


def paint(folder, data, **changes):
    """Trains on the images of a folder."""
    flags = args(folder, **{"scores": False, "save_every": 4} | changes)
    return ganjax.train(painter(), data, flags.run, config=flags)


# A. Work that is lost


@pytest.mark.parametrize("name", ["[x]", "a*b", "who?", "runs[1]/a"])
def test_no_run_begins_where_it_could_not_be_read_again(name, tmp_path, monkeypatch):
    with pytest.raises(
        UsageError, match="No save could be read back from .* in its path"
    ):
        train(tmp_path / name / "run")
    assert not list(tmp_path.iterdir())
    (tmp_path / name).mkdir(parents=True)
    monkeypatch.chdir(tmp_path / name)
    with pytest.raises(UsageError, match="in its path"):
        train("relative")
    assert not list((tmp_path / name).iterdir())


def apart(save):
    """Makes a save what the first edition left where the path had a [ in it."""
    (save / "state" / "manifest.ocdbt").unlink()
    shutil.rmtree(save / "state" / "d")


def test_a_run_of_such_a_folder_is_rescued_by_the_command(run, tmp_path, capsys):
    odd = tmp_path / "[x]" / "run"
    shutil.copytree(run[0], odd)
    for step in (4, 8):
        apart(odd / "checkpoints" / str(step))
    os.replace(odd / "checkpoints" / "8", odd / "checkpoints" / "damaged-8")
    cli.main(["check", str(odd)])
    said = capsys.readouterr().out
    assert "save of step 4: intact (joined what each process wrote)" in said
    assert "save of step 8: intact (joined what each process wrote, put back" in said
    assert "Move" in said and "The newest intact save is that of step 8." in said
    same(ganjax.load(odd, game=game()).state, run[1])


def test_the_command_tells_what_is_damaged_and_deletes_nothing(copy, capsys):
    arrays = copy / "checkpoints" / "8" / "state" / "d"
    largest = max(arrays.iterdir(), key=lambda path: path.stat().st_size)
    largest.write_bytes(largest.read_bytes()[:10])
    before = listing(copy)
    cli.main(["check", str(copy)])
    said = capsys.readouterr().out
    assert "save of step 4: intact" in said and "save of step 8: damaged" in said
    assert listing(copy) == before
    shutil.rmtree(copy / "checkpoints" / "4")
    with pytest.raises(SystemExit) as end:
        cli.main(["check", str(copy)])
    assert end.value.code == 2 and "no intact save" in capsys.readouterr().err


def test_the_command_tells_a_killed_run_from_one_that_goes_on(copy):
    write_status(copy, "running", 8)
    assert "was killed before step " in describe_state(copy)
    with locked(copy):
        assert "is being trained now" in describe_state(copy)


def test_nothing_is_mended_while_the_run_is_trained(copy):
    """A save that was set aside and is whole waits until the folder is free."""
    saves = copy / "checkpoints"
    os.replace(saves / "4", saves / "damaged-4")
    before = listing(copy)
    with locked(copy):
        found = check_saves(copy)
    assert [each[1:] for each in found] == [(4, "", ""), (8, "", "")]
    assert listing(copy) == before
    assert [each.repairs for each in check_saves(copy)] == ["put back in its place", ""]
    assert (saves / "4").is_dir()


def test_a_save_is_on_disk_before_its_step_is_scored(tmp_path, monkeypatch):
    seen = []

    def spy(*rest):
        def hook(step, state, row):
            saves = checkpoint.open_saves(tmp_path / "run/checkpoints", read_only=True)
            # A save that is still being written ends in ".orbax-checkpoint-tmp".
            names = {p.name.partition(".")[0] for p in saves.folder.glob("[0-9]*")}
            seen.append((step, sorted(map(int, names))))

        return hook

    monkeypatch.setattr(hooks, "score_hook", spy)
    train(tmp_path / "run", save_every=4, evaluate_every=4)
    # The first save is read back at once; a later one is at least begun.
    assert seen == [(4, [4]), (8, [4, 8])]


@pytest.mark.parametrize(
    "error", [MemoryError("no room"), ValueError("odd"), OSError(5)]
)
def test_scores_that_fail_neither_end_a_run_nor_undo_a_step(
    error, run, tmp_path, monkeypatch, capsys
):
    def fail(*rest, **more):
        raise error

    monkeypatch.setattr(hooks, "evaluator", fail)
    state = train(tmp_path / "run", save_every=4, evaluate_every=4)
    same(state, run[1])
    said = capsys.readouterr().out
    assert said.count("could not be made") == 1 and "--no-scores" in said
    assert read_status(tmp_path / "run")["state"] == "finished"


def test_a_save_whose_scores_failed_has_no_score(tmp_path, monkeypatch):
    def at_step_4_alone(*rest):
        *_, rate_save = rest

        def hook(step, state, row):
            if step == 4:
                rate_save(step, np.asarray([2.0, 4.0]))

        return hook

    monkeypatch.setattr(hooks, "score_hook", at_step_4_alone)
    train(tmp_path / "run", save_every=4, evaluate_every=4)
    found = json.loads((tmp_path / "run/checkpoints/scores.json").read_text())
    assert found == {"4": 3.0}


def test_scores_can_be_turned_off_and_on_again(copy):
    text = (copy / "metrics.jsonl").read_text()
    assert "frechet" not in text and not (copy / "evaluation.json").exists()
    train(copy, save_every=4, steps=12)
    assert "frechet" in (copy / "metrics.jsonl").read_text()


def dies(step, state, row):
    raise KeyboardInterrupt  # as good as a kill: nothing after it happens


def test_scores_that_the_process_does_not_survive_are_tried_twice(tmp_path, capsys):
    played = []
    hook = attempts.limit_tries(tmp_path, dies)
    for _ in range(attempts.MAX_TRIES):
        assert attempts.is_owed(tmp_path, 4)
        with pytest.raises(KeyboardInterrupt):
            hook(4, None, {})
    attempts.limit_tries(tmp_path, lambda *rest: played.append(4))(4, None, {})
    assert not played and "Scores at step 4 are left out" in capsys.readouterr().out
    attempts.limit_tries(tmp_path, lambda *rest: played.append(8))(8, None, {})
    assert played == [8] and not attempts.is_owed(tmp_path, 8)


def test_a_row_of_scores_is_neither_lost_nor_told_twice(tmp_path):
    rows = []
    record = attempts.record_once(tmp_path, lambda *row: rows.append(row))
    record(4, {"frechet": np.float64(0.1)})
    record(4, {"frechet": np.float64(0.1)})
    assert rows == [("scores", 4, {"frechet": 0.1})]
    assert not attempts.is_owed(tmp_path, 4)
    for _ in range(2):  # killed after it was noted and before it was told
        attempts.add_missing_row(tmp_path, 4)
        told = (tmp_path / "metrics.jsonl").read_text()
        assert told == '{"step": 4, "event": "scores", "frechet": 0.1}\n'
    attempts.add_missing_row(tmp_path, 3)
    assert len((tmp_path / "metrics.jsonl").read_text().splitlines()) == 1


def test_what_a_kill_kept_from_a_save_is_made_when_the_run_resumes(run, tmp_path):
    """Killed between the last save and its pictures and scores: these come later."""
    whole = train(tmp_path / "whole", save_every=4)
    again = Path(shutil.copytree(tmp_path / "whole", tmp_path / "again"))
    (again / "samples" / "000000008.png").unlink()
    (again / attempts.FILE).unlink()
    rows = (again / "metrics.jsonl").read_text().splitlines(keepends=True)
    assert "frechet" in rows[-1]
    (again / "metrics.jsonl").write_text("".join(rows[:-1]))
    same(train(again, save_every=4), whole)
    for name in ("metrics.jsonl", "samples/000000008.png"):
        assert (again / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_sizes_that_do_not_fit_are_found_before_the_folder_is_made(tmp_path):
    data = images(tmp_path / "data", side=5)
    with pytest.raises(UsageError, match="4x4 pixels.*5x5 pixels"):
        paint(tmp_path / "run", data)
    assert not (tmp_path / "run").exists()


def streamed(monkeypatch):
    monkeypatch.setattr("ganjax.run.training.RESIDENT_BYTES", 0)


def test_all_broken_files_are_named_before_the_first_step(tmp_path, monkeypatch):
    data = images(tmp_path / "data", 40)
    for i in (3, 9, 30):
        whole = (data / f"{i}.png").read_bytes()
        (data / f"{i}.png").write_bytes(whole[: len(whole) // 2 + 20])
    for keep in (False, True):
        if keep:
            streamed(monkeypatch)
        with pytest.raises(UsageError) as told:
            paint(tmp_path / "run", data)
        assert all(f"{i}.png" in str(told.value) for i in (3, 9, 30)), told.value
        assert not (tmp_path / "run").exists()
    for i in (3, 9, 30):
        (data / f"{i}.png").unlink()
    assert int(paint(tmp_path / "run", data).step) == 8


@pytest.mark.slow
def test_a_file_that_breaks_in_mid_run_ends_it_saved_and_it_goes_on(
    tmp_path, monkeypatch, capsys
):
    streamed(monkeypatch)
    data, run = images(tmp_path / "data", 32), tmp_path / "run"
    broken = data / "17.png"
    whole = broken.read_bytes()

    def spoil(step, state, row):
        broken.write_bytes(b"no picture")

    monkeypatch.setattr(hooks, "picture_hook", lambda *rest: spoil)
    flags = {"sample_every": 3, "save_every": 1000, "steps": 40}
    with pytest.raises(
        UsageError, match="17.png.*is stopped; its last save is that of step"
    ):
        paint(run, data, **flags)
    status = read_status(run)
    assert status["state"] == "stopped" and "17.png" in status["sentence"]
    saved = max(int(path.name) for path in (run / "checkpoints").glob("[0-9]*"))
    assert 3 <= saved < 40, "what was played before the file is saved"
    monkeypatch.undo()
    streamed(monkeypatch)
    broken.write_bytes(whole)
    end = paint(run, data, **flags)
    same(end, paint(tmp_path / "other", data, **flags))
    assert f"resumes at step {saved}" in capsys.readouterr().out


@pytest.mark.slow
def test_a_file_that_is_taken_out_or_replaced_is_told_and_the_run_goes_on(
    tmp_path, capsys
):
    data, run = images(tmp_path / "data"), tmp_path / "run"
    paint(run, data)
    (data / "3.png").unlink()
    images(data, 1, start=5)  # the same picture
    images(tmp_path / "else", 1, start=99)
    shutil.copy(tmp_path / "else" / "99.png", data / "7.png")
    assert int(paint(run, data, steps=12).step) == 12
    said = capsys.readouterr().out
    assert "1 removed (3.png), 1 replaced (7.png). The run goes on" in said
    paint(run, data, steps=16)
    assert "has changed since" not in capsys.readouterr().out


@pytest.mark.slow
def test_a_disk_without_room_is_one_sentence_and_the_run_goes_on_later(tmp_path):
    run = tmp_path / "run"
    flags = ("--workdir", run, "--batch", 16, "--width", 64, "--no-scores")
    flags = (*flags, "--save-every", 4, "--log-every", 2, "--sample-every", 10**6)

    def play(steps, room="unlimited"):
        """With room for so many KiB in any one file."""
        limited = ["bash", "-c", f'ulimit -f {room}; exec "$@"', "_"]
        return finished(
            limited + experiment("ring", *flags, "--steps", steps),
            tmp_path,
            timeout=SECONDS,
        )

    assert play(4).returncode == 0
    ended = play(12, room=30)
    assert ended.returncode == 2 and "Traceback" not in ended.stderr, ended.stderr
    said = ended.stderr.strip().splitlines()[-1]
    assert "is stopped; its last save is that of step 4" in said, said
    assert read_status(run)["state"] == "stopped"
    assert readback.find_problem(run / "checkpoints" / "4") == ""
    assert not list((run / "checkpoints").glob("*tmp*"))
    assert play(12).returncode == 0
    other = experiment("ring", *flags, "--steps", 12, "--workdir", tmp_path / "other")
    subprocess.run(other, env=environment(tmp_path), check=True, timeout=SECONDS)
    same(ganjax.load(run).state, ganjax.load(tmp_path / "other").state)


SCRIPT = """
'''An experiment of one's own.'''
from dataclasses import dataclass
import optax
import {helper}
from ganjax import GAN, Player, augment, game, losses, train
from ganjax.data import Spec
from ganjax.core import normal
from ganjax.modalities import POINTS
from ganjax.models import mlp
from ganjax.run import NoPrefix, Run, command

@dataclass(frozen=True)
class Args:
    run: NoPrefix[Run] = Run("{run}", steps=4, batch=8, devices="jit", scores=False)
    width: int = 8

def make(args):
    adam = optax.adam({helper}.RATE)
    g = mlp.Generator(shape=(2,), width=args.width, output={output})
    d = mlp.Discriminator(width=args.width)
    return game(GAN(Player(g, adam), Player(d, adam), losses.hinge(),
                    normal(2), ema=optax.constant_schedule(0.0)), POINTS)

def main(args):
    return train(make(args), "ring", args.run, config=args)

if __name__ == "__main__":
    command(main)
"""


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """A folder with an experiment of one's own, and a file that it imports."""

    def written(output="mlp.linear", rate="1e-3", helper="helper"):
        (tmp_path / "mine").mkdir(exist_ok=True)
        text = SCRIPT.format(run=tmp_path / "run", output=output, helper=helper)
        (tmp_path / "mine" / "exp.py").write_text(text)
        (tmp_path / "mine" / f"{helper}.py").write_text(f"RATE = {rate}\n")
        return tmp_path / "mine" / "exp.py"

    return written


def play(script, *flags):
    folder = script.parents[1]
    env = environment(folder) | {"GANJAX_CACHE": os.environ["GANJAX_CACHE"]}
    command = [sys.executable, script, *flags]
    return finished(command, folder, env=env, timeout=SECONDS)


@pytest.mark.slow
def test_code_that_changed_is_told_and_each_save_is_sampled_by_its_own(mine, tmp_path):
    run, script = tmp_path / "run", mine()
    first = play(script)
    assert first.returncode == 0, first.stderr
    assert "what it imports from its folder: helper.py" in first.stdout
    old = ganjax.load(run).sample(4)
    mine(output="lambda x: 0 * x + 7")
    second = play(script, "--steps", 8)
    assert "is not what" in second.stdout and "until step 4" in second.stdout
    assert (ganjax.load(run).sample(4) == 7).all(), "the newest save is of the new code"
    shutil.rmtree(run / "checkpoints" / "8")
    np.testing.assert_array_equal(ganjax.load(run).sample(4), old)
    third = play(mine(output="lambda x: 0 * x + 7", rate="2e-3"), "--steps", 8)
    assert "is not what" in third.stdout, "what the experiment imports is its code, too"


@pytest.mark.slow
def test_an_experiment_is_sampled_though_its_folder_is_gone(mine, tmp_path):
    run, script = tmp_path / "run", mine()
    assert play(script).returncode == 0
    shutil.rmtree(script.parent)
    assert ganjax.load(run).sample(2).shape == (2, 2), (
        "known here: it asks for no trust"
    )
    shutil.rmtree(run / "code")
    with pytest.raises(UsageError, match="is code that is not known here"):
        ganjax.load(run)
    with pytest.raises(
        UsageError, match=r"imports helper, which is not found.*helper\.py"
    ):
        ganjax.load(run, trust=True)


def test_a_run_of_an_earlier_version_goes_on(copy, run):
    def older(found):
        for name in ("scores", "keep_every", "microbatches"):
            del found["args"]["run"][name]
        for name in ("found", "folder"):
            del found[name]
        found["data"] = {"where": "ring"}

    rewrite(copy, older)
    (copy / INVENTORY).unlink()
    assert ganjax.load(copy, game=game()).sample(2).shape == (2, 2)
    state = train(copy, save_every=4, scores=False)
    same(state, run[1])


def test_what_was_given_then_is_compared_with_the_default_now(copy):
    rewrite(copy, lambda found: found["args"]["run"].pop("seed"))
    with pytest.raises(UsageError, match="--seed was 0 when .* and is 5 now"):
        train(copy, seed=5, scores=False)


def test_an_argument_that_is_gone_is_told_and_those_of_ganjax_are_left_out(
    copy, capsys
):
    def newer(found):
        found["args"]["run"]["warp"] = 9
        found["data"]["scent"] = "lemon"
        found["new"] = [1]

    rewrite(copy, newer)
    assert ganjax.load(copy, game=game()).sample(2).shape == (2, 2)
    train(copy, save_every=4, scores=False)
    assert (
        "--warp, which was 9, is not an argument any more." in capsys.readouterr().out
    )


def test_a_second_process_leaves_the_manifest_alone(copy):
    before = listing(copy)
    with locked(copy):
        with pytest.raises(UsageError, match="Another process trains in"):
            train(copy, steps=7)
    assert listing(copy) == before


def test_data_may_move_where_its_contents_agree(tmp_path, monkeypatch, capsys):
    data, run = images(tmp_path / "here" / "data"), tmp_path / "run"
    monkeypatch.chdir(tmp_path / "here")
    paint(run, "data")
    assert manifest(run)["data"]["where"] == str(data)
    monkeypatch.chdir(tmp_path)
    moved = tmp_path / "there"
    shutil.move(data, moved)
    assert int(paint(run, moved, steps=12).step) == 12
    assert f"now read from {moved}" in capsys.readouterr().out
    assert manifest(run)["data"]["where"] == str(moved)
    other = images(tmp_path / "other", start=100)
    with pytest.raises(UsageError, match="The data is not what .* was begun with"):
        paint(run, other, steps=16)


@pytest.mark.slow
def test_a_relative_path_of_data_may_be_another(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    images(tmp_path / "q")
    kind = dataclasses.make_dataclass("Made", [("run", NoPrefix[Run]), ("data", str)])

    def play(data):
        run = Run(str(tmp_path / "run"), steps=2, batch=8, scores=False)
        ganjax.train(painter(), data, run, config=kind(run, data))

    play("q")
    os.rename("q", "q2")
    play("q2")
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path / "sub")
    play("../q2")


def test_data_that_is_read_otherwise_is_refused(tmp_path):
    data, run = images(tmp_path / "data"), tmp_path / "run"
    paint(run, data)
    flags = args(run, scores=False, save_every=4, steps=12)
    with pytest.raises(
        UsageError, match="The data is read with background 0, and with 255"
    ):
        ganjax.train(painter(), Spec(str(data), background=0), flags.run, config=flags)


def test_other_images_under_the_same_name_are_refused(tmp_path):
    data, run = images(tmp_path / "data"), tmp_path / "run"
    paint(run, data)
    before = listing(run)
    shutil.rmtree(data)
    images(data, start=100)
    for path in sorted(data.iterdir()):
        path.rename(data / f"{int(path.stem) - 100}.png")
    with pytest.raises(UsageError, match="24 replaced"):
        paint(run, data, steps=12)
    assert listing(run) == before


@pytest.mark.parametrize(
    "changes",
    [
        {"log_every": 3},
        {"save_every": 2, "sample_every": 5, "evaluate_every": 7, "keep_every": 9},
        {"init_from": "nowhere"},
        {"scores": True},
    ],
)
def test_cadences_are_free_to_change(changes, copy, run):
    flags = {"save_every": 4, "scores": False} | changes
    same(train(copy, **flags), run[1])


def test_a_start_that_fails_leaves_nothing_behind(run, tmp_path):
    for flags in (
        {"init_from": str(tmp_path / "nowhere")},
        {"init_from": str(run[0]), "made": game(9)},
        {"batch": 12},
    ):
        with pytest.raises(UsageError):
            train(tmp_path / "deep" / "er" / "run", **flags)
        assert not (tmp_path / "deep").exists()


def test_where_no_save_is_whole_nothing_is_begun_anew(copy):
    """What is there may still be rescued."""
    for step in ("4", "8"):
        arrays = copy / "checkpoints" / step / "state" / "array_metadatas" / "process_0"
        arrays.write_text("x")
    before = listing(copy)
    with pytest.raises(UsageError, match="has no intact save: each of 2 is damaged"):
        train(copy, save_every=4, scores=False)
    assert listing(copy) == before
    with pytest.raises(
        UsageError, match="no intact save.*array_metadatas/process_0 cannot"
    ):
        ganjax.load(copy, game=game())


@pytest.mark.parametrize("number", [errno.EIO, errno.EMFILE, errno.EACCES])
def test_a_save_that_cannot_be_read_now_is_no_damaged_one(number, copy, monkeypatch):
    """TensorStore tells what the system said within a text of its own."""
    before = listing(copy)

    def fail(*rest):
        raise ValueError(f"INTERNAL: {os.strerror(number)} [while reading]")

    monkeypatch.setattr(readback, "_read_array", fail)
    with pytest.raises(UsageError, match=os.strerror(number)):
        train(copy, save_every=4, scores=False)
    monkeypatch.undo()
    assert listing(copy) == before


def test_a_save_that_is_of_another_game_leaves_the_manifest_alone(copy):
    before = listing(copy)
    with pytest.raises(UsageError, match="of another game or optimizer"):
        train(copy, game(9), steps=12, scores=False)
    assert listing(copy) == before


def test_another_optimizer_or_batch_size_names_the_start_from_these_weights(
    copy, tmp_path
):
    for changes, says in (
        ({"made": game(optim=optax.sgd(1e-3))}, "or optimizer: d.opt"),
        ({"batch": 32}, "--batch was 16 when"),
    ):
        with pytest.raises(UsageError, match=says) as error:
            train(copy, scores=False, steps=12, **changes)
        text = str(error.value)
        remedy = f"name another --workdir, with --init-from {copy} to begin with its"
        assert remedy in text, text
        # It is done as it says.
        new = tmp_path / says.split()[-1]
        flags = {"steps": 1, "save_every": 1, "init_from": str(copy)} | changes
        assert int(train(new, scores=False, **flags).step) == 1


def test_the_weights_of_a_run_are_no_start_for_itself(copy, monkeypatch):
    before = listing(copy)
    monkeypatch.chdir(copy.parent)
    for name in (str(copy), copy.name, f"{copy.name}/../{copy.name}"):
        with pytest.raises(UsageError, match="is the run's own folder: leave it out"):
            train(copy, steps=12, scores=False, init_from=name)
    assert listing(copy) == before


# D. Sentences


@pytest.mark.parametrize("where", ["/proc/run", "/dev/null/run"])
def test_a_folder_that_cannot_be_written_is_a_sentence(where, tmp_path):
    with pytest.raises(UsageError, match=f"{where}.*name another"):
        train(where)
    assert where.startswith("/proc") or not Path(where).exists()


def test_an_output_that_cannot_be_written_is_found_before_the_work(copy, monkeypatch):
    worked = []
    monkeypatch.setattr(sample, "load", lambda *rest, **more: worked.append(1))
    for out in ("/proc/a.png", "/dev/null/a.png", str(copy)):
        with pytest.raises(SystemExit) as end:
            cli.main(["sample", str(copy), "--out", out if out.endswith("g") else out])
        assert end.value.code == 2 and not worked


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "cp1252", "utf-8"])
def test_no_letter_is_too_much_for_a_terminal(encoding, tmp_path):
    """In a process of its own, whose terminal speaks that encoding."""
    code = """
from ganjax.cli import main
from ganjax.run.terminal import say, warn

say('a … ☃ é')
warn('… ☃')
main(['sample', '--help'])
"""
    env = environment(tmp_path) | {"PYTHONIOENCODING": f"{encoding}:strict"}
    ended = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith(b"a ") and ended.stdout.endswith(b"\n")
    assert b"--label" in ended.stdout


def test_members_that_are_not_there_are_a_sentence(copy, capsys):
    for member in (1, 99, -1):
        with pytest.raises(UsageError, match=f"--member {member} is asked for"):
            ganjax.load(copy, game=game(), member=member)
    rewrite(copy, lambda found: found["args"]["run"].update(seeds=3))
    with pytest.raises(UsageError, match="a population of 3: give 0 to 2"):
        ganjax.load(copy, game=game(), member=3)


IN_PYTHON = """
import sys, pathlib, re, numpy as np, ganjax
from ganjax.data import Spec
from ganjax.errors import UsageError
from ganjax.run import Run
from tests.helpers.runs import Args, game

place, made = pathlib.Path(sys.argv[1]), game()

def told(act, words):
    try:
        act()
    except UsageError as mistake:
        assert re.search(words, str(mistake)), mistake
    else:
        raise AssertionError(words)

def run(**changes):
    return Run(**{"workdir": str(place / "no"), "steps": 4, "batch": 8} | changes)

for changes, words in [
    ({"steps": 1.5}, "steps is 1.5: give a whole number"),
    ({"steps": "many"}, "steps is 'many': give a whole number"),
    ({"batch": None}, "batch is None: give a whole number"),
    ({"seed": True}, "seed is True: give a whole number"),
    ({"steps": float("nan")}, "steps is nan: give a whole number"),
    ({"workdir": 3}, "workdir is 3: give text"),
    ({"scores": "yes"}, "scores is 'yes': give True or False"),
    ({"steps": -2.0}, "`steps` -2 is out of range"),
    ({"batch": 10**12}, "`batch` 1000000000000 is out of range"),
    ({"devices": "gpu"}, "devices is 'gpu': give one of jit, pmap, shard, fsdp"),
    ({"devices": None}, "devices is None: give one of"),
    ({"posthoc_ema": 0.1}, "posthoc_ema is 0.1: give a tuple"),
    ({"posthoc_ema": ("a",)}, "posthoc_ema is 'a': give a number"),
    ({"workdir": "~nosuchuser/run"}, "begins with ~, and there is no such home"),
]:
    told(lambda: ganjax.train(made, "ring", run(**changes)), words)
for given, config, data, words in [
    (Args(run()), None, Spec("ring"), "The run is given as Args"),
    ("a", None, Spec("ring"), "The run is given as str 'a': give ganjax.Run"),
    (run(), Args, Spec("ring"), "The config is given as type"),
    (run(), 7, Spec("ring"), "The config is given as int 7"),
    (run(), {"x": object()}, Spec("ring"), "which cannot be kept with the run"),
    (run(), None, 7, "The data is given as int"),
    (run(), None, "nowhere", "There is no data 'nowhere'"),
]:
    told(lambda: ganjax.train(made, data, given, config=config), words)
told(lambda: ganjax.train(None, "ring", run()), "The game is given as NoneType")
told(lambda: ganjax.train(made, "ring", run(), hooks=[print]), "A hook is given as")
told(lambda: ganjax.train(made, "ring", run(), sizes=(1, 8, 8)), "give Sizes")
assert not (place / "no").exists()
for folder in (None, 5, b"x"):
    told(lambda: ganjax.load(folder), "give the folder of a run")

flags = Run(place / "run", steps=4.0, batch=np.int64(8), scores=False, devices="jit")
assert int(ganjax.train(made, "ring", flags).step) == 4
loaded = ganjax.load(place / "run", game=made)
for n in (0, -3, 2.5, "3", None, float("nan"), 2**40):
    told(lambda: loaded.sample(n), f"The number of samples is {n!r}")
for seed in (1.5, "a", 2**70, -1):
    told(lambda: loaded.sample(1, seed=seed), f"The seed is {seed!r}")
assert loaded.sample(2.0).shape == (2, 2)
for label in ("cat", 8, -1, "-1", "8"):
    told(lambda: loaded.sample(1, label=label), f"`label` {label} is not a class of this")
for member in ("a", 1.5):
    told(lambda: ganjax.load(place / "run", game=made, member=member), "`member` is")
for member in (1, 99, -1):
    told(lambda: ganjax.load(place / "run", game=made, member=member), "is asked for of")
print("all of it")
"""


@pytest.mark.slow
def test_python_takes_whole_floats_and_paths_and_tells_the_rest(tmp_path):
    """In a process of its own, where no test's checker is before ours."""
    ended = finished(
        [sys.executable, "-c", IN_PYTHON, tmp_path], tmp_path, timeout=SECONDS
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.endswith("all of it\n")
    assert manifest(tmp_path / "run")["args"]["run"]["steps"] == 4


def test_logs_that_are_no_numbers_are_a_sentence(tmp_path):
    plain = game()

    def step(state, turns, on=ganjax.core.ONE):
        state, row = plain.step(state, turns, on)
        return state, row | {"mean": jax.numpy.zeros(3)}

    with pytest.raises(UsageError, match=r"The step logs mean as an array \[3\]"):
        train(tmp_path / "run", plain._replace(step=step))


@pytest.mark.parametrize("value", [1j, np.zeros(2)])
def test_neither_are_other_logs(value, tmp_path):
    plain = game()

    def step(state, turns, on=ganjax.core.ONE):
        state, row = plain.step(state, turns, on)
        return state, {"all": [row["d"]["loss"], jax.numpy.asarray(value)]}

    with pytest.raises(UsageError, match="The step logs all/1 as"):
        train(tmp_path / "run", plain._replace(step=step))
    assert not (tmp_path / "run").exists()


def test_the_last_step_is_always_a_row(tmp_path):
    train(tmp_path / "run", log_every=100, scores=False)
    rows = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(row)["step"] for row in rows] == [8]


def test_a_dataclass_made_by_a_function_belongs_to_no_file_of_the_library(tmp_path):
    kind = dataclasses.make_dataclass("Made", [("run", NoPrefix[Run])], frozen=True)
    flags = kind(Run(str(tmp_path / "run"), steps=2, batch=8, scores=False))
    ganjax.train(game(), "ring", flags.run, config=flags)
    assert manifest(tmp_path / "run")["experiment"] != "types"


@pytest.mark.slow
def test_a_game_without_a_file_is_known_by_what_it_computes(tmp_path, capsys):
    """As in a notebook, where nothing but the program could tell."""
    kind = dataclasses.make_dataclass("Made", [("run", NoPrefix[Run])], frozen=True)

    def play(made, steps):
        flags = Run(str(tmp_path / "run"), steps=steps, batch=8, scores=False)
        capsys.readouterr()
        ganjax.train(made, "ring", flags, config=kind(flags))
        return capsys.readouterr().out

    play(game(), 2)
    assert "something else" not in play(game(), 4)
    assert "something else" in play(game(8, optax.adam(2e-3)), 6)
    assert "something else" not in play(game(8, optax.adam(2e-3)), 8)


@pytest.mark.parametrize("seed", [0, 1])
def test_a_key_that_a_step_captures_is_part_of_what_it_computes(seed):
    plain, data = game(), load(Spec("ring"))
    shapes = shapes_of(data, Sizes(1, 4, 4))

    def digest(key):
        def step(state, turns, on=ganjax.core.ONE):
            state, _ = plain.step(state, turns, on)
            return state, {"d": {"loss": jax.random.normal(key)}}

        return step_digest(plain._replace(step=step), data, shapes)

    key = jax.random.key(seed)
    assert digest(key) == digest(key) != digest(jax.random.key(seed + 1))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        '{"args": {"run": 3}}',
        '{"experiment": "a", "args": {"run": {}}, "data": [], "examples": 3}',
    ],
)
def test_a_foreign_or_torn_manifest_is_a_sentence_for_every_command(text, copy, capsys):
    (copy / "run.json").write_text(text)
    names = ["sample", "evaluate"]
    if not text.startswith("{}") and not text.startswith('{"'):
        names += ["report", "check"]  # which make do with what is there
    for name in names:
        with pytest.raises(SystemExit) as end:
            cli.main([name, str(copy)])
        assert end.value.code == 2
        assert "run.json is damaged or was not written by" in capsys.readouterr().err
    with pytest.raises(UsageError, match=r"run\.json is damaged"):
        train(copy)


def test_a_folder_of_other_things_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("")
    with pytest.raises(UsageError, match="holds files but no run"):
        train(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_torn_and_foreign_rows_of_metrics_cost_no_other_row(copy):
    path = copy / "metrics.jsonl"
    rows = path.read_text().splitlines(keepends=True)
    path.write_text(rows[0] + '{"step": 3, "d/lo\n7\n[]\nnull\n' + "".join(rows[1:]))
    assert "<svg" in cli_report(copy)
    train(copy, save_every=4, scores=False)
    assert path.read_text() == "".join(rows)


def cli_report(folder):
    cli.main(["report", str(folder)])
    return (folder / "report.html").read_text()


def test_a_platform_without_its_device_is_a_sentence(tmp_path):
    env = environment(tmp_path) | {"JAX_PLATFORMS": "cuda"}
    ended = finished(
        experiment("ring", "--workdir", tmp_path / "run", "--steps", 2),
        tmp_path,
        env=env,
        timeout=SECONDS,
    )
    assert ended.returncode == 2, ended.stderr
    words = ended.stderr.strip().splitlines()[-1]
    assert "no device of the platform cuda" in words and "Traceback" not in ended.stderr
    assert not (tmp_path / "run").exists()


def test_the_package_is_a_command():
    ended = subprocess.run(
        [sys.executable, "-m", "ganjax", "--help"], capture_output=True, text=True
    )
    assert ended.returncode == 0 and "check" in ended.stdout


def test_nothing_is_said_of_data_that_is_as_it_was():
    then = {
        "experiment": "e",
        "args": {},
        "data": {"where": "ring", "target": ""},
        "shapes": [],
        "classes": [],
        "examples": 3,
    }
    files = {"a": "1:2"}
    assert resume.find_changes(Path("r"), then, then, {}, files, files) == []
