"""Checkpoints of PyTorch, good, damaged and hostile, read without running them."""

import io
import os
import pickle
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from ganjax.pretrained import state_dict
from ganjax.pretrained.state_dict import NotReadable, Unknown


FIXTURES = Path(__file__).parents[2] / "parity" / "fixtures"
NAMES = ("checkpoint.pt", "checkpoint_legacy.pth")


@pytest.mark.parametrize("name", NAMES)
def test_tensors_of_every_type_and_order_are_what_pytorch_saved(name):
    found = state_dict.read(FIXTURES / name)
    state = found["g"]["ema"]
    counted = np.arange(6).reshape(2, 3)
    for dtype in ("float32", "float64", "float16", "int64", "int32", "uint8", "bool"):
        np.testing.assert_array_equal(state[dtype], counted.astype(dtype), strict=True)
    np.testing.assert_array_equal(state["bfloat16"], np.float32(counted), strict=True)
    base = np.arange(24, dtype=np.float32).reshape(4, 6)
    np.testing.assert_array_equal(state["transposed"], base.T)
    np.testing.assert_array_equal(state["view"], base[1:3, ::2])
    assert state["scalar"] == 2.5 and state["scalar"].shape == ()
    assert state["empty"].shape == (0, 3)
    assert found["step"] == 7
    np.testing.assert_array_equal(found["parameter"], [1, 1])
    assert found["list"][1:] == ["a", None, True, 1.5]
    assert list(found["net"]) == [
        *("0.weight", "0.bias", "1.weight", "1.bias"),
        *("1.running_mean", "1.running_var", "1.num_batches_tracked"),
    ]


def test_an_object_is_known_by_its_name_and_not_made():
    found = state_dict.read(FIXTURES / "checkpoint.pt")["module"]
    assert found == Unknown("torch.nn.modules.container Sequential")


class Hostile:
    """An object whose unpickling runs code."""

    def __init__(self, function, *arguments):
        self.made_of = function, arguments

    def __reduce__(self):
        return self.made_of


def zipped(path, data):
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("archive/data.pkl", data)
    return path


@pytest.mark.parametrize("protocol", range(6))
def test_code_in_a_file_does_not_run(protocol, tmp_path):
    mark = tmp_path / "ran"
    for hostile in (Hostile(sys.exit, "it ran"), Hostile(os.mkdir, str(mark))):
        data = pickle.dumps({"a": hostile, "b": [1, hostile]}, protocol)
        try:
            found = state_dict.read(zipped(tmp_path / "bad.pt", data))
        except NotReadable:  # an instruction that no checkpoint has
            assert protocol < 2
        else:
            assert isinstance(found["a"], Unknown) and found["b"][0] == 1
    assert not mark.exists()


@pytest.mark.parametrize("name", NAMES)
def test_damaged_files_are_refused_and_nothing_else_happens(name, tmp_path):
    data = (FIXTURES / name).read_bytes()
    rng = np.random.default_rng(0)
    refused = 0
    for case in range(200):
        broken = bytearray(data)
        if case % 2:
            broken = broken[: rng.integers(1, len(data))]
        else:
            for place in rng.integers(0, len(data), 5):
                broken[place] = rng.integers(256)
        path = tmp_path / name
        path.write_bytes(broken)
        try:
            state_dict.read(path)
        except NotReadable:
            refused += 1
    assert refused > 100


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no pickle",
        pickle.dumps(3),
        pickle.dumps(state_dict.MAGIC),
        pickle.dumps({"a": 1})[:-1],
    ],
)
def test_what_is_no_checkpoint_is_refused(data, tmp_path):
    (tmp_path / "a.pt").write_bytes(data)
    with pytest.raises(NotReadable):
        state_dict.read(tmp_path / "a.pt")


class Torch:
    """Makes pickles that name PyTorch's functions, without it."""

    @staticmethod
    def tensor(offset, shape, strides, length=4):
        storage = b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000"
        storage += b"X\x03\x00\x00\x00cpu" + b"K" + bytes([length]) + b"tQ"
        numbers = b"".join(
            b"("
            + b"".join(b"J" + x.to_bytes(4, "little", signed=True) for x in each)
            + b"t"
            for each in (shape, strides)
        )
        place = b"J" + offset.to_bytes(4, "little", signed=True)
        return (
            b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n("
            + storage
            + place
            + numbers
            + b"\x89NtR."
        )


@pytest.mark.parametrize(
    ("offset", "shape", "strides"),
    [
        (0, (5,), (1,)),
        (3, (2,), (1,)),
        (-1, (2,), (1,)),
        (3, (2,), (-1,)),
        (0, (9,), (9,)),
    ],
)
def test_a_tensor_that_reaches_beyond_its_numbers_is_refused(
    offset, shape, strides, tmp_path
):
    def read(data):
        path = tmp_path / "a.pt"
        with zipfile.ZipFile(path, "w") as file:
            file.writestr("a/data.pkl", data)
            file.writestr("a/data/0", np.arange(4, dtype=np.float32).tobytes())
        return state_dict.read(path)

    np.testing.assert_array_equal(read(Torch.tensor(1, (3,), (1,))), [1, 2, 3])
    with pytest.raises(NotReadable, match="beyond its numbers"):
        read(Torch.tensor(offset, shape, strides))


def test_a_value_that_holds_itself_is_refused(tmp_path):
    loop = []
    loop.append(loop)
    with pytest.raises(NotReadable):
        state_dict.read(zipped(tmp_path / "a.pt", pickle.dumps(loop, 2)))


def test_reading_ends_at_the_end_of_a_pickle():
    file = io.BytesIO(pickle.dumps(1, 2) + pickle.dumps("b", 2))
    assert [state_dict._decode(file), state_dict._decode(file)] == [1, "b"]
