"""Floor 2: what crosses the wire, as pure functions and small state machines. No sockets, no clock, no aiohttp."""
