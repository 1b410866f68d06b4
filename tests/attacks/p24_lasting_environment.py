# NAME: lasting_environment
# MODE: program
# WHAT: changes environment, umask, folder, limits, locale and time zone, and looks for an earlier run's
# EXPECTED: ok
# OBSERVE: no ESCAPED line
import os, time, locale, sys, resource, random, builtins
print('ESCAPED' if 'GX' in os.environ or hasattr(builtins, 'gx') or hasattr(random, 'gx') or time.tzname[0] == 'GX' else 'CONTAINED')
os.environ['GX'] = '1'; builtins.gx = random.gx = 1
os.umask(0); os.chdir('/')
os.environ['TZ'] = 'GX1'; time.tzset()
sys.setrecursionlimit(50); sys.path[:] = []; sys.modules.clear()
