"""A sample of made-up situations; `python -m tests.fuzz --count 1000` plays more."""

import numpy as np
import pytest

from tests.fuzz import KINDS, ready, work
from tests.fuzz.harness import Outcome, Situation, Wrong, play, seeded


SEED = 5  # of the sample
EACH = {"folder": 40, "zip": 40, "npz": 40, "image": 40, "pairs": 15, "domains": 8}
EACH |= {"experiment": 8, "run": 8, "command": 5}  # a tenth of a second each, and more
SAMPLE = [(kind, SEED * 1_000_000 + i) for kind, n in EACH.items() for i in range(n)]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ready")
    ready.make(folder, ["run", "command"])
    return folder


@pytest.mark.parametrize("kind", EACH)
def test_each_works_or_is_refused_in_a_sentence(kind, runs, tmp_path, request):
    wrong = []
    for _, number in (job for job in SAMPLE if job[0] == kind):
        result = work.one(kind, number, tmp_path, runs)
        if result["wrong"]:
            wrong.append(work.line(result))
    assert not wrong, "\n".join(wrong)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["translate", "complete"])
def test_pictures_go_through_a_run_unharmed(kind, tmp_path):
    ready.make(tmp_path / "ready", [kind])
    (tmp_path / "rooms").mkdir()
    numbers = [SEED * 1_000_000 + i for i in range(8)]
    results = [
        work.one(kind, n, tmp_path / "rooms", tmp_path / "ready") for n in numbers
    ]
    wrong = [work.line(result) for result in results if result["wrong"]]
    assert not wrong, "\n".join(wrong)


def test_a_fault_that_is_planted_is_found(tmp_path, monkeypatch):
    """Classes sorted as text, so that 10 comes before 2."""
    monkeypatch.setattr("ganjax.data.folder.sort_classes", sorted)
    results = (work.one("folder", n, tmp_path, tmp_path) for n in range(60))
    assert any("is the order" in result["wrong"] for result in results)


def situation(act, right=lambda given, outcome: None, **more) -> Situation:
    return Situation("made", lambda folder, rng: folder, act, right, **more)


def breaks(folder):
    raise ValueError("a fault of ours")


def writes_outside(folder):
    (folder.parents[1] / "outside").write_text("")


def writes_input(folder):
    (folder / "made.png").write_text("")


def speaks_long(folder):
    from ganjax.errors import UsageError

    raise UsageError("Two\nlines.")


def leaves_mute(folder):
    raise SystemExit(2)


def hangs(folder):
    while True:
        pass


@pytest.mark.parametrize(
    "act, says",
    [
        (breaks, "a traceback: ValueError"),
        (writes_outside, "written outside"),
        (writes_input, "the input was changed"),
        (speaks_long, "not one line"),
        (leaves_mute, "nothing was said"),
        (hangs, "hangs for 1 s"),
    ],
)
def test_what_is_wrong_is_noticed(act, says, tmp_path):
    with pytest.raises(Wrong, match=says):
        play(situation(act), tmp_path / "s", np.random.default_rng(0), limit=1)


def test_what_may_be_written_is_named_and_what_is_right_is_asked(tmp_path):
    rng = np.random.default_rng(0)
    play(situation(writes_input, changes=("made.png",)), tmp_path / "a", rng)

    def right(given, outcome: Outcome):
        raise Wrong("it is another")

    with pytest.raises(Wrong, match="it is another"):
        play(situation(str, right), tmp_path / "b", rng)


def test_a_number_is_a_situation(tmp_path):
    """The same input each time, so that a failure can be repeated from its name."""
    from tests.fuzz.harness import listing

    contents = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        rng = seeded("zip", 7)
        KINDS["zip"](rng).make(tmp_path / name, rng)
        contents.append({k: (v[1], v[3]) for k, v in listing(tmp_path / name).items()})
    assert contents[0] == contents[1]


def test_jobs_are_spread_over_the_kinds():
    todo = work.jobs([*KINDS], 1000, 3)
    assert 980 <= len(todo) <= 1020 and {kind for kind, _ in todo} == {*KINDS}
    assert all(number >= 3_000_000 for _, number in todo)
