# NAME: deep_in_c
# MODE: program
# WHAT: recursion in C code: nested literals, patterns, tuples, JSON, comparisons
# EXPECTED: runtime_error, ok, memory_limit, time_limit
# OBSERVE: no ESCAPED line
import sys, json
sys.setrecursionlimit(10 ** 9)
x = []
for i in range(10 ** 5): x = [x]
for f in (lambda: repr(x), lambda: x == [x], lambda: json.dumps(x), lambda: eval('(' * 10 ** 5), lambda: compile('-' * 10 ** 5 + '1', '', 'eval')):
    try: f()
    except BaseException as e: print(type(e).__name__, flush=True)
def f(): f()
f()
