# NAME: takes_the_length
# MODE: function:add
# WHAT: a child takes the length of the next request, whose text is then read as a length of 800 MB
# EXPECTED: wrong_answer, runtime_error
# OBSERVE: no ESCAPED line
import os, struct
def add(a, b):
    answer = b'i%d' % (a + b)
    pid = os.fork()
    if pid == 0:
        os.write(4, struct.pack('<I', len(answer)) + answer)
        os.read(3, 4)
        os._exit(0)
    os.waitpid(pid, 0)
    return 0
