# NAME: interpreters_and_engines
# MODE: program
# WHAT: subinterpreters, code objects made by hand, and a program in the pattern engine
# EXPECTED: ok, runtime_error
# OBSERVE: no ESCAPED line
import types, re
try:
    import _xxsubinterpreters as x
    i = x.create()
    x.run_string(i, 'import os; os.write(1, b"inside\\n")')
except BaseException as e: print(type(e).__name__, flush=True)
def f(): pass
try:
    g = f.__code__.replace(co_code=bytes([83, 0, 100, 200, 83, 0]), co_stacksize=1)
    eval(g)
except BaseException as e: print(type(e).__name__, flush=True)
