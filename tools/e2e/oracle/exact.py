"""Exact decimal arithmetic: prices are integers of 1e-9 USD, ratios are Fractions."""

from fractions import Fraction

NANOS = 10**9
MICROS = 10**6


def nanos(text):
    """Decimal text to an integer of 1e-9."""
    value = Fraction(text) * NANOS
    assert value.denominator == 1, f"{text} has more than nine decimals"
    return int(value)


def show(value):
    """Integer of 1e-9 to decimal text with at least two decimals."""
    sign, value = ("-", -value) if value < 0 else ("", value)
    fraction = f"{value % NANOS:09d}".rstrip("0")
    return f"{sign}{value // NANOS}.{fraction:0<2}"


def rounded(value):
    """Fraction to the nearest integer, halves away from zero."""
    value = Fraction(value)
    magnitude = (2 * abs(value.numerator) + value.denominator) // (2 * value.denominator)
    return magnitude if value >= 0 else -magnitude


def floor_to(value, step):
    return value // step * step


def ceil_to(value, step):
    return -(-value // step) * step


def tick(price):
    """A cent at or above a dollar, a hundredth of a cent below (Regulation NMS rule 612)."""
    return NANOS // 100 if price >= NANOS else NANOS // 10_000
