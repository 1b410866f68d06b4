# verifiers/code/harness/leetcode.py -- what LeetCode puts before a solution: imports, nodes, sorted containers.
#
# leetcode(space) fills a namespace of the program or of a test that calls `Solution()`.
import bisect
import builtins
import collections
import sys
import types

STARRED = ('typing', 'functools', 'collections', 'itertools', 'heapq', 'bisect', 'string', 'operator', 'math')
PLAIN = STARRED + ('random', 'datetime', 're', 'copy', 'sys', 'json', 'array', 'statistics', 'enum')


class ListNode:
    def __init__(self, val=0, next=None):
        self.val = val
        self.next = next


class TreeNode:
    def __init__(self, val=0, left=None, right=None):
        self.val = val
        self.left = left
        self.right = right


def make_list(values, make=ListNode):
    head = None
    for val in reversed(list(values or ())):
        node = make(val)
        node.next = head
        head = node
    return head


def make_tree(values, make=TreeNode):
    # Level by level, None where a child is missing.
    values = list(values or ())
    if not values or values[0] is None:
        return None
    root = make(values[0])
    queue, i = collections.deque([root]), 1
    while i < len(values) and queue:
        node = queue.popleft()
        for side in ('left', 'right'):
            if i < len(values) and values[i] is not None:
                child = make(values[i])
                setattr(node, side, child)
                queue.append(child)
            i += 1
    return root


def list_values(head):
    out, seen = [], set()
    while head is not None and id(head) not in seen:
        seen.add(id(head))
        out.append(head.val)
        head = head.next
    return out


def tree_values(root):
    out, queue = [], collections.deque([root])
    while queue and len(out) < 1000000:
        node = queue.popleft()
        out.append(None if node is None else node.val)
        if node is not None:
            queue.extend((node.left, node.right))
    while out and out[-1] is None:
        out.pop()
    return out


def same_nodes(p, q, links):
    # Pairs that were already met are not looked at again, so that cycles end.
    more, met = [(p, q)], set()
    while more:
        p, q = more.pop()
        if p is None or q is None:
            if p is not q:
                return False
            continue
        if (id(p), id(q)) in met:
            continue
        met.add((id(p), id(q)))
        if not p.val == q.val:
            return False
        for name in links:
            more.append((getattr(p, name), getattr(q, name)))
    return True


def is_same_list(p1, p2):
    return same_nodes(p1, p2, ('next',))


def is_same_tree(p, q):
    return same_nodes(p, q, ('left', 'right'))


class SortedList(list):
    # The part of the package sortedcontainers that solutions use; LeetCode has it.
    def __init__(self, iterable=None, key=None):
        self.key = key
        super().__init__(sorted(iterable or (), key=key))

    def by(self, value):
        return value if self.key is None else self.key(value)

    def bisect_left(self, value):
        return bisect.bisect_left(self, self.by(value), key=self.key)

    def bisect_right(self, value):
        return bisect.bisect_right(self, self.by(value), key=self.key)

    bisect = bisect_right

    def add(self, value):
        list.insert(self, self.bisect_right(value), value)

    def update(self, iterable):
        super().extend(iterable)
        super().sort(key=self.key)

    def place(self, value):
        for i in range(self.bisect_left(value), len(self)):
            if self[i] == value:
                return i
            if self.by(self[i]) != self.by(value):
                break
        raise ValueError('%r not in list' % (value,))

    def index(self, value, start=0, stop=None):
        return self.place(value)

    def remove(self, value):
        del self[self.place(value)]

    def discard(self, value):
        try:
            self.remove(value)
        except ValueError:
            pass

    def count(self, value):
        return self.bisect_right(value) - self.bisect_left(value)

    def __contains__(self, value):
        try:
            return self.place(value) >= 0
        except ValueError:
            return False

    def islice(self, start=None, stop=None, reverse=False):
        part = self[start:stop]
        return reversed(part) if reverse else iter(part)

    def irange(self, minimum=None, maximum=None, inclusive=(True, True), reverse=False):
        low = 0 if minimum is None else self.bisect_left(minimum) if inclusive[0] else self.bisect_right(minimum)
        high = len(self) if maximum is None else \
            self.bisect_right(maximum) if inclusive[1] else self.bisect_left(maximum)
        return self.islice(low, high, reverse)

    def copy(self):
        return type(self)(self, key=self.key)

    def refused(self, *args):
        raise NotImplementedError('a sorted list has its own order')

    append = extend = insert = reverse = sort = __setitem__ = refused


class SortedSet(SortedList):
    def __init__(self, iterable=None, key=None):
        super().__init__(set(iterable or ()), key)

    def add(self, value):
        if value not in self:
            super().add(value)

    def update(self, iterable):
        for value in iterable:
            self.add(value)


class SortedDict(dict):
    def keys(self):
        return SortedList(dict.keys(self))

    def __iter__(self):
        return iter(self.keys())

    def values(self):
        return [self[key] for key in self.keys()]

    def items(self):
        return [(key, self[key]) for key in self.keys()]

    def peekitem(self, index=-1):
        key = self.keys()[index]
        return key, self[key]

    def popitem(self, index=-1):
        key = self.keys()[index]
        return key, self.pop(key)

    def bisect_left(self, key):
        return self.keys().bisect_left(key)

    def bisect_right(self, key):
        return self.keys().bisect_right(key)

    bisect = bisect_right

    def irange(self, *args, **kwargs):
        return self.keys().irange(*args, **kwargs)


def leetcode(space):
    for name in STARRED:
        module = __import__(name)
        for public in getattr(module, '__all__', None) or [n for n in vars(module) if n[:1] != '_']:
            space[public] = getattr(module, public)
    for name in PLAIN:
        space[name] = __import__(name)
    for name in ('pow', 'abs', 'sum', 'min', 'max'):
        space[name] = getattr(builtins, name)  # not those of math and operator
    space.update(inf=float('inf'), is_same_list=is_same_list, is_same_tree=is_same_tree)
    for kind in (ListNode, TreeNode):
        # Classes of the namespace's own, as if it had defined them.
        space[kind.__name__] = type(kind.__name__, (), {'__init__': kind.__init__, '__module__': '__main__'})
    space['list_node'] = lambda values: make_list(values, space['ListNode'])
    space['tree_node'] = lambda values: make_tree(values, space['TreeNode'])
    if 'sortedcontainers' not in sys.modules:
        module = sys.modules['sortedcontainers'] = types.ModuleType('sortedcontainers')
        for kind in (SortedList, SortedSet, SortedDict):
            setattr(module, kind.__name__, kind)
    for kind in (SortedList, SortedSet, SortedDict):
        space[kind.__name__] = kind


# ---- a call with JSON: lists become nodes where an annotation says so, and back

def node_arguments(f, args, space):
    notes = dict(getattr(f, '__annotations__', None) or {})
    notes.pop('return', None)
    code = getattr(f, '__code__', None)
    if not code:
        return args
    names = list(code.co_varnames[:code.co_argcount])
    if getattr(f, '__self__', None) is not None:
        names = names[1:]
    return tuple(node_argument(str(notes.get(name, '')), x, space) for name, x in zip(names, args)) \
        + tuple(args[len(names):])


def node_argument(note, x, space):
    for name, make in (('ListNode', make_list), ('TreeNode', make_tree)):
        if name in note and type(x) is list:
            if note.startswith(('List[', 'list[', 'typing.List[')) and all(type(y) is list or y is None for y in x):
                return [make(y, space[name]) for y in x]
            return make(x, space[name])
    return x


def plain_nodes(f, x, space, depth=0):
    t = type(x)
    if t is space.get('ListNode'):
        return list_values(x)
    if t is space.get('TreeNode'):
        return tree_values(x)
    if x is None and depth == 0:
        note = str((getattr(f, '__annotations__', None) or {}).get('return', ''))
        if ('ListNode' in note or 'TreeNode' in note) and not note.startswith(('List[', 'list[', 'typing.List[')):
            return []
        return x
    if t in (list, tuple) and depth < 3:
        return t(plain_nodes(f, y, space, depth + 1) for y in x)
    if x is None and depth == 1:
        note = str((getattr(f, '__annotations__', None) or {}).get('return', ''))
        return [] if 'ListNode' in note or 'TreeNode' in note else x
    return x
