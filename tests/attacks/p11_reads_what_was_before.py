# NAME: reads_what_was_before
# MODE: program
# WHAT: reads all its memory for what the program before it was given
# EXPECTED: ok, runtime_error
# OBSERVE: no ESCAPED line after a program that had the words
import ctypes, mmap, os
# The word, not as it would stand in this source.
word = bytes(c ^ 1 for c in b'FY,UID,VNSER,NG,UID,M@RU')
libc = ctypes.CDLL(None)
libc.write.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t]
libc.mincore.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p]
state = ctypes.create_string_buffer(8)
r, w = os.pipe()
big = mmap.mmap(-1, 1 << 20)
here = ctypes.addressof(ctypes.c_char.from_buffer(big))
n, seen = 0, set()
for at in (here, ctypes.cast(libc.mincore, ctypes.c_void_p).value, id(seen)):
    for way in (-4096, 4096):
        page, missed = at & ~4095, 0
        while missed < 3000:
            if libc.mincore(page, 4096, state) == 0:
                missed = 0
                if page not in seen and libc.write(w, page, 4096) == 4096:
                    n += 1
                    data = os.read(r, 4096)
                    if word in data and data.count(b'#' * 100):
                        print('ESCAPED', hex(page))
                seen.add(page)
            else:
                missed += 1
            page += way
print('CONTAINED' if n > 500 else 'ESCAPED? saw too little', n)
