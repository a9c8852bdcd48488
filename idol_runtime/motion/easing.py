"""How a value moves from one place to another."""


def minimum_jerk(share: float) -> float:
    """The way that is made, 0 to 1, after this share of the time, without a corner at its ends.

    Flash and Hogan 1985: the smoothest move of a hand from rest to rest.
    """
    return share**3 * (10 - 15 * share + 6 * share**2)
