# verifiers/code/harness/checker.py -- runs a task's checker on the input, the expected and the program's output.
#
# Ends with status 41, and a sentence on stderr, where the checker cannot judge any output: it does not
# compile, a module of its is not here, it would run what the program printed. Its `eval` computes
# expressions of plain values and a few functions, for the text may be the program's.
import ast
import builtins
import os
import sys

SAFE = {name: getattr(builtins, name) for name in (
    'abs all any bool complex divmod enumerate float frozenset int len list max min pow range reversed round set '
    'sorted str sum tuple zip dict').split()}
PLAIN = (ast.Expression, ast.Constant, ast.UnaryOp, ast.BinOp, ast.BoolOp, ast.Compare, ast.IfExp, ast.Tuple, ast.List,
         ast.Set, ast.Dict, ast.Name, ast.Subscript, ast.Slice, ast.Call, ast.keyword, ast.ListComp, ast.SetComp,
         ast.DictComp, ast.GeneratorExp, ast.comprehension, ast.Starred, ast.expr_context, ast.operator, ast.unaryop,
         ast.boolop, ast.cmpop)
RUNS = {'pickle', '_pickle', 'marshal', 'shelve', 'runpy', 'imp', 'code', 'codeop', 'ctypes'}
REAL_EVAL, REAL_EXEC, REAL_COMPILE = eval, exec, compile


def broken(why):
    os.write(2, ('the checker cannot be run: ' + why + '\n').encode('utf-8', 'replace'))
    os._exit(41)


def look(tree):
    # Whatever the output is: modules that are not here, text that would be run.
    tried = {id(x) for node in ast.walk(tree) if isinstance(node, ast.Try) for x in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or '']
            if RUNS & {name.split('.')[0] for name in names}:
                broken('it may run what the program printed: ' + ast.unparse(node))
            try:
                if id(node) not in tried:
                    REAL_EXEC(REAL_COMPILE(ast.Module([node], []), '<import>', 'exec'), {})
            except ImportError as e:
                broken('%s: %s' % (type(e).__name__, e))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ('exec', 'compile') \
                and node.args and not isinstance(node.args[0], ast.Constant):
            broken('it may run what the program printed: ' + ast.unparse(node)[:200])


def plain(x):
    return type(x) in (int, float, complex, bool, str, bytes, type(None)) or \
        type(x) in (list, tuple, set, frozenset) and all(map(plain, x)) or \
        type(x) is dict and all(plain(k) and plain(v) for k, v in x.items())


def evaluate(source, globals=None, locals=None, /):
    if type(source) not in (str, bytes):
        raise TypeError('eval() arg 1 must be a string or bytes')
    names, frame = dict(SAFE), sys._getframe(1)
    for given in (globals, locals):
        # Of names that the checker hands over; all of its own would be what is wanted, too.
        if given and given is not frame.f_globals and given != frame.f_locals:
            names.update((k, v) for k, v in given.items() if type(k) is str and k[:2] != '__' and
                         (plain(v) or callable(v) and not isinstance(v, type)))
    tree = ast.parse(source.strip(), mode='eval')
    for node in ast.walk(tree):
        if not isinstance(node, PLAIN) or isinstance(node, ast.Call) and not isinstance(node.func, ast.Name):
            raise ValueError('no plain expression: ' + type(node).__name__)
        if isinstance(node, ast.Name) and node.id[:1] == '_':
            raise NameError(node.id)
    return REAL_EVAL(REAL_COMPILE(tree, '<output>', 'eval'), {'__builtins__': names})


def main():
    sys.argv = ['checker.py', 'input.txt', 'correct_output.txt', 'solution_output.txt']
    space = {'__name__': '__main__', '__file__': 'checker.py'}
    with open('checker.py', errors='surrogateescape') as file:
        text = file.read()
    try:
        tree = ast.parse(text, 'checker.py')
        code = REAL_COMPILE(tree, 'checker.py', 'exec')
    except Exception as e:
        broken('%s: %s' % (type(e).__name__, e))
    look(tree)
    builtins_of_checker = type(sys)('builtins')
    vars(builtins_of_checker).update(vars(builtins))
    builtins_of_checker.eval = evaluate
    space['__builtins__'] = builtins_of_checker
    REAL_EXEC(code, space)
    if callable(space.get('check')):
        texts = [open(name, errors='surrogateescape').read() for name in
                 ('input.txt', 'solution_output.txt', 'correct_output.txt')]
        print(float(space['check'](*texts)))


main()
