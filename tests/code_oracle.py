#!/usr/bin/env python3
# tests/code_oracle.py -- for every task with recorded tests a program that knows them, and one that nearly does.
#
#   code_oracle.py EVERY FILE...     rows for `grpo verify`: the first answers each input with its recorded output,
#                                    the second gets one token (or one value) of the last one wrong
#   code_oracle.py compare ROWS VERDICTS   the first must be right, the second wrong; last line 'N passed, N failed'
import ast
import base64
import json
import pickle
import random
import sys
import zlib


def opened(text):
    if not isinstance(text, str):
        return text
    try:
        return json.loads(text)
    except ValueError:
        pass
    try:  # LiveCodeBench packs its tests
        got = zlib.decompress(base64.b64decode(text))
        try:
            got = pickle.loads(got)
        except Exception:
            got = got.decode()
        return json.loads(got) if isinstance(got, str) else got
    except Exception:
        return None


def text_of(x):
    if isinstance(x, dict):
        x = x.get('stdin', x.get('stdout'))
    return x if isinstance(x, str) else ''.join(line + '\n' for line in x)


def pairs(row):
    """[(input, output)] of a stdin task, or None."""
    tests = opened(row.get('tests', row.get('test')))
    if isinstance(tests, dict) and not tests.get('fn_name'):
        ins, outs = tests.get('inputs', tests.get('input')), tests.get('outputs', tests.get('output'))
        if isinstance(ins, list) and isinstance(outs, list):
            return [(text_of(i), text_of(o)) for i, o in zip(ins, outs)]
    if isinstance(tests, list) and tests and isinstance(tests[0], dict) and 'input' in tests[0]:
        return [(text_of(t['input']), text_of(t['output'])) for t in tests]
    return None


def nearly(text, seed):
    # One token changed for certain: a digit raised, a letter doubled.
    words = text.split(' ') if ' ' in text.strip() else text.split('\n')
    at = [i for i, w in enumerate(words) if w.strip()]
    if not at:
        return text + 'x'
    i = random.Random(seed).choice(at)
    w = words[i].rstrip()
    if w[-1:].isdigit():  # the first digit: the last may be within the tolerance of a decimal
        j = next(j for j, c in enumerate(w) if c.isdigit())
        other = w[:j] + ('1' if w[j] != '1' else '2') + w[j + 1:]
    else:
        other = w + w[-1]
    words[i] = other + words[i][len(w):]
    return (' ' if ' ' in text.strip() else '\n').join(words)


def program(table):
    return 'import sys\nsys.stdout.write(%s[sys.stdin.read()])\n' % ascii(table)


def stdin_rows(row):
    known = pairs(row)
    if not known or len(dict(known)) < len(set(known)):
        return
    right = dict(known)
    wrong = dict(known)
    last = known[-1][0]
    wrong[last] = nearly(right[last], row['id'])
    yield program(right), True
    yield program(wrong), False


def assert_rows(row):
    tests = row.get('test')
    try:
        tree = ast.parse(tests)
    except (SyntaxError, TypeError):
        return
    table, name = {}, None
    for node in tree.body:
        t = node.test if isinstance(node, ast.Assert) else None
        if not (isinstance(t, ast.Compare) and isinstance(t.ops[0], ast.Eq) and isinstance(t.left, ast.Call)
                and isinstance(t.left.func, ast.Name) and not t.left.keywords):
            return
        try:
            args = tuple(ast.literal_eval(a) for a in t.left.args)
            table[repr(args)] = ast.literal_eval(t.comparators[0])
        except ValueError:
            return
        name = t.left.func.id
    if not table:
        return
    near = dict(table)
    near[list(near)[-1]] = [near[list(near)[-1]]]
    for t, truth in ((table, True), (near, False)):
        yield 'def %s(*args):\n    return %r[repr(args)]\n' % (name, t), truth


def write(every, paths):
    for path in paths:
        for i, line in enumerate(open(path)):
            if i % every:
                continue
            row = json.loads(line)
            made = list(stdin_rows(row)) or list(assert_rows(row))
            if not made:
                print('no oracle: ' + row['id'], file=sys.stderr)
            for text, truth in made:
                out = {k: v for k, v in row.items() if k not in ('canonical_solution', 'content')}
                out.update(task='code', extract='bare', pred=text, truth=truth, id=row['id'] + ('' if truth else '#nearly'))
                print(json.dumps(out))


def compare(rows_path, verdicts_path):
    bad = n = 0
    for line, got in zip(open(rows_path), open(verdicts_path)):
        row, got = json.loads(line), json.loads(got)
        n += 1
        if got['id'] != row['id'] or got['verdict'] != ('right' if row['truth'] else 'wrong'):
            bad += 1
            print('FAILED %s: %s: %s %s' % (row['id'], got['verdict'], got.get('reason'), got.get('note', '')))
    if not n or n != sum(1 for _ in open(verdicts_path)):
        bad += 1
        print('FAILED: verdicts for other rows')
    print('%d passed, %d failed' % (n - bad, bad))


if __name__ == '__main__':
    if sys.argv[1] == 'compare':
        compare(*sys.argv[2:])
    else:
        write(int(sys.argv[1]), sys.argv[2:])
