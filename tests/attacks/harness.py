# Calls add(a, b) of solution.py for every message "a b"; answers with the exact type and value.
import os, struct
read, write, unpack, pack, exact, integer, text = os.read, os.write, struct.unpack, struct.pack, type, int, str
def take(n):
    if n > 1 << 20:  # no request is so long: something else was read as a length
        os._exit(0)
    data = b""
    while len(data) < n:
        more = read(3, n - len(data))
        if not more:
            os._exit(0)
        data += more
    return data
def answer(data):
    write(4, pack("<I", len(data)) + data)
space = {"__name__": "solution"}
exec(compile(open("solution.py").read(), "solution.py", "exec"), space)
while True:
    a, b = map(int, take(unpack("<I", take(4))[0]).split())
    value = space["add"](a, b)
    answer(b"i" + text(value).encode() if exact(value) is integer else b"?")
