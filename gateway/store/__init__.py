"""Floor 4: the relational store. `port` says what control may ask of it, `engine.open_store` makes one.

SQLite by default, PostgreSQL by the same tables and queries.
"""
