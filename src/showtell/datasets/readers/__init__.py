"""A reader for each caption format."""
