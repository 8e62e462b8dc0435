"""core.smfd.Deblur as editors use it: in vspipe, and in hosts of all kinds."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

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
    search = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return subprocess.run(
        ["vspipe", *arguments, str(path), "-"],
        capture_output=True,
        env=os.environ | {"PATH": search},
        check=False,
    )


def clip(form: str) -> str:
    return CLIP.format(tests=str(Path(__file__).parent), form=form)


@pytest.mark.parametrize(("form", "size"), [("YUV420P8", 98304), ("RGB24", 196608)])
def test_vspipe_needs_no_import_in_the_script(tmp_path, tiny_weights, form, size):
    text = clip(form) + f"vs.core.smfd.Deblur(clip, weights={str(tiny_weights)!r}).set_output()"
    done = vspipe(text, tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout) == 3 * size
    plain = vspipe(clip(form) + "clip.set_output()", tmp_path).stdout
    assert len(plain) == 3 * size
    assert plain != done.stdout


def test_an_error_ends_vspipe_with_one_message(tmp_path):
    done = vspipe(clip("RGB24") + "vs.core.smfd.Deblur(clip, strength=2).set_output()", tmp_path)
    assert done.returncode != 0
    assert b"smfd.Deblur: strength is 2" in done.stderr
    assert done.stdout == b""


def test_two_filters_in_one_script(tmp_path, tiny_weights):
    weights = repr(str(tiny_weights))
    once = vspipe(
        clip("RGB24") + f"vs.core.smfd.Deblur(clip, weights={weights}).set_output()", tmp_path
    )
    twice = vspipe(
        clip("RGB24")
        + f"once = vs.core.smfd.Deblur(clip, weights={weights})\n"
        + f"vs.core.smfd.Deblur(once, weights={weights}).set_output()",
        tmp_path,
    )
    assert twice.returncode == 0, twice.stderr
    assert len(twice.stdout) == len(once.stdout)
    assert twice.stdout != once.stdout


def test_a_core_may_be_destroyed_and_made_again(tmp_path, tiny_weights):
    """Three environments of one process, one after the other, as an editor's preview has them."""
    script = tmp_path / "script.vpy"
    call = f"vs.core.smfd.Deblur(clip, weights={str(tiny_weights)!r}).set_output()"
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
