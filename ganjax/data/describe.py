"""What was found at a place, in the words with which a run begins."""

from math import prod

from ganjax.data import splits
from ganjax.data.names import printable, shortened
from ganjax.data.source import Source
from ganjax.data.tree import counted


MOST_CLASSES = 8  # more are not all named


def describe(source: Source) -> str:
    """The opening line of a run: what the examples are, and what was not used.

    Such as "24 images of 16x16x3 in 2 classes (cat, dog), 12 held out (valid), 31 other
    files passed over (28 .avif, 3 .txt).", followed by the notes of the source.
    """
    clauses = [f"{_examples(source)}{_classes(source.classes)}"]
    if source.spec.mirror:
        clauses.append("each mirrored once more")
    if _is_train(source.spec.split):
        clauses.append(_held_out(source))
    else:
        clauses[0] = f"Split {printable(source.spec.split)}: {clauses[0]}"
    passed_over = sum(source.found.passed_over.values())
    if passed_over:
        files = "file" if passed_over == 1 else "files"
        clauses.append(
            f"{passed_over:,} other {files} passed over "
            f"({counted(source.found.passed_over)})"
        )
    return " ".join([f"{', '.join(clauses)}.", *source.found.notes])


def _examples(source: Source) -> str:
    """Such as '24 images of 16x16x3', of what can be seen as two images at once too."""
    spec, count = source.spec, source.length
    if len(source.shape) == 1:
        return f"{_plural(count, 'point')} of {_plural(source.shape[0], 'number')}"
    if len(source.shape) != 3:
        return f"{_plural(count, 'example')} of {_shape(source.shape)}"
    if spec.mirror and source.parts:
        source = source.parts[0]
        count = source.length
    height, width, channels = source.shape
    if not spec.beside and not spec.halves:
        return f"{_plural(count, 'image')} of {_shape(source.shape)}"
    one = _shape((height, width, channels // 2))
    if spec.beside and not spec.paired and len(source.parts) == 2:
        front, back = (part.length for part in source.parts)
        return f"{front:,} and {back:,} images of {one}"
    return f"{_plural(count, 'pair')} of images of {one}"


def _classes(classes: tuple[str, ...]) -> str:
    if not classes:
        return " without classes"
    shown = [shortened(name) for name in classes]
    if len(shown) > MOST_CLASSES:
        shown = [*shown[:2], f"... {shown[-1]}"]
    number = "1 class" if len(classes) == 1 else f"{len(classes):,} classes"
    return f" in {number} ({', '.join(shown)})"


def _held_out(source: Source) -> str:
    found = source.found
    if not found.held_out:
        return "none held out"
    return f"{found.held_out:,} held out ({shortened(found.held_out_name)})"


def _is_train(split: str) -> bool:
    name = splits.exact(split.partition("[")[0])
    return name is not None and name.kind == "train"


def _shape(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) if prod(shape) else str(shape)


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
