"""Floor 1: the nouns. Frozen values without I/O; every other package speaks in them."""
