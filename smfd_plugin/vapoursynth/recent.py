"""What was made for the latest frames, for the frames around them."""

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock


class Recent[T]:
    """Keeps values by frame number, each made once however many threads ask for it.

    Args:
        size: how many values to keep; those asked for longest ago go first.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._lock = Lock()
        self._places: OrderedDict[int, _Place[T]] = OrderedDict()

    def get(self, n: int, make: Callable[[], T]) -> T:
        """The value of frame n, made by `make` if it is not there; its errors are passed on."""
        with self._lock:
            place = self._places.setdefault(n, _Place())
            self._places.move_to_end(n)
            if len(self._places) > self._size:
                self._places.popitem(last=False)
        with place.lock:
            if not place.values:
                place.values.append(make())
        return place.values[0]


class _Place[T]:
    def __init__(self) -> None:
        self.lock = Lock()
        self.values: list[T] = []
