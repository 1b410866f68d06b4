# NAME: poisons_modules
# MODE: function:add
# WHAT: changes modules that the harness uses, and what it holds by name
# EXPECTED: wrong_answer, runtime_error
# OBSERVE: no ESCAPED line
import sys, os, struct
fake = lambda *a, **k: b'\2\0\0\0i5'
os.write = os.read = struct.pack = fake
for m in list(sys.modules.values()):
    for name in ('read', 'write', 'pack', 'unpack', 'answer', 'take'):
        try: setattr(m, name, fake)
        except Exception: pass
f = sys._getframe(1)
f.f_globals['answer'] = lambda data: os.write(4, b'\2\0\0\0i5')
def add(a, b):
    return 5
