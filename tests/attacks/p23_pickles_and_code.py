# NAME: pickles_and_code
# MODE: function:add
# WHAT: answers with objects whose text, hash or reduction runs code
# EXPECTED: wrong_answer, runtime_error
# OBSERVE: no ESCAPED line
class N(int):
    def __str__(self): return '5'
    __repr__ = __format__ = __str__
    def __class__(self): return int
    __class__ = int
    def __reduce__(self): return (print, ('ESCAPED',))
def add(a, b):
    return N(0)
