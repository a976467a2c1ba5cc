"""One page of a list: which rows to read."""

from dataclasses import dataclass
from typing import Final

INT64_MAX: Final = 2**63 - 1
"""No database counts further."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    page: int = 1
    per_page: int = 20

    @property
    def limit(self) -> int:
        return min(max(self.per_page, 0), INT64_MAX)

    @property
    def offset(self) -> int:
        return min(max(self.page - 1, 0) * self.limit, INT64_MAX)
