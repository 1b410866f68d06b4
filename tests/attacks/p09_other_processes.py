# NAME: other_processes
# MODE: program
# WHAT: multiprocessing, pools, subprocesses, pseudo-terminals, spawn
# EXPECTED: ok, runtime_error, time_limit
# OBSERVE: no ESCAPED line
import os, subprocess
def attempt(name, f):
    try:
        f()
        print('ESCAPED', name)
    except BaseException as e:
        print(name, type(e).__name__)
attempt('subprocess', lambda: subprocess.run(['/bin/sh', '-c', 'echo hi'], check=True))
attempt('python', lambda: subprocess.run(['/usr/bin/python3', '-c', '1'], check=True))
attempt('posix_spawn', lambda: os.posix_spawn('/bin/sh', ['sh'], {}))
attempt('execv', lambda: os.execv('/usr/bin/python3', ['python3', '-c', 'print("ESCAPED")']))
attempt('forkpty', lambda: os.forkpty())
attempt('openpty', lambda: os.openpty())
attempt('system', lambda: os.system('true') == 0 or 1 / 0)
attempt('manager', lambda: __import__('multiprocessing').Manager())
attempt('queue', lambda: __import__('multiprocessing').Queue())
