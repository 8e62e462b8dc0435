"""Options that nothing reads: a misspelt name would leave its option out without a word."""

from collections.abc import Collection, Iterable
from difflib import get_close_matches


def check_names(section: str, names: Iterable[str], known: Collection[str]) -> None:
    """Checks the names of a section's options.

    Args:
        section: of the option file, for the message.
        names: those that it has.
        known: those that are read.

    Raises:
        ValueError: a name that is not known; the message says what is meant, or which there are.
    """
    for name in names:
        if name not in known:
            close = get_close_matches(name, known, 1)
            remedy = f"is it {close[0]}?" if close else f"there are {', '.join(sorted(known))}"
            raise ValueError(f"{section} has no option {name!r}; {remedy}")
