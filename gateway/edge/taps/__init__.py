"""Onlookers of the bytes that pass: they never wait, never alter, hold a bounded amount, and their failure is theirs alone."""
