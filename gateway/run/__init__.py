"""Floor 6: the composition root. The only floor that reads configuration, starts processes and handles signals."""
