#!/usr/bin/env python3
# tests/mutate.py -- changes one constant or operator of a Python text, mechanically.
#
#   mutate.py COUNT <TEXT     prints up to COUNT mutants as JSON texts, one a line, always the same ones
#
# Changed are: an arithmetic, boolean or comparison operator, an integer (n becomes n + 1), a text
# (gets an x), True and False, a `not` that goes away. Every place of the text is one mutant.
import ast
import copy
import json
import sys

SWAP = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
        ast.Mod: ast.FloorDiv, ast.Pow: ast.Mult, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE,
        ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.And: ast.Or, ast.Or: ast.And,
        ast.In: ast.NotIn, ast.NotIn: ast.In, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
        ast.LShift: ast.RShift, ast.RShift: ast.LShift, ast.BitXor: ast.BitOr}


def change(node):
    # Changes the node; False: there is nothing to change in it.
    if isinstance(node, (ast.BinOp, ast.AugAssign, ast.BoolOp)) and type(node.op) in SWAP:
        node.op = SWAP[type(node.op)]()
    elif isinstance(node, ast.Compare) and type(node.ops[0]) in SWAP:
        node.ops[0] = SWAP[type(node.ops[0])]()
    elif isinstance(node, ast.Constant) and type(node.value) is int:
        node.value += 1
    elif isinstance(node, ast.Constant) and type(node.value) is bool:
        node.value = not node.value
    elif isinstance(node, ast.Constant) and type(node.value) is str:
        node.value += 'x'
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        node.op = ast.UAdd()
    else:
        return False
    return True


def mutants(text):
    tree = ast.parse(text)
    skip = set()  # doc strings
    for node in ast.walk(tree):
        body = getattr(node, 'body', None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            skip.update(id(n) for n in ast.walk(body[0]) if isinstance(n, ast.Constant))
    places = [i for i, node in enumerate(ast.walk(tree)) if id(node) not in skip and change(copy.deepcopy(node))]
    for i in places:
        mutant = copy.deepcopy(tree)
        change(list(ast.walk(mutant))[i])
        yield ast.unparse(ast.fix_missing_locations(mutant))


if __name__ == '__main__':
    for _, mutant in zip(range(int(sys.argv[1])), mutants(sys.stdin.read())):
        print(json.dumps(mutant))
