# NAME: fork_and_answer
# MODE: function:add
# WHAT: children of the program answer too, each another number
# EXPECTED: wrong_answer, runtime_error
# OBSERVE: no ESCAPED line
import os, struct
def add(a, b):
    for i in range(3):
        if os.fork() == 0:
            os.write(4, struct.pack('<I', 2) + b'i%d' % (3 + i))
    return 0
