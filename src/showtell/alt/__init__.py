"""Alternative text for the images of a web site's sources: find them, see what they show, insert a sentence."""
