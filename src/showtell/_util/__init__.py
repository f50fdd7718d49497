"""Utilities shared by several packages: files, console output, progress, plots, the manifest, CPU count."""
