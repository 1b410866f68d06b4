# NAME: leaves_modules
# MODE: program
# WHAT: leaves modules, bytecode and start files in its folder, and finds none of an earlier run
# EXPECTED: ok
# OBSERVE: no ESCAPED line
import os, sys
names = ['json.py', 'sitecustomize.py', 'usercustomize.py', 'x.pth', 'solution.py', '__pycache__', 'python3.11']
print('ESCAPED' if any(os.path.exists(os.path.join(d, n)) for d in ('/tmp', '/w/tmp', '.') for n in names[1:4]) else 'CONTAINED')
for name in names:
    try: open(name, 'w').write('print("ESCAPED from an earlier run")\n')
    except OSError: pass
for folder in sys.path + ['/usr/lib/python3', '/w', '/']:
    try:
        open(os.path.join(folder, 'gx.py'), 'w').write('x')
        if not os.path.realpath(folder).startswith(os.path.realpath('.')) and folder != '/tmp': print('ESCAPED', folder)
    except OSError: pass
