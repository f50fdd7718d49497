"""From features to sentences: decoder, search, the costs of objects, confidence, and the captioner with all of them."""
