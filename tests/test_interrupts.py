import signal
from threading import Thread

import pytest

from smfd_plugin.interrupts import exit_code, signals_as_interrupt

NUMBERS = [signal.SIGTERM, signal.SIGHUP]


@pytest.fixture(autouse=True)
def as_by_default():
    """Signals do what they do in a new process, whatever whoever started the tests has set."""
    before = {number: signal.signal(number, signal.SIG_DFL) for number in NUMBERS}
    yield
    for number, action in before.items():
        signal.signal(number, action)


@pytest.mark.parametrize("number", NUMBERS)
def test_a_signal_is_an_interrupt_once(number):
    with pytest.raises(KeyboardInterrupt) as caught, signals_as_interrupt():
        try:
            signal.raise_signal(number)
        finally:
            for second in NUMBERS:
                signal.raise_signal(second)
    assert exit_code(caught.value) == 128 + number
    assert [signal.getsignal(each) for each in NUMBERS] == [signal.SIG_DFL] * 2


def test_what_somebody_has_set_stays():
    seen = []
    signal.signal(signal.SIGTERM, lambda number, frame: seen.append(number))
    with signals_as_interrupt():
        signal.raise_signal(signal.SIGTERM)
        assert signal.getsignal(signal.SIGHUP) is not signal.SIG_DFL
    assert seen == [signal.SIGTERM]
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_DFL


def test_other_threads_change_nothing():
    found = []

    def elsewhere():
        with signals_as_interrupt():
            found.append(signal.getsignal(signal.SIGTERM))

    thread = Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert found == [signal.SIG_DFL]


def test_ctrl_c_has_the_exit_code_of_its_signal():
    assert exit_code(KeyboardInterrupt()) == 130
