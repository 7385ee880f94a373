"""Bytes of two kinds."""

import random


def compressible(size: int) -> bytes:
    line = b"All happy families are alike; each unhappy family is unhappy in its own way.\n"
    return (line * (size // len(line) + 1))[:size]


def incompressible(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)
