"""Captions that were written for photos whose captions are known: read, scored, shown, compared, trusted."""
