"""The benchmarks run, and their two sides compute the same."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


ROOT = Path(__file__).parents[2]
BENCHMARKS = ROOT / "benchmarks"


def run(program, *args, cwd):
    path = os.pathsep.join([str(BENCHMARKS), str(ROOT)])
    return subprocess.run(
        [sys.executable, *program, *args],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": path, "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
    )


def cells(line):
    return [cell.strip() for cell in line.strip("|\n").split("|")]


def test_the_accelerators_table_is_made_in_small_on_a_cpu(tmp_path):
    done = run(
        [BENCHMARKS / "accelerator.py"],
        *("mlp_digits", "--small", "--minutes", "3", "--out", "table.md"),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "table.md").read_text()
    assert page == done.stdout
    rows = [
        cells(line) for line in page.splitlines() if line.startswith("| mlp_digits")
    ]
    checks, steps = rows[:2], rows[2:]
    assert [(row[1], row[-1]) for row in checks] == [
        ("float32", "agrees"),
        ("bfloat16", "agrees"),
    ]
    # The reference is float32 on the same device, and bfloat16 is not the same.
    assert {float(cell) for cell in checks[0][2:6]} == {0.0}
    assert all(0 < float(cell) < 0.5 for cell in checks[1][2:6])
    assert [row[2] for row in steps] == ["float32", "bfloat16"]
    for row in steps:
        batch, milliseconds, rate = int(row[1]), float(row[3]), float(row[7])
        assert rate == pytest.approx(1e3 * batch / milliseconds, rel=0.02)
    # The training loop was timed between calls of pure steps.
    header, _, row = (cells(line) for line in page.splitlines()[-5:-2])
    found = dict(zip(header, row, strict=True))
    pure, inside = float(found["pure, ms"]), float(found["in the loop, ms"])
    more = float(found["overhead"].removesuffix(" %"))
    assert more == pytest.approx(100 * (inside / pure - 1), abs=2)


def test_a_model_that_there_is_not_and_a_cpu_in_full_are_one_sentence(tmp_path):
    program = [BENCHMARKS / "accelerator.py"]
    unknown = run(program, "dcgan_63", cwd=tmp_path)
    assert unknown.returncode == 1
    assert unknown.stderr.startswith("No model is called dcgan_63; there are dcgan_64,")
    whole = run(program, "mlp_digits", cwd=tmp_path)
    assert whole.returncode == 1
    expected = "JAX finds no accelerator; --small tries the program on the CPU.\n"
    assert whole.stderr == expected
    assert not list(tmp_path.iterdir())


AGREEMENT = """
import sys, ours, theirs, cases
every = {**cases.CASES, **cases.ACCELERATED}
for name in sys.argv[1:]:
    case = cases.small(every[name])
    print(name, theirs.compare(case, ours.values(case)))
"""


@pytest.mark.parametrize(
    "name",
    [
        "mlp_digits",
        "dcgan_64",
        "sngan_32",
        "wgangp_32",
        "sagan_32",
        "biggan_128",
        "stylegan2_256",
        "r3gan_64",
        "pix2pix_256",
        "wavegan",
        "ctgan",
    ],
)
def test_both_sides_compute_the_same_from_the_same_weights(name, tmp_path):
    pytest.importorskip("torch")
    done = run(["-c", AGREEMENT], name, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout.split()[-1]) < 1e-4
