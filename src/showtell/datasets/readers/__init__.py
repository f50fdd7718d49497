"""A reader for each format that people have captions in."""
