"""Evaluation of captions against references: reading, scoring, reports, comparison, confidence."""
