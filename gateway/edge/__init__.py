"""Floor 5: the data plane. Start reading at `lifecycle.py`: the way of a request is one function."""
