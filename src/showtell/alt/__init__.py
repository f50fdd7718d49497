"""Alternative text for the images of a web site's sources: find images, resolve their photos, insert captions."""
