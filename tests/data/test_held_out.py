"""The list of faces held out: what is noted there, and what is left for training."""

import pytest

from smfd_plugin.data.held_out import LIST, left, note
from smfd_plugin.data.sources import Item

DIGESTS = {
    "abc": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    "": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
}


@pytest.fixture
def item(tmp_path):
    """A face of that name, which nobody reads, from a file of that content; None: of no file."""

    def make(name: str, content: str | None = "abc") -> Item:
        path = tmp_path / f"{content}.png"
        if content is not None:
            path.write_text(content)
        return Item(path, name, None)

    return make


@pytest.fixture
def root(tmp_path):
    """A folder that is not there yet."""
    return tmp_path / "sets/train"


def test_a_line_is_as_sha256sum_writes_it(root, item):
    note(root, [item("b"), item("a", "")])
    assert LIST == "held_out.txt"
    assert (root / LIST).read_text() == f"{DIGESTS['abc']}  b\n{DIGESTS['']}  a\n"
    assert list(root.iterdir()) == [root / LIST]


def test_faces_are_added_once(root, item):
    note(root, [item("b"), item("a")])
    note(root, [item("c"), item("b"), item("c")])
    note(root, [])
    assert (root / LIST).read_text() == "".join(f"{DIGESTS['abc']}  {name}\n" for name in "bac")


def test_without_faces_there_is_no_list(root, item):
    note(root, [])
    note(root, [item("a", None)])
    assert not root.exists()


def test_a_file_that_cannot_be_read_is_left_out(root, item):
    note(root, [item("a", None), item("b")])
    assert (root / LIST).read_text() == f"{DIGESTS['abc']}  b\n"


def test_a_place_that_cannot_be_written_to_is_named(root, item):
    root.parent.write_text("a file")
    with pytest.raises(OSError, match=f"{root.parent} is no folder"):
        note(root, [item("a")])


def test_without_a_list_all_are_left(root, item):
    items = [item("a"), item("b", None)]
    assert left(root, items) == items


def test_those_with_another_name_or_another_file_are_left(root, item):
    note(root, [item("a"), item("b", "")])
    items = [item("a"), item("a", ""), item("b"), item("c"), item("b", ""), item("d", None)]
    assert left(root, items) == [items[1], items[2], items[3], items[5]]


def test_a_file_of_a_name_in_the_list_has_to_be_read(root, item):
    note(root, [item("a")])
    with pytest.raises(FileNotFoundError, match=r"None\.png"):
        left(root, [item("a", None)])


@pytest.mark.parametrize("name", ["caf\udce9", "café", "a  b", " a", "a\u2028b", "a\x85b"])
def test_a_name_may_be_any_text_or_none(root, item, name):
    note(root, [item(name)])
    note(root, [item("other")])
    assert left(root, [item(name), item("third")]) == [item("third")]


def test_a_list_of_sha256sum_itself_is_read(root, item):
    root.mkdir(parents=True)
    (root / LIST).write_text(f"\n{DIGESTS['abc']}  a\n\n{DIGESTS['abc']}  b")
    assert left(root, [item("a"), item("b"), item("c")]) == [item("c")]
    note(root, [item("c", "")])
    lines = [f"{DIGESTS['abc']}  a", f"{DIGESTS['abc']}  b", f"{DIGESTS['']}  c"]
    assert (root / LIST).read_text().splitlines() == lines
