import os
import selectors
import signal

from gateway.run.signals import handled


def test_signals_wake_the_selector_and_are_handled_in_order() -> None:
    seen: list[str] = []
    before = signal.getsignal(signal.SIGUSR1)
    with selectors.DefaultSelector() as selector:
        handlers = {signal.SIGUSR1: lambda: seen.append("one"), signal.SIGUSR2: lambda: seen.append("two")}
        with handled(handlers, selector):
            for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGUSR1):
                os.kill(os.getpid(), number)
                assert seen == [] or number is not signal.SIGUSR1 or len(seen) == 2
                ((key, _),) = selector.select(10)
                key.data()
        assert seen == ["one", "two", "one"]
        assert not selector.get_map()
    assert signal.getsignal(signal.SIGUSR1) is before
