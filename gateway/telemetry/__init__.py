"""Floor 4: logs of the service itself, and the counters behind its metrics."""
