"""core.smfd.Deblur as editors use it: in vspipe, and in hosts of all kinds."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import vapoursynth as vs

CLIP = """
import sys
sys.path.insert(0, {tests!r})
import vapoursynth as vs
from conftest import portrait_clip
clip = portrait_clip(vs.{form})
"""


def vspipe(script: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    path = folder / "script.vpy"
    path.write_text(script)
    return subprocess.run(
        ["vspipe", *arguments, str(path), "-"], capture_output=True, env=environment(), check=False
    )


def environment() -> dict[str, str]:
    """The process's own, in which vspipe is found."""
    search = [str(Path(sys.executable).parent), os.environ.get("PATH", "")]
    return os.environ | {"PATH": os.pathsep.join(search)}


def frames_as_bytes(clip: vs.VideoNode) -> bytes:
    """What vspipe writes: all planes, RGB in the order G, B, R."""
    order = (1, 2, 0) if clip.format.color_family == vs.RGB else range(clip.format.num_planes)
    return b"".join(
        np.asarray(frame[plane]).tobytes() for frame in clip.frames() for plane in order
    )


def clip(form: str) -> str:
    return CLIP.format(tests=str(Path(__file__).parent), form=form)


@pytest.mark.parametrize("form", ["YUV420P8", "RGBH", "GRAYS"])
def test_vspipe_on_decoded_video_needs_no_import(tmp_path, tiny_weights, film, form):
    decoded = f"clip = core.bs.VideoSource({str(film)!r}, cachemode=0, showprogress=0)"
    decoded = f"import vapoursynth as vs\ncore = vs.core\n{decoded}\n"
    if form != "YUV420P8":
        decoded += f"clip = clip.resize.Bicubic(format=vs.{form}, matrix_in=1)\n"
    call = f"core.smfd.Deblur(clip, weights={str(tiny_weights)!r}, sharp_gate=0)"
    done = vspipe(f"{decoded}{call}.set_output()", tmp_path)
    assert done.returncode == 0, done.stderr
    assert b"still exist" not in done.stderr  # what VapourSynth says of a leak
    scope: dict = {}
    exec(decoded, scope)
    plain = frames_as_bytes(scope["clip"])
    assert len(done.stdout) == len(plain)
    assert done.stdout != plain
    exec(f"sharp = {call}", scope)
    assert done.stdout == frames_as_bytes(scope["sharp"])


def test_ctrl_c_ends_vspipe(tmp_path, tiny_weights):
    path = tmp_path / "script.vpy"
    call = f"vs.core.smfd.Deblur(clip.std.Loop(9999), weights={str(tiny_weights)!r}, sharp_gate=0)"
    path.write_text(clip("RGB24") + call + ".set_output()")
    process = subprocess.Popen(["vspipe", path, "-"], stdout=subprocess.PIPE, env=environment())
    try:
        assert process.stdout.read(10)  # frames are being made
        process.send_signal(signal.SIGINT)
        process.stdout.close()
        process.wait(30)
    finally:
        process.kill()


def test_an_error_in_a_frame_ends_vspipe_with_one_message(tmp_path, tiny_weights):
    text = clip("YUV444P16") + "clip = clip[:2] + clip[2].std.SetFrameProps(_Matrix=14)\n"
    call = f"vs.core.smfd.Deblur(clip, weights={str(tiny_weights)!r}, temporal=0).set_output()"
    done = vspipe(text + call, tmp_path)
    assert done.returncode != 0
    assert done.stderr.count(b"smfd.Deblur: frame 2: matrix 14 (ICtCp) is not supported") == 1
    assert b"Traceback" not in done.stderr


def test_two_filters_in_one_script(tmp_path, tiny_weights, film):
    text = f"""import vapoursynth as vs
once = vs.core.bs.VideoSource({str(film)!r}, cachemode=0, showprogress=0)
for _ in range(2):
    once = vs.core.smfd.Deblur(once, weights={str(tiny_weights)!r}, sharp_gate=0)
once.set_output()
"""
    done = vspipe(text, tmp_path)
    assert done.returncode == 0, done.stderr
    twice = vs.core.bs.VideoSource(str(film), cachemode=0, showprogress=0)
    for _ in range(2):
        assert done.stdout != frames_as_bytes(twice)
        twice = vs.core.smfd.Deblur(twice, weights=str(tiny_weights), sharp_gate=0)
    assert done.stdout == frames_as_bytes(twice)


def test_a_core_may_be_destroyed_and_made_again(tmp_path, tiny_weights):
    """Three environments of one process, one after the other, as an editor's preview has them."""
    script = tmp_path / "script.vpy"
    call = f"vs.core.smfd.Deblur(clip, weights={str(tiny_weights)!r}, sharp_gate=0).set_output()"
    script.write_text(clip("RGB24") + call)
    host = f"""
import gc
import vapoursynth as vs

class Policy(vs.EnvironmentPolicy):
    current = None
    def on_policy_registered(self, api):
        self.api = api
    def on_policy_cleared(self):
        self.current = None
    def get_current_environment(self):
        return self.current
    def set_environment(self, environment):
        previous, self.current = self.current, environment
        return previous

policy = Policy()
vs.register_policy(policy)
frames = []
for _ in range(3):
    environment = policy.api.create_environment()
    with policy.api.wrap_environment(environment).use():
        exec(compile(open({str(script)!r}).read(), "script.vpy", "exec"), {{"__name__": "x"}})
        frames.append(bytes(vs.get_output(0).clip.get_frame(1)[0]))
        vs.clear_outputs()
    policy.api.destroy_environment(environment)
    gc.collect()
assert frames[0] == frames[1] == frames[2]
"""
    done = subprocess.run([sys.executable, "-c", host], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "still exist" not in done.stderr


def test_a_host_without_python_gets_a_clear_error(tmp_path):
    """A program in C that loads VapourSynth and calls the function."""
    import vapoursynth

    root = Path(vapoursynth.__file__).parent
    source = tmp_path / "host.c"
    source.write_text(
        """
#include <VapourSynth4.h>
#include <dlfcn.h>
#include <stdio.h>
int main(int argc, char **argv) {
    void *library = dlopen(argv[1], RTLD_NOW);
    if (!library) { puts(dlerror()); return 1; }
    VSGetVapourSynthAPI get;
    *(void **)&get = dlsym(library, "getVapourSynthAPI");
    const VSAPI *vs = get(VAPOURSYNTH_API_VERSION);
    VSCore *core = vs->createCore(ccfDisableAutoLoading);
    VSMap *in = vs->createMap();
    vs->mapSetData(in, "path", argv[2], -1, dtUtf8, maReplace);
    VSMap *out = vs->invoke(vs->getPluginByID("com.vapoursynth.std", core), "LoadPlugin", in);
    if (vs->mapGetError(out)) { puts(vs->mapGetError(out)); return 1; }
    VSPlugin *standard = vs->getPluginByID("com.vapoursynth.std", core);
    VSMap *blank = vs->invoke(standard, "BlankClip", vs->createMap());
    VSMap *result = vs->invoke(vs->getPluginByID("io.smfd.deblur", core), "Deblur", blank);
    puts(vs->mapGetError(result));
    return 0;
}
"""
    )
    host = tmp_path / "host"
    subprocess.run(["cc", source, "-I", root / "include", "-ldl", "-o", host], check=True)
    done = subprocess.run(
        [host, root / "libvapoursynth.so.4", root / "plugins/libsmfd.so"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "smfd.Deblur: this program runs no Python" in done.stdout
