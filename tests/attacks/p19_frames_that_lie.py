# NAME: frames_that_lie
# MODE: function:add
# WHAT: frames of no length, of four gigabytes, cut short, and endless
# EXPECTED: wrong_answer, runtime_error
# OBSERVE: no ESCAPED line
import os, struct
os.write(4, struct.pack('<I', 0) + struct.pack('<I', 0xffffffff) + b'i5')
def add(a, b):
    while True: os.write(4, b'\xff' * 4096)
