"""What several packages need and none is about: files, lines on a terminal, figures, cores."""
