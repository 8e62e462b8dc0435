/*
 * core.smfd.Deblur without an import in the script.
 *
 * VapourSynth loads this library by itself, but the filter is written in Python. So a call of
 * Deblur takes the GIL and lets Python import smfd_plugin.vapoursynth, which offers its `deblur` as
 * a VapourSynth function by calling smfd.Offer. The call is then forwarded to that function.
 *
 * Python is looked up in the running process, not linked: the library needs no Python headers, fits
 * every Python 3, and still loads, and says what is missing, in a host that has no Python.
 */

#include <VapourSynth4.h>

#ifdef _WIN32
#include <windows.h>
#else
#include <dlfcn.h>
#endif

typedef struct PyObject PyObject; /* opaque here */

/* The part of Python's stable ABI that is used here. */
static struct {
    int (*is_initialized)(void);
    int (*ensure_gil)(void);
    void (*release_gil)(int);
    PyObject *(*import_module)(const char *);
    PyObject *(*call_method)(PyObject *, const char *, const char *, ...);
    void (*decref)(PyObject *);
    void (*print_error)(void);
} python;

/* Offer runs on the thread of the Deblur call that caused it, so nothing is shared or kept. */
static _Thread_local VSFunction *offered;

static void *find_symbol(const char *name) {
#ifdef _WIN32
    HMODULE library = GetModuleHandleA("python3.dll");
    return library ? (void *)GetProcAddress(library, name) : NULL;
#else
    return dlsym(RTLD_DEFAULT, name);
#endif
}

static int find_python(void) {
    *(void **)&python.is_initialized = find_symbol("Py_IsInitialized");
    *(void **)&python.ensure_gil = find_symbol("PyGILState_Ensure");
    *(void **)&python.release_gil = find_symbol("PyGILState_Release");
    *(void **)&python.import_module = find_symbol("PyImport_ImportModule");
    *(void **)&python.call_method = find_symbol("PyObject_CallMethod");
    *(void **)&python.decref = find_symbol("Py_DecRef");
    *(void **)&python.print_error = find_symbol("PyErr_Print");
    return python.is_initialized && python.ensure_gil && python.release_gil &&
           python.import_module && python.call_method && python.decref && python.print_error &&
           python.is_initialized();
}

/* Has Python call smfd.Offer; on failure Python's own message goes to standard error. */
static void ask_for_offer(void) {
    int gil = python.ensure_gil();
    PyObject *module = python.import_module("smfd_plugin.vapoursynth");
    PyObject *result = module ? python.call_method(module, "offer_deblur", NULL) : NULL;
    if (!result)
        python.print_error();
    if (result)
        python.decref(result);
    if (module)
        python.decref(module);
    python.release_gil(gil);
}

static void VS_CC offer(const VSMap *in, VSMap *out, void *user_data, VSCore *core,
                        const VSAPI *vsapi) {
    (void)out, (void)user_data, (void)core;
    if (offered)
        vsapi->freeFunction(offered);
    offered = vsapi->mapGetFunction(in, "function", 0, NULL);
}

static void VS_CC deblur(const VSMap *in, VSMap *out, void *user_data, VSCore *core,
                         const VSAPI *vsapi) {
    (void)user_data, (void)core;
    if (!find_python()) {
        vsapi->mapSetError(out, "smfd.Deblur: this program runs no Python, which the filter needs; "
                                "use vspipe or a Python script");
        return;
    }
    ask_for_offer();
    VSFunction *function = offered;
    offered = NULL;
    if (!function) {
        vsapi->mapSetError(out, "smfd.Deblur: the Python package smfd_plugin cannot be imported "
                                "here (its error is on standard error); install smfd-plugin for "
                                "the Python that runs VapourSynth");
        return;
    }

    VSMap *result = vsapi->createMap();
    vsapi->callFunction(function, in, result);
    vsapi->freeFunction(function);
    /* A Python callable's value arrives under the key "val": the clip, or the text of an error,
       since VapourSynth would add a traceback to an exception. */
    int type = vsapi->mapGetType(result, "val");
    if (type == ptVideoNode)
        vsapi->mapConsumeNode(out, "clip", vsapi->mapGetNode(result, "val", 0, NULL), maReplace);
    else if (type == ptData)
        vsapi->mapSetError(out, vsapi->mapGetData(result, "val", 0, NULL));
    else
        vsapi->mapSetError(out, vsapi->mapGetError(result));
    vsapi->freeMap(result);
}

/* Check passes frames on, but one with the property SMFDError ends with that text as the error: an
   exception in Python would reach the user inside a traceback. */
static const VSFrame *VS_CC check_frame(int n, int reason, void *instance, void **frame_data,
                                        VSFrameContext *context, VSCore *core,
                                        const VSAPI *vsapi) {
    (void)frame_data, (void)core;
    VSNode *node = instance;
    if (reason == arInitial)
        vsapi->requestFrameFilter(n, node, context);
    if (reason != arAllFramesReady)
        return NULL;
    const VSFrame *frame = vsapi->getFrameFilter(n, node, context);
    int missing;
    const char *text =
        vsapi->mapGetData(vsapi->getFramePropertiesRO(frame), "SMFDError", 0, &missing);
    if (missing)
        return frame;
    vsapi->setFilterError(text, context);
    vsapi->freeFrame(frame);
    return NULL;
}

static void VS_CC free_node(void *instance, VSCore *core, const VSAPI *vsapi) {
    (void)core;
    vsapi->freeNode(instance);
}

static void VS_CC check(const VSMap *in, VSMap *out, void *user_data, VSCore *core,
                        const VSAPI *vsapi) {
    (void)user_data;
    VSNode *node = vsapi->mapGetNode(in, "clip", 0, NULL);
    VSFilterDependency dependency = {node, rpStrictSpatial};
    vsapi->createVideoFilter(out, "Check", vsapi->getVideoInfo(node), check_frame, free_node,
                             fmParallel, &dependency, 1, node, core);
}

VS_EXTERNAL_API(void)
VapourSynthPluginInit2(VSPlugin *plugin, const VSPLUGINAPI *vspapi) {
    vspapi->configPlugin("io.smfd.deblur", "smfd", "SMFD-UNet face deblurring", VS_MAKE_VERSION(0, 1),
                         VAPOURSYNTH_API_VERSION, 0, plugin);
    vspapi->registerFunction("Deblur",
                             "clip:vnode;"
                             "weights:data:opt;"
                             "strength:float:opt;"
                             "device:data:opt;"
                             "half:int:opt;"
                             "detector:data:opt;"
                             "threshold:float:opt;"
                             "min_face:int:opt;"
                             "max_faces:int:opt;"
                             "temporal:int:opt;"
                             "sharp_gate:float:opt;"
                             "feather:int:opt;"
                             "preview:data:opt;"
                             "num_streams:int:opt;"
                             "matrix:int:opt;"
                             "method:data:opt;",
                             "clip:vnode;", deblur, NULL, plugin);
    /* For smfd_plugin.vapoursynth alone. */
    vspapi->registerFunction("Offer", "function:func;", "", offer, NULL, plugin);
    vspapi->registerFunction("Check", "clip:vnode;", "clip:vnode;", check, NULL, plugin);
}
