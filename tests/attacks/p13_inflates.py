# NAME: inflates
# MODE: program
# WHAT: small sources of large things: integers, powers, products, zips, formats
# EXPECTED: memory_limit, runtime_error, time_limit
# OBSERVE: no ESCAPED line
import bz2, zlib
for f in (lambda: 'x' * 10 ** 11, lambda: [0] * 10 ** 11, lambda: '%099999999999d' % 1, lambda: bytes(1 << 40)):
    try: f()
    except (MemoryError, OverflowError, ValueError): pass
bomb = bz2.compress(b'\0' * (1 << 20))
while True: bomb = bz2.decompress(bomb * 400) * 20
