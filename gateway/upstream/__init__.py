"""Floor 4: connections to providers and to control. `port` is what the edge sees; everything else is how."""
