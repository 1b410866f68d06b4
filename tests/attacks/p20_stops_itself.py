# NAME: stops_itself
# MODE: program
# WHAT: stops all its processes, so that they neither end nor run
# EXPECTED: time_limit
# OBSERVE: no ESCAPED line
import os, signal
try:
    for i in range(3): os.fork()
except OSError: pass
try: os.kill(0, signal.SIGSTOP)
except OSError: os.kill(os.getpid(), signal.SIGSTOP)
