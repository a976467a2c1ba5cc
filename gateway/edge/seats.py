"""Places for strangers at something that others need too: so many in all, so many for one customer's addresses."""

from collections import Counter

from gateway.kit.addresses import customer_of


class Seats:
    def __init__(self, most: int, most_each: int) -> None:
        self._most = most
        self._most_each = most_each
        self._taken: Counter[str] = Counter()
        self.count = 0

    def take(self, address: str) -> "Seat | None":
        """A place, until it is left; None when there is none."""
        customer = customer_of(address)
        if self.count >= self._most or self._taken[customer] >= self._most_each:
            return None
        self.count += 1
        self._taken[customer] += 1
        return Seat(self, customer)

    def leave(self, customer: str) -> None:
        self.count -= 1
        self._taken[customer] -= 1
        if not self._taken[customer]:
            del self._taken[customer]


class Seat:
    __slots__ = ("_customer", "_seats")

    def __init__(self, seats: Seats, customer: str) -> None:
        self._seats = seats
        self._customer = customer

    def leave(self) -> None:
        self._seats.leave(self._customer)
