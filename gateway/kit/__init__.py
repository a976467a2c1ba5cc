"""Floor 0: clock, ids, secrets, tasks, a bounded queue. Knows nothing of HTTP or gateways."""
