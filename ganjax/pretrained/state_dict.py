"""Reads the tensors of a PyTorch checkpoint without PyTorch and without unpickling it.

A checkpoint is a pickle, which is a program: to load one is to run it, and it may call
anything. Here its instructions are only decoded (by `pickletools.genops`, which executes
none), and those that build dictionaries, lists and tensors are followed on a stack of plain
values. Nothing that a file names is ever imported or called: a function or class other than
the few of `KNOWN` becomes an `Unknown`, which holds its name.

Both formats are read: the .zip of PyTorch 1.6 and later, and the sequence of pickles before
it, in which the weights of FID's Inception network were published.
"""

import io
import pickletools
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np


MAGIC = 0x1950A86A20F9469CFC6C  # the first object of the format before the .zip
MAX_OBJECTS = 50_000_000  # of one pickle; no checkpoint has as many
BFLOAT16 = np.dtype([("bfloat16", "<u2")])  # which NumPy does not have
DTYPES = {
    "DoubleStorage": np.dtype("<f8"),
    "FloatStorage": np.dtype("<f4"),
    "HalfStorage": np.dtype("<f2"),
    "BFloat16Storage": BFLOAT16,
    "LongStorage": np.dtype("<i8"),
    "IntStorage": np.dtype("<i4"),
    "ShortStorage": np.dtype("<i2"),
    "CharStorage": np.dtype("i1"),
    "ByteStorage": np.dtype("u1"),
    "BoolStorage": np.dtype("?"),
}


class NotReadable(Exception):
    """The file is no checkpoint, or has instructions that no checkpoint needs."""


class Global(NamedTuple):
    """A function or class that a pickle names, "torch._utils _rebuild_tensor_v2"."""

    name: str


class Unknown(NamedTuple):
    """What a function or class would have made, which is not called."""

    name: str


class Storage(NamedTuple):
    """Numbers of a file that several tensors may share.

    Attributes:
        key: its name in the file.
        dtype: the type of the numbers.
        length: how many there are.
    """

    key: str
    dtype: np.dtype
    length: int


class Tensor(NamedTuple):
    """A tensor: some of the numbers of a storage.

    Attributes:
        storage: the numbers.
        offset: where the tensor begins.
        shape: its shape.
        strides: numbers between neighbors along each axis.
    """

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def read(path: Path) -> Any:
    """Reads a checkpoint.

    Args:
        path: the file.

    Returns:
        What it holds: nested dictionaries, lists and plain values, with NumPy arrays for
        tensors (bfloat16 as float32) and `Unknown` for all other objects.

    Raises:
        NotReadable: it is no checkpoint, or is damaged.
    """
    try:
        if zipfile.is_zipfile(path):
            return _read_zip(path)
        with path.open("rb") as file:
            return _read_sequence(file)
    except NotReadable:
        raise
    # Of a damaged file `genops` and `zipfile` raise errors of many types.
    except Exception as error:
        raise NotReadable(str(error) or type(error).__name__) from error


def _read_zip(path: Path) -> Any:
    with zipfile.ZipFile(path) as archive:
        (name,) = [x for x in archive.namelist() if x.split("/")[1:] == ["data.pkl"]]
        root = name.removesuffix("data.pkl")
        found = _decode(io.BytesIO(archive.read(name)))

        def data(storage: Storage) -> bytes:
            return archive.read(f"{root}data/{storage.key}")

        return _with_arrays(found, data)


def _read_sequence(file: io.BufferedReader) -> Any:
    if _decode(file) != MAGIC:
        raise NotReadable("it does not begin as a checkpoint of PyTorch does")
    _decode(file)  # the version of the format
    _decode(file)  # the sizes of integers
    found = _decode(file)
    keys = _decode(file)
    storages = {each.key: each for each in _storages(found)}
    parts = {}
    # The numbers of each storage stand after the pickles, in the order of their keys.
    for key in keys:
        (length,) = struct.unpack("<q", file.read(8))
        if key not in storages:
            raise NotReadable(f"it has numbers of no tensor, {key}")
        parts[key] = file.read(length * storages[key].dtype.itemsize)
    return _with_arrays(found, lambda storage: parts[storage.key])


def _storages(value: Any) -> Iterator[Storage]:
    if isinstance(value, Tensor):
        yield value.storage
    elif isinstance(value, dict):
        for each in value.values():
            yield from _storages(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _storages(each)


def _with_arrays(value: Any, data: Callable[[Storage], bytes]) -> Any:
    """Returns the value with arrays in place of tensors."""
    if isinstance(value, Tensor):
        return _array(value, data(value.storage))
    if isinstance(value, Unknown | Global):
        return value
    if isinstance(value, dict):
        return {key: _with_arrays(each, data) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_with_arrays(each, data) for each in value)
    return value


def _array(tensor: Tensor, data: bytes) -> np.ndarray:
    numbers = np.frombuffer(data, tensor.storage.dtype)
    # The last number that the tensor reaches must be in the file.
    pairs = zip(tensor.shape, tensor.strides, strict=True)
    last = tensor.offset + sum((side - 1) * stride for side, stride in pairs)
    is_inside = 0 <= tensor.offset and last < len(numbers)
    if min((0, *tensor.strides)) < 0 or (0 not in tensor.shape and not is_inside):
        raise NotReadable("a tensor reaches beyond its numbers")
    if 0 in tensor.shape:
        return np.zeros(tensor.shape, np.float32)
    size = numbers.itemsize
    view = np.lib.stride_tricks.as_strided(
        numbers[tensor.offset :],
        tensor.shape,
        [stride * size for stride in tensor.strides],
        writeable=False,
    ).copy()
    if view.dtype == BFLOAT16:
        # Its 16 bits are the upper ones of a float32.
        return (view["bfloat16"].astype(np.uint32) << 16).view(np.float32)
    return view


def _rebuild_tensor(arguments: tuple) -> Any:
    storage, offset, shape, strides, *_ = arguments
    if not isinstance(storage, Storage):
        raise NotReadable("a tensor has no numbers")
    return Tensor(storage, int(offset), tuple(shape), tuple(strides))


# What is done where a pickle calls one of these.
KNOWN: dict[str, Callable[[tuple], Any]] = {
    "collections OrderedDict": lambda arguments: {},
    "torch._utils _rebuild_tensor_v2": _rebuild_tensor,
    "torch._utils _rebuild_parameter": lambda arguments: arguments[0],
}

PLAIN = {  # instructions that push their argument
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4"),
    *("FLOAT", "BINFLOAT", "STRING", "BINSTRING", "SHORT_BINSTRING"),
    *("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
    *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8"),
}
CONSTANTS: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_DICT": dict,
    "EMPTY_LIST": list,
    "EMPTY_TUPLE": tuple,
}
MARK = object()


def _decode(file: Any) -> Any:
    """Follows the instructions of one pickle, up to its end, and returns what it builds."""
    stack: list[Any] = []
    memo: dict[int, Any] = {}

    def to_mark() -> list[Any]:
        """Takes what lies above the last mark, and the mark, off the stack."""
        position = len(stack) - 1
        while stack[position] is not MARK:
            position -= 1
        items = stack[position + 1 :]
        del stack[position:]
        return items

    for count, (code, given, _) in enumerate(pickletools.genops(file)):
        name = code.name
        argument: Any = given
        if count > MAX_OBJECTS:
            raise NotReadable("it has too many objects")
        if name in ("PROTO", "FRAME"):
            continue
        if name == "STOP":
            return stack.pop()
        if name in PLAIN:
            stack.append(argument)
        elif name in CONSTANTS:
            stack.append(CONSTANTS[name]())
        elif name == "MARK":
            stack.append(MARK)
        elif name in ("TUPLE", "LIST"):
            items = to_mark()
            stack.append(tuple(items) if name == "TUPLE" else items)
        elif name in ("TUPLE1", "TUPLE2", "TUPLE3"):
            length = int(name[-1])
            items = tuple(stack[-length:])
            del stack[-length:]
            stack.append(items)
        elif name == "DICT":
            items = to_mark()
            stack.append(dict(zip(items[::2], items[1::2], strict=True)))
        elif name in ("SETITEM", "SETITEMS"):
            items = to_mark() if name == "SETITEMS" else [stack.pop(-2), stack.pop()]
            _update(stack[-1], dict(zip(items[::2], items[1::2], strict=True)))
        elif name in ("APPEND", "APPENDS"):
            items = to_mark() if name == "APPENDS" else [stack.pop()]
            if isinstance(stack[-1], list):
                stack[-1].extend(items)
        elif name in ("BINPUT", "LONG_BINPUT", "PUT"):
            memo[int(argument)] = stack[-1]
        elif name == "MEMOIZE":
            memo[len(memo)] = stack[-1]
        elif name in ("BINGET", "LONG_BINGET", "GET"):
            stack.append(memo[int(argument)])
        elif name == "GLOBAL":
            stack.append(Global(argument))
        elif name == "STACK_GLOBAL":
            attribute, module = stack.pop(), stack.pop()
            stack.append(Global(f"{module} {attribute}"))
        elif name == "BINPERSID":
            stack.append(_storage(stack.pop()))
        elif name in ("REDUCE", "NEWOBJ"):
            arguments, called = stack.pop(), stack.pop()
            stack.append(_called(called, arguments))
        elif name == "BUILD":
            # The attributes of an object, such as an OrderedDict's metadata.
            stack.pop()
        elif name == "POP":
            stack.pop()
        else:
            raise NotReadable(
                f"it has the instruction {name}, which no checkpoint needs"
            )
    raise NotReadable("it is cut off")


def _update(target: Any, items: dict[Any, Any]) -> None:
    if isinstance(target, dict):
        target.update(items)


def _called(called: Any, arguments: Any) -> Any:
    if not isinstance(called, Global):
        raise NotReadable("it calls what it has made")
    known = KNOWN.get(called.name)
    return known(arguments) if known else Unknown(called.name)


def _storage(identifier: Any) -> Storage:
    kind, stored, key, _, length, *_ = identifier
    name = stored.name if isinstance(stored, Global) else ""
    dtype = DTYPES.get(name.rpartition(" ")[2])
    if kind != "storage" or dtype is None:
        raise NotReadable(f"it has numbers of an unknown kind, {name or kind}")
    return Storage(str(key), dtype, int(length))
