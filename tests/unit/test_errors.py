"""What sentences call an argument: a flag on a command line, its name in Python."""

import pytest

import ganjax as gx
from ganjax.errors import UsageError, command_line, worded
from ganjax.run.command import exit_on_error
from tests.helpers.runs import args, game, train


@pytest.mark.parametrize(
    ("flags", "names"),
    [
        ("--label 7 is no class.", "`label` 7 is no class."),
        (
            "give a smaller --batch, or --no-scores",
            "give a smaller `batch`, or `scores=False`",
        ),
        ("--d-opt.lr 3 is out of range", "`d_opt.lr` 3 is out of range"),
        ("name another --workdir.", "name another `workdir`."),
        ("a name with--dashes and a-b", "a name with--dashes and a-b"),
        (
            "`ganjax prepare x --manual-dir y` or --trust",
            "`ganjax prepare x --manual-dir y` or `trust=True`",
        ),
    ],
)
def test_an_argument_has_its_name_in_python(flags, names, python_names):
    assert worded(flags) == str(UsageError(flags)) == names
    with command_line():
        assert worded(flags) == str(UsageError(flags)) == flags
    assert str(UsageError(flags)) == names, "the block is over"


def test_a_command_line_prints_flags_and_a_script_names(tmp_path, capsys, python_names):
    train(tmp_path / "run")
    run = gx.load(tmp_path / "run", game=game())
    with pytest.raises(UsageError, match="^`label` 9 is not a class of this"):
        run.sample(4, label=9)
    flags = args(tmp_path / "run", batch=8)
    with pytest.raises(UsageError, match=r"^`batch` was 16 .* another `workdir`"):
        gx.train(game(), "ring", flags.run, config=flags)
    capsys.readouterr()
    with pytest.raises(SystemExit), exit_on_error():
        gx.train(game(), "ring", flags.run, config=flags)
    assert capsys.readouterr().err.startswith("--batch was 16 when")
