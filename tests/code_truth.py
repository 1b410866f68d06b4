#!/usr/bin/env python3
# tests/code_truth.py -- rows for `grpo verify`, with what bare CPython says about each.
#
#   code_truth.py EVERY FILE...   every EVERY-th task of files of HumanEval or MBPP, as two rows:
#                                 its reference and one mechanical mutant of it (mutate.py)
#   code_truth.py compare ROWS VERDICTS   says where they differ; last line 'N passed, N failed'
#
# Bare means: the same test behind the same program in one interpreter, nothing else; right is the
# end of the test's text. Time is processor time, so that other programs do not count; a reference
# gets a long limit on both sides, for it ends, and only mutants run into a short one. EXCEPTIONS lists
# where the verdicts may differ, with the reason.
import json
import os
import random
import resource
import select
import signal
import sys

import mutate

SECONDS = 4  # of processor time, for mutants
LONG = 60  # for references
EXCEPTIONS = {
    'mbpp/123': 'its reference takes about the time limit: either verdict',
}


def bare(text, seconds):
    # The program and its test in a fork of this process.
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setsid()
            resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
            null = os.open(os.devnull, os.O_RDWR)
            for fd in (0, 1, 2):
                os.dup2(null, fd)
            sys.setrecursionlimit(1000)
            exec(compile(text, '<bare>', 'exec'), {'__name__': '__main__'})
            os.write(w, b'1')
        except BaseException:
            pass
        os._exit(0)
    os.close(w)
    ready = select.select([r], [], [], 10 * seconds)[0]
    right = bool(ready) and os.read(r, 1) == b'1'
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os.close(r)
    return right


def one_mutant(text, seed):
    mutants = list(mutate.mutants(text))
    return [random.Random(seed).choice(mutants)] if mutants else []


def humaneval(row):
    row = {k: row[k] for k in ('prompt', 'test', 'entry_point', 'canonical_solution', 'task_id') if k in row}
    solution = row.pop('canonical_solution')
    tree = mutate.ast.parse(row['prompt'] + solution)
    whole = [n for n in tree.body if isinstance(n, mutate.ast.FunctionDef) and n.name == row['entry_point']][-1]
    row.update(id=row['task_id'], format='humaneval')
    yield dict(row, pred=solution), row['prompt'] + solution
    for text in one_mutant(mutate.ast.unparse(whole), row['id']):
        yield dict(row, pred=text), row['prompt'] + '\n\n' + text


def mbpp(row):
    keep = ('tests', 'test_list', 'test_imports', 'test_setup_code', 'code')
    out = {k: row[k] for k in keep if row.get(k)}
    out.update(id='mbpp/%s' % row['task_id'], format='mbpp', prompt=row.get('prompt') or row.get('text'))
    for text in [row['code']] + one_mutant(row['code'], out['id']):
        yield dict(out, pred=text), text


def rows(path, every):
    for i, line in enumerate(open(path)):
        if i % every:
            continue
        row = json.loads(line)
        if 'entry_point' in row:
            tail = '%s\ncheck(%s)\n' % (row['test'], row['entry_point'])
            for j, (out, program) in enumerate(humaneval(row)):
                yield out, program + '\n' + tail, j
        else:
            head = '\n'.join(row.get('test_imports') or [])
            tail = (row.get('test_setup_code') or '') + '\n' + '\n'.join(row.get('tests') or row['test_list'])
            for j, (out, program) in enumerate(mbpp(row)):
                yield out, '\n'.join((head, program, tail)), j


def write(every, paths):
    for path in paths:
        for out, text, j in rows(path, every):
            # The reference of a list of tests names the function; a mutant's row has it too.
            out.update(task='code', extract='bare', truth=bare(text, SECONDS if j else LONG),
                       id=out['id'] + ('#mutant' if j else ''))
            if not j:
                out.update(cpu_ms=LONG * 1000, wall_ms=LONG * 5000)
            print(json.dumps(out))


def compare(rows_path, verdicts_path):
    bad = n = right = 0
    for line, got in zip(open(rows_path), open(verdicts_path)):
        row, got = json.loads(line), json.loads(got)
        n += 1
        right += got['verdict'] == 'right'
        if got['verdict'] == ('right' if row['truth'] else 'wrong'):
            continue
        why = EXCEPTIONS.get(row['id'].split('#')[0])
        if why and got['verdict'] != 'error':
            print('exception: %s: %s' % (row['id'], why))
            continue
        bad += 1
        print('FAILED %s: bare CPython %s, here %s: %s %s' % (
            row['id'], 'right' if row['truth'] else 'wrong', got['verdict'], got.get('reason'), got.get('note', '')))
    if n != sum(1 for _ in open(rows_path)):
        bad += 1
        print('FAILED: %d verdicts for other rows' % n)
    print('%d right of %d' % (right, n))
    print('%d passed, %d failed' % (n - bad, bad))


if __name__ == '__main__':
    if sys.argv[1] == 'compare':
        compare(sys.argv[2], sys.argv[3])
    else:
        write(int(sys.argv[1]), sys.argv[2:])
