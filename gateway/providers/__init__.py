"""Floor 3: what is known about providers, as data. No I/O; a new OpenAI-compatible provider is one row."""
