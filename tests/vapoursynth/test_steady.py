"""Faces over time: what a frame depends on, and what it does not."""

import random

import numpy as np
import pytest
import vapoursynth as vs

from smfd_plugin.restore import make_detector


@pytest.fixture
def threads():
    """Four threads, however many cores there are."""
    before = vs.core.num_threads
    vs.core.num_threads = 4
    yield
    vs.core.num_threads = before


@pytest.mark.parametrize("streams", [1, 3])
def test_frames_do_not_depend_on_the_order_of_requests(
    portrait, restored, planes, threads, streams
):
    clip = portrait(vs.YUV420P8, length=12)
    expected = [planes(frame) for frame in restored(clip).frames()]
    for seed in range(3):
        order = random.Random(seed).choices(range(12), k=18)
        sharp = restored(clip, num_streams=streams)
        futures = [(n, sharp.get_frame_async(n)) for n in order]
        for n, future in futures:
            for one, other in zip(expected[n], planes(future.result()), strict=True):
                assert np.array_equal(one, other)


def test_a_trimmed_clip_is_the_same_beyond_the_window(portrait, restored, same):
    clip = portrait(length=12)
    whole, trimmed = restored(clip, temporal=2), restored(clip[4:], temporal=2)
    for n in (6, 9, 11):
        assert same(whole.get_frame(n), trimmed.get_frame(n - 4))


def test_a_fast_face_is_restored_in_full(restored, planes, astronaut, drawn):
    still = np.ascontiguousarray(astronaut[:256, 96:352, ::-1])
    places = [80 * n for n in range(6)]  # the face's box is 100 pixels wide
    pictures = [np.full((256, 656, 3), 128, np.uint8) for _ in places]
    for picture, x in zip(pictures, places, strict=True):
        picture[:, x : x + 256] = still
    clip = drawn(pictures).std.SetFrameProps(_SceneChangePrev=0)
    steady, alone = (restored(clip, temporal=t) for t in (3, 0))
    for frame, single in zip(steady.frames(), alone.frames(), strict=True):
        assert frame.props["SMFDAmounts"] == single.props["SMFDAmounts"] == 1
        off = np.subtract(frame.props["SMFDLandmarks"], single.props["SMFDLandmarks"])
        assert np.abs(off).max() < 5
    order = restored(clip)
    for n in (4, 1, 5, 3):
        for one, other in zip(planes(order.get_frame(n)), planes(steady.get_frame(n)), strict=True):
            assert np.array_equal(one, other)


def test_faces_take_turns_without_a_jump(portrait, restored):
    still = portrait(length=1)
    sizes = [(200, 256) if n < 6 else (256, 200) for n in range(12)]
    frames = [
        vs.core.std.StackHorizontal(
            [
                still.resize.Bicubic(side, side).std.AddBorders(0, 256 - side, 0, 256 - side)
                for side in pair
            ]
        )
        for pair in sizes
    ]
    clip = vs.core.std.Splice(frames).std.SetFrameProps(_SceneChangePrev=0)
    shares = []
    for frame in restored(clip, max_faces=1).frames():
        lefts = np.atleast_1d(frame.props["SMFDBoxes"])[::4]
        amounts = np.atleast_1d(frame.props["SMFDAmounts"])
        assert amounts.sum() == pytest.approx(1)
        shares.append(amounts[lefts < 200].sum())
    assert shares == pytest.approx([0, 0, 0, 0, 1 / 5, 2 / 5, 3 / 5, 4 / 5, 1, 1, 1, 1])


def test_each_frame_is_searched_once_in_each_of_two_sizes(portrait, restored, monkeypatch):
    calls = []

    def counting(*arguments):
        detect = make_detector(*arguments)

        def run(image):
            calls.append(image.shape[2])
            return detect(image)

        return run

    monkeypatch.setattr("smfd_plugin.vapoursynth.filter.make_detector", counting)
    assert len(list(restored(portrait(length=14)).frames())) == 14
    assert len(calls) == 2 * 14 and len(set(calls)) == 2


def test_faces_fade_in_and_out_and_gaps_are_bridged(portrait, restored):
    # The scene changes are the portrait's own here; the script says that there are none.
    clip = portrait(shown="...xxxx.xxxxx...", length=16).std.SetFrameProps(_SceneChangePrev=0)
    amounts = [
        np.max(frame.props.get("SMFDAmounts", 0), initial=0) for frame in restored(clip).frames()
    ]
    expected = [0, 0, 0, 1 / 3, 2 / 3, 1, 1, 1, 1, 1, 1, 2 / 3, 1 / 3, 0, 0, 0]
    assert amounts == pytest.approx(expected)


def test_nothing_fades_or_is_smoothed_across_a_scene_change(portrait, restored, same):
    shots = portrait(length=4), portrait(length=4).std.FlipHorizontal()
    dark = vs.core.std.BlankClip(shots[0], length=4, color=[0, 0, 0])
    film = restored(shots[0] + dark + shots[1])
    amounts = [frame.props.get("SMFDAmounts", 0) for frame in film.frames()]
    assert amounts == [1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1]
    for first, shot in ((0, shots[0]), (8, shots[1])):
        alone = restored(shot)
        for n in range(4):
            assert same(film.get_frame(first + n), alone.get_frame(n))


def test_the_scripts_own_scene_changes_count(portrait, restored, same):
    clip = portrait(length=6)
    marked = clip[:3].std.SetFrameProps(_SceneChangePrev=0) + clip[3].std.SetFrameProps(
        _SceneChangePrev=1
    )
    marked += clip[4:].std.SetFrameProps(_SceneChangePrev=0)
    film, alone = restored(marked), restored(clip[:3])
    assert same(film.get_frame(2), alone.get_frame(2))
    assert not same(film.get_frame(2), restored(clip).get_frame(2))


def test_landmarks_tremble_less(portrait, restored):
    rng = np.random.default_rng(0)
    still = portrait(length=1).std.Loop(24)

    def grain(n, f):
        frame = f.copy()
        for plane in range(3):
            noisy = np.asarray(f[plane]) + rng.normal(0, 12, (256, 256))
            np.copyto(np.asarray(frame[plane]), noisy.clip(0, 255).astype(np.uint8))
        return frame

    noisy = [f.copy() for f in still.std.ModifyFrame(still, grain).frames()]
    clip = still.std.ModifyFrame(still, lambda n, f: noisy[n])
    tremble = []
    for temporal in (0, 3):
        frames = restored(clip, temporal=temporal, sharp_gate=1e9).frames()
        landmarks = [frame.props["SMFDLandmarks"] for frame in frames]
        tremble.append(np.std(landmarks, axis=0).mean())
    assert tremble[1] < 0.6 * tremble[0]
