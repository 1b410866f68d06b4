# NAME: traces_the_harness
# MODE: function:add
# WHAT: trace and profile functions that change what others return, and a walk over the frames
# EXPECTED: wrong_answer, runtime_error
# OBSERVE: no ESCAPED line
import sys, threading
def trace(frame, event, arg):
    if event == 'return':
        for name, value in list(frame.f_locals.items()) + list(frame.f_globals.items()):
            if 'expect' in name or 'want' in name:
                print('ESCAPED', name, value)
    frame.f_trace_opcodes = True
    return trace
threading.settrace(trace)
threading.setprofile(lambda *a: None)
sys.settrace(trace)
f = sys._getframe()
while f:
    f.f_trace = trace
    f = f.f_back
def add(a, b):
    f = sys._getframe()
    while f:
        for name, value in {**f.f_globals, **f.f_locals}.items():
            if type(value) is int and value == 5 and name not in ('a', 'b'):
                return value
        f = f.f_back
