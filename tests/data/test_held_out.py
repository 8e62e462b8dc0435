import pytest

from smfd_plugin.checksum import checksum
from smfd_plugin.data import held_out
from smfd_plugin.data.sources import Item


@pytest.fixture
def items(tmp_path):
    """Three faces, of which nothing is read."""
    for name in "abc":
        (tmp_path / f"{name}.png").write_text(name)
    return [Item(tmp_path / f"{name}.png", name, lambda: None) for name in "abc"]


@pytest.fixture
def root(tmp_path):
    (tmp_path / "faces").mkdir()
    return tmp_path / "faces"


def test_without_a_list_all_are_left(root, items):
    assert held_out.left(root, items) == items
    held_out.note(root, [])
    assert not list(root.iterdir())


def test_what_is_noted_is_not_left_and_stays_noted(root, items):
    first, second, third = items
    held_out.note(root, [second])
    held_out.note(root, [third, second])
    assert (root / held_out.LIST).read_text() == (
        f"{checksum(second.path)}  b\n{checksum(third.path)}  c\n"
    )
    assert held_out.left(root, items) == [first]


def test_another_file_of_the_name_is_left_and_the_same_under_another_name(root, items, tmp_path):
    held_out.note(root, items)
    items[0].path.write_text("another face")
    (tmp_path / "d.png").write_text("b")
    moved = items[1]._replace(path=tmp_path / "d.png")
    renamed = items[1]._replace(name="d")
    assert held_out.left(root, [items[0], moved, renamed]) == [items[0], renamed]


def test_a_face_that_cannot_be_read_is_not_noted(root, items):
    items[0].path.unlink()
    held_out.note(root, items[:2])
    assert (root / held_out.LIST).read_text() == f"{checksum(items[1].path)}  b\n"


def test_names_may_be_any_bytes(root, items):
    odd = items[0]._replace(name="a\udce9")
    held_out.note(root, [odd])
    assert (root / held_out.LIST).read_bytes().endswith(b"  a\xe9\n")
    assert held_out.left(root, [odd]) == []
