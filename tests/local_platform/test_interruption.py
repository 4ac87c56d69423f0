import os
import signal

import pytest

from local_platform.interruption import interrupt_on_stop_signals

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture
def handlers():
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("handlers")
@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_signal_interrupts_and_later_ones_do_not_disturb_the_cleanup(number):
    interrupt_on_stop_signals()
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), number)
    for other in SIGNALS:
        os.kill(os.getpid(), other)
