# verifiers/code/harness/evaluate.py -- a test that evaluates text: the program's text never runs in its process.
#
# `eval`, `exec` and `compile` of a test run a text of the test's own here and any other in a third
# process, which has the harness of a program and no program (EvaluatorPeer). Means to run text or
# bytes that cannot be led there (pickle, marshal, runpy, ...) are refused by name before the program
# is asked (refused_names); what gets past both is seen by an audit hook and ends the test.
import ast
import builtins
import os
import re
import sys
import types

RUNS_TEXT = {  # None: all of it
    'pickle': ('load', 'loads', 'Unpickler', '_Unpickler', '_loads', '_load'), '_pickle': None, 'marshal': None,
    'shelve': None, 'dbm': None, 'runpy': None, 'imp': None, 'code': None, 'codeop': None, 'ctypes': None,
    '_ctypes': None, 'doctest': None, 'pdb': None, 'bdb': None, 'profile': None, 'trace': None, 'zipimport': None,
    'cProfile': ('run', 'runctx', 'Profile'), 'site': None, 'logging.config': None, '__main__': None,
    'importlib': ('util', 'machinery', '_bootstrap', '_bootstrap_external', 'reload'),
    'importlib.util': None, 'importlib.machinery': None}
# Files of the library whose running of text is not their own.
FOREIGN = tuple(os.sep + name + '.py' for name in (
    'timeit', 'doctest', 'runpy', 'code', 'codeop', 'pdb', 'bdb', 'profile', 'cProfile', 'trace', 'site'))
LIBRARY = os.path.dirname(os.__file__) + os.sep
SIMPLE_PICKLES = {'builtins', 'collections', 'datetime', 'decimal', 'fractions', 'copyreg'}
REAL_EVAL, REAL_EXEC, REAL_COMPILE, REAL_IMPORT = eval, exec, compile, __import__


def refused_names(trees):
    # Names what a test would run text of the program with, where that cannot be done apart.
    for tree in trees:
        modules = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    modules[(alias.asname or alias.name.split('.')[0])] = alias.name
            elif isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    if runs_text(node.module, alias.name):
                        return refusal(tree, node, node.module + '.' + alias.name)
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute):
                path = dotted_name(node)
                head = path.split('.')[0] if path else None
                if head in modules:
                    whole = modules[head].split('.') if head != modules[head].split('.')[0] else [head]
                    parts = whole + path.split('.')[1:]
                    for i in range(1, len(parts)):
                        if runs_text('.'.join(parts[:i]), parts[i]):
                            return refusal(tree, node, '.'.join(parts[:i + 1]))
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and \
                    RUNS_TEXT.get(modules.get(node.id), ()) is None and modules[node.id] != '__main__':
                return refusal(tree, node, modules[node.id])
    return None


def runs_text(module, name):
    if module not in RUNS_TEXT:
        return False
    return RUNS_TEXT[module] is None or name in RUNS_TEXT[module] or name == '*'


def dotted_name(node):
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return '.'.join(reversed(parts + [node.id])) if isinstance(node, ast.Name) else None


def refusal(tree, node, name):
    line = ast.unparse(next((x for x in tree.body if x.lineno <= node.lineno <= x.end_lineno), node))
    return 'the test may run what the program returns (%s): %s' % (name, line[:200])


class EvaluatorPeer(TestPeer):
    # The third process. Its frames are told from the program's by the highest bit of their kind.
    def __init__(self, test):
        def write(data):
            test.write(data[:16] + bytes([data[16] | 0x80]) + data[17:])
        super().__init__(test.read, write, test.tag)
        self.test = test
        self.space, self.nodes = test.space, False

    def request(self, op, payload):
        self.tag, self.tainted = self.test.tag, self.test.tainted
        try:
            return super().request(op, payload)
        finally:
            self.test.tag = self.tag
            self.test.tainted = True
            self.test.broken = self.test.broken or self.broken

    def call(self, f, args, kwargs):
        # The text calls a function of the test, which may ask the program.
        self.test.tag = self.tag
        super().call(f, args, kwargs)

    def answer(self, op, payload):
        self.tag = self.test.tag
        super().answer(op, payload)


class Evaluation:
    def __init__(self, test, trees):
        self.test, self.peer = test, None
        self.allowed, self.codes, self.made = set(), [], set()
        # Texts of the test's own; and names beside an evaluation or in a comparison: what is wanted.
        self.texts, self.wanted = set(), set()
        for tree in trees:
            for node in ast.walk(tree):
                if isinstance(node, ast.Constant) and type(node.value) in (str, bytes):
                    self.texts.add(node.value)
                elif isinstance(node, (ast.Compare, ast.Assert)) or isinstance(node, ast.stmt) and \
                        not hasattr(node, 'body') and any(map(is_evaluation, ast.walk(node))):
                    self.wanted.update(names_beside(node))

    def begin(self, space, units):
        mine = types.ModuleType('builtins')
        vars(mine).update(vars(builtins))
        mine.eval, mine.exec, mine.compile = self.eval, self.exec, self.compile
        space['__builtins__'] = mine
        sys.addaudithook(self.hook)

    def allow(self, code):
        self.codes.append(code)  # kept: its number is not given to another
        self.allowed.add(id(code))

    def hook(self, event, args):
        if event == 'exec':
            if id(args[0]) in self.allowed:
                return
            caller = sys._getframe(1).f_code.co_filename
            if caller.startswith('<frozen '):
                if args[0].co_filename.startswith((LIBRARY, '<frozen ')):
                    return
            elif caller.startswith(LIBRARY) and not caller.endswith(FOREIGN):
                return
            elif caller == LIBRARY + 'timeit.py':
                said = sys._getframe(1).f_locals
                if all(callable(x) or x in ('pass', '_stmt()', '_setup()') or x in self.texts for x in (said.get('stmt'), said.get('setup'))):
                    return
        elif event == 'pickle.find_class':
            if args[0] in SIMPLE_PICKLES and args[1] not in ('eval', 'exec', 'compile', '__import__', 'getattr', 'open'):
                return
        elif event not in ('marshal.loads', 'code.__new__') and event[:7] != 'ctypes.':
            return
        elif sys._getframe(1).f_code.co_filename.startswith((LIBRARY, '<frozen ')):
            return
        over = Over('wrong' if self.test.tainted else 'error', 'the test runs what it did not bring: ' + event)
        self.test.broken = self.test.broken or over
        raise over

    def whole(self, x):
        # Of a check that is a coroutine: to its end.
        if isinstance(x, types.CoroutineType):
            import asyncio
            asyncio.run(x)

    def own(self, text):
        if isinstance(text, types.CodeType):
            return id(text) in self.allowed
        return type(text) in (str, bytes) and text in self.texts

    def remote(self):
        if not self.peer:
            self.peer = EvaluatorPeer(self.test)
        return self.peer

    def compiled(self, x):
        # What `compile` gave for a text of the program: it stays in the third process.
        return issubclass(type(x), Remote) and x._peer is self.peer

    def compile(self, source, filename='<string>', mode='exec', *args, **kwargs):
        if self.own(source):
            code = REAL_COMPILE(source, filename, mode, *args, **kwargs)
            if isinstance(code, types.CodeType):
                self.allow(code)
            return code
        if isinstance(source, ast.AST):
            source = ast.unparse(source)
        if not isinstance(source, (str, bytes, bytearray, memoryview)):
            raise TypeError('compile() arg 1 must be a string, bytes or AST object')
        if mode != 'eval' and mode != 'single':
            mode = 'exec'
        return self.remote().request(b'e', ('compile', source, None, None, (source_name(filename), mode)))

    def eval(self, source, globals=None, locals=None, /):
        return self.run('eval', source, globals, locals, sys._getframe(1))

    def exec(self, source, globals=None, locals=None, /, **kwargs):
        return self.run('exec', source, globals, locals, sys._getframe(1))

    def run(self, how, source, given, local, frame):
        if not isinstance(source, (str, bytes, bytearray, memoryview, types.CodeType)) and not self.compiled(source):
            raise TypeError('%s() arg 1 must be a string, bytes or code object' % how)
        if self.own(source):
            code = source if isinstance(source, types.CodeType) else \
                REAL_COMPILE(source.lstrip() if how == 'eval' else source, '<string>', how)
            self.allow(code)
            if given is None:
                given, local = frame.f_globals, frame.f_locals if local is None else local
            given.setdefault('__builtins__', self.test.space['__builtins__'])
            if local is None:
                local = given
            return (REAL_EVAL if how == 'eval' else REAL_EXEC)(code, given, local)
        if given is not None and given is not frame.f_globals and given.keys() != frame.f_locals.keys():
            if type(given) is dict and not all(map(crosses, given.values())):
                mentioned = set(words(source))
                given = {k: v for k, v in given.items() if k in mentioned and crosses(v)}
            return self.remote().request(b'e', (how, source, given, local, ()))
        names = self.names(source, frame)
        got = self.remote().request(b'e', (how, source, None, names, ()))
        if how == 'exec' and type(got) is dict:
            if frame.f_locals is frame.f_globals or given is frame.f_globals:
                self.take_over(got, frame.f_globals)
            return None
        return got

    def take_over(self, got, space):
        # Names that the text bound: new ones, those of an earlier text, and a place that holds None.
        # What the test made stays, for the test judges with it; so does what is built in.
        for name, x in got.items():
            if type(name) is not str or name[:2] == '__' or hasattr(builtins, name):
                continue
            if name in self.made or space.get(name) is None:
                self.made.add(name)
                space[name] = x

    def names(self, source, frame):
        # Of the test's names those that the text mentions and that may cross, but not what is wanted.
        out = {}
        for name in words(source):
            for space in (frame.f_locals, frame.f_globals):
                if name in space and name[:2] != '__':
                    if (name not in self.wanted or of_program(space[name])) and crosses(space[name]):
                        out[name] = space[name]
                    break
        return out


def is_evaluation(node):
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ('eval', 'exec', 'compile')


def names_beside(node):
    # Names that it reads, but not what it hands to an evaluation.
    more, out = [node], set()
    while more:
        node = more.pop()
        if isinstance(node, ast.Name):
            out.add(node.id)
        elif not is_evaluation(node):
            more.extend(ast.iter_child_nodes(node))
    return out


def of_program(x):
    return issubclass(type(x), Remote) or isinstance(x, types.ModuleType) or getattr(x, 'of_program', False) is True


def words(source):
    if type(source) not in (str, bytes):
        return set()
    text = source if type(source) is str else source.decode('utf-8', 'replace')
    return set(re.findall(r'[^\W\d]\w*', text[:1 << 20]))


def source_name(filename):
    return filename if type(filename) is str else '<string>'


def crosses(x):
    if isinstance(x, types.ModuleType):
        return x.__name__ in sys.stdlib_module_names
    if issubclass(type(x), Remote) or callable(x) and not isinstance(x, type):
        return True
    try:
        put_plain(x)
        return True
    except Exception:
        return False


def serve(read, write):
    data = read()
    if data[16:17] == b'T':
        job = get_plain(data, 17)
        TestPeer(read, write, data[:16]).run(job)
