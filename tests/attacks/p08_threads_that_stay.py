# NAME: threads_that_stay
# MODE: program
# WHAT: threads that are no daemons go on when the program has ended
# EXPECTED: time_limit, runtime_error
# OBSERVE: no ESCAPED line
import threading, os
def spin():
    while True:
        try: os.write(1, b'.')
        except OSError: pass
        threading.Event().wait(0.02)
for i in range(64):
    try: threading.Thread(target=spin).start()
    except RuntimeError: break
print('main is over')
