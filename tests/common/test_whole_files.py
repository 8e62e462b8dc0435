import pytest

from smfd_plugin.common.whole_files import whole_file


def test_the_file_appears_at_the_end_and_the_old_one_stays_until_then(tmp_path):
    path = tmp_path / "deep/a.png"
    for text in ("first", "second"):
        before = path.read_text() if path.exists() else None
        with whole_file(path) as partial:
            partial.write_text(text)
            assert partial.name == path.name
            assert (path.read_text() if path.exists() else None) == before
        assert path.read_text() == text
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_a_block_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, error):
    path = tmp_path / "a.png"
    path.write_text("old")
    with pytest.raises(error), whole_file(path) as partial:
        partial.write_text("half of the ne")
        raise error
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_two_writers_of_one_file_do_not_meet(tmp_path):
    path = tmp_path / "a.png"
    with whole_file(path) as first, whole_file(path) as second:
        first.write_text("first")
        second.write_text("second")
    assert path.read_text() == "first"


def test_files_of_the_user_stay(tmp_path):
    (tmp_path / "a.png.partial").write_text("mine")
    with whole_file(tmp_path / "a.png") as partial:
        partial.write_text("new")
    assert (tmp_path / "a.png.partial").read_text() == "mine"


@pytest.mark.parametrize("name", ["taken/a.png", "taken/deep/a.png"])
def test_a_file_in_place_of_a_folder_is_named(tmp_path, name):
    (tmp_path / "taken").touch()
    with (
        pytest.raises(NotADirectoryError, match=r"taken is no folder: .*a\.png") as error,
        whole_file(tmp_path / name),
    ):
        pass
    assert error.value.filename == str(tmp_path / name)
    assert ".partial" not in str(error.value)


def test_a_folder_in_place_of_the_file_is_named(tmp_path):
    (tmp_path / "a.png").mkdir()
    with pytest.raises(OSError) as error, whole_file(tmp_path / "a.png") as partial:
        partial.touch()
    assert error.value.filename == str(tmp_path / "a.png")
    assert ".partial" not in str(error.value)
