"""Run as a program: the attackers and the hostile providers of `fuzz/hostile.py`, in a process of their own.

Prints the providers' addresses as a line of JSON; takes a line of JSON (the ground, how long, how many at once, which seed);
prints what came of it as a line of JSON. One event loop, so that it takes one core at most.
"""

import asyncio
import json
import random
import sys
import time
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TESTS), str(TESTS / "fuzz" / "malformed")]

from fakes.attacks import bad_answers, holders, strangers  # noqa: E402
from fakes.attacks.ground import HIDDEN, PATIENCE_S, STORED, Attack, Breach, Ground  # noqa: E402
from fakes.provider import FakeProvider  # noqa: E402
from fakes.wire import Peer, RawServer  # noqa: E402

ATTACKS = (*strangers.ATTACKS, *holders.ATTACKS, *bad_answers.ATTACKS)
MOST_FINDINGS = 20


class Watch:
    """What arrives where nothing may arrive."""

    def __init__(self) -> None:
        self.findings: list[str] = []

    def found(self, text: str) -> None:
        if text not in self.findings and len(self.findings) < MOST_FINDINGS:
            self.findings.append(text)

    async def inside(self, peer: Peer) -> None:
        self.found("an address inside was contacted")

    async def trap(self, peer: Peer) -> None:
        head = await peer.request()
        for secret in (HIDDEN, STORED):
            if secret.encode() in head:
                self.found(f"a secret came to an address it was not stored for: {secret}")
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")


class Crew:
    def __init__(self, ground: Ground, watch: Watch, orders: dict[str, Any]) -> None:
        self._ground = ground
        self._watch = watch
        self._seed, self._attackers = orders["seed"], orders["attackers"]
        self._ends_at = time.monotonic() + orders["seconds"]
        self._left = orders["attacks"]
        self._attacks = [attack for attack in ATTACKS if orders["only"] in attack.name]
        self.outcomes: dict[str, Counter[str]] = {attack.name: Counter() for attack in self._attacks}

    async def attack(self) -> None:
        await asyncio.gather(*(self._attacker(number) for number in range(self._attackers)))

    async def _attacker(self, number: int) -> None:
        """One attack after the other; each kind is dealt out once first, so that a short run has them all."""
        chance = random.Random(f"{self._seed} {number}")
        dealt = random.Random(self._seed).sample(self._attacks, len(self._attacks))[number :: self._attackers]
        weights = [attack.weight for attack in self._attacks]
        while time.monotonic() < self._ends_at and self._left > 0:
            self._left -= 1
            attack = dealt.pop() if dealt else chance.choices(self._attacks, weights)[0]
            self.outcomes[attack.name][await self._try(attack, chance)] += 1
            await asyncio.sleep(chance.uniform(0, 0.1))

    async def _try(self, attack: Attack, chance: random.Random) -> str:
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await attack.run(self._ground, chance)
        except TimeoutError:
            return "no end"
        except OSError as error:
            return type(error).__name__
        except Breach as breach:
            self._watch.found(f"{attack.name}: {breach}")
            return "BREACH"
        except Exception as error:  # an attack that does not do what it should tries nothing
            self._watch.found(f"{attack.name} failed itself: {error!r}")
            return "failed itself"


async def forget(provider: FakeProvider) -> None:
    """It remembers everything for tests; over an hour that is much."""
    while True:
        await asyncio.sleep(1)
        provider.requests.clear()
        for connection in provider.connections:
            connection.requests.clear()
        provider.connections[:] = [connection for connection in provider.connections if not connection.closed]


def tell(line: Any) -> None:
    print(json.dumps(line), flush=True)


async def main() -> None:
    watch = Watch()
    async with AsyncExitStack() as stack:
        inside = await stack.enter_async_context(RawServer(watch.inside))
        trap = await stack.enter_async_context(RawServer(watch.trap))
        bad = FakeProvider()
        await bad.start()
        bad.keep_bytes = 0
        bad.always = bad_answers.Answering(f"127.0.0.1:{inside.port}")
        greeters = {slug: await stack.enter_async_context(RawServer(script)) for slug, script in bad_answers.GREETINGS.items()}
        tell({
            "bad": bad.port,
            "trap": trap.port,
            "inside": inside.port,
            "greeters": {slug: server.port for slug, server in greeters.items()},
        })  # fmt: skip
        orders = json.loads(await asyncio.to_thread(sys.stdin.readline) or "null")
        if orders is None:  # whom this belongs to is gone
            return
        forgetting = asyncio.create_task(forget(bad))
        crew = Crew(Ground(**orders.pop("ground")), watch, orders)
        await crew.attack()
        forgetting.cancel()
        tell({"outcomes": crew.outcomes, "findings": watch.findings})
        await bad.refuse()


if __name__ == "__main__":
    asyncio.run(main())
