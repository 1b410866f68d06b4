# verifiers/code/harness/peer.py -- what both ends of a conversation do: frames, shared objects, exceptions.
#
# A frame is a tag of 16 bytes, which an answer repeats, one byte that says what it is, and one value (codec.py).
#
#   to the program   L load, P plain call (values go and come, no more), C call, and for objects that
#                    stay with the program: A attribute, S set it, I iterator, X next, B truth, # length,
#                    [ item, R text, Q what kinds of things certain names are, Z a call whose stdin
#                    and stdout the test has replaced, W what a coroutine comes to
#   to an evaluator  what goes to a program, and e: evaluate a text (evaluate.py)
#   to the test      T run the test
#   answers          V value, E exception, U cannot be sent; K asks the other side to call its function
#   at the end       D verdict of the test
#
# C, A, ... carry (updates, payload). A list, dict, set, ... that crosses gets a number on both sides;
# `updates` says which of them have changed since, so that what one side did to an argument is seen
# by the other, and the same object stays the same object.
import builtins

WINDOW = 64  # objects remembered beyond the call they came with

# What the type of an object can do that stays with the program: bits of its handle, so that the test
# sees no more abilities than there are.
ABLE = ('__call__', '__iter__', '__next__', '__len__', '__getitem__', '__await__')


def describe(e):
    # An exception as what can cross: its name, the built-in class it is one of, arguments, text.
    base = next((c.__name__ for c in type(e).__mro__ if getattr(builtins, c.__name__, None) is c), 'Exception')
    try:
        text = str(e)[:2000]
    except BaseException:
        text = ''
    args = e.args if type(e.args) is tuple else ()
    try:
        put_plain(args)
    except BaseException:
        args = (text,)
    return (type(e).__name__[:200], base, args, text)


def step(x):
    try:
        return (next(x),)
    except StopIteration:
        return None


class Peer:
    gives_functions = takes_functions = False

    def __init__(self, read, write, tag):
        self.read, self.write, self.tag = read, write, tag
        self.space = {}
        self.nodes = False  # do ListNode and TreeNode cross by structure?
        self.number, self.objects, self.snap = {}, {}, {}
        self.next = 0
        self.mine, self.mine_number = [], {}
        self.depth = 0

    # -- objects that stay here, and objects that stay there
    def lend(self, x):
        n = self.mine_number.get(id(x))
        if n is None:
            n = len(self.mine)
            self.mine.append(x)
            self.mine_number[id(x)] = n
        return n

    def lent(self, n):
        if n >= len(self.mine):
            raise Malformed('a handle to nothing')
        return self.mine[n]

    # -- nodes of lists and trees: the classes that this end's names stand for
    def node_kind(self, t):
        name = t.__name__
        return NODE_NAMES[name] if self.nodes and name in NODE_NAMES and self.space.get(name) is t else None

    def new_node(self, kind):
        make = self.space.get({'L': 'ListNode', 'T': 'TreeNode'}[kind])
        if not self.nodes or not isinstance(make, type):
            raise Malformed('a node where there is no class of nodes')
        try:
            x = make(0)
        except Exception:
            x = make.__new__(make)
        for name in NODE_LINKS[kind]:
            setattr(x, name, None)
        return x

    # -- frames
    def remember(self, first):
        for n in range(first, self.next):
            self.snap[n] = flat(self.objects[n])

    def changed(self):
        out = []
        for n, x in self.objects.items():
            now = flat(x)
            if not same(now, self.snap[n]):
                self.snap[n] = now
                out.append((x, now if type(now) is bytes else tuple(now)))
        return tuple(out)

    def forget(self):
        if self.depth == 0:
            for n in [n for n in self.objects if n < self.next - WINDOW]:
                del self.number[id(self.objects[n])]
                del self.objects[n], self.snap[n]

    def send(self, op, payload):
        first, codec, out = self.next, Codec(self), bytearray()
        before = dict(self.snap)
        try:
            codec.put(out, (self.changed(), payload))
        except BaseException as e:
            for n in range(first, codec.next):
                self.number.pop(id(self.objects.pop(n)), None)
            self.snap = before
            if isinstance(e, (Unsendable, RecursionError, MemoryError)):
                raise Unsendable(str(e)) from None
            raise
        self.next = codec.next
        self.remember(first)
        self.write(self.tag + op + bytes(out))

    def receive(self):
        data = self.read()
        self.tag, op = data[:16], data[16:17]
        if op == b'U':
            raise Over('wrong', 'the answer cannot be sent: ' + str(get_plain(data, 17))[:300])
        first, codec = self.next, Codec(self)
        codec.open(data, 17)
        try:
            if codec.take(1) != b'(' or codec.size() != 2 or codec.take(1) != b'(':
                raise Malformed('no updates')
            for _ in range(codec.size()):
                if codec.take(1) != b'(' or codec.size() != 2 or codec.take(1) != b'@':
                    raise Malformed('no update')
                codec.at -= 1
                x = codec.get()
                n = self.number[id(x)]
                refill(x, codec.get())
                if n < first:
                    self.snap[n] = flat(x)
            payload = codec.get()
            if codec.at != len(data):
                raise Malformed('bytes after the value')
        except Malformed:
            raise
        except Exception as e:
            raise Malformed(type(e).__name__ + ': ' + str(e)[:100]) from None
        self.next = codec.next
        self.remember(first)
        return op, payload

    def answer(self, op, payload):
        try:
            self.send(op, payload)
        except Unsendable as e:
            self.write(self.tag + b'U' + put_plain(str(e)))

    def request(self, op, payload):
        self.depth += 1
        self.send(op, payload)
        while True:
            op, payload = self.receive()
            if op == b'V' or op == b'E':
                break
            self.serve(op, payload)
        self.depth -= 1
        self.forget()
        if op == b'E':
            raise self.rebuild(payload)
        return payload

    def call(self, f, args, kwargs):
        self.depth += 1
        try:
            op, payload = b'V', f(*args, **kwargs)
        except Malformed:
            raise
        except BaseException as e:
            op, payload = b'E', describe(e)
            e.__traceback__ = None
        self.depth -= 1
        self.answer(op, payload)
        self.forget()

    def rebuild(self, payload):
        name, base, args, text = payload
        kind = getattr(builtins, base, None)
        if not (isinstance(kind, type) and issubclass(kind, BaseException)):
            kind = Exception
        if issubclass(kind, (StopIteration, StopAsyncIteration, GeneratorExit)):
            kind, args = RuntimeError, ('the program raised ' + base,)  # would end the test's own loops
        if name != kind.__name__ and kind.__name__ == base:
            kind = type(name, (kind,), {'__str__': lambda self, text=text: text})
        try:
            e = kind(*args)
        except Exception:
            e = Exception(text)
        e.from_program = True
        return e
