"""Floor 4: the link between an edge and control. Settings flow down, facts flow up; `frames` is all that may cross."""
