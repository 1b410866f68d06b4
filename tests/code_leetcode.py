#!/usr/bin/env python3
# tests/code_leetcode.py -- rows in LeetCode's style for `grpo verify`, with what bare CPython says about each.
#
#   code_leetcode.py MUTANTS TEXT [JSONL]   the solutions of tests/golden/code/leetcode.txt and of a set
#                                           {"solution","tests":{"functional"}}, and mutants of each
#
# Bare means: the prelude below, the program and the test in one interpreter. Each solution comes in three
# spellings: a test that calls check(Solution().f), a check with an entry point, lines of asserts.
import json
import os
import random
import sys

from code_truth import LONG, SECONDS, bare
import mutate

PRELUDE = '''import random, functools, collections, string, math, datetime, re, sys, types, bisect
from typing import *
from functools import *
from collections import *
from itertools import *
from heapq import *
from bisect import *
from string import *
from operator import *
from math import *
from builtins import pow
inf = float('inf')

class SortedList(list):
    def bisect_left(self, x): return bisect_left(self, x)
    def add(self, x): insort(self, x)
sys.modules['sortedcontainers'] = types.ModuleType('sortedcontainers')
sys.modules['sortedcontainers'].SortedList = SortedList

class ListNode:
    def __init__(self, val=0, next=None):
        self.val = val
        self.next = next

class TreeNode:
    def __init__(self, val=0, left=None, right=None):
        self.val = val
        self.left = left
        self.right = right

def list_node(values):
    nodes = [ListNode(v) for v in values]
    for a, b in zip(nodes, nodes[1:]):
        a.next = b
    return nodes[0] if nodes else None

def tree_node(values):
    if not values:
        return None
    rest = iter(values)
    root = TreeNode(next(rest))
    level = deque([root])
    for v in rest:
        node = level.popleft()
        if v is not None:
            node.left = TreeNode(v)
            level.append(node.left)
        v = next(rest, None)
        if v is not None:
            node.right = TreeNode(v)
            level.append(node.right)
    return root

def is_same_list(p, q):
    if p is None or q is None:
        return p is q
    return p.val == q.val and is_same_list(p.next, q.next)

def is_same_tree(p, q):
    if p is None or q is None:
        return p is q
    return p.val == q.val and is_same_tree(p.left, q.left) and is_same_tree(p.right, q.right)

'''


def method(solution):
    tree = mutate.ast.parse(solution)
    kind = [x for x in tree.body if isinstance(x, mutate.ast.ClassDef) and x.name == 'Solution'][-1]
    return [x for x in kind.body if isinstance(x, mutate.ast.FunctionDef) and x.name[:1] != '_'][0].name


def spellings(name, lines):
    check = 'def check(candidate):\n' + ''.join('    %s\n' % line for line in lines)
    call = 'Solution().' + name
    called = [line.replace('candidate(', call + '(') for line in lines]
    yield 'check', {'tests': {'functional': check + '\n\ncheck(%s)' % call}}
    yield 'entry', {'entry_point': call, 'test': check, 'prompt': PRELUDE}
    alone = all(line.startswith('assert ') for line in lines)
    yield 'asserts', {'tests': called if alone else ['\n'.join(called)]}


def problems(text):
    for part in text.split('### ')[1:]:
        title, rest = part.split('\n', 1)
        solution, tests = rest.split('---\n')
        tests = tests.strip()
        if 'class Solution' not in solution:  # a class of another name
            yield title, solution, [('asserts', {'tests': [tests], 'prelude': 'leetcode'})], tests
            continue
        name = method(solution)
        yield title, solution, list(spellings(name, tests.split('\n'))), \
            tests.replace('candidate(', 'Solution().%s(' % name)


def published(path):
    for line in open(path):
        row = json.loads(line)
        tests = row['tests'] if isinstance(row['tests'], dict) else json.loads(row['tests'])
        if row.get('solution') and tests.get('functional'):
            yield row['id'], row['solution'], [('check', {'tests': tests})], tests['functional']


def main(count, paths):
    for path in paths:
        for title, solution, rows, tests in problems(open(path).read()) if path.endswith('.txt') else published(path):
            texts = [solution]
            mutants = list(mutate.mutants(solution))
            texts += random.Random(title).sample(mutants, min(count, len(mutants)))
            truth = [bare(PRELUDE + text + '\n\n' + tests, SECONDS if i else LONG) for i, text in enumerate(texts)]
            for how, fields in rows:
                for i, text in enumerate(texts):
                    print(json.dumps(dict(fields, task='code', id='%s %s #%d' % (title, how, i), extract='bare',
                                          truth=truth[i], pred=text, lang='python')))


if __name__ == '__main__':
    main(int(sys.argv[1]), sys.argv[2:])
