# NAME: reads_ahead
# MODE: function:add
# WHAT: reads the requests that are still to come and answers all of them in advance
# EXPECTED: wrong_answer, runtime_error
# OBSERVE: no ESCAPED line
import os, struct, threading
def thread():
    while True:
        os.write(4, struct.pack('<I', 2) + b'i5')
os.set_blocking(3, False)
try: print(os.read(3, 1 << 16))
except OSError: pass
for i in range(3): os.write(4, struct.pack('<I', 2) + b'i5')
def add(a, b):
    return 5
