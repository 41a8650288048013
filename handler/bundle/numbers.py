"""Numbers of photos, some of which are told from others.

What of numpy finds its way to numpy.ma, as np.isin does, isn't used in the handler: the package doesn't have that.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64] | NDArray[np.uint32] | NDArray[np.uint64]


def are_among(numbers: Numbers, rising: Numbers) -> NDArray[np.bool_]:
    """Which of some numbers are among others, which rise: bool [numbers].

    Example: [7, 2, 5], [2, 3, 7] -> [True, True, False]
    """
    return np.asarray(np.searchsorted(rising, numbers, side="right") > np.searchsorted(rising, numbers), dtype=bool)
