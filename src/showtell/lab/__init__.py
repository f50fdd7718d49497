"""The laboratory: gradient flow through time, and gradient checks by finite differences."""
