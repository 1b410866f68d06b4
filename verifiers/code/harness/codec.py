# verifiers/code/harness/codec.py -- Python's values as bytes (value.h), exact types only, inside the cage.
#
# The first of the parts of one module: peer.py follows, then program.py or test.py, which see its names.
import builtins
import collections
import datetime
import decimal
import fractions
import math
import operator
import struct
import sys
import types

MAX_BYTES = 8 << 20
MAX_DEPTH = 100

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


# The nodes of LeetCode's lists and trees cross by structure: a letter, and the attributes that link.
NODE_NAMES = {'ListNode': 'L', 'TreeNode': 'T'}
NODE_LINKS = {'L': ('next',), 'T': ('left', 'right')}
MAX_NODES = 200000


def node_fields(x):
    # [val, next] or [val, left, right]; None: it is no such node (any more).
    try:
        return [x.val, x.next] if type(x).__name__ == 'ListNode' else [x.val, x.left, x.right]
    except AttributeError:
        return None


def flat(x):
    t = type(x)
    if t is bytearray:
        return bytes(x)
    if t.__name__ in NODE_NAMES and t not in MUTABLE:
        return node_fields(x) or []
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
    if t.__name__ in NODE_NAMES and t not in MUTABLE:
        for name, value in zip(('val', 'next') if len(items) == 2 else ('val', 'left', 'right'), items):
            setattr(x, name, value)
        return
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
        if self.peer.node_kind(t):
            self.put_nodes(out, x, depth)
            return
        if t is types.ModuleType and self.peer.gives_functions and x.__name__ in sys.stdlib_module_names:
            self.extended(out, b'g', 'module ' + x.__name__)
            return
        known = NAMED.get(x) if (isinstance(x, type) or t is types.BuiltinFunctionType) else None
        if known and (self.peer.gives_functions or isinstance(x, type)):
            self.extended(out, b'g', known)
            return
        theirs = self.peer.theirs(x)
        if theirs is not None:
            self.count(out, b'w', theirs)
            return
        self.count(out, b'o', self.peer.lend(x))

    def put_nodes(self, out, x, depth):
        # Linked nodes may be many and form cycles: all that can be reached and has no number yet, in
        # one flat value. First their kinds, then what each holds, where other nodes are references.
        n = self.number.get(id(x))
        if n is not None:
            self.count(out, b'@', n)
            return
        nodes, kinds, more = [], [], [x]
        while more:
            y = more.pop()
            kind = self.peer.node_kind(type(y))
            if not kind or id(y) in self.number:
                continue
            self.register(y)
            nodes.append(y)
            kinds.append(kind)
            more.extend(reversed([getattr(y, name) for name in NODE_LINKS[kind]]))
            if len(nodes) > MAX_NODES:
                raise Unsendable('more than %d nodes' % MAX_NODES)
        self.extended(out, b'x', 'nodes')
        self.count(out, b'(', 1 + len(nodes))
        self.put(out, ''.join(kinds), depth + 1)
        for y in nodes:
            fields = node_fields(y)
            self.count(out, b'(', len(fields))
            for z in fields:
                self.put(out, z, depth + 2)

    def get_nodes(self, depth):
        if self.take(1) != b'(' or self.size() < 2:
            raise Malformed('no nodes')
        kinds = self.get(depth + 1)
        if type(kinds) is not str or not kinds or len(kinds) > MAX_NODES or set(kinds) - set(NODE_LINKS):
            raise Malformed('an unknown kind of node')
        nodes = [self.peer.new_node(kind) for kind in kinds]
        for y in nodes:
            self.register(y)
        for kind, y in zip(kinds, nodes):
            fields = self.get(depth + 1)
            if type(fields) is not tuple or len(fields) != 1 + len(NODE_LINKS[kind]):
                raise Malformed('a node of another shape')
            refill(y, fields)
        return nodes[0]

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
            if name[:7] == 'module ' and self.peer and self.peer.takes_functions and \
                    name[7:] in sys.stdlib_module_names:
                return __import__(name[7:])
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
        if name == 'nodes' and self.peer:
            return self.get_nodes(depth)
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
