# NAME: other_streams
# MODE: stdio:sum
# WHAT: replaces and closes the standard streams, the descriptors too, and prints to what it opens instead
# EXPECTED: wrong_answer, runtime_error, ok
# OBSERVE: no ESCAPED line
import io, os, sys
class Tee(io.TextIOBase):
    def write(self, s): return 7
sys.stdout = Tee(); sys.stderr = None; sys.stdin = io.StringIO('19')
sys.__stdout__ = sys.__stderr__ = None
print('19')
for fd in range(64):
    try: os.dup2(os.open('out%d' % fd, os.O_CREAT | os.O_WRONLY), fd)
    except OSError: pass
os.write(1, b'19\n')
