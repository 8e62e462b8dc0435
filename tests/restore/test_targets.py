import pytest

from smfd_plugin.restore.targets import Job, check_jobs, is_one_file


@pytest.fixture
def place(tmp_path):
    """A file, a folder, and a folder that is called like a file."""
    (tmp_path / "a.png").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "odd.png").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("inputs", "output", "expected"),
    [
        (["a.png"], "new.PNG", True),
        (["a.png"], "a.png", True),
        (["a.png"], "new", False),
        (["a.png"], "odd.png", False),
        (["folder"], "new.2024", False),
        (["a.png", "a.png"], "new.2024", False),
    ],
)
def test_a_file_or_a_folder(place, inputs, output, expected):
    inputs = [place / name for name in inputs]
    assert is_one_file(inputs, place / output, (".png",), "picture") is expected


@pytest.mark.parametrize(
    ("inputs", "output", "words"),
    [
        (["folder"], "new.png", "is one picture, the input is more"),
        (["a.png", "a.png"], "new.png", "is one picture, the input is more"),
        (["a.png"], "new.gif", r"new\.gif is no picture \(\.png, \.jpg\)"),
        (["folder"], "text", "text is a file"),
    ],
)
def test_neither(place, inputs, output, words):
    (place / "text").touch()
    with pytest.raises(ValueError, match=words):
        is_one_file([place / x for x in inputs], place / output, (".png", ".jpg"), "picture")


def test_a_source_is_never_its_target(place):
    (place / "link.png").symlink_to(place / "a.png")
    with pytest.raises(ValueError, match=r"link\.png would replace the picture itself"):
        check_jobs([Job(place / "a.png", place / "link.png")], "picture")
    check_jobs([Job(place / "a.png", place / "b.png")], "picture")
