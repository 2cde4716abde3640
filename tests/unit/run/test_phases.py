"""The phases of a run, each by itself, with saves and a game that only tell of calls."""

import errno
import json
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import jax
import numpy as np
import pytest
from PIL import Image

from ganjax import Batch
from ganjax.data import Data, Sizes, Source, Spec
from ganjax.data.source import example_struct
from ganjax.data.stream import shapes_of
from ganjax.errors import DivergedError, FileError, Interrupted, UsageError
from ganjax.loop import FINISH
from ganjax.modalities.pictures import MAX_FRAMES
from ganjax.run import Run, attempts, every, hooks, training
from ganjax.run.compiled import CompiledGame
from ganjax.run.config import Config
from ganjax.run.training import Work
from ganjax.store import checkpoint
from ganjax.store.status import read_status
from tests.helpers.runs import args, game


SIZES = Sizes(3, 8, 4)


class Orbax:
    """A manager of saves that also remembers one that never reached the disk."""

    def __init__(self, steps):
        self.known, self.on_disk = [*steps, 99], [*steps]

    def reload(self):
        self.known = self.on_disk

    def all_steps(self):
        return self.known

    def wait_until_finished(self):
        pass


class State(SimpleNamespace):
    """What a state shows to the run."""


def data(length=5, inventory=None, errors=()):
    inventory = {"a.png": "1"} if inventory is None else inventory
    return Source(
        Spec("points"),
        length,
        example_struct((2,), np.float32),
        ("a", "b"),
        lambda rows: Batch(np.zeros((len(rows), 2)), np.zeros(len(rows))),
        inventory=lambda: inventory,
        find_errors=lambda rows: list(errors),
    )


def work(folder, saved=(), averages=None, **flags) -> Work:
    """A run of eight steps, with saves of these."""
    run = Run(str(folder), **{"steps": 8, "batch": 8, "log_every": 2} | flags)
    (folder / "checkpoints").mkdir(exist_ok=True)
    orbax: Any = Orbax(saved)
    saves = checkpoint.Saves(folder / "checkpoints", orbax, {}, False, [], [])
    program = lambda state, window, count: (state, {})
    unused: Any = lambda *rest: None
    compiled = CompiledGame(
        unused, program, unused, lambda first: ("from", first), unused
    )
    stream: Any = SimpleNamespace(longest=4, shapes=shapes_of(data(), SIZES))
    game: Any = SimpleNamespace(modality=SimpleNamespace(unit="rows"))
    return Work(run, game, data(), stream, compiled, folder, saves, averages)


@pytest.fixture
def ended(monkeypatch, tmp_path):
    """Plays a run that ends as it is told, and gives what was done and what it raised."""
    monkeypatch.setattr(training, "write_report", lambda folder: done.append("report"))
    finish = lambda saves: done.append("finish")
    monkeypatch.setattr(training.checkpoint, "finish", finish)
    done = []

    def end(how, steps=()):
        done.clear()

        def play(given, state):
            if isinstance(how, BaseException):
                raise how
            return how

        monkeypatch.setattr(training, "play", play)
        try:
            return training.finish(work(tmp_path, steps), State(step=np.int32(0)))
        except BaseException as error:
            return error

    end.done = done
    return end


def test_a_run_that_diverged_names_its_last_good_save(ended, tmp_path):
    for steps, says in (
        ((2, 4), "The last good save is that of step 4."),
        ((), "Nothing was saved before."),
    ):
        error = ended(DivergedError("d/loss was not finite at step 7."), steps)
        assert type(error) is DivergedError
        sentence = f"d/loss was not finite at step 7. {says}"
        assert str(error) == f"{sentence} See {tmp_path / 'report.html'}."
        status = {"state": "diverged", "step": max(steps, default=0)}
        assert read_status(tmp_path) == status | {"sentence": sentence}
        assert ended.done == ["finish", "report"]


def test_a_run_that_cannot_go_on_is_stopped_and_says_from_where_it_will(
    ended, tmp_path
):
    saves = tmp_path / "checkpoints"
    for name in ("4", "8.orbax-checkpoint-tmp", "damaged-2"):
        (saves / name).mkdir(parents=True)
    full = OSError(errno.ENOSPC, "No space left", "a")
    for error, begins in (
        (UsageError("The data is gone."), "The data is gone. "),
        (full, "a: No space left; make room on the disk"),
    ):
        told = ended(error, [2, 4])
        assert type(told) is UsageError and str(told).startswith(begins)
        assert str(told).endswith(
            f". {tmp_path} is stopped; its last save is that of step 4, from which the "
            "same command goes on."
        )
        status = read_status(tmp_path)
        assert (status["state"], status["step"]) == ("stopped", 4)
        assert status["sentence"].startswith(begins.strip())
        assert "report" in ended.done
    assert {path.name for path in saves.iterdir()} == {"4", "damaged-2"}
    told = ended(UsageError("No."))
    assert str(told) == (
        f"No. {tmp_path} is stopped; nothing was saved yet, and the same command begins "
        "anew."
    )


def test_a_bug_leaves_as_it_came_and_is_in_the_status(ended, tmp_path):
    for error in (ValueError("odd"), KeyboardInterrupt("stop")):
        assert ended(error, [2, 4]) is error
        sentence = f"{type(error).__name__}: {error}"
        assert read_status(tmp_path) == {
            "state": "failed",
            "step": 4,
            "sentence": sentence,
        }
        assert ended.done == ["report"]


def test_a_run_that_a_signal_stopped_tells_its_step_and_its_signal(ended, tmp_path):
    error = ended(training.Played(State(step=np.int32(5)), 15), [5])
    assert isinstance(error, Interrupted) and error.signal == 15
    assert str(error) == (
        f"{tmp_path} is stopped at step 5 of 8, and saved: the same command goes on."
    )
    status = read_status(tmp_path)
    assert status == {
        "state": "stopped",
        "step": 5,
        "sentence": "A signal asked for it.",
    }
    assert ended.done == ["finish", "report"]


def test_a_run_that_a_hook_ended_is_finished_early_and_says_why(
    ended, tmp_path, capsys
):
    state = State(step=np.int32(5))
    for reason, because in (("It is good.", ": It is good"), ("", "")):
        assert ended(training.Played(state, FINISH, reason), [5]) is state
        assert read_status(tmp_path) == {
            "state": "finished",
            "step": 5,
            "sentence": f"A hook ended it early{because}.",
        }
        first, _ = capsys.readouterr().out.splitlines()
        assert first == (
            f"{tmp_path} is finished early, at step 5 of 8{because}; the same command "
            "goes on."
        )


@pytest.mark.parametrize(
    ("step", "says"), [(8, "at step 8 of 8."), (9, "at step 9, beyond --steps 8.")]
)
def test_a_run_at_its_end_gives_its_last_state(ended, tmp_path, capsys, step, says):
    state = State(step=np.int32(step))
    assert ended(training.Played(state)) is state and ended.done == ["finish", "report"]
    assert read_status(tmp_path) == {"state": "finished", "step": step, "sentence": ""}
    first, second = capsys.readouterr().out.splitlines()
    assert first == f"{tmp_path} is finished {says}"
    assert second == (
        f"Pictures: {tmp_path / 'samples'}  Report: {tmp_path / 'report.html'}"
    )


def test_the_animation_is_of_readable_pictures_from_first_to_last(
    monkeypatch, tmp_path
):
    shown = []
    monkeypatch.setattr(
        training, "animate", lambda paths, out: shown.append((paths, out))
    )
    monkeypatch.setattr(training, "write_report", lambda folder: None)
    given = work(tmp_path)
    training.record_end(given, "finished", 8)
    assert not shown, "without pictures there is no animation"
    (tmp_path / "samples").mkdir()
    names = [f"{i:09d}.png" for i in range(0, 2 * MAX_FRAMES, 1)]
    for name in names:
        Image.new("L", (1, 1)).save(tmp_path / "samples" / name)
    (tmp_path / "samples" / names[0]).write_text("no picture")
    training.record_end(given, "finished", 8)
    ((paths, out),) = shown
    assert out == tmp_path / "animation.webp" and len(paths) == MAX_FRAMES - 1
    assert paths == sorted(paths) and paths[-1].name == names[-1]


def test_a_report_that_fails_hides_no_error_but_is_one_at_the_end(
    monkeypatch, tmp_path
):
    errors = []

    def fail(folder):
        raise errors[-1]

    monkeypatch.setattr(training, "write_report", fail)
    given = work(tmp_path)
    for error in (UsageError("A picture is damaged."), OSError("the disk is full")):
        errors.append(error)
        for state in ("stopped", "diverged", "failed"):
            training.record_end(given, state, 4)
            assert read_status(tmp_path)["state"] == state
    with pytest.raises(OSError, match="the disk is full"):
        training.record_end(given, "finished", 8)
    monkeypatch.setattr(training, "is_chief", lambda: False)
    training.record_end(given, "finished", 9)
    assert read_status(tmp_path)["step"] == 8, "only the first process writes"


def test_processes_agree_on_the_first_ones_count_and_on_any_signal(monkeypatch):
    assert training.agree(5, 15) == (5, 15)
    asked = []

    def gather(numbers):
        asked.append(numbers.tolist())
        return np.asarray([[3, 0], [7, 2], [2, 1]])

    monkeypatch.setattr(jax, "process_count", lambda: 3)
    monkeypatch.setattr(training.multihost_utils, "process_allgather", gather)
    assert training.agree(7, 2) == (3, 2) and asked == [[7, 2]]
    for stops, agreed in (([0, FINISH, 0], FINISH), ([FINISH, 0, 15], 15)):
        gather = lambda _, stops=stops: np.asarray([[1, stop] for stop in stops])
        monkeypatch.setattr(training.multihost_utils, "process_allgather", gather)
        assert training.agree(7, 0) == (1, agreed), "a signal leaves less time"


def test_data_stays_on_the_devices_up_to_a_limit_and_is_else_read_in_shares(
    monkeypatch,
):
    for length, kept in ((250_000_000, True), (250_000_001, False)):
        assert training.is_resident(data(length)) == kept, "2 GB are the limit"
    source = data(5)  # of 8 bytes each
    for limit, kept in ((40, True), (39, False)):
        monkeypatch.setattr(training, "RESIDENT_BYTES", limit)
        assert training.is_resident(source) == kept
    for name, value in (("process_index", 2), ("process_count", 4)):
        monkeypatch.setattr(jax, name, lambda value=value: value)
    stream = training.make_stream(source, SIZES)
    assert stream.rows is not None
    assert stream.window(0, 0).d.label.shape[1:] == (3, 8 // 4)
    monkeypatch.setattr(training, "RESIDENT_BYTES", 40)
    assert training.make_stream(source, SIZES).rows is None


def test_files_that_were_found_good_are_not_decoded_again(monkeypatch, tmp_path):
    monkeypatch.setenv("GANJAX_CACHE", str(tmp_path))
    looked = []

    def look(source):
        looked.append(source.length)
        return source.find_errors(np.arange(1))

    def check(source):
        looked.clear()
        training.check_files(source, source.inventory())
        return bool(looked)

    monkeypatch.setattr(training, "find_unreadable", look)
    broken = data(errors=[FileError("a.png is cut off", "a.png", "(it is cut off)")])
    for _ in range(2):
        with pytest.raises(UsageError, match=r"a\.png"):
            check(broken)
    good = data()
    assert check(good) and not check(good)
    assert check(data(inventory={"a.png": "2"})), "the file is another one"
    larger = good._replace(example=example_struct((3,), np.float32))
    assert check(larger), "it is read at another size"
    unknown = data(inventory={})
    assert check(unknown) and check(unknown), "it cannot be known again"


def hooks_of(monkeypatch, folder, **flags):
    """The hooks of a run by name, and what they were made with."""
    made = {}

    def maker(name):
        def make(*given):
            made[name] = given
            return lambda step, state, row: made.setdefault("called", []).append(name)

        return make

    for name in ("save_hook", "picture_hook", "score_hook", "average_hook"):
        monkeypatch.setattr(hooks, name, maker(name))
    averages = flags.pop("averages", None)
    given = work(folder, averages=averages, **flags)
    save, due = training.make_hooks(
        given, lambda event, step, row: None, lambda request: None
    )
    return given, save, due, made


def test_each_hook_is_due_by_its_own_flag_and_saves_come_before_what_draws(
    monkeypatch, tmp_path
):
    flags: dict = {"sample_every": 5, "evaluate_every": 7}
    flags |= {"save_every": 3, "keep_every": 4, "seed": 6}
    kept: Any = "averages"
    given, save, due, made = hooks_of(monkeypatch, tmp_path, averages=kept, **flags)
    assert [(name, n) for name, (n, _) in due.items()] == [
        ("averages", 4),
        ("logs", 2),
        ("saves", 3),
        ("pictures", 5),
        ("scores", 7),
    ]
    assert due["saves"].hook is save
    common = (tmp_path, 6, given.compiled, given.game, given.source)
    assert made["save_hook"] == (tmp_path, given.saves, kept)
    assert made["average_hook"] == (kept,)
    assert made["picture_hook"] == common == made["score_hook"][:5]
    for name in due:
        due[name].hook(4, None, {})
    kinds = ["average_hook", "save_hook", "picture_hook", "score_hook"]
    assert made["called"] == kinds


def test_an_interval_of_zero_is_the_end_and_scores_and_averages_may_be_off(
    monkeypatch, tmp_path
):
    zero = {"sample_every": 0, "evaluate_every": 0, "save_every": 0, "keep_every": 0}
    kept: Any = "averages"
    _, _, due, _ = hooks_of(monkeypatch, tmp_path, averages=kept, **zero)
    assert {name: n for name, (n, _) in due.items()} == {
        "averages": 8,
        "logs": 2,
        "saves": 8,
        "pictures": 8,
        "scores": 8,
    }
    _, _, due, _ = hooks_of(monkeypatch, tmp_path, scores=False)
    assert [*due] == ["logs", "saves", "pictures"]


def test_what_is_owed_at_the_step_of_a_save_is_made_and_nothing_else(
    monkeypatch, tmp_path
):
    _, _, due, made = hooks_of(
        monkeypatch, tmp_path, sample_every=3, evaluate_every=2, save_every=2
    )

    def owed(step, **flags):
        made["called"] = []
        at: Any = State(step=np.int32(step))
        training.call_owed_hooks(work(tmp_path, **flags), at, due)
        return made["called"]

    pictures, scores = "picture_hook", "score_hook"
    assert owed(0) == [], "nothing is owed before the first step"
    assert owed(6) == [pictures, scores]
    assert owed(4) == [scores] and owed(3) == [pictures] and owed(5) == []
    assert owed(5, steps=5) == [pictures, scores], "all is due at the end"
    (tmp_path / "samples").mkdir()
    (tmp_path / "samples" / "000000012.png").write_text("")
    assert owed(12) == [scores] and owed(18) == [pictures, scores]
    (tmp_path / attempts.FILE).write_text('{"step": 12, "scores": {"step": 12}}')
    assert owed(12) == []


def test_the_room_for_averages_is_that_of_the_steps_that_remain(monkeypatch, tmp_path):
    asked: list = []
    unused: Any = Orbax([])
    opened = checkpoint.Saves(tmp_path, unused, {}, False, [], [])
    monkeypatch.setattr(training, "check_space", lambda *given: asked.append(given))
    open_saves = lambda folder, **more: asked.append((folder, more)) or opened
    monkeypatch.setattr(training.checkpoint, "open_saves", open_saves)
    delete = lambda *given: asked.append(given)
    monkeypatch.setattr(training.checkpoint, "delete_after", delete)
    averages = {"a": np.zeros((2, 3), np.float32), "b": np.zeros(5, np.int16)}
    state = State(step=np.int32(10), averages=averages, game=np.zeros(100))
    for keep_every, count in ((7, 3), (0, 1), (10, 3), (11, 2)):
        asked.clear()
        run = Run(str(tmp_path), steps=30, batch=8, keep_every=keep_every)
        assert training.open_averages(run, tmp_path, state) == opened
        assert asked == [
            (tmp_path, 24 + 10, count),
            (tmp_path / "averages", {"keep_all": True}),
            (opened, 10),
        ]


@pytest.fixture
def played(monkeypatch, tmp_path):
    """Plays a run whose loop is pretended, and gives all that it was given."""
    told = SimpleNamespace(
        calls=[], saved=[], end=8, stops=0, fit={}, progress=None, needed=3 * 10**6
    )

    def program(state, window, count):
        status = read_status(tmp_path).get("state")
        told.calls.append((int(state.step), window, count, status))
        return state, {}

    def memory(state, window):
        told.calls.append(("memory", int(state.step), window))
        return told.needed

    def fit(program, state, window, steps, **given):
        told.status = read_status(tmp_path)
        told.fit = {"program": program, "window": window, "steps": steps, **given}
        if told.stops:
            assert given["agree"](3, given["stop"]()) == (3, told.stops)
        return State(step=np.int32(told.end))

    @contextmanager
    def progress(*given):
        told.progress = given
        yield lambda step, row: told.saved.append(("shown", step))

    @contextmanager
    def recorder(folder, writers):
        yield lambda event, step, row: told.saved.append((event, step))

    save = lambda step, state, row: told.saved.append(("save", step))
    due = {"saves": "its hook"}
    monkeypatch.setattr(training, "fit", fit)
    monkeypatch.setattr(training, "progress", progress)
    monkeypatch.setattr(hooks, "recorder", recorder)
    monkeypatch.setattr(training, "make_hooks", lambda *given: (save, due))
    owed = lambda work, state, due: told.saved.append(("owed", int(state.step)))
    monkeypatch.setattr(training, "call_owed_hooks", owed)
    monkeypatch.setattr(training.jax, "block_until_ready", lambda given: given)
    signals = lambda: nullcontext(lambda: told.stops)
    monkeypatch.setattr(training, "catch_stop_signals", signals)
    finish = lambda saves: told.saved.append("finish")
    monkeypatch.setattr(training.checkpoint, "finish", finish)

    def play(first=0, steps=(), **flags):
        told.saved.clear()
        given = work(tmp_path, steps, **flags)
        told.work = given._replace(
            compiled=given.compiled._replace(program=program, memory=memory)
        )
        return training.play(told.work, State(step=np.int32(first)))

    told.play = play
    return told


def test_a_program_that_no_device_can_hold_is_refused_before_it_is_played(played):
    played.needed = 10**18
    with pytest.raises(
        UsageError, match=r"A step takes 1000000000.0 GB on each device"
    ):
        played.play()
    assert played.calls == [("memory", 0, ("from", 0))]
    played.needed = 0  # where it is not known
    played.play()
    assert len(played.calls) == 3


def test_a_run_is_compiled_by_a_call_of_no_steps_and_then_played_to_its_end(
    played, tmp_path, capsys
):
    state, stopped, _ = played.play(first=4, steps=[4, 8], seeds=2)
    assert (int(state.step), stopped) == (8, 0)
    assert played.calls == [("memory", 4, ("from", 4)), (4, ("from", 4), 0, None)]
    assert played.status == {"state": "running", "step": 4, "sentence": ""}
    given, compiled = played.fit, played.work.compiled
    assert given["program"] is compiled.program and given["window"] is compiled.window
    assert (given["steps"], given["longest"]) == (8, 4)
    assert given["hooks"] == ["its hook"]
    # D sees 3 batches of 8 in a step, for each of two seeds.
    assert played.progress == (tmp_path, 4, 8, 3 * 8 * 2, "rows", 2)
    assert played.saved == [("owed", 4)]
    out = capsys.readouterr().out
    assert f"{tmp_path}: resumes at step 4 on " in out
    assert "A step takes 3 MB of each device's memory.\n" in out
    given["watch"](5, {})
    given["watch"](6, {})
    assert played.saved[1:] == [("shown", 5), ("shown", 6), ("training", 6)]
    played.play()
    assert f"{tmp_path}: begins with step 0 on " in capsys.readouterr().out


def test_a_finished_run_is_neither_compiled_nor_played(played, tmp_path, capsys):
    for first in (8, 9):
        state, stopped, _ = played.play(first=first)
        assert (int(state.step), stopped) == (first, 0)
        assert not played.calls and not played.fit
        assert played.saved == [("owed", first)]
        said = f"was finished before, at step {first}: --steps beyond go on."
        assert said in capsys.readouterr().out
    assert read_status(tmp_path) == {}


def test_a_run_that_was_stopped_is_saved_unless_it_was_just_now(played):
    played.end, played.stops = 5, 10
    _, stopped, _ = played.play(steps=[4])
    assert stopped == 10 and ("save", 5) in played.saved
    _, stopped, _ = played.play(steps=[4, 5])
    assert stopped == 10 and ("save", 5) not in played.saved
    played.end = 8
    played.play(steps=[4])
    assert ("save", 8) not in played.saved, "at the end a hook has saved it"


def test_the_last_good_state_is_saved_after_an_error_of_a_run_of_one_process(
    played, monkeypatch
):
    played.play(steps=[4])
    rescue = played.fit["rescue"]
    played.saved.clear()
    rescue(4, None)
    assert not played.saved, "that step is saved already"
    rescue(6, None)
    assert played.saved == [("save", 6), "finish"]
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    rescue(7, None)
    assert len(played.saved) == 2, "the other processes may never come to it"


def test_other_processes_than_the_first_show_and_write_nothing(
    played, monkeypatch, tmp_path
):
    monkeypatch.setattr(training, "is_chief", lambda: False)
    played.play()
    assert played.progress is None and read_status(tmp_path) == {}
    played.fit["watch"](8, {})
    assert ("shown", 8) not in played.saved


def test_what_was_written_after_the_save_is_removed_and_what_it_lacks_is_added(
    monkeypatch, tmp_path
):
    rows = "".join(f'{{"step": {step}, "x": 1}}\n' for step in (2, 4, 6))
    for name in ("metrics.jsonl", "clock.jsonl"):
        (tmp_path / name).write_text(rows)
    row = {"step": 4, "event": "scores", "y": 2.0}
    (tmp_path / attempts.FILE).write_text(json.dumps({"step": 4, "scores": row}))
    kept, changed = SimpleNamespace(imports=["b.py", "c.py"]), False
    monkeypatch.setattr(training.code, "read_experiment", lambda path: kept)
    starts = []

    def write_start(*given):
        starts.append(given)
        return changed

    monkeypatch.setattr(training, "write_start", write_start)
    path: Path | None = Path("e/a.py")
    write = lambda: training.write_folder(tmp_path, {"a": 1}, path, {"x.png": "1:2"}, 4)
    (said,) = write()
    assert said == (
        f"{tmp_path} keeps e/a.py, and what it imports from its folder: b.py, c.py."
    )
    assert starts == [(tmp_path, {"a": 1}, kept, 4)]
    assert training.read_inventory(tmp_path) == {"x.png": "1:2"}
    steps = lambda name: [
        json.loads(line)["step"] for line in (tmp_path / name).read_text().splitlines()
    ]
    assert steps("clock.jsonl") == [2, 4] and steps("metrics.jsonl") == [2, 4, 4]
    kept.imports = []
    assert write() == []
    changed = True
    (said,) = write()
    assert said.startswith(
        f"e/a.py is not what {tmp_path} was trained with until step 4;"
    )
    assert said.endswith("000000004 keeps the code before.")
    path, changed = None, False
    assert write() == [] and starts[-1][2] is None, "a notebook has no file"


@pytest.fixture
def prepared(monkeypatch, tmp_path):
    """Prepares a run all of whose checks are pretended, and gives their order."""
    folder = tmp_path / "run"
    told = SimpleNamespace(calls=[], restored=None, damaged=[], before=False)
    told.folder, told.given, told.wrote = folder, {}, None

    def note(name, answer=None):
        def call(*given):
            told.calls.append(name)
            told.given[name] = given
            return answer

        return call

    @contextmanager
    def claim(workdir):
        told.calls.append("claim")
        folder.mkdir(exist_ok=True)
        if told.before:
            (folder / "run.json").write_text("{}")
        yield folder

    def restore(saves, like, warn):
        told.calls.append("restore")
        told.like = like
        for sentence in told.damaged:
            warn(sentence)
        return told.restored

    state = State(step=np.int32(0))
    leaves = [np.zeros(3, np.float32), np.zeros(5, np.int16)]
    stream: Any = SimpleNamespace(shapes="decoded shapes")
    unused: Any = lambda *rest: None
    compiled = CompiledGame(lambda: state, *[unused] * 4)
    modality = SimpleNamespace(
        load=lambda spec: data()._replace(spec=spec), summary="summary"
    )
    conditions = SimpleNamespace(columns=("input", "output"))
    told.game = SimpleNamespace(modality=modality, conditions=conditions)
    told.first = state
    saves: Any = checkpoint.Saves(folder, Orbax([]), {}, False, [], [])  # pyright: ignore
    answers = {
        "check_held_out": None,
        "check_sizes": None,
        "check_fit": None,
        "barrier": None,
        "make_stream": "stored stream",
        "decoding": stream,
        "describe_run": {"a": 1},
        "step_digest": "digest",
        "find_changes": ["It has changed."],
        "read_manifest": {"then": 1},
        "read_inventory": {"b.png": "2"},
        "compile_game": compiled,
        "check_space": None,
        "check_files": None,
        "init_weights_from": State(step=np.int32(0), begun=True),
        "open_averages": saves,
        "posthoc_ema": SimpleNamespace(
            modality=modality, wrapped=True, conditions=SimpleNamespace(columns=())
        ),
        "describe": "The data is described.",
        "write_folder": ["It was written."],
    }
    for name, answer in answers.items():
        monkeypatch.setattr(training, name, note(name, answer))
    monkeypatch.setattr(training, "claim", claim)
    monkeypatch.setattr(training.jax.tree, "leaves", lambda tree: leaves)
    monkeypatch.setattr(checkpoint, "check_folder", note("check_folder"))
    monkeypatch.setattr(checkpoint, "open_saves", note("open_saves", saves))
    monkeypatch.setattr(checkpoint, "restore", restore)
    # What is pretended has other types than the annotations.
    plain = getattr(training.prepare, "__wrapped__", training.prepare)

    def prepare(sizes=None, **flags):
        told.calls.clear()
        told.given.clear()
        run = Run(str(folder), **{"steps": 8, "batch": 16} | flags)
        told.config = Config(run, {}, {"lr": 1}, Path("e/a.py"), "")
        opened = Data(Spec("points"), modality.load)
        with ExitStack() as stack:
            return plain(told.config, told.game, opened, sizes, stack)

    told.prepare = prepare
    return told


def test_all_that_could_refuse_a_run_comes_before_its_folder_is_written(
    prepared, capsys
):
    work, state = prepared.prepare()
    assert prepared.calls == [
        "describe",
        "check_held_out",
        "check_sizes",
        "check_fit",
        "claim",
        "barrier",
        "make_stream",
        "decoding",
        "describe_run",
        "step_digest",
        "compile_game",
        "check_space",
        "check_folder",
        "open_saves",
        "restore",
        "write_folder",
    ]
    assert state is prepared.first is prepared.like
    given, shapes = prepared.given, shapes_of(data(), Sizes(1, 16, 16))
    run, game, source = prepared.config.run, prepared.game, work.source
    stream = work.stream
    assert source.spec == Spec("points")
    assert given["describe"] == (source, "summary")
    assert given["check_held_out"] == (source, game)
    assert given["check_sizes"] == (run, shapes)
    assert given["check_fit"] == (game, source, shapes)
    assert given["make_stream"] == (source, Sizes(1, 16, 16), None)
    assert given["decoding"] == ("stored stream", game.modality)
    described = "The data is described."
    assert given["describe_run"] == (prepared.config, source, shapes, described)
    assert given["step_digest"] == (game, source, "decoded shapes")
    assert given["compile_game"] == (run, game, stream)
    assert given["check_space"] == (prepared.folder, 3 * 4 + 5 * 2)
    assert given["check_folder"] == (prepared.folder,)
    assert given["open_saves"] == (prepared.folder / "checkpoints",)
    columns = ["input", "output"]
    manifest = {"a": 1, "program": "digest", "pictures": columns}
    inventory = {"a.png": "1"}
    path = Path("e/a.py")
    assert given["write_folder"] == (prepared.folder, manifest, path, inventory, 0)
    assert (work.run, work.game, work.folder) == (run, game, prepared.folder)
    assert work.averages is None
    said = capsys.readouterr().out.splitlines()
    assert said == ["The data is described.", "It was written."]


def test_a_run_goes_on_from_its_save_and_says_what_has_changed(
    prepared, capsys, monkeypatch
):
    prepared.before, prepared.damaged = True, ["A save is damaged."]
    prepared.restored = State(step=np.int32(4))
    monkeypatch.setattr(training, "RESIDENT_BYTES", 0)
    other = Sizes(3, 32, 8)
    work, state = prepared.prepare(
        other, scores=False, init_from="other", posthoc_ema=(0.1,)
    )
    assert state is prepared.restored
    called = {*prepared.calls}
    assert called >= {"find_changes", "check_files", "open_averages", "posthoc_ema"}
    assert not called & {"check_held_out", "init_weights_from"}
    given, manifest = prepared.given, {"a": 1, "program": "digest", "pictures": []}
    assert given["find_changes"] == (
        prepared.folder,
        {"then": 1},
        manifest,
        {"lr": 1},
        {"b.png": "2"},
        {"a.png": "1"},
    )
    assert given["check_sizes"][1] == shapes_of(data(), other)
    assert given["make_stream"][1] == other
    assert given["check_files"] == (work.source, {"a.png": "1"})
    assert given["posthoc_ema"] == (prepared.game, (0.1,))
    assert given["open_averages"] == (prepared.config.run, prepared.folder, state)
    assert work.game.wrapped and given["compile_game"][1] is work.game
    assert work.averages is not None and given["write_folder"][4] == 4
    assert capsys.readouterr().out.splitlines()[1:] == [
        "It has changed.",
        "A save is damaged.",
        "It was written.",
    ]


def test_a_run_begins_with_other_weights_if_it_has_no_save(prepared, monkeypatch):
    _, state = prepared.prepare(init_from="other")
    assert state.begun
    assert prepared.given["init_weights_from"] == (Path("other"), prepared.first, ())
    monkeypatch.setattr(training, "is_chief", lambda: False)
    prepared.prepare()
    assert "write_folder" not in prepared.calls
    prepared.damaged = ["/r/checkpoints/4 is damaged: cut off"]
    with pytest.raises(UsageError, match="has no intact save: each of 1 is damaged"):
        prepared.prepare(init_from="other")
    assert "init_weights_from" not in prepared.calls


class Opened(NamedTuple):
    """What `train` adds to the work of a run."""

    hooks: tuple
    writers: tuple


@pytest.fixture
def begun(monkeypatch):
    """Calls `train` with all that it calls pretended, and gives what these were given."""
    told = SimpleNamespace(calls=[], error=None)

    def prepare(config, game, data, sizes, stack):
        told.calls.append(("prepare", config.run.steps, data.spec, sizes, told.quiet))
        if told.error:
            raise told.error
        return Opened((), ()), "first"

    @contextmanager
    def quiet():
        told.quiet = True
        yield
        told.quiet = False

    finish = lambda work, state: told.calls.append((work, state, told.quiet)) or "last"
    join = lambda distributed: told.calls.append(("join", distributed))
    keep = lambda: told.calls.append("keep programs")
    monkeypatch.setattr(training, "prepare", prepare)
    monkeypatch.setattr(training, "finish", finish)
    monkeypatch.setattr(training, "join_processes", join)
    monkeypatch.setattr(training, "keep_programs", keep)
    monkeypatch.setattr(training, "quiet_orbax", quiet)
    told.train = getattr(training.train, "__wrapped__", training.train)
    return told


def test_a_run_is_converted_checked_and_joined_before_it_is_prepared(begun, tmp_path):
    made, given = game(), args(tmp_path, steps=4)
    # Tests check what the fields are given; a person's Python does not.
    object.__setattr__(given.run, "steps", 6.0)
    hook, writer = every(2, lambda step, state, row: None), print
    more: Any = {"hooks": [hook], "writers": [writer]}
    assert begun.train(made, "ring", given.run, sizes=SIZES, **more) == "last"
    assert begun.calls == [
        ("join", False),
        "keep programs",
        ("prepare", 6, Spec("ring"), SIZES, True),
        (Opened((hook,), (writer,)), "first", True),
    ]
    assert isinstance(begun.calls[0][1], int) and not begun.quiet
    begun.error = OSError(errno.EACCES, "Permission denied", "/a")
    with pytest.raises(UsageError, match="^/a: Permission denied; ask for permission"):
        begun.train(made, "ring", given.run, config=given)
    assert begun.calls[-1] == ("prepare", 6, Spec("ring"), None, True)


def test_what_cannot_be_trained_is_told_before_anything_else_is_done(begun, tmp_path):
    made, given = game(), args(tmp_path, steps=4)
    usual: Any = {"game": made, "data": "ring", "run": given.run}
    for wrong, says in (
        ({"game": None}, "The game is given as NoneType"),
        ({"sizes": (1, 8, 8)}, r"given as \(1, 8, 8\): give Sizes"),
        ({"run": args(tmp_path, steps=-1).run}, "--steps -1 is out of range"),
        ({"run": given}, "The run is given as Args .*: give ganjax.Run"),
        ({"config": 3}, "The config is given as int 3: give an experiment's dataclass"),
        ({"config": type(given)}, "The config is given as type"),
    ):
        with pytest.raises(UsageError, match=says):
            begun.train(**usual | wrong)
    assert not begun.calls
    with pytest.raises(UsageError, match="The data is given as int: give a name"):
        begun.train(**usual | {"data": 7})
