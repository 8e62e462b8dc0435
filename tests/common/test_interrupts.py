"""Signals that end a process, in a test that goes on."""

import signal
import threading

import pytest

from smfd_plugin.common.interrupts import exit_code, signals_as_interrupt

BOTH = [signal.SIGTERM, signal.SIGHUP]


@pytest.fixture
def ending(as_set):
    """Both signals end the process, as they do where nobody has set anything."""
    for number in BOTH:
        as_set(number, signal.SIG_DFL)


def actions() -> list:
    return [signal.getsignal(number) for number in BOTH]


@pytest.mark.parametrize("number", BOTH)
def test_a_signal_is_an_interrupt_with_its_number(ending, number):
    with pytest.raises(KeyboardInterrupt) as interrupt, signals_as_interrupt():
        signal.raise_signal(number)
    assert interrupt.value.args == (number,)
    assert actions() == [signal.SIG_DFL] * 2


@pytest.mark.parametrize("first", BOTH)
def test_a_second_signal_does_not_stop_the_clearing_up(ending, first):
    cleared = []
    with pytest.raises(KeyboardInterrupt) as interrupt, signals_as_interrupt():
        try:
            signal.raise_signal(first)
        finally:
            for number in BOTH:
                signal.raise_signal(number)
            cleared.append(actions())
    assert cleared == [[signal.SIG_IGN] * 2]
    assert interrupt.value.args == (first,)


def test_signals_do_afterwards_what_they_did_before(ending):
    with signals_as_interrupt():
        assert signal.SIG_DFL not in actions()
    assert actions() == [signal.SIG_DFL] * 2
    with pytest.raises(ValueError, match="no lamp"), signals_as_interrupt():
        raise ValueError("no lamp")
    assert actions() == [signal.SIG_DFL] * 2


def test_what_nohup_or_a_caller_has_set_stays(as_set):
    seen = []

    def note(number, frame):
        seen.append(number)

    as_set(signal.SIGHUP, signal.SIG_IGN)
    as_set(signal.SIGTERM, note)
    with signals_as_interrupt():
        for number in BOTH:
            signal.raise_signal(number)
    assert seen == [signal.SIGTERM]
    assert actions() == [note, signal.SIG_IGN]


def test_ctrl_c_stays_as_it_was(ending):
    before = signal.getsignal(signal.SIGINT)
    with signals_as_interrupt():
        assert signal.getsignal(signal.SIGINT) is before


def test_in_another_thread_nothing_changes(ending):
    inside = []

    def work():
        with signals_as_interrupt():
            inside.append(actions())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert inside == [[signal.SIG_DFL] * 2]


def test_a_system_without_terminals_has_one_signal_less(ending, monkeypatch):
    monkeypatch.delattr(signal, "SIGHUP")  # as on Windows
    with pytest.raises(KeyboardInterrupt), signals_as_interrupt():
        signal.raise_signal(signal.SIGTERM)


@pytest.mark.parametrize(
    ("interrupt", "code"),
    [
        (KeyboardInterrupt(), 130),
        (KeyboardInterrupt(signal.SIGTERM), 143),
        (KeyboardInterrupt(signal.SIGHUP), 129),
    ],
)
def test_the_exit_code_is_that_of_the_signal(interrupt, code):
    assert exit_code(interrupt) == code
