"""Captioning and training on many machines, with Ray (extra `cluster`; docs/cluster.md)."""
