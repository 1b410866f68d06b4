#!/usr/bin/env python3
# tests/golden/make_code.py -- writes tests/golden/code/{calls,evaluated,blocks,seen}.jsonl: rows and their verdicts.
#
#   python3 tests/golden/make_code.py
#
# calls: what may be called, and how. evaluated: tests and checkers that run what a program returns, and
# programs that want a verdict other than wrong from that. blocks: answers with several blocks of code, as
# models write them. seen: what a program sees of its input and of the host. Judged by tests/test_code.c.
import json
import os

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'code')


class File:
    def __init__(self, name):
        self.name, self.rows = name, []

    def add(self, title, verdict, pred, **row):
        row.setdefault('lang', 'python')
        row.setdefault('extract', 'bare')
        if row['extract'] is None:
            del row['extract']
        self.rows.append(dict(id='%s/%s' % (self.name, title), verdict=verdict, **row, pred=pred))

    def write(self):
        with open(os.path.join(OUT, self.name + '.jsonl'), 'w') as out:
            for row in self.rows:
                out.write(json.dumps(row) + '\n')


def calls():
    f = File('calls')
    one = [{'args': [3], 'want': 4}, {'args': [-1], 'want': 0}]
    method = 'class Solution:\n    def f(self, x):\n        return x + 1\n'
    static = 'class Solution:\n    @staticmethod\n    def f(x):\n        return x + 1\n'
    of_class = 'class Solution:\n    @classmethod\n    def f(cls, x):\n        return x + 1\n'
    off = method.replace('+ 1', '+ 2')
    for name, text in (('method', method), ('static', static), ('class method', of_class)):
        for entry in ('Solution().f', 'Solution.f', 'f'):
            f.add('%s as %s' % (name, entry), 'right', text, entry=entry, calls=one)
            f.add('%s as %s, check' % (name, entry), 'right', text, entry_point=entry,
                  test='def check(candidate):\n    assert candidate(3) == 4\n    assert candidate(x=-1) == 0\n')
    f.add('method that is off', 'wrong', off, entry='Solution().f', calls=one)
    f.add('method that is off, check', 'wrong', off, entry_point='Solution().f',
          test='def check(candidate):\n    assert candidate(3) == 4\n')
    f.add('no such method', 'wrong', 'class Solution:\n    def g(self, x):\n        return x + 1\n',
          entry='Solution().f', calls=one)
    f.add('no such class', 'wrong', 'def f(x):\n    return x + 1\n', entry='Solution().f', calls=one)
    f.add('attribute of an attribute', 'right',
          'class A:\n    class B:\n        def f(self, x):\n            return x + 1\n', entry='A.B().f', calls=one)
    f.add('a function that a function makes', 'right', 'def make():\n    return lambda x: x + 1\n',
          entry='make()', calls=one)
    f.add('attribute of an instance', 'right',
          'class In:\n    def f(self, x):\n        return x + 1\nclass Out:\n    def __init__(self):\n'
          '        self.inner = In()\n', entry='Out().inner.f', calls=one)
    f.add('async function', 'right', 'import asyncio\nasync def f(x):\n    await asyncio.sleep(0)\n    return x + 1\n',
          entry='f', calls=one)
    f.add('async function that is off', 'wrong', 'async def f(x):\n    return x\n', entry='f', calls=one)
    f.add('async method', 'right', 'class Solution:\n    async def f(self, x):\n        return x + 1\n',
          entry='Solution().f', calls=one)
    run = ['import asyncio\nassert asyncio.run(f(3)) == 4']
    f.add('async in asserts', 'right', 'async def f(x):\n    return x + 1\n', tests=run)
    f.add('async in asserts, off', 'wrong', 'async def f(x):\n    return x + 2\n', tests=run)
    f.add('awaited by a test', 'right', 'import asyncio\nasync def f(x):\n    await asyncio.sleep(0.001)\n    return x + 1\n',
          tests=['import asyncio\nasync def main():\n    assert await f(1) == 2\n    assert await asyncio.gather(f(2), f(3)) == [3, 4]\n'
                 'asyncio.run(main())'])
    f.add('async method in asserts', 'right', 'class A:\n    async def f(self, x):\n        return x + 1\n',
          tests=['import asyncio\nassert asyncio.run(A().f(3)) == 4'])
    f.add('async check', 'right', 'async def f(x):\n    return x + 1\n', entry_point='f',
          test='async def check(candidate):\n    assert await candidate(3) == 4\n')
    f.add('async check, off', 'wrong', 'async def f(x):\n    return x + 2\n', entry_point='f',
          test='async def check(candidate):\n    assert await candidate(3) == 4\n')
    f.add('async program for a plain test', 'wrong', 'async def f(x):\n    return x + 1\n', tests=['assert f(3) == 4'])
    design = {'entry': 'Stack', 'calls': [{'args': [['Stack', 'push', 'push', 'pop', 'size'], [[], [1], [2], [], []]],
                                           'want': [None, None, None, 2, 1]}]}
    stack = ('class Stack:\n    def __init__(self):\n        self.a = []\n    def push(self, x):\n        self.a.append(x)\n'
             '    def pop(self):\n        return self.a.pop()\n    def size(self):\n        return len(self.a)\n')
    f.add('a class of LeetCode', 'right', stack, **design)
    f.add('a class of LeetCode, off', 'wrong', stack.replace('self.a.pop()', 'self.a.pop(0)'), **design)
    f.add('a class in a check', 'right', stack, entry_point='Stack',
          test='def check(candidate):\n    s = candidate()\n    s.push(5)\n    assert s.pop() == 5 and s.size() == 0\n')
    for key in ('entry', 'entry_point', 'fn_name'):
        for bad in ('f(x)', 'def f', 'f g', 'Solution()f', '1f', 'Solution(3).f', 'lambda x: x', 'f[0]', '.f', 'f.', 'a..b'):
            f.add('%s is %s' % (key, bad), 'error', 'def f(x):\n    return x + 1\n', calls=one, **{key: bad})
    for key in ('entry', 'entry_point'):
        f.add('%s is no text' % key, 'error', 'def f(x):\n    return x + 1\n', calls=one, **{key: 3})
    f.add('an iterator goes to the program', 'right', 'def f(it):\n    return sum(it)\n',
          tests=['assert f(iter([1, 2, 3])) == 6', 'assert f(x * x for x in range(4)) == 14', 'assert f(map(int, "123")) == 6'])
    f.add('an iterator that is read on', 'right', 'def f(it):\n    return next(it)\n',
          tests=['it = iter("abc")\nassert f(it) == "a" and f(it) == "b" and next(it) == "c"'])
    f.add('a module goes to the program', 'right', 'def f(m):\n    return m.sqrt(16)\n', tests=['import math\nassert f(math) == 4'])
    f.write()


FRAMES = '''P = \'\'\'import sys
f = sys._getframe()
while f:
    s = f.f_locals.get("self")
    if hasattr(s, "tag"): s.write(s.tag + b"D" + bytes(f.f_globals["put_plain"](("right", "", s.total, s.total))))
    f = f.f_back\'\'\'
'''
COLLECTOR = '''P = \'\'\'import gc
for s in gc.get_objects():
    if hasattr(type(s), "judge") or hasattr(s, "tag"):
        try: s.write(s.tag + b"D" + bytes(s.judge.__globals__["put_plain"](("right", "", s.total, s.total))))
        except Exception: pass\'\'\'
'''
WRITER = '''P = \'\'\'import os
for n in range(3, 20):
    try: os.write(n, b"right")
    except OSError: pass
os._exit(0)\'\'\'
'''


def evaluated():
    f = File('evaluated')
    want = ['assert eval(f(3)) == 4']
    f.add('an expression', 'right', 'def f(x):\n    return "%d + 1" % x\n', tests=want)
    f.add('an expression that is off', 'wrong', 'def f(x):\n    return "%d + 2" % x\n', tests=want)
    f.add('an expression with calls', 'right', 'def f(x):\n    return "len([i for i in range(%d)]) + max(0, 1)" % x\n', tests=want)
    f.add('imports and a lambda', 'right', 'def f(x):\n    return "(lambda: __import__(\'math\').isqrt(16))()"\n', tests=want)
    f.add('a name of the test', 'right', 'def f():\n    return "x * x"\n', tests=['x = 5\nassert eval(f()) == 25'])
    f.add('a name of the program', 'right', 'def g(x):\n    return x + 1\ndef f(x):\n    return "g(3)"\n',
          tests=['assert g(1) == 2 and eval(f(3)) == 4'])
    f.add('the wanted value by its name', 'wrong', 'def f(x):\n    return "want"\n', tests=['want = 4\nassert eval(f(3)) == want'])
    for title, test in (('within a bound', 'want = 4\nassert abs(eval(f(3)) - want) < 1e-6'), ('later', 'want = 4\nr = eval(f(3))\nassert abs(r - want) < 1e-6'),
                        ('in a loop', 'for x, want in ((3, 4), (4, 5)):\n    assert eval(f(x)) == want'), ('by locals', 'def t():\n    want = 4\n    assert eval(f(3), locals()) == want\nt()'),
                        ('by globals', 'want = 4\nassert eval(f(3), globals()) == want'),
                        ('in unittest', 'import unittest\nclass T(unittest.TestCase):\n    def test(self):\n        want = 4\n        self.assertEqual(eval(f(3)), want)\n'
                         'r = unittest.TextTestRunner().run(unittest.defaultTestLoader.loadTestsFromTestCase(T))\nassert r.wasSuccessful()')):
        f.add('the wanted value by its name, ' + title, 'wrong', 'def f(x):\n    return "want"\n', tests=[test])
        f.add('the right value, ' + title, 'right', 'def f(x):\n    return "%d" % (x + 1)\n', tests=[test])
    f.add('the reference by its name', 'wrong', 'def f(x):\n    return "ref(%d)" % x\n', tests=['def ref(x):\n    return x + 1\nassert eval(f(3)) == ref(3)'])
    f.add('a namespace is given', 'right', 'def f():\n    return "a + b"\n',
          tests=['assert eval(f(), {"a": 1, "b": 2}) == 3', 'import math\nassert eval(f(), {"__builtins__": {}}, {"a": math.pi, "b": 0}) == math.pi'])
    f.add('statements', 'right', 'def f():\n    return "def g(x):\\n    return x * 2\\ny = g(4)\\n"\n',
          tests=['space = {}\nexec(f(), space)\nassert space["y"] == 8 and space["g"](5) == 10', 'exec(f())\nassert y == 8 and g(1) == 2'])
    for title, text, test in (('a helper', 'def ok(v): return True\nr = 9\n', 'def ok(v):\n    return v == 4\nexec(f())\nassert ok(r)'),
                              ('what is built in', 'def abs(v): return 0\nr = 9\n', 'exec(f())\nassert abs(r - 4) < 1e-6'),
                              ('what is wanted', 'r = want = 9\n', 'want = 4\nexec(f())\nassert r == want'),
                              ('a module', 'class math:\n    pi = 9\nr = 9\n', 'import math\nexec(f())\nassert r == math.pi')):
        f.add('statements that overwrite ' + title, 'wrong', 'def f():\n    return %r\n' % text, tests=[test])
    f.add('statements that fill a place', 'right', 'def f():\n    return "r = 4"\n', tests=['r = None\nexec(f())\nassert r == 4\nexec("r = 5")\nexec(f())\nassert r == 4 or r == 5'])
    f.add('statements that are off', 'wrong', 'def f():\n    return "def g(x):\\n    return x * 3\\n"\n',
          tests=['space = {}\nexec(f(), space)\nassert space["g"](5) == 10'])
    f.add('compiled first', 'right', 'def f():\n    return "2 + 2"\n',
          tests=['assert eval(compile(f(), "<s>", "eval")) == 4', 'c = compile("z = " + f(), "<s>", "exec")\nd = {}\nexec(c, d)\nassert d["z"] == 4'])
    f.add('text that is none', 'wrong', 'def f():\n    return "2 +"\n', tests=['assert eval(f()) == 4'])
    f.add('a literal', 'right', 'def f():\n    return "[1, {2: 3}]"\n', tests=['import ast\nassert ast.literal_eval(f()) == [1, {2: 3}]'])
    f.add('a literal that is none', 'wrong', 'def f():\n    return "__import__(\'os\')"\n', tests=['import ast\nassert ast.literal_eval(f()) == [1]'])
    f.add('the test\'s own texts', 'right', 'def f(x):\n    return x + 1\n',
          tests=['exec("def ref(x):\\n    return x + 1")\nassert f(3) == ref(3)', 'assert eval("f(3)") == 4 and eval("1 + 1") == 2',
                 'from collections import namedtuple\nfrom dataclasses import dataclass\n@dataclass\nclass A:\n    x: int\n'
                 'P = namedtuple("P", "x y")\nassert f(P(1, 2).x) == A(2).x'])
    for name, text in (('frames', FRAMES), ('the collector', COLLECTOR), ('descriptors', WRITER)):
        for how, test in (('eval', 'assert eval(f(3)) == 4'), ('exec', 'space = {}\nexec(f(3), space)\nassert space["x"] == 4'),
                          ('compile', 'exec(compile(f(3), "s", "exec"))\nassert f(1) == 2')):
            back = "def f(x):\n    return 'exec(%r)' % P\n" if how == 'eval' else 'def f(x):\n    return P\n'
            f.add('a verdict through %s, %s' % (name, how), 'wrong', text + back, tests=[test])
    for name, text in (('an import that fails', '__import__("nosuch")'), ('an exit', '__import__("os")._exit(0)'),
                       ('another exit', '__import__("sys").exit(0)'), ('a kill', '__import__("os").kill(__import__("os").getpid(), 9)'),
                       ('an interrupt', '(_ for _ in ()).throw(KeyboardInterrupt)'), ('a syntax error', 'compile("1 +", "", "eval")'),
                       ('a loop', '[0 for _ in iter(int, 1)]'), ('memory', '"x" * 10**11'), ('a crash', '(lambda f: f(f))(lambda f: f(f))'),
                       ('closed descriptors', '[__import__("os").close(i) for i in (3, 4)]'), ('a deep text', '(' * 500 + ')' * 500),
                       ('nul', '4\0'), ('a surrogate', '4\udcff'), ('an abort', '__import__("os").abort()')):
        f.add('text that is ' + name, 'wrong', 'def f(x):\n    return %r\n' % text, tests=want, cpu_ms=1000, wall_ms=3000)
    for title, value in (('an object', 'A()'), ('a generator', '(i for i in "4")'), ('a number', '4'), ('a function', 'lambda: 4'), ('none', 'None'), ('a list', '["4"]')):
        for how, test in (('evaluated', 'assert eval(f(3)) == 4'), ('run', 's = {}\nexec(f(3), s)\nassert s["x"] == 4'), ('compiled', 'assert eval(compile(f(3), "", "eval")) == 4')):
            f.add('%s, %s' % (title, how), 'wrong', 'class A:\n    pass\ndef f(x):\n    return %s\n' % value, tests=[test])
    cases = ('import unittest\nclass T(unittest.TestCase):\n    def test_a(self):\n        self.assertEqual(f(3), 4)\n'
             '    def test_b(self):\n        with self.subTest(1):\n            self.assertEqual(f(4), 5)\n')
    for how, last in (('alone', ''), ('with an exit', 'unittest.main()\n'), ('without an exit', 'unittest.main(argv=["x"], exit=False)\n'),
                      ('as main', 'if __name__ == "__main__":\n    unittest.main()\n'),
                      ('run and not asked', 'unittest.TextTestRunner().run(unittest.TestLoader().loadTestsFromTestCase(T))\n')):
        for title, verdict, pred in (('right', 'right', 'def f(x):\n    return x + 1\n'), ('off', 'wrong', 'def f(x):\n    return x + 2\n'),
                                     ('off in one case', 'wrong', 'def f(x):\n    return 4\n'),
                                     ('skipped', 'wrong', 'import unittest\ndef f(x):\n    raise unittest.SkipTest("x")\n'),
                                     ('an exit', 'wrong', 'def f(x):\n    raise SystemExit(False)\n')):
            f.add('cases of unittest, %s, %s' % (how, title), verdict, pred, tests=[cases + last])
    for title, verdict, pred in (('right', 'right', 'def f(x):\n    return x + 1\n'), ('off', 'wrong', 'def f(x):\n    return 4\n')):
        f.add('functions test_.., ' + title, verdict, pred, tests=['def test_a():\n    assert f(3) == 4\ndef test_b():\n    assert f(4) == 5\n'])
    f.add('a name to import', 'wrong', 'def f(x):\n    return "nosuch"\n', tests=['assert __import__(f(3)).sqrt(16) == 4'])
    f.add('a name to import that is there', 'right', 'def f(x):\n    return "math"\n', tests=['assert __import__(f(3)).sqrt(16) == 4'])
    f.add('a name of the harness', 'wrong', 'def f(x):\n    return "__main__"\n', tests=['assert __import__(f(3))._write(b"") == 4'])
    f.add('a module to import by importlib', 'wrong', 'def f(x):\n    return "nosuch"\n',
          tests=['import importlib\nassert importlib.import_module(f(3)).sqrt(16) == 4'])
    f.add('a name of what ends the test', 'wrong', 'def f(x):\n    return "_exit"\n', tests=['import os\nassert getattr(os, f(3))(0) == 4'])
    f.add('a name that raises SystemExit', 'wrong', 'def f(x):\n    return "exit"\n', tests=['import sys\nassert getattr(sys, f(3))(0) == 4'])
    for title, test in (('pickle', 'import pickle\nassert pickle.loads(f(3)) == 4'), ('marshal', 'import marshal\nassert marshal.loads(f(3)) == 4'),
                        ('from pickle', 'from pickle import loads\nassert loads(f(3)) == 4'), ('import as', 'import pickle as p\nassert p.loads(f(3)) == 4'),
                        ('runpy', 'import runpy\nassert runpy.run_path(f(3)) == 4'), ('code', 'import code\ncode.InteractiveInterpreter().runsource(f(3))'),
                        ('profile', 'import cProfile\ncProfile.run(f(3))')):
        f.add('refused by name: ' + title, 'error', 'def f(x):\n    return b"x"\n', tests=[test])
    f.add('pickled only', 'right', 'def f(x):\n    return x + 1\n', tests=['import pickle\nassert len(pickle.dumps(f(3))) > 3 and f(3) == 4'])
    f.add('a file that is imported', 'wrong', 'def f(x):\n    return "import os\\nos._exit(0)"\n',
          tests=['open("m.py", "w").write(f(3))\nimport sys\nsys.path.insert(0, ".")\ntry:\n    import m\nexcept ImportError:\n    pass\nassert m.x == 4'])
    f.add('timeit of a function', 'right', 'def f(x):\n    return x + 1\n',
          tests=['import timeit\nassert timeit.timeit(lambda: f(3), number=2) < 5 and f(3) == 4'])
    f.add('timeit of a text', 'wrong', 'def f(x):\n    return "import os; os._exit(0)"\n', tests=['import timeit\nassert timeit.timeit(f(3), number=1) < 5 and f(1) == 2'])
    f.add('a template', 'right', 'def f(x):\n    return "{0}!"\n', tests=['assert f(3).format(4) == "4!"'])

    g = 'def g(x):\n    return iter(x) if isinstance(x, list) else x\n'
    for title, body in (('an iterator', 'g([1])'), ('itself', 'g(g)'), ('nothing', 'g()'), ('many', 'g(1, 2, 3)')):
        f.add('the test\'s function gives back ' + title, 'wrong', 'def f(g, x):\n    %s\n    return 0\n' % body, tests=[g + 'assert f(g, 3) == 3\n'])
    kinds = ('class T:\n    pass\ndef g(x):\n    return {"object": T(), "class": T, "module": __import__("os"), "file": open("/dev/null"), '
             '"lock": __import__("threading").Lock(), "frame": __import__("sys")._getframe(), "code": g.__code__, "generator": (i for i in "ab"), '
             '"deep": deep(), "large": "x" * (9 << 20), "self": g, "exception": ValueError("x"), "pattern": __import__("re").compile("x")}.get(x, x)\n'
             'def deep():\n    x = []\n    for i in range(300): x = [x]\n    return x\n')
    for kind in 'object class module file lock frame code generator deep large self exception pattern'.split():
        f.add('the test\'s function gives ' + kind, 'wrong', 'def f(g, x):\n    g(%r)\n    return 0\n' % kind, tests=[kinds + 'assert f(g, 3) == 3\n'])
        f.add('the program goes on behind ' + kind, 'right', 'def f(g, x):\n    try:\n        g(%r)\n    except TypeError:\n        pass\n    return g(x)\n' % kind,
              tests=[kinds + 'assert f(g, 3) == 3\n'])
    f.add('a generator of the test is read', 'right', 'def f(g, x):\n    return "".join(g("generator"))\n', tests=[kinds + 'assert f(g, 3) == "ab"\n'])
    f.add('a large value comes back as an argument', 'wrong', 'def f(x):\n    return "x" * (7 << 20)\n', tests=['assert f(f(1) * 2) == 4'])
    f.add('a test that imports what is not here', 'error', 'def f(x):\n    return x + 1\n', tests=['assert f(3) == 4\nimport nosuch\n'])
    f.add('a test that may miss a module', 'right', 'def f(x):\n    return x + 1\n',
          tests=['try:\n    import nosuch\nexcept ImportError:\n    nosuch = None\nassert f(3) == 4'])

    for title, pred in (('a list that is doubled 60 times', 'def f():\n    x = [1]\n    for i in range(60): x = [x, x]\n    return x\n'),):
        f.add(title + ', compared', 'wrong', pred, tests=['assert f() == f()'], cpu_ms=500, wall_ms=1000)
        f.add(title + ', called', 'wrong', pred, entry='f', calls=[{'args': [], 'want': [1]}], cpu_ms=500, wall_ms=1000)
    for title, test, value in (('an exponent', 'assert 2 ** f() == 3', '10**12'), ('a smaller exponent', 'assert f() ** f() == 3', '10**7'),
                               ('a sum', 'assert sum(range(f())) == 3', '10**15'), ('a pattern', "import re\nassert re.fullmatch(r'(a+)+b', f())", '"a" * 40'),
                               ('a width', 'assert "%*d" % (f(), 1) == 3', '2**31 - 1'), ('a generator', 'assert list(f()) == 3', 'iter(int, 1)')):
        f.add('what keeps a test busy: ' + title, 'wrong', 'def f():\n    return %s\n' % value, tests=[test], cpu_ms=500, wall_ms=1000)
    f.add('a dict in another order', 'right', 'def f():\n    return {str(i): i for i in reversed(range(3000))}\n', entry='f',
          calls=[{'args': [], 'want': {str(i): i for i in range(3000)}}])
    f.add('a dict with another value', 'wrong', 'def f():\n    return {**{str(i): i for i in reversed(range(2000))}, "0": 7}\n', entry='f',
          calls=[{'args': [], 'want': {str(i): i for i in range(2000)}}])
    for lang in ('c', 'cpp'):
        f.add('a source that includes itself twice, ' + lang, 'wrong', '#include __FILE__\n#include __FILE__\nint main(){}\n', lang=lang,
              tests=[{'input': '', 'output': '1'}], cpu_ms=500, wall_ms=1000)

    reads = ("a = open('input.txt').read().split()\ns = open('solution_output.txt').read().split()\n"
             "print(1 if int(s[0]) == int(a[0]) + int(a[1]) else 0)\n")
    io = [{'input': '1 2\n'}]
    for title, pred, verdict in (('right', 'a, b = map(int, input().split())\nprint(a + b)\n', 'right'), ('off', 'print(4)\n', 'wrong'),
                                 ('garbage', 'print("garbage")\n', 'wrong'), ('nothing', 'pass\n', 'wrong'), ('bytes', 'import os\nos.write(1, b"\\xff\\0")\n', 'wrong'),
                                 ('a number of many digits', 'print("9" * 5000)\n', 'wrong'), ('a slow number', 'print("1" * 4000000)\n', 'wrong')):
        f.add('a checker reads ' + title, verdict, pred, tests=io, checker=reads)
    sums = ("a = open('input.txt').read().split()\ns = open('solution_output.txt').read()\nprint(1 if eval(s) == int(a[0]) + int(a[1]) else 0)\n")
    for title, pred, verdict in (('an expression', 'print("1 + 2")\n', 'right'), ('a list', 'print("sum([1, 2])")\n', 'right'), ('off', 'print("1 + 3")\n', 'wrong'),
                                 ('a verdict', 'print("print(1) or __import__(\'os\')._exit(0)")\n', 'wrong'), ('an exit', 'print("exit(41)")\n', 'wrong'),
                                 ('an attribute', 'print("().__class__")\n', 'wrong'), ('an import', 'print("__import__(\'nosuch\')")\n', 'wrong'),
                                 ('a power', 'print("9**9**9**9")\n', 'wrong')):
        f.add('a checker evaluates ' + title, verdict, pred, tests=io, checker=sums, cpu_ms=1000, wall_ms=3000)
    for title, checker in (('does not compile', 'print(1'), ('imports what is not here', 'import nosuch\nprint(1)\n'),
                           ('runs the output', "exec(open('solution_output.txt').read())\nprint(1)\n"), ('opens a pickle', 'import pickle\nprint(1)\n')):
        f.add('a checker that ' + title, 'error', 'print(3)\n', tests=io, checker=checker)
    f.add('a checker that breaks over the expected output', 'error', 'print(3)\n', tests=[{'input': '1 2\n', 'output': '3\n'}], checker='print(1 // 0)\n')
    f.add('a checker that hangs over one output', 'wrong', 'print("a" * 40 + "!")\n', tests=io, cpu_ms=1000, wall_ms=2000,
          checker="import re\ns = open('solution_output.txt').read()\nprint(1 if re.fullmatch(r'(a+)+b', s.strip()) else 0)\n")
    f.write()


def fence(text, lang='python'):
    return '```%s\n%s```\n' % (lang, text)


def blocks():
    f = File('blocks')
    io = [{'input': '4\n', 'output': '8\n'}, {'input': '5\n', 'output': '10\n'}]
    none = [{'input': '', 'output': '8\n'}]
    good = 'n = int(input())\nprint(n * 2)\n'
    bad = 'n = int(input())\nprint(n + 4)\n'
    whole = 'def double(n):\n    return 2 * n\n\ndef main():\n    n = int(input())\n    print(double(n))\n\nmain()\n'
    helper = 'def double(n):\n    return 2 * n\n'

    def io_row(title, verdict, text, **row):
        f.add(title, verdict, text, tests=row.pop('tests', io), extract=None, **row)

    for name, use in (('asserts', 'assert 4 * 2 == 8\n'), ('a print', 'print(double(4))\n'), ('a comment', '# prints 8\n'),
                      ('a call', 'double(4)\n'), ('a transcript', '>>> double(4)\n8\n'), ('a shell', '$ echo 4 | python3 a.py\n8\n'),
                      ('an assignment and a print', 'result = double(4)\nprint(result)\n'), ('imports', 'import sys\nimport math\n'),
                      ('a loop of prints', 'for i in range(3):\n    print(double(i))\n'),
                      ('a test class', 'import unittest\nclass T(unittest.TestCase):\n    def test(self):\n        self.assertEqual(double(4), 8)\n'),
                      ('a patched input', 'import io, sys\nsys.stdin = io.StringIO("4")\nmain()\n'),
                      ('an import of it', 'from solution import double\nprint(double(2))\n')):
        io_row('a program, then ' + name, 'right', 'We double it.\n' + fence(whole) + 'For example:\n' + fence(use))
        io_row('a program, then unnamed ' + name, 'right', fence(whole) + fence(use, ''))
    io_row('sample input and output', 'right', 'Input:\n' + fence('4\n', '') + 'Code:\n' + fence(good) + 'Output:\n' + fence('8\n', ''))
    io_row('sample input and output of an unnamed program', 'right', fence('4\n', '') + fence(good, '') + fence('8\n', ''))
    io_row('a corrected version later', 'right', fence(bad) + 'Wait, that adds. The corrected program:\n' + fence(good))
    io_row('a version spoiled later', 'wrong', fence(good) + 'Wait, it should add.\n' + fence(bad))
    io_row('two alternatives', 'right', 'Slow:\n' + fence('n = int(input())\ns = 0\nfor i in range(n): s += 2\nprint(s)\n') + 'Fast:\n' + fence(good))
    io_row('alternatives of which the last is off', 'wrong', fence(good) + 'Or:\n' + fence(bad))
    io_row('pieces, then the whole', 'right', 'First read:\n' + fence('n = int(input())\n') + 'then print:\n' + fence('print(n * 2)\n') + 'Together:\n' + fence(good))
    io_row('the whole, then its pieces explained', 'right', fence(whole) + 'Here\n' + fence('def double(n):\n    return 2 * n\n') + 'doubles, and\n'
           + fence('n = int(input())\nprint(double(n))\n') + 'prints.\n')
    io_row('a function, then the main part', 'right', 'The helper:\n' + fence(helper) + 'The main part:\n' + fence('n = int(input())\nprint(double(n))\n'))
    io_row('imports, a function, the main part', 'right', fence('import sys\n') + fence('def double(n):\n    return n * 2\n')
           + fence('def solve():\n    n = int(sys.stdin.readline())\n    print(double(n))\n\nif __name__ == "__main__":\n    solve()\n'))
    io_row('a helper that is mended', 'right', fence('def double(n):\n    return n + 4\n') + fence(helper) + fence('n = int(input())\nprint(double(n))\n'))
    io_row('same names in both versions', 'right', fence('def main():\n    x = int(input())\n    print(x)\nmain()\n')
           + fence('def main():\n    x = int(input())\n    print(2 * x)\nmain()\n'))
    io_row('a local of the name of an earlier function', 'right', fence('def n():\n    pass\nprint(input())\n') + fence('def main():\n    n = int(input())\n    print(2 * n)\nmain()\n'))
    io_row('without input', 'right', fence('def g():\n    return 8\nprint(g())\n') + 'which is\n' + fence('g()\n'), tests=none)
    io_row('without input, the example prints', 'right', fence('def g():\n    return 8\nprint(g())\n') + fence('print(g() + 1)\n'), tests=none)
    io_row('another language beside it', 'right', fence('#include <cstdio>\nint main() { int n; scanf("%d", &n); printf("%d", n); }\n', 'cpp') + fence(good) +
           fence('pip install numpy\n', 'bash'))
    io_row('C++, then a piece of it', 'right', fence('#include <iostream>\nint main() { int n; std::cin >> n; std::cout << 2 * n; }\n', 'cpp') + 'The line\n' +
           fence('std::cout << 2 * n;\n', 'cpp'), lang='cpp')
    io_row('indented in a list', 'right', '1. The code:\n   ```python\n   n = int(input())\n   print(n * 2)\n   ```\n2. Use:\n   ```python\n   assert True\n   ```\n')
    io_row('a thought with a program', 'right', '<think>\n' + fence(bad) + '</think>\n' + fence(good))
    io_row('text in a string that looks like code', 'right', fence('n = int(input())\ns = """\ndef g(): pass\nimport os\n"""\nprint(n * 2)\n') + fence('print("def n(): input()")\n'))

    tests = ['assert add(2, 3) == 5', 'assert add(-1, 1) == 0']
    add = 'def add(a, b):\n    return a + b\n'

    def row(title, verdict, text, **more):
        f.add(title, verdict, text, extract=None, **(more or {'tests': tests}))

    for name, use in (('asserts', 'assert add(2, 3) == 5\nassert add(2, 2) == 4\n'), ('prints', 'print(add(2, 3))\n'), ('a transcript', '>>> add(2, 3)\n5\n'),
                      ('a main part', 'if __name__ == "__main__":\n    print(add(int(input()), 3))\n'), ('a test', 'def test_add():\n    assert add(2, 3) == 5\ntest_add()\n'),
                      ('another program', 'a, b = map(int, input().split())\nprint(a + b)\n')):
        row('a function, then ' + name, 'right', fence(add) + fence(use))
        row('a function with an entry, then ' + name, 'right', fence(add) + fence(use), entry='add', calls=[{'args': [2, 3], 'want': 5}])
    row('a corrected function later', 'right', fence('def add(a, b):\n    return a - b\n') + 'Sorry:\n' + fence(add))
    row('a function spoiled later', 'wrong', fence(add) + fence('def add(a, b):\n    return a - b\n'))
    row('a helper in a block before', 'right', fence('import operator\ndef plus(a, b):\n    return operator.add(a, b)\n') + fence('def add(a, b):\n    return plus(a, b)\n'))
    row('only the mended function, with imports of before', 'right', fence('from functools import reduce\ndef add(a, b):\n    return reduce(max, (a, b))\n') +
        'Mended:\n' + fence('def add(a, b):\n    return reduce(lambda x, y: x + y, (a, b))\n'))
    row('a lambda', 'right', fence('add = lambda a, b: a + b\n') + fence('print(add(1, 2))\n'))
    row('a class of LeetCode, then its use', 'right', fence('class Solution:\n    def add(self, a, b):\n        return a + b\n') +
        fence('s = Solution()\nprint(s.add(1, 2))\n'), tests=['assert Solution().add(2, 3) == 5'])
    row('a method by its entry, then its use', 'right', fence('class Solution:\n    def add(self, a, b):\n        return a + b\n') +
        fence('s = Solution()\nprint(s.add(1, 2))\n'), entry='Solution().add', calls=[{'args': [2, 3], 'want': 5}])
    row('an unnamed block with the function', 'right', fence(add, '') + fence('print(add(1, 2))\n'))
    row('a file is named before it', 'right', '`solution.py`:\n' + fence(add, 'python title="solution.py"') + '`test.py`:\n' + fence('from solution import add\nassert add(1, 2) == 3\n'))
    f.write()


def seen():
    # Standard input as a file, a locale, and nothing of the host.
    f = File('seen')
    f.add('size, kind and a map of the input', 'right',
          'import os,stat,mmap\ns=os.fstat(0)\nm=mmap.mmap(0,0,access=mmap.ACCESS_READ)\nprint(s.st_size,stat.S_ISREG(s.st_mode),m[:2],os.read(0,9).decode().strip())\n',
          lang='python', tests=[{'input': '41\n', 'output': "3 True b'41' 41\n"}])
    f.add('the input is read once', 'right', 'import os, sys\nn = len(sys.stdin.readlines())\ntry:\n    os.lseek(0, 0, 0)\nexcept OSError as e:\n    print(n, e.errno)\n',
          tests=[{'input': '41\n42\n', 'output': '2 29\n'}])
    f.add('a shell shares the input', 'right', 'read a\nread b\ncat\necho $a $b\n', lang='sh', tests=[{'input': '1\n2\n3\n', 'output': '3\n1 2\n'}])
    f.add('a shell counts and cuts', 'right', 'tail -n 2\n', lang='sh', tests=[{'input': '1\n2\n3\n', 'output': '2\n3\n'}])
    f.add('C reads by its own', 'right', '#include <stdio.h>\nint main(){int a,b; scanf("%d",&a); char s[9]; fgets(s,9,stdin); fgets(s,9,stdin); sscanf(s,"%d",&b); printf("%d\\n",a+b);}\n',
          lang='c', tests=[{'input': '1\n2\n3\n', 'output': '3\n'}])
    f.add('a locale, and memory by sysconf', 'right',
          "import locale,os\nprint(locale.setlocale(locale.LC_ALL,''), os.sysconf('SC_PHYS_PAGES')*4096 < (1<<30))\n",
          lang='python', tests=[{'input': '41\n', 'output': 'C.UTF-8 True\n'}])
    f.add('sysinfo itself', 'right',
          'import ctypes\nl=ctypes.CDLL(None,use_errno=True)\nb=ctypes.create_string_buffer(200)\nprint(l.sysinfo(b),ctypes.get_errno())\n',
          lang='python', tests=[{'input': '41\n', 'output': '-1 38\n'}])
    f.add('C asks for all', 'right',
          '#include <sys/sysinfo.h>\n#include <sys/stat.h>\n#include <sys/mman.h>\n#include <stdio.h>\n#include <locale.h>\n#include <unistd.h>\n#include <stdlib.h>\nint main(){struct sysinfo i; int r=sysinfo(&i); struct stat s; fstat(0,&s); char*m=mmap(0,3,PROT_READ,MAP_SHARED,0,0); printf("%d %ld %lu %d %d %d %d\\n", r, i.uptime, i.loads[0], sysconf(_SC_PHYS_PAGES)*4096ul<(1ul<<30), setlocale(LC_ALL,"")!=0,(int)s.st_size, m!=MAP_FAILED&&m[1]==\'1\');}\n',
          lang='c', tests=[{'input': '41\n', 'output': '0 0 0 1 1 3 1\n'}])
    f.add('C++ takes the locale', 'right',
          '#include <bits/stdc++.h>\nint main(){std::locale::global(std::locale("")); std::ios::sync_with_stdio(false); int a; std::cin>>a; std::cout<<a<<std::endl;}\n',
          lang='cpp', tests=[{'input': '41\n', 'output': '41\n'}])
    f.add('node asks', 'right',
          "const fs=require('fs'),os=require('os');const t=fs.readFileSync(0,'utf8').trim();console.log(t,os.totalmem()>2**31?1:0,os.loadavg()[0]);\n",
          lang='js', tests=[{'input': '41\n', 'output': '41 0 0\n'}, {'input': '42\n', 'output': '42 0 0\n'}])
    f.add('node reads events', 'right',
          "let s='';process.stdin.on('data',d=>s+=d);process.stdin.on('end',()=>console.log(s.trim()));\n",
          lang='js', tests=[{'input': '41\n', 'output': '41\n'}, {'input': '42\n', 'output': '42\n'}])
    f.add('node reads lines', 'right',
          "const rl=require('readline').createInterface({input:process.stdin});const a=[];rl.on('line',l=>a.push(l));rl.on('close',()=>console.log(a.join(' ')));\n",
          lang='js', tests=[{'input': '41\n43\n', 'output': '41 43\n'}, {'input': '42\n1\n', 'output': '42 1\n'}])
    f.add('a shell reads', 'right',
          'read a\nread b\necho $a $b\n',
          lang='sh', tests=[{'input': '41\nb\n', 'output': '41 b\n'}])
    f.add('a shell sorts', 'right',
          'sort | cat\n',
          lang='sh', tests=[{'input': '2\n1\n', 'output': '1\n2\n'}])
    f.add('input of many bytes', 'right', 'import os, sys\nprint(os.fstat(0).st_size, len(sys.stdin.read()))\n',
          tests=[{'input': 'x' * 100000, 'output': '100000 100000\n'}])
    f.add('no input', 'right', 'import os, sys\nprint(os.fstat(0).st_size, repr(sys.stdin.read()))\n', tests=[{'input': '', 'output': "0 ''\n"}])
    f.add('the input cannot be written', 'right',
          'import os\nfor f in (lambda: os.write(0, b"x"), lambda: os.ftruncate(0, 0)):\n    try:\n        f()\n        print("written")\n'
          '    except OSError:\n        print("no")\nprint(input())\n', tests=[{'input': 'a\n', 'output': 'no\nno\na\n'}])
    f.write()


calls()
evaluated()
blocks()
seen()
