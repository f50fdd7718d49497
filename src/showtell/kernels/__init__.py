"""The layers of `showtell.functional`, compiled."""

from showtell.kernels.recurrent import *  # noqa
