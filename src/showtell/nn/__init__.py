"""The layers: in NumPy (`functional`), compiled (`kernels`), and which of the two computes (`backend`)."""
