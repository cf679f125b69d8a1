"""An amount between several: exact to the micro-unit, and never more for anybody when the whole is less. Pure."""

from __future__ import annotations

from collections.abc import Sequence


def apportion(micros: int, weights: Sequence[int]) -> tuple[int, ...]:
    """`micros` in proportion to the weights; what does not divide goes to those that stand first.

    Each in turn takes its part of what is left, rounded up. So the parts sum to the whole, no part is below zero or
    above its weight where the whole is not above the sum of the weights, and every part grows with the whole: what was
    held of 0.60 by three payers pays for each whatever they owe of 0.59. Raises ValueError for weights of nothing.
    """
    if micros < 0 or any(each < 0 for each in weights) or (micros and not sum(weights)):
        raise ValueError(f"{micros} cannot be parted by weights that sum to {sum(weights)}")
    parts: list[int] = []
    left, weight_left = micros, sum(weights)
    for weight in weights:
        part = -(-left * weight // weight_left) if weight_left else 0
        parts.append(part)
        left -= part
        weight_left -= weight
    return tuple(parts)
