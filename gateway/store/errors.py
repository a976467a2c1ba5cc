"""What the store raises: its reads and writes, when the database cannot be reached or answers with an error of its own.

Nothing here knows HTTP. Secrets arrive and leave encrypted: the store sees ciphertext and digests only.
"""


class StoreDown(Exception):
    """The store cannot answer now."""


class Unusable(StoreDown):
    """Trying again cannot help; the text tells the operator what to do."""


class SchemaTooNew(Unusable):
    """The database was migrated by a later version of the gateway."""


class Conflict(Exception):
    """A row with this key exists."""
