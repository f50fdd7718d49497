"""The laboratory: gradients that are watched on their way through time, and held against finite differences."""
