"""Byte-pair encoding (Sennrich et al., 2016), by the package `tokenizers`, an extra.

Words are divided into bytes, and the most frequent pair of neighbors becomes one token,
again and again (byte-level, as in GPT-2). A space belongs to the word after it.
"""

import importlib.util
from collections.abc import Callable
from typing import NamedTuple

from ganjax.errors import UsageError


UNKNOWN = "�"  # a byte that the training text does not have


class Divided(NamedTuple):
    """A learned division of lines.

    Attributes:
        names: the tokens, in the order in which they were merged.
        divide: a line -> its tokens.
        join: tokens -> the line.
    """

    names: tuple[str, ...]
    divide: Callable[[str], list[str]]
    join: Callable[[list[str]], str]


def byte_pairs(lines: list[str], size: int) -> Divided:
    """Learns byte pairs from lines.

    Args:
        lines: the training text.
        size: the largest number of tokens. Each byte that occurs is one, so there may be
            more of them than this.

    Raises:
        UsageError: the package is not installed.
    """
    if importlib.util.find_spec("tokenizers") is None:
        raise UsageError(
            "Byte pairs need the package tokenizers, an extra: run "
            "`pip install 'ganjax[text]'`, or take words or characters."
        )
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    # The bytes are those of the training text, where byte-level vocabularies have all 256.
    tokenizer = Tokenizer(models.BPE(unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        # The name of what is unknown is a token, too, which is not counted.
        vocab_size=size + 1,
        special_tokens=[UNKNOWN],
        show_progress=False,
    )
    tokenizer.train_from_iterator(lines, trainer)
    number = tokenizer.get_vocab()
    names = sorted(number.keys() - {UNKNOWN}, key=number.__getitem__)
    return Divided(
        tuple(names),
        lambda line: tokenizer.encode(line).tokens,
        lambda tokens: decoder.decode(tokens),
    )
