# NAME: signals_of_its_own
# MODE: program
# WHAT: a handler for every signal, each of which sends the next
# EXPECTED: runtime_error, time_limit, ok
# OBSERVE: no ESCAPED line
import signal, os, threading
n = 0
def again(s, f):
    global n
    n += 1
    if n < 3000:
        os.kill(os.getpid(), 1 + (s * 7 + n) % 31 if 1 + (s * 7 + n) % 31 not in (9, 19) else 10)
for s in range(1, 65):
    try: signal.signal(s, again)
    except (OSError, ValueError): pass
signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
signal.setitimer(signal.ITIMER_PROF, 0.0005, 0.0005)
for s in (1, 2, 3, 15, 17):
    try:
        os.kill(1, s)
    except OSError: pass
os.kill(os.getpid(), 10)
print(n)
