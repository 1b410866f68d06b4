# sandbox/cell/zygote.py -- the warm Python of a slot: programs are forks of it.
import sys, os, gc, ctypes
# What programs import most, so that they find it warm. Absent ones are passed over.
for name in ("abc array ast atexit bisect builtins calendar cmath collections collections.abc "
             "copy contextlib dataclasses datetime decimal enum fractions functools hashlib heapq "
             "inspect io itertools json linecache math numbers operator queue random re "
             "statistics string struct textwrap threading time timeit traceback types typing "
             "unittest uuid").split():
    try:
        __import__(name)
    except ImportError:
        pass
import _sitebuiltins, atexit, builtins, linecache, random, threading, traceback, types
# Without site packages there is no site, which makes these.
builtins.exit = _sitebuiltins.Quitter("exit", "Ctrl-D (i.e. EOF)")
builtins.quit = _sitebuiltins.Quitter("quit", "Ctrl-D (i.e. EOF)")
builtins.help = _sitebuiltins._Helper()

lib = ctypes.PyDLL(os.environ.pop("CELL_SO"))
folder = os.environ["TMPDIR"]
lib.cell_source.restype = ctypes.c_void_p
lib.cell_seed.restype = ctypes.c_uint64
os.environ.pop("PYTHONHASHSEED", None)
path = folder + "/main.py"
sys.argv[:] = [path]
sys.path[:] = [folder] + [p for p in sys.path if p]
for stream in (sys.stdin, sys.stdout, sys.stderr):
    stream.reconfigure(errors="backslashreplace" if stream is sys.stderr else "surrogateescape")
re = sys.modules["re"]
re.compile(r"(\w+)\s*=\s*(\d+)")
traceback.format_exception(ValueError("warm"))


def sysconf(name, real=os.sysconf):
    """os.sysconf; the memory is the program's limit, not the host's."""
    if name in PAGES:
        import resource
        return resource.getrlimit(resource.RLIMIT_AS)[0] // real("SC_PAGESIZE")
    return real(name)


PAGES = {x for name in ("SC_PHYS_PAGES", "SC_AVPHYS_PAGES") for x in (name, os.sysconf_names.get(name))}
os.sysconf = sysconf


def run(source, seed, path):
    """The program, as `python3 main.py` would run it; gives the exit status."""
    random.seed(seed)
    main = types.ModuleType("__main__")
    main.__builtins__ = builtins
    main.__file__ = path
    sys.modules["__main__"] = main
    code = 0
    try:
        exec(compile(source, path, "exec", 0, True), main.__dict__)
    except SystemExit as e:
        code = e.code
        if code is None:
            code = 0
        elif not isinstance(code, int):
            print(code, file=sys.stderr)
            code = 1
    except BaseException as e:
        code = 247 if isinstance(e, MemoryError) else 1
        try:
            if not isinstance(e, RecursionError):
                text = source.decode("utf-8", "replace").splitlines(True)
                linecache.cache[path] = (len(source), None, text, path)
            kind, value, trace = sys.exc_info()
            sys.excepthook(kind, value, trace.tb_next)
        except BaseException:
            pass
    try:
        threading._shutdown()
        atexit._run_exitfuncs()
    except BaseException:
        pass
    try:
        flush()
    except BaseException:
        code = code or 120
    try:  # a file that nobody closed says what it holds when it goes: with the program's names
        sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
        vars(main).clear()
        gc.collect()
        flush()
    except BaseException:
        pass
    return code & 0xff


def flush():
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and not getattr(stream, "closed", False):
            stream.flush()


gc.collect()
gc.freeze()
gc.disable()
if lib.cell_serve() == 1:
    size = ctypes.c_uint32()
    at = lib.cell_source(ctypes.byref(size))
    source, seed = ctypes.string_at(at, size.value), lib.cell_seed()
    del lib, size, at, name, folder
    ctypes.pythonapi.PyOS_AfterFork_Child()
    gc.enable()
    os._exit(run(source, seed, path))
