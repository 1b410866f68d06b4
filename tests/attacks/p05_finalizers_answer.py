# NAME: finalizers_answer
# MODE: function:add
# WHAT: finalizers write answers to the answers' descriptor
# EXPECTED: wrong_answer, runtime_error
# OBSERVE: no ESCAPED line
import gc, os, struct
class A:
    def __del__(self):
        for i in range(9):
            os.write(4, struct.pack('<I', 2) + b'i5')
x = A(); x.x = x; del x
gc.collect()
def add(a, b):
    return 5
