"""Text that compresses as prose and logs do: words by Zipf's law, no line twice."""

import itertools
import random
import string

_WORDS = 60_000
_WORD_LENGTHS = range(3, 11)
# With this exponent and evenly spread letters, zlib at level 6 works as fast as on real prose and source code.
# Words made of few syllables would let it search three times as long, and flatter whoever does without zlib.
_ZIPF = 1.15
_SAMPLE = 6 * 1024 * 1024


class Text:
    """Windows of one long text; archives compress each file by itself, so windows that overlap do not help them."""

    def __init__(self, seed: int = 1, size: int = _SAMPLE) -> None:
        self._text = _long_text(random.Random(seed), size)

    def file(self, index: int, size: int) -> bytes:
        start = (index * 41_017) % (len(self._text) - size)
        return self._text[start : start + size]


def _long_text(rng: random.Random, size: int) -> bytes:
    words = ["".join(rng.choices(string.ascii_lowercase, k=rng.choice(_WORD_LENGTHS))) for _ in range(_WORDS)]
    weights = list(itertools.accumulate((rank + 2.7) ** -_ZIPF for rank in range(_WORDS)))
    lines: list[str] = []
    length = 0
    while length < size:
        chosen = rng.choices(words, cum_weights=weights, k=rng.randint(6, 18))
        line = f"{rng.randint(0, 10**7)};{' '.join(chosen).capitalize()}.\n"
        lines.append(line)
        length += len(line)
    return "".join(lines).encode()[:size]
