# verifiers/code/harness/program.py -- the program's end: it loads the program and does what it is asked.
#
# serve(read, write) is all that is called from outside.
import io
import operator
import sys
import types


class ProgramPeer(Peer):
    takes_functions = True

    def __init__(self, read, write, tag):
        super().__init__(read, write, tag)
        self.space = {}
        self.callbacks, self.callback_number, self.solution = {}, {}, None

    def lend(self, x):
        # What a class says itself: by hasattr every class could be called, as its metaclass can.
        able = 0
        for i, name in enumerate(ABLE):
            said = [vars(kind)[name] for kind in type(x).__mro__ if name in vars(kind)]
            able |= bool(said and said[0] is not None) << i
        return super().lend(x) << len(ABLE) | able

    def lent(self, n):
        return super().lent(n >> len(ABLE))

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




def serve(read, write):
    data = read()
    if data[16:17] == b'L':
        ProgramPeer(read, write, data[:16]).run(data)
