"""Describes a loaded data set in one line, with which a run begins.

It shows the user how the data was understood: how many images there are, of which size and
with which classes, what is held out, and which files were not used.
"""

from collections.abc import Callable

from ganjax.core import Pair
from ganjax.data import splits
from ganjax.data.layout import count_summary
from ganjax.data.names import printable, shortened
from ganjax.data.source import Source


MAX_NAMED_CLASSES = 8


def summarize_images(source: Source) -> str:
    """Returns the number and the shape of images, such as "24 images of 16x16x3"."""
    if isinstance(source.example, Pair):
        return _pairs(source)
    count = _without_mirrored(source).length
    return f"{_plural(count, 'image')} of {_shape(source.shape)}"


def summarize_points(source: Source) -> str:
    """Returns the number of points, such as "100,000 points of 2 numbers"."""
    if len(source.shape) != 1:
        return f"{_plural(source.length, 'example')} of {_shape(source.shape)}"
    return f"{_plural(source.length, 'point')} of {_plural(source.shape[0], 'number')}"


def describe(
    source: Source, describe_examples: Callable[[Source], str] = summarize_images
) -> str:
    """Returns a line on what the examples are and what was not used.

    For example "24 images of 16x16x3 in 2 classes (cat, dog), 12 held out (valid), 31
    other files skipped (28 .avif, 3 .txt).", followed by the notes of the source.

    Args:
        source: the data.
        describe_examples: returns how many examples there are, of which kind and shape.
    """
    # What is trained on, then what is held out, then what was not used.
    clauses = [f"{describe_examples(source)}{_classes(source.classes)}"]
    if source.spec.mirror:
        clauses.append("each also mirrored")
    if _is_train(source.spec.split):
        clauses.append(_held_out(source))
    else:
        clauses[0] = f"Split {printable(source.spec.split)}: {clauses[0]}"
    skipped = source.report.skipped
    if skipped:
        files = _plural(sum(skipped.values()), "other file")
        clauses.append(f"{files} skipped ({count_summary(skipped)})")
    return " ".join([f"{', '.join(clauses)}.", *source.report.notes])


def _pairs(source: Source) -> str:
    """Returns a phrase such as "24 pairs of images of 16x16x3".

    If the pairs do not belong together, it gives the number of images on each side, such as
    "24 and 30 images of 16x16x3", as a number of pairs would mislead.
    """
    spec = source.spec
    shape = _shape(source.example.source.shape)
    source = _without_mirrored(source)
    if spec.target and not spec.paired and len(source.components) == 2:
        front, back = source.components
        return f"{front.length:,} and {back.length:,} images of {shape}"
    return f"{_plural(source.length, 'pair')} of images of {shape}"


def _without_mirrored(source: Source) -> Source:
    is_mirrored = source.spec.mirror and bool(source.components)
    return source.components[0] if is_mirrored else source


def _classes(classes: tuple[str, ...]) -> str:
    if not classes:
        return " without classes"
    shown = [shortened(name) for name in classes]
    if len(shown) > MAX_NAMED_CLASSES:
        # Many classes: the first two show how they are named, the last where they end.
        shown = [*shown[:2], f"... {shown[-1]}"]
    number = "1 class" if len(classes) == 1 else f"{len(classes):,} classes"
    return f" in {number} ({', '.join(shown)})"


def _held_out(source: Source) -> str:
    report = source.report
    if not report.held_out:
        return "none held out"
    return f"{report.held_out:,} held out ({shortened(report.held_out_name)})"


def _is_train(split: str) -> bool:
    # TFDS has parts of splits, such as train[:50%].
    name = splits.parse_exact(split.partition("[")[0])
    return name is not None and name.kind == "train"


def _shape(shape: tuple[int, ...]) -> str:
    # A shape with an axis of length 0 is easier to see as a tuple.
    return str(shape) if 0 in shape else "x".join(map(str, shape))


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
