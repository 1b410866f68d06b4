# verifiers/code/harness.py -- the two ends inside the cage: a program that is called, a test that calls.
#
# Taken into the program as a text (harness.c). A frame is a tag of 16 bytes, which an answer repeats,
# one byte that says what it is, and one value (value.h). serve(read, write) is all that is called.
#
#   to the program   L load, P plain call (values go and come, no more), C call, and for objects that
#                    stay with the program: A attribute, S set it, I iterator, X next, B truth, # length,
#                    [ item, R text, Q what kinds of things certain names are, Z a call whose stdin
#                    and stdout the test has replaced
#   to the test      T run the test
#   answers          V value, E exception, U cannot be sent; K asks the other side to call its function
#   at the end       D verdict of the test
#
# C, A, ... carry (updates, payload). A list, dict, set, ... that crosses gets a number on both sides;
# `updates` says which of them have changed since, so that what one side did to an argument is seen
# by the other, and the same object stays the same object.
import ast
import builtins
import collections
import datetime
import decimal
import fractions
import io
import math
import operator
import struct
import sys
import types

MAX_BYTES = 8 << 20
MAX_DEPTH = 100
WINDOW = 64  # objects remembered beyond the call they came with

U32 = struct.Struct('<I')
F64 = struct.Struct('<d')


class Unsendable(Exception):
    pass


class Malformed(BaseException):
    pass


class Over(BaseException):  # the test cannot go on; its two texts are the verdict
    pass


NAMED = {}
for _module in (builtins, math, operator):
    for _name, _value in vars(_module).items():
        if _name[:1] != '_' and callable(_value):
            NAMED.setdefault(_value, (_module.__name__ + '.' + _name).replace('builtins.', ''))
NAMED[type(None)] = 'NoneType'
BY_NAME = {name: value for value, name in NAMED.items()}

MUTABLE = (list, dict, set, bytearray, collections.deque, collections.Counter,
           collections.OrderedDict, collections.defaultdict)
DICTS = (dict, collections.Counter, collections.OrderedDict, collections.defaultdict)
KIND = {collections.deque: 'deque', collections.Counter: 'Counter',
        collections.OrderedDict: 'OrderedDict', collections.defaultdict: 'defaultdict'}
VIEWS = {type({}.keys()): 'keys', type({}.values()): 'values', type({}.items()): 'items'}


def flat(x):
    t = type(x)
    if t is bytearray:
        return bytes(x)
    if t in DICTS:
        out = []
        for pair in t.items(x):
            out.extend(pair)
        return out
    return list(x)


def same(a, b):
    if type(a) is bytes:
        return a == b
    return len(a) == len(b) and all(map(operator.is_, a, b))


def refill(x, items):
    t = type(x)
    if t is bytearray:
        x[:] = items
    elif t is list:
        x[:] = items
    elif t is set:
        x.clear()
        x.update(items)
    elif t is collections.deque:
        x.clear()
        x.extend(items)
    else:
        x.clear()
        for i in range(0, len(items), 2):
            x[items[i]] = items[i + 1]


class Codec:
    # `peer`: keeps numbers and handles over several frames; None: this value alone.
    def __init__(self, peer):
        self.peer = peer
        self.number = peer.number if peer else {}
        self.objects = peer.objects if peer else {}
        self.next = peer.next if peer else 0

    def register(self, x):
        n = self.next
        self.next += 1
        self.number[id(x)] = n
        self.objects[n] = x

    def count(self, out, tag, n):
        out += tag
        out += U32.pack(n)
        if len(out) > MAX_BYTES:
            raise Unsendable('more than 8 MiB')

    def put(self, out, x, depth=0):
        if depth > MAX_DEPTH:
            raise Unsendable('nested too deep')
        t = type(x)
        if x is None:
            out += b'N'
        elif t is bool:
            out += b'T' if x else b'F'
        elif t is int:
            if x.bit_length() > MAX_BYTES * 8 - 64:
                raise Unsendable('an integer of more than 8 MiB')
            data = x.to_bytes(x.bit_length() // 8 + 1, 'little', signed=True)
            self.count(out, b'i', len(data))
            out += data
        elif t is float:
            out += b'f' + F64.pack(x)
        elif t is str:
            data = x.encode('utf-8', 'surrogatepass')
            self.count(out, b's', len(data))
            out += data
        elif t is tuple:
            self.count(out, b'(', len(x))
            for y in x:
                self.put(out, y, depth + 1)
        elif t in MUTABLE:
            self.put_mutable(out, x, t, depth)
        elif t is frozenset:
            self.count(out, b'z', len(x))
            for y in x:
                self.put(out, y, depth + 1)
        elif t is complex:
            out += b'c' + F64.pack(x.real) + F64.pack(x.imag)
        elif t is bytes:
            self.count(out, b'b', len(x))
            out += x
        elif x is Ellipsis:
            out += b'.'
        elif x is NotImplemented:
            out += b'!'
        else:
            self.put_other(out, x, t, depth)
        if len(out) > MAX_BYTES:
            raise Unsendable('more than 8 MiB')

    def put_mutable(self, out, x, t, depth):
        n = self.number.get(id(x))
        if n is not None:
            self.count(out, b'@', n)
            return
        self.register(x)
        if t is bytearray:
            self.count(out, b'y', len(x))
            out += x
            return
        items = flat(x)
        if t is list:
            self.count(out, b'[', len(items))
        elif t is dict:
            self.count(out, b'{', len(items) // 2)
        elif t is set:
            self.count(out, b'<', len(items))
        else:
            self.extended(out, b'q', KIND[t])
            extra = ()
            if t is collections.deque:
                extra = (x.maxlen,)
            elif t is collections.defaultdict:
                make = x.default_factory
                extra = (make if isinstance(make, type) and make in NAMED else None,)
            out += b'(' + U32.pack(2)
            self.put(out, extra, depth + 1)
            self.count(out, b'(', len(items))
        for y in items:
            self.put(out, y, depth + 1)

    def extended(self, out, tag, name):
        out += tag + bytes([len(name)]) + name.encode()

    def put_other(self, out, x, t, depth):
        if t is range:
            out += b'r'
            for y in (x.start, x.stop, x.step):
                self.put(out, y, depth + 1)
            return
        name = None
        if t is decimal.Decimal:
            name, state = 'Decimal', str(x)
        elif t is fractions.Fraction:
            name, state = 'Fraction', (x.numerator, x.denominator)
        elif t is datetime.date:
            name, state = 'date', (x.year, x.month, x.day)
        elif t is datetime.datetime and x.tzinfo is None:
            name, state = 'datetime', (x.year, x.month, x.day, x.hour, x.minute, x.second, x.microsecond)
        elif t is datetime.time and x.tzinfo is None:
            name, state = 'time', (x.hour, x.minute, x.second, x.microsecond)
        elif t is datetime.timedelta:
            name, state = 'timedelta', (x.days, x.seconds, x.microseconds)
        elif t is slice:
            name, state = 'slice', (x.start, x.stop, x.step)
        elif t in VIEWS:
            name, state = VIEWS[t], tuple(tuple(y) if VIEWS[t] == 'items' else y for y in x)
        elif t.__bases__ == (tuple,) and type(getattr(t, '_fields', None)) is tuple \
                and t.__eq__ is tuple.__eq__ and t.__hash__ is tuple.__hash__:
            name, state = 'namedtuple', (t.__name__, tuple(t._fields), tuple(x))
        if name:
            self.extended(out, b'x', name)
            self.put(out, state, depth + 1)
            return
        if not self.peer:
            raise Unsendable('an object of type ' + t.__name__)
        known = NAMED.get(x) if (isinstance(x, type) or t is types.BuiltinFunctionType) else None
        if known and (self.peer.gives_functions or isinstance(x, type)):
            self.extended(out, b'g', known)
            return
        theirs = self.peer.theirs(x)
        if theirs is not None:
            self.count(out, b'w', theirs)
            return
        self.count(out, b'o', self.peer.lend(x))

    # --- reading: bytes of the other side; whatever is wrong with them is Malformed
    def open(self, data, at):
        self.data, self.at = data, at

    def take(self, n):
        at = self.at
        if n > len(self.data) - at:
            raise Malformed('a value ends too early')
        self.at = at + n
        return self.data[at:at + n]

    def size(self):
        return U32.unpack(self.take(4))[0]

    def many(self, n, depth):
        if n > len(self.data) - self.at:
            raise Malformed('a length beyond the frame')
        return [self.get(depth + 1) for _ in range(n)]

    def get(self, depth=0):
        if depth > MAX_DEPTH + 8:
            raise Malformed('nested too deep')
        tag = self.take(1)
        if tag == b'N':
            return None
        if tag == b'T':
            return True
        if tag == b'F':
            return False
        if tag == b'i':
            return int.from_bytes(self.take(self.size()), 'little', signed=True)
        if tag == b'f':
            return F64.unpack(self.take(8))[0]
        if tag == b's':
            return self.take(self.size()).decode('utf-8', 'surrogatepass')
        if tag == b'(':
            return tuple(self.many(self.size(), depth))
        if tag == b'[':
            out = []
            self.register(out)
            out.extend(self.many(self.size(), depth))
            return out
        if tag == b'{':
            out = {}
            self.register(out)
            refill(out, self.many(2 * self.size(), depth))
            return out
        if tag == b'<':
            out = set()
            self.register(out)
            out.update(self.many(self.size(), depth))
            return out
        if tag == b'@':
            n = self.size()
            if n not in self.objects:
                raise Malformed('a reference to nothing')
            return self.objects[n]
        if tag == b'z':
            return frozenset(self.many(self.size(), depth))
        if tag == b'c':
            return complex(F64.unpack(self.take(8))[0], F64.unpack(self.take(8))[0])
        if tag == b'b':
            return bytes(self.take(self.size()))
        if tag == b'y':
            out = bytearray(self.take(self.size()))
            self.register(out)
            return out
        if tag == b'.':
            return Ellipsis
        if tag == b'!':
            return NotImplemented
        if tag == b'r':
            return range(*self.many(3, depth))
        return self.get_other(tag, depth)

    def get_other(self, tag, depth):
        if tag == b'o' and self.peer:
            return self.peer.borrow(self.size())
        if tag == b'w' and self.peer:
            return self.peer.lent(self.size())
        if tag not in (b'x', b'q', b'g'):
            raise Malformed('an unknown tag')
        name = self.take(self.take(1)[0]).decode('ascii', 'replace')
        if tag == b'g':
            value = BY_NAME.get(name)
            if value is None or not (isinstance(value, type) or self.peer.takes_functions):
                raise Malformed('an unknown name')
            return value
        if tag == b'q':
            make = {v: k for k, v in KIND.items()}.get(name)
            if make is None:
                raise Malformed('an unknown container')
            n = self.next
            out = make()
            self.register(out)
            extra, items = self.get(depth + 1)
            if name == 'deque' and extra[0] is not None:
                out = collections.deque(maxlen=extra[0])
                self.objects[n] = out
                self.number[id(out)] = n
            elif name == 'defaultdict':
                out.default_factory = extra[0]
            refill(out, items)
            return out
        state = self.get(depth + 1)
        if name == 'Decimal':
            return decimal.Decimal(state)
        if name == 'namedtuple':
            return collections.namedtuple(state[0], state[1])(*state[2])
        if name == 'keys':
            return dict.fromkeys(state).keys()
        if name == 'values':
            return dict(enumerate(state)).values()
        if name == 'items':
            return dict(state).items()
        make = {'Fraction': fractions.Fraction, 'date': datetime.date, 'datetime': datetime.datetime,
                'time': datetime.time, 'timedelta': datetime.timedelta, 'slice': slice}.get(name)
        if make is None:
            raise Malformed('an unknown type')
        return make(*state)


def put_plain(x):
    out = bytearray()
    Codec(None).put(out, x)
    return out


def get_plain(data, at):
    codec = Codec(None)
    codec.open(data, at)
    return codec.get()


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


class Peer:
    gives_functions = takes_functions = False

    def __init__(self, read, write, tag):
        self.read, self.write, self.tag = read, write, tag
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


# ---------------------------------------------------------------------------------- the program's end
class ProgramPeer(Peer):
    takes_functions = True

    def __init__(self, read, write, tag):
        super().__init__(read, write, tag)
        self.space = {}
        self.callbacks, self.callback_number, self.solution = {}, {}, None

    def theirs(self, x):
        return self.callback_number.get(id(x))

    def borrow(self, n):
        if n not in self.callbacks:
            def function(*args, **kwargs):
                return self.request(b'K', (n, args, kwargs))
            self.callbacks[n] = function
            self.callback_number[id(function)] = n
        return self.callbacks[n]

    def find(self, name):
        if type(name) is not str:
            return name
        if name in self.space:
            return self.space[name]
        kind = self.space.get('Solution')
        if isinstance(kind, type) and hasattr(kind, name):
            if self.solution is None:
                self.solution = kind()
            return getattr(self.solution, name)
        raise NameError("name '%s' is not defined" % name)

    def kinds(self, names):
        out = []
        for name in names:
            try:
                x = self.find(name)
            except BaseException:
                out.append('')
                continue
            out.append('module' if isinstance(x, types.ModuleType) else 'call' if callable(x) else 'value')
        return tuple(out)

    def serve(self, op, payload):
        if op == b'C':
            self.call(lambda: self.find(payload[0])(*payload[1], **payload[2]), (), {})
        elif op == b'Q':
            self.call(self.kinds, payload, {})
        elif op == b'A':
            self.call(lambda x, name: getattr(self.find(x), name) if name else self.find(x), payload, {})
        elif op == b'S':
            self.call(setattr, payload, {})
        elif op == b'I':
            self.call(iter, payload, {})
        elif op == b'X':
            self.call(step, payload, {})
        elif op == b'Z':
            self.call(self.with_streams, payload, {})
        elif op == b'B':
            self.call(bool, payload, {})
        elif op == b'#':
            self.call(len, payload, {})
        elif op == b'[':
            self.call(operator.getitem, payload, {})
        elif op == b'R':
            self.call(lambda x, how: (str if how == 'str' else repr)(x), payload, {})
        else:
            raise Malformed('an unknown request')

    def with_streams(self, name, args, kwargs, text):
        held = sys.stdin, sys.stdout
        sys.stdin, sys.stdout = io.StringIO(text), io.StringIO()
        try:
            return self.find(name)(*args, **kwargs), sys.stdout.getvalue()
        finally:
            sys.stdin, sys.stdout = held

    def plain(self, data):
        name, args, kwargs = get_plain(data, 17)
        try:
            op, value = b'V', self.find(name)(*args, **kwargs)
        except BaseException as e:
            op, value = b'E', describe(e)
            e.__traceback__ = None
        try:
            out = put_plain(value)
        except (Unsendable, RecursionError, MemoryError) as e:
            op, out = b'U', put_plain(str(e)[:300])
        self.write(data[:16] + op + bytes(out))

    def load(self, job):
        # The first of the candidate texts that compiles is the program.
        error = None
        for text in job['source']:
            try:
                code = compile(text, '<program>', 'exec', dont_inherit=True)
                break
            except BaseException as e:
                error = error or e
        else:
            raise error
        module = types.ModuleType('program')
        sys.modules['program'] = module
        self.space = vars(module)
        if job.get('prelude'):
            exec(job['prelude'], self.space)
        exec(code, self.space)

    def run(self, data):
        job = get_plain(data, 17)
        try:
            self.load(job)
            op, value = b'V', None
        except BaseException as e:
            op, value = b'E', describe(e)
            e.__traceback__ = None
        self.write(data[:16] + op + bytes(put_plain(value)))
        while True:
            data = self.read()
            if data[16:17] == b'P':
                self.plain(data)
                continue
            self.read, read = lambda: data, self.read
            op, payload = self.receive()
            self.read = read
            self.serve(op, payload)


def step(x):
    try:
        return (next(x),)
    except StopIteration:
        return None


# ------------------------------------------------------------------------------------- the test's end
class Remote:
    # An object that stayed with the program. Never equal to anything but itself, never ordered, no
    # arithmetic: what the program says about such an object would be its own judgement.
    __slots__ = ('_peer', '_n')

    def __init__(self, peer, n):
        object.__setattr__(self, '_peer', peer)
        object.__setattr__(self, '_n', n)

    def __call__(self, *args, **kwargs):
        return self._peer.request(b'C', (self, args, kwargs))

    def __getattr__(self, name):
        if name[:2] == '__':
            raise AttributeError(name)
        return self._peer.request(b'A', (self, name))

    def __setattr__(self, name, value):
        self._peer.request(b'S', (self, name, value))

    def __iter__(self):
        return self._peer.request(b'I', (self,))

    def __next__(self):
        got = self._peer.request(b'X', (self,))
        if got is None:
            raise StopIteration
        return got[0]

    def exactly(self, value, kind):
        if type(value) is not kind:
            self._peer.broken = Over('wrong', 'a forged answer')
            raise self._peer.broken
        return value

    def __bool__(self):
        return self.exactly(self._peer.request(b'B', (self,)), bool)

    def __len__(self):
        return self.exactly(self._peer.request(b'#', (self,)), int)

    def __getitem__(self, key):
        return self._peer.request(b'[', (self, key))

    def __str__(self):
        return self.exactly(self._peer.request(b'R', (self, 'str')), str)

    def __repr__(self):
        return self.exactly(self._peer.request(b'R', (self, 'repr')), str)


class TestPeer(Peer):
    gives_functions = True

    def __init__(self, read, write, tag):
        super().__init__(read, write, tag)
        self.remotes = {}
        self.asked = 0  # requests that came to the program's own code
        self.broken = None  # what the other side did that ends the test, even if the test catches it

    def request(self, op, payload):
        self.asked += op != b'Q'
        return super().request(op, payload)

    def theirs(self, x):
        return x._n if type(x) is Remote else None

    def lend(self, x):
        if not callable(x) or isinstance(x, type):
            raise Over('error', 'the test passes an object of type %s' % type(x).__name__)
        return super().lend(x)

    def borrow(self, n):
        if n not in self.remotes:
            self.remotes[n] = Remote(self, n)
        return self.remotes[n]

    def receive(self):
        try:
            return super().receive()
        except (Over, Malformed) as e:
            self.broken = self.broken or e
            raise

    def send(self, op, payload):
        try:
            super().send(op, payload)
        except Unsendable as e:
            raise Over('error', 'the test passes what cannot be sent: ' + str(e)) from None

    def serve(self, op, payload):
        n, args, kwargs = payload
        if op != b'K' or type(n) is not int or n < 0 or type(args) is not tuple or type(kwargs) is not dict:
            raise Malformed('an unknown request')
        self.call(self.lent(n), args, kwargs)

    def proxy(self, name):
        def candidate(*args, **kwargs):
            if sys.stdin is sys.__stdin__ and sys.stdout is sys.__stdout__:
                return self.request(b'C', (name, args, kwargs))
            text = '' if sys.stdin is sys.__stdin__ else sys.stdin.read()
            result, printed = self.request(b'Z', (name, args, kwargs, text))
            sys.stdout.write(printed)
            return result
        candidate.__name__ = candidate.__qualname__ = name
        return candidate

    def run(self, job):
        try:
            verdict = self.judge(job)
            if self.broken:
                raise self.broken
        except Over as e:
            verdict = e.args
        except Malformed as e:
            verdict = ('wrong', 'a forged answer: ' + str(e))
        passed = self.passed if verdict[0] != 'error' else 0
        self.write(self.tag + b'D' + bytes(put_plain((verdict[0], verdict[1][:2000], passed, self.total))))

    def judge(self, job):
        self.passed, self.total = 0, 1
        space = {'__name__': '__main__', '__builtins__': builtins}
        tests = [text for text in job['tests']]
        entry = job.get('entry')
        if job.get('prompt'):
            try:
                exec(compile(job['prompt'], '<prompt>', 'exec'), space)
            except SyntaxError:
                pass
        try:
            for text in job['imports']:
                exec(compile(text, '<imports>', 'exec'), space)
            setup = ast.parse(job.get('setup') or '', '<setup>')
            trees = [ast.parse(text, '<test>') for text in tests]
        except Exception as e:
            return 'error', 'the test cannot be run: %s: %s' % (type(e).__name__, e)
        self.bind([setup] + trees, space, entry, job)
        units = [compile(tree, '<test>', 'exec') for tree in trees]
        self.total = len(units)
        checks = job.get('check')
        fault = None
        try:
            exec(compile(setup, '<setup>', 'exec'), space)
            if checks:
                for unit in units:
                    exec(unit, space)
                units, self.total = [None], 1
        except (Over, Malformed):
            raise
        except BaseException as e:
            return self.blame(e)
        for unit in units:
            try:
                if unit is None:
                    space['check'](self.proxy(entry) if entry not in space else space[entry])
                else:
                    exec(unit, space)
                self.passed += 1
            except (Over, Malformed):
                raise
            except BaseException as e:
                fault = fault or self.blame(e)
                if not job.get('all') or fault[0] == 'error':
                    break
        if not fault and not self.asked:
            return 'error', 'the test asks nothing of the program'
        return fault or ('right', '')

    def blame(self, e):
        text = '%s: %s' % (type(e).__name__, safe_text(e))
        if getattr(e, 'from_program', False):
            return 'raised', text
        if isinstance(e, (ImportError, SyntaxError)):
            return 'error', 'the test cannot be run: ' + text
        return 'wrong', text

    def bind(self, trees, space, entry, job):
        # Which names of the test stand for things of the program? The function it is about; besides
        # that, names that are neither built in nor made by the test nor modules of the library.
        loaded, stored, called, dotted = {}, set(), [], set()
        for tree in trees:
            for node in ast.walk(tree):
                if isinstance(node, ast.Name):
                    if isinstance(node.ctx, ast.Load):
                        loaded[node.id] = True
                    else:
                        stored.add(node.id)
                elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                    dotted.add(node.value.id)
                elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                    stored.add(node.name)
                elif isinstance(node, ast.arg):
                    stored.add(node.arg)
                elif isinstance(node, ast.alias):
                    stored.add((node.asname or node.name).split('.')[0])
                elif isinstance(node, ast.ExceptHandler) and node.name:
                    stored.add(node.name)
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                    called.append(node.func.id)
        free = [name for name in loaded if name not in stored and name not in space and not hasattr(builtins, name)]
        entries = [entry] if entry else []
        if not entries and job.get('code'):
            entries = [name for name in defined(job['code']) if name in called and name not in stored]
        if not entries and not [name for name in free if name not in dotted]:
            entries = [name for name in called if name not in stored and name not in space][:1]
        for name in list(free):
            if name in dotted and name not in entries and name in sys.stdlib_module_names:
                free.remove(name)
                space[name] = __import__(name)
        asked = entries + [name for name in free if name not in entries]
        if not asked:
            return
        for name, kind in zip(asked, self.request(b'Q', (tuple(asked),))):
            if kind == 'call':
                space[name] = self.proxy(name)
            elif kind == 'module' and name in sys.stdlib_module_names:
                space[name] = __import__(name)
            elif kind == 'value' or kind == 'module':
                space[name] = self.request(b'A', (name, ''))
            elif name in entries:
                raise Over('raised', "NameError: name '%s' is not defined" % name)


def defined(text):
    try:
        return [node.name for node in ast.parse(text).body
                if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))]
    except SyntaxError:
        return []


def safe_text(e):
    try:
        return str(e)[:500]
    except BaseException:
        return ''


def serve(read, write):
    data = read()
    if data[16:17] == b'L':
        ProgramPeer(read, write, data[:16]).run(data)
    elif data[16:17] == b'T':
        TestPeer(read, write, data[:16]).run(get_plain(data, 17))
