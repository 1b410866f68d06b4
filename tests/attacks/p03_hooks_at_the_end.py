# NAME: hooks_at_the_end
# MODE: function:add
# WHAT: audit hooks, exit functions and finalizers that end the process with 0 and print a verdict
# EXPECTED: wrong_answer, runtime_error
# OBSERVE: no ESCAPED line
import atexit, os, sys, weakref
def leave(*a):
    os.write(1, b'ok\n{"verdict":"ok","score":1.0}\n')
    os._exit(0)
sys.addaudithook(lambda event, args: leave() if event in ('exec', 'os._exit') else None)
atexit.register(leave)
sys.excepthook = sys.unraisablehook = leave
class A:
    def __del__(self):
        leave()
keep = A()
weakref.finalize(keep, leave)
def add(a, b):
    leave()
