"""Right engines that look different: the grader may not mind any of it."""

from __future__ import annotations

from mutants import LONG_PAGE, ONE_PAGE

_MICRO = """
import math

class Value:
    __slots__ = ("data", "grad", "_children", "_local_grads")

    def __init__(self, data, children=(), local_grads=()):
        self.data, self.grad = data, 0
        self._children, self._local_grads = children, local_grads

    def __add__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        return Value(self.data + other.data, (self, other), (1, 1))

    def __mul__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        return Value(self.data * other.data, (self, other), (other.data, self.data))

    def __pow__(self, n): return Value(self.data**n, (self,), (n * self.data ** (n - 1),))
    def log(self): return Value(math.log(self.data), (self,), (1 / self.data,))
    def exp(self): return Value(math.exp(self.data), (self,), (math.exp(self.data),))
    def relu(self): return Value(max(0, self.data), (self,), (float(self.data > 0),))
    def __neg__(self): return self * -1
    def __radd__(self, other): return self + other
    def __sub__(self, other): return self + (-other)
    def __rsub__(self, other): return other + (-self)
    def __rmul__(self, other): return self * other
    def __truediv__(self, other): return self * other**-1
    def __rtruediv__(self, other): return other * self**-1

    def backward(self):
        topo, visited = [], set()
        def build(v):
            if v not in visited:
                visited.add(v)
                for child in v._children:
                    build(child)
                topo.append(v)
        build(self)
        self.grad = 1
        for v in reversed(topo):
            for child, local in zip(v._children, v._local_grads):
                child.grad += local * v.grad
"""

_SORT_START = ONE_PAGE.index("        order = {}")
_SORT_END = ONE_PAGE.index("        for node in reversed(order)")
_SORT = ONE_PAGE[_SORT_START:_SORT_END]


def _changed(*changes: tuple[str, str], source: str = ONE_PAGE) -> str:
    for old, new in changes:
        assert old in source, old
        source = source.replace(old, new)
    return source


_ITERATIVE = """        order, seen, stack = [], set(), [(self, False)]
        while stack:
            node, done = stack.pop()
            if done:
                order.append(node)
            elif node not in seen:
                seen.add(node)
                stack.append((node, True))
                stack += [(child, False) for child in node._prev]
        self.grad = 1.0
"""
_KAHN = """        uses, todo, seen = {}, [self], {self}
        while todo:
            node = todo.pop()
            for child in node._prev:
                uses[child] = uses.get(child, 0) + 1
                if child not in seen:
                    seen.add(child)
                    todo.append(child)
        order, ready = [], [self]
        while ready:
            node = ready.pop()
            order.insert(0, node)
            for child in node._prev:
                uses[child] -= 1
                if not uses[child]:
                    ready.append(child)
        self.grad = 1.0
"""
_BY_ID = (
    _SORT.replace("node not in order", "id(node) not in seen")
    .replace(
        "                order[node] = True",
        "                seen.add(id(node))\n                order[node] = True",
    )
    .replace("order = {}", "seen = set(); order = {}")
)
_ZEROED = _SORT.replace(
    "self.grad = 1.0", "for node in order:\n            node.grad = 0.0\n        self.grad = 1.0"
)
_COUNTED = """        uses = {}

        def count(node):
            for child in node._prev:
                uses[child] = uses.get(child, 0) + 1
                if uses[child] == 1:
                    count(child)

        def give(node):
            node._backward()
            for child in node._prev:
                uses[child] -= 1
                if not uses[child]:
                    give(child)

        count(self)
        self.grad = 1.0
        give(self)
"""
_TAKING = (
    ONE_PAGE.replace("def _backward():", "def _backward(g):")
    .replace("out.grad", "g")
    .replace("lambda: None", "lambda g: None")
    .replace("node._backward()", "node._backward(node.grad)")
)

VARIANTS = {
    "the one page": ONE_PAGE,
    "operations written out": LONG_PAGE,
    "children in a set": _changed(("self._prev, self._op = _children", "self._prev, self._op = set(_children)")),
    "children in a list": _changed(("self._prev, self._op = _children", "self._prev, self._op = list(_children)")),
    "children in a frozenset": _changed(("self._prev, self._op = _children", "self._prev, self._op = frozenset(_children)")),
    "slots": _changed(('class Value:\n', 'class Value:\n    __slots__ = ("data", "grad", "_prev", "_op", "_backward")\n\n')),
    "NumPy floats": _changed(("import math\n", "import math\nimport numpy as np\n"), ("self.data, self.grad = data, 0.0", "self.data, self.grad = np.float64(data), np.float64(0)")),
    "functions of NumPy": _changed(("import math\n", "import math\nimport numpy as np\n"), ("math.tanh", "np.tanh"), ("math.exp", "np.exp"), ("max(a.data, 0.0)", "np.maximum(a.data, 0)")),
    "a sort without recursion": _changed((_SORT, _ITERATIVE)),
    "a sort by counting uses": _changed((_SORT, _KAHN)),
    "visited by id": _changed((_SORT, _BY_ID)),
    "gradients zeroed first": _changed((_SORT, _ZEROED)),
    "recursion that waits for all uses": _changed((_SORT + "        for node in reversed(order):\n            node._backward()\n", _COUNTED)),
    "another name for the children": _changed(("_prev", "_parents")),
    "a name that nobody knows for the children": _changed(("_prev", "came_from")),
    "another name for the closure": _changed(("_backward", "_push")),
    "a name that nobody knows for the closure": _changed(("_backward", "chain_rule")),
    "closures that take the gradient": _TAKING,
    "local gradients instead of closures": _MICRO,
    "another name of the class": _changed(("Value", "Scalar")),
    "tanh by its formula": _changed(("a._apply(math.tanh(a.data), 1 - math.tanh(a.data) ** 2", "a._apply((math.exp(2 * a.data) - 1) / (math.exp(2 * a.data) + 1), 1 - math.tanh(a.data) ** 2")),
    "tanh of Values": _changed(('tanh = lambda a: a._apply(math.tanh(a.data), 1 - math.tanh(a.data) ** 2, "tanh")', "tanh = lambda a: ((2 * a).exp() - 1) / ((2 * a).exp() + 1)")),
    "subtraction with a minus sign": _changed(("__sub__ = lambda a, b: a + -b", "__sub__ = lambda a, b: a + b * -1.0")),
    "integers for gradients": _changed(("self.data, self.grad = data, 0.0", "self.data, self.grad = data, 0"), ("self.grad = 1.0", "self.grad = 1")),
    "gradients by a = a + b": _changed(("self.grad += out.grad", "self.grad = self.grad + out.grad"), ("self.grad += slope", "self.grad = self.grad + slope")),
    "data and grad as properties": _changed(("    def __add__", "    data = property(lambda self: self._d, lambda self, x: setattr(self, '_d', float(x)))\n    grad = property(lambda self: self._g, lambda self, x: setattr(self, '_g', float(x)))\n\n    def __add__")),
}  # fmt: skip

#: Nodes as the public labs write them: gradients of zeros and a loop over the consumers, a loss that
#: is the end of the graph, another name for the gradients, a bias of one row.
LAB = """
import numpy as np

class Node(object):
    def __init__(self, inbound_nodes=[]):
        self.inbound_nodes = inbound_nodes
        self.value = None
        self.outbound_nodes = []
        self.gradients = {}
        for node in inbound_nodes:
            node.outbound_nodes.append(self)

    def forward(self):
        raise NotImplementedError

    def backward(self):
        raise NotImplementedError

class Input(Node):
    def __init__(self):
        Node.__init__(self)

    def forward(self):
        pass

    def backward(self):
        self.gradients = {self: 0}
        for n in self.outbound_nodes:
            self.gradients[self] += n.gradients[self]

class Add(Node):
    def __init__(self, *inputs):
        Node.__init__(self, list(inputs))

    def forward(self):
        self.value = sum(n.value for n in self.inbound_nodes)

    def backward(self):
        self.gradients = {n: 0 for n in self.inbound_nodes}
        for consumer in self.outbound_nodes:
            for n in self.inbound_nodes:
                self.gradients[n] = self.gradients[n] + consumer.gradients[self]

class Linear(Node):
    def __init__(self, X, W, b):
        Node.__init__(self, [X, W, b])

    def forward(self):
        X, W, b = [n.value for n in self.inbound_nodes]
        self.value = np.dot(X, W) + b

    def backward(self):
        self.gradients = {n: np.zeros_like(n.value) for n in self.inbound_nodes}
        for n in self.outbound_nodes:
            grad_cost = n.gradients[self]
            self.gradients[self.inbound_nodes[0]] += np.dot(grad_cost, self.inbound_nodes[1].value.T)
            self.gradients[self.inbound_nodes[1]] += np.dot(self.inbound_nodes[0].value.T, grad_cost)
            self.gradients[self.inbound_nodes[2]] += np.sum(grad_cost, axis=0, keepdims=False)

class Sigmoid(Node):
    def __init__(self, node):
        Node.__init__(self, [node])

    def _sigmoid(self, x):
        return 1. / (1. + np.exp(-x))

    def forward(self):
        self.value = self._sigmoid(self.inbound_nodes[0].value)

    def backward(self):
        self.gradients = {n: np.zeros_like(n.value) for n in self.inbound_nodes}
        for n in self.outbound_nodes:
            grad_cost = n.gradients[self]
            sigmoid = self.value
            self.gradients[self.inbound_nodes[0]] += sigmoid * (1 - sigmoid) * grad_cost

class MSE(Node):
    def __init__(self, y, a):
        Node.__init__(self, [y, a])

    def forward(self):
        y = self.inbound_nodes[0].value.reshape(-1, 1)
        a = self.inbound_nodes[1].value.reshape(-1, 1)
        self.m = self.inbound_nodes[0].value.shape[0]
        self.diff = y - a
        self.value = np.mean(self.diff**2)

    def backward(self):
        self.gradients[self.inbound_nodes[0]] = (2 / self.m) * self.diff
        self.gradients[self.inbound_nodes[1]] = (-2 / self.m) * self.diff

def topological_sort(feed_dict):
    input_nodes = [n for n in feed_dict.keys()]
    G = {}
    nodes = [n for n in input_nodes]
    while len(nodes) > 0:
        n = nodes.pop(0)
        if n not in G:
            G[n] = {'in': set(), 'out': set()}
        for m in n.outbound_nodes:
            if m not in G:
                G[m] = {'in': set(), 'out': set()}
            G[n]['out'].add(m)
            G[m]['in'].add(n)
            nodes.append(m)
    L = []
    S = set(input_nodes)
    while len(S) > 0:
        n = S.pop()
        if isinstance(n, Input):
            n.value = feed_dict[n]
        L.append(n)
        for m in n.outbound_nodes:
            G[n]['out'].remove(m)
            G[m]['in'].remove(n)
            if len(G[m]['in']) == 0:
                S.add(m)
    return L

def forward_and_backward(graph):
    for n in graph:
        n.forward()
    for n in graph[::-1]:
        n.backward()
"""
NODE_VARIANTS = {
    "the lab's": LAB,
    "other names": LAB.replace("gradients", "dvalues").replace("outbound", "output").replace("inbound", "input"),
    "a bias that keeps its row": LAB.replace("+= np.sum(grad_cost, axis=0, keepdims=False)", "= self.gradients[self.inbound_nodes[2]] + np.sum(grad_cost, axis=0, keepdims=True)"),
    "no Input": LAB.replace("class Input(Node)", "class Feed(Node)").replace("Input)", "Feed)"),
}  # fmt: skip
