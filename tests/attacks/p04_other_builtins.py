# NAME: other_builtins
# MODE: function:add
# WHAT: replaces builtins, the ones of the harness included, with ones that agree
# EXPECTED: wrong_answer, runtime_error
# OBSERVE: no ESCAPED line
import builtins, struct, os, sys
class Yes(int):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __hash__(self): return 0
for space in [vars(builtins)] + [vars(m) for m in list(sys.modules.values()) if m]:
    for name in ('type', 'int', 'str', 'isinstance', 'len', 'all', 'any', 'abs', 'map'):
        if name in space and name != 'map':
            try: space[name] = lambda *a, **k: Yes(1)
            except Exception: pass
builtins.__build_class__ = None
builtins.exact = builtins.integer = lambda *a: True
f = sys._getframe(1)
f.f_globals.update(exact=lambda x: 0, integer=0, text=lambda x: '5')
def add(a, b):
    return Yes(a)
