# verifiers/code/harness/test.py -- the test's end: its text runs unmodified, the program is a proxy.
# evaluate.py follows.
import ast
import builtins
import os
import sys
import types


class Remote:
    # An object that stayed with the program. Never equal to anything but itself, never ordered, no
    # arithmetic: what the program says about such an object would be its own judgement.
    __slots__ = ('_peer', '_n')

    def __init__(self, peer, n):
        object.__setattr__(self, '_peer', peer)
        object.__setattr__(self, '_n', n)

    def __getattr__(self, name):
        if name[:2] == '__':
            raise AttributeError(name)
        return self._peer.request(b'A', (self, name))

    def __setattr__(self, name, value):
        self._peer.request(b'S', (self, name, value))

    def exactly(self, value, kind):
        if type(value) is not kind:
            self._peer.broken = Over('wrong', 'a forged answer')
            raise self._peer.broken
        return value

    def __bool__(self):
        return self.exactly(self._peer.request(b'B', (self,)), bool)

    def __str__(self):
        return self.exactly(self._peer.request(b'R', (self, 'str')), str)

    def __repr__(self):
        return self.exactly(self._peer.request(b'R', (self, 'repr')), str)


def remote_call(self, *args, **kwargs):
    return self._peer.request(b'C', (self, args, kwargs))


def remote_iter(self):
    return self._peer.request(b'I', (self,))


def remote_next(self):
    got = self._peer.request(b'X', (self,))
    if got is None:
        raise StopIteration
    return got[0]


def remote_len(self):
    return self.exactly(self._peer.request(b'#', (self,)), int)


def remote_getitem(self, key):
    return self._peer.request(b'[', (self, key))


def remote_await(self):
    return self._peer.request(b'W', (self,))
    yield


async def coroutine_of(remote):
    # asyncio.run and create_task take a real coroutine only.
    return await remote


ABILITY = dict(zip(ABLE, (remote_call, remote_iter, remote_next, remote_len, remote_getitem, remote_await)))
AWAITED = 1 << ABLE.index('__await__')  # bit of a handle
REMOTE = {}


class Unlendable(Exception):
    pass


def remote_kind(able):
    # The class of objects with just these abilities.
    if able not in REMOTE:
        has = {name: f for i, (name, f) in enumerate(ABILITY.items()) if able >> i & 1}
        REMOTE[able] = type('Remote', (Remote,), dict(has, __slots__=()))
    return REMOTE[able]


class TestPeer(Peer):
    gives_functions = True

    def __init__(self, read, write, tag):
        super().__init__(read, write, tag)
        self.remotes, self.coroutine = {}, {}
        self.asked = 0  # requests that came to the program's own code
        self.heard = False  # has the program said anything?
        self.tainted = False  # may what the test does now depend on what the program said?
        self.broken = None  # what the other side did that ends the test, even if the test catches it

    def request(self, op, payload):
        self.asked += op != b'Q'
        got = super().request(op, payload)
        self.tainted = self.tainted or op != b'Q'
        return got

    def theirs(self, x):
        return x._n if issubclass(type(x), Remote) and x._peer is self else self.coroutine.get(id(x))

    def lend(self, x):
        # A function (an even handle), or an iterator.
        iterator = hasattr(type(x), '__next__') and not issubclass(type(x), Remote)
        if not iterator and (not callable(x) or isinstance(x, type)):
            raise Unlendable(type(x).__name__)
        return super().lend(x) << 1 | iterator

    def lent(self, n):
        return super().lent(n >> 1)

    def borrow(self, n):
        if n not in self.remotes:
            self.remotes[n] = remote_kind(n & (1 << len(ABLE)) - 1)(self, n)
            if n & AWAITED:
                self.remotes[n] = coroutine_of(self.remotes[n])
                self.coroutine[id(self.remotes[n])] = n
        return self.remotes[n]

    def receive(self):
        self.heard = True
        try:
            return super().receive()
        except (Over, Malformed) as e:
            self.broken = self.broken or e
            raise

    def send(self, op, payload):
        # What the test passes cannot cross: of this test, unless the program may have chosen it.
        try:
            super().send(op, payload)
        except Unlendable as e:
            raise Over('wrong' if self.tainted and op != b'C' else 'error',
                       'the test passes an object of type ' + e.args[0]) from None
        except Unsendable as e:
            raise Over('wrong' if self.tainted else 'error',
                       'the test passes what cannot be sent: ' + str(e)) from None

    def serve(self, op, payload):
        n, args, kwargs = payload
        if op != b'K' or type(n) is not int or n < 0 or type(args) is not tuple or type(kwargs) is not dict:
            raise Malformed('an unknown request')
        f, given = self.lent(n), args
        if n & 1:
            f, given = lambda: step(self.lent(n)), ()
        self.call(f, given, kwargs)

    def answer(self, op, payload):
        # To a call of the test's function by the program: what cannot cross is the program's trouble.
        try:
            Peer.send(self, op, payload)
        except (Unlendable, Unsendable) as e:
            text = 'what the function of the test gives cannot cross: ' + str(e)
            Peer.send(self, b'E', ('TypeError', 'TypeError', (text,), text))

    def proxy(self, name):
        def candidate(*args, **kwargs):
            if sys.stdin is sys.__stdin__ and sys.stdout is sys.__stdout__:
                return self.request(b'C', (name, args, kwargs))
            text = '' if sys.stdin is sys.__stdin__ else sys.stdin.read()
            result, printed = self.request(b'Z', (name, args, kwargs, text))
            sys.stdout.write(printed)
            return result
        candidate.__name__ = candidate.__qualname__ = name
        candidate.of_program = True
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
        except BaseException as e:
            # Ours, not the test's text: what the program answered is no answer to what was asked.
            text = '%s: %s' % (type(e).__name__, safe_text(e))
            verdict = ('wrong' if self.heard else 'error', 'the test cannot go on: ' + text)
        passed = self.passed if verdict[0] != 'error' else 0
        self.write(self.tag + b'D' + bytes(put_plain((verdict[0], verdict[1][:2000], passed, self.total))))

    def judge(self, job):
        self.passed, self.total = 0, 1
        main = types.ModuleType('__main__')  # nothing of the harness is found by this name
        sys.modules['__main__'] = main
        space = self.space = vars(main)
        space['__builtins__'] = builtins
        if job['leetcode']:
            leetcode(space)
            self.nodes = True
        entry, trees = job.get('entry'), []
        if job.get('prompt'):
            try:
                exec(compile(job['prompt'], '<prompt>', 'exec'), space)
            except SyntaxError:
                pass
        try:
            for text in job['imports']:
                exec(compile(text, '<imports>', 'exec'), space)
            setup = ast.parse(job.get('setup') or '', '<setup>')
            for text in job['tests']:
                trees.append(ast.parse(text, '<test>'))
        except Exception as e:
            return 'error', 'the test cannot be run: %s: %s' % (type(e).__name__, e)
        fault = missing_import([setup] + trees) or refused_names([setup] + trees)
        if fault:
            return 'error', fault
        self.bind([setup] + trees, space, entry, job)
        units = [compile(tree, '<test>', 'exec') for tree in trees]
        self.total = len(units)
        self.watch_cases([setup] + trees)
        watch = Evaluation(self, [setup] + trees)
        watch.begin(space, units)
        try:
            self.execute(watch, compile(setup, '<setup>', 'exec'), space)
            if job['check']:
                for unit in units:
                    self.execute(watch, unit, space)
                units, self.total = [None], 1
        except (Over, Malformed):
            raise
        except BaseException as e:
            return self.blame(e)
        for i, unit in enumerate(units):
            try:
                if unit is None:
                    watch.whole(space['check'](self.proxy(entry) if entry not in space else space[entry]))
                else:
                    self.execute(watch, unit, space)
                    self.cases_passed(space, last=i + 1 == len(units))
                    if only_asserts(trees[i]):
                        self.tainted = False  # nothing of it goes on to the next
                self.passed += 1
            except (Over, Malformed):
                raise
            except BaseException as e:
                if ended_well(e) and not self.failed_case:
                    self.passed += 1
                    continue
                fault = fault or self.blame(e)
                if not job.get('all') or fault[0] == 'error':
                    break
        if not fault and not self.asked:
            return 'error', 'the test asks nothing of the program'
        return fault or ('right', '')

    def watch_cases(self, trees):
        # What fails in a case of unittest is remembered: a test's text may look at no result.
        self.failed_case = None
        names = [alias.name for tree in trees for node in ast.walk(tree)
                 if isinstance(node, ast.Import) for alias in node.names]
        names += [node.module for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        if not any(name and name.split('.')[0] == 'unittest' for name in names):
            return
        import unittest

        def remembered(real):
            def add(result, test, *rest):
                if not rest or rest[-1] is not None:
                    error = rest[-1][1] if rest else None
                    self.failed_case = self.failed_case or '%s: %s' % (type(error).__name__, safe_text(error))
                return real(result, test, *rest)
            return add
        for name in ('addFailure', 'addError', 'addSubTest', 'addUnexpectedSuccess'):
            setattr(unittest.TestResult, name, remembered(getattr(unittest.TestResult, name)))

    def cases_passed(self, space, last):
        # A text that only defines cases, or functions test_..: they are what it asks.
        if last and not self.asked and not self.failed_case:
            unittest = sys.modules.get('unittest')
            kinds = [x for x in list(space.values()) if unittest and isinstance(x, type)
                     and issubclass(x, unittest.TestCase) and x.__module__ == '__main__']
            for kind in kinds:
                unittest.defaultTestLoader.loadTestsFromTestCase(kind).run(unittest.TestResult())
            for name, x in list(space.items()):
                if name[:5] == 'test_' and isinstance(x, types.FunctionType) and not x.__code__.co_argcount:
                    x()
        if self.failed_case:
            raise AssertionError(self.failed_case)

    def execute(self, watch, code, space):
        watch.allow(code)
        exec(code, space)

    def blame(self, e):
        text = '%s: %s' % (type(e).__name__, safe_text(e))
        if getattr(e, 'from_program', False):
            return 'raised', text
        # Behind a call these may lie in what the program answered: __import__(f(x)).
        if isinstance(e, (ImportError, SyntaxError)) and not self.tainted:
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


def ended_well(e):
    # unittest.main() ends a test's text by SystemExit(False): every test of it passed.
    if type(e) is not SystemExit or getattr(e, 'from_program', False) or e.args != (False,):
        return False
    at = e.__traceback__
    while at.tb_next:
        at = at.tb_next
    return at.tb_frame.f_code.co_filename == LIBRARY + 'unittest' + os.sep + 'main.py'


def only_asserts(tree):
    return all(isinstance(node, ast.Assert) for node in tree.body) and \
        not any(isinstance(node, ast.NamedExpr) for node in ast.walk(tree))


def missing_import(trees):
    # Why the test cannot be run whatever the program is: a module that is not here.
    for tree in trees:
        tried = {id(x) for node in ast.walk(tree) if isinstance(node, ast.Try) for x in ast.walk(node)}
        for node in ast.walk(tree):
            if id(node) in tried or not isinstance(node, (ast.Import, ast.ImportFrom)):
                continue
            try:
                exec(compile(ast.Module([node], []), '<import>', 'exec'), {})
            except ImportError as e:
                return 'the test cannot be run: %s: %s' % (type(e).__name__, e)
            except BaseException:
                pass
    return None


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
