"""Mistakes, each made from a right source by a change of its text.

A mutant has a name, the text that is replaced and what replaces it, and what the grader has to say:
the operation, and what was thought.
"""

from __future__ import annotations

from types import ModuleType
from typing import NamedTuple

from oracles import ROOT
from solutions import solved

ONE_PAGE = (ROOT / "examples" / "one_page.py").read_text(encoding="utf-8")

#: Written out, where the one page makes them of other operations.
_MINUS = """    def __sub__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        out = Value(self.data - other.data, (self, other), "-")

        def _backward():
            self.grad += out.grad
            other.grad -= out.grad

        out._backward = _backward
        return out

    def __truediv__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        out = Value(self.data / other.data, (self, other), "/")

        def _backward():
            self.grad += out.grad / other.data
            other.grad += -self.data / other.data**2 * out.grad

        out._backward = _backward
        return out
"""
_LINES = [line for line in ONE_PAGE.splitlines() if "__sub__ = " not in line]
_MORE = """    log = lambda a: a._apply(math.log(a.data), 1 / a.data, "log")
    sigmoid = lambda a: a._apply(1 / (1 + math.exp(-a.data)), _slope(a.data), "sigmoid")
    sin = lambda a: a._apply(math.sin(a.data), math.cos(a.data), "sin")
    cos = lambda a: a._apply(math.cos(a.data), -math.sin(a.data), "cos")
    sqrt = lambda a: a._apply(math.sqrt(a.data), 0.5 / math.sqrt(a.data), "sqrt")
    __abs__ = lambda a: a._apply(abs(a.data), math.copysign(1, a.data), "abs")

"""
_SLOPE = "\n\ndef _slope(x):\n    s = 1 / (1 + math.exp(-x))\n    return s * (1 - s)\n"
LONG_PAGE = "\n".join(line for line in _LINES if "__truediv__ = " not in line)
LONG_PAGE = (
    LONG_PAGE.replace("    def backward(", _MINUS + "\n" + _MORE + "    def backward(", 1) + _SLOPE
)

SOURCES = {
    "page": LONG_PAGE,
    "nodes": solved("nodes"),
    "softmax": solved("softmax"),
    "neuron": solved("neuron"),
}


class Mutant(NamedTuple):
    """A change of a source, and what has to be found."""

    name: str
    source: str
    old: str
    new: str
    operation: str
    thought: str

    def text(self) -> str:
        """Return the changed source."""
        text = SOURCES[self.source]
        assert self.old in text, self.old
        return text.replace(self.old, self.new, 1)


def module(text: str, name: str = "submission") -> ModuleType:
    """Run a source as a module."""
    made = ModuleType(name)
    exec(compile(text, name, "exec"), vars(made))
    return made


_ADD = "self.grad += out.grad  # += because a number may be used in many places\n            other.grad += out.grad"
_MUL = "self.grad += other.data * out.grad\n            other.grad += self.data * out.grad"
_SUB = "self.grad += out.grad\n            other.grad -= out.grad"
_DIV = "other.grad += -self.data / other.data**2 * out.grad"
_TANH = "1 - math.tanh(a.data) ** 2"
_VISIT = "                for child in node._prev:\n                    visit(child)\n                order[node] = True"
_PUSH = "        for node in reversed(order):\n            node._backward()"
_G = "g @ w.value.T"

MUTANTS = [
    Mutant("+ assigns", "page", _ADD, "self.grad = out.grad\n            other.grad = out.grad", "+", "assigns"),
    Mutant("+ assigns to the right operand", "page", "            other.grad += out.grad", "            other.grad = out.grad", "+", "assigns"),
    Mutant("+ forgets its right operand", "page", _ADD, "self.grad += out.grad", "+", "nothing"),
    Mutant("+ passes 1 on", "page", _ADD, "self.grad += 1\n            other.grad += 1", "+", "upstream"),
    Mutant("+ forgets its operands", "page", '(self, other), "+")', '(), "+")', "+", "children"),
    Mutant("+ takes no numbers", "page", "other = other if isinstance(other, Value) else Value(other)", "pass", "+", "unwrapped"),
    Mutant("+ returns a number", "page", 'Value(self.data + other.data, (self, other), "+")', "self.data + other.data; return out", "+", "bare-number"),
    Mutant("* by its own number", "page", _MUL, "self.grad += self.data * out.grad\n            other.grad += other.data * out.grad", "*", "own-factor"),
    Mutant("* assigns", "page", _MUL, _MUL.replace("+=", "="), "*", "assigns"),
    Mutant("* without the gradient from above", "page", _MUL, _MUL.replace(" * out.grad", ""), "*", "upstream"),
    Mutant("* without its factors", "page", _MUL, "self.grad += out.grad\n            other.grad += out.grad", "*", "no-factor"),
    Mutant("* adds the gradient from above", "page", _MUL, _MUL.replace(" * out", " + out"), "*", "adds-upstream"),
    Mutant("* adds", "page", "self.data * other.data, (self", "self.data + other.data, (self", "*", "adds"),
    Mutant("- as in the seed's notebook", "page", _SUB, _SUB.replace("-=", "+="), "-", "minus"),
    Mutant("- changes its operands", "page", "Value(self.data - other.data", "Value(other.data - self.data", "-", "operands-swapped"),
    Mutant("2 - a is a - 2", "page", "__rsub__ = lambda b, a: -b + a", "__rsub__ = lambda b, a: b - a", "-", "left-swapped"),
    Mutant("/ without the square", "page", _DIV, "other.grad += -self.data / other.data * out.grad", "/", "no-square"),
    Mutant("/ without the sign", "page", _DIV, "other.grad += self.data / other.data**2 * out.grad", "/", "quotient-sign"),
    Mutant("/ without the numerator", "page", _DIV, "other.grad += -1 / other.data**2 * out.grad", "/", "no-numerator"),
    Mutant("/ by the denominator upside down", "page", "out.grad / other.data\n", "out.grad * other.data\n", "/", "times-denominator"),
    Mutant("/ of whole numbers", "page", "self.data / other.data, (self", "self.data // other.data, (self", "/", "integer"),
    Mutant("2 / a is a / 2", "page", "__rtruediv__ = lambda b, a: b**-1 * a", "__rtruediv__ = lambda b, a: b / a", "/", "left-swapped"),
    Mutant("** without the exponent", "page", "n * a.data ** (n - 1)", "a.data ** (n - 1)", "**", "no-exponent"),
    Mutant("** with the exponent as it was", "page", "n * a.data ** (n - 1)", "n * a.data ** n", "**", "exponent-kept"),
    Mutant("exp as a power", "page", "math.exp(a.data), math.exp(a.data)", "math.exp(a.data), a.data * math.exp(a.data - 1)", "exp", "power-of-e"),
    Mutant("tanh at its input", "page", _TANH, "1 - a.data ** 2", "tanh", "at-input"),
    Mutant("tanh at its result", "page", _TANH, "1 - math.tanh(math.tanh(a.data)) ** 2", "tanh", "at-result"),
    Mutant("tanh without the square", "page", _TANH, "1 - math.tanh(a.data)", "tanh", "no-inner-square"),
    Mutant("tanh with a plus", "page", _TANH, "1 + math.tanh(a.data) ** 2", "tanh", "plus"),
    Mutant("relu lets all through", "page", "float(a.data > 0)", "1.0", "relu", "no-mask"),
    Mutant("relu the other way round", "page", "float(a.data > 0)", "float(a.data < 0)", "relu", "mask-inverted"),
    Mutant("log upside down", "page", "1 / a.data, \"log\"", "a.data, \"log\"", "log", "log-upside"),
    Mutant("sigmoid as tanh", "page", "return s * (1 - s)", "return 1 - s * s", "sigmoid", "tanh-for-sigmoid"),
    Mutant("sigmoid at its input", "page", "return s * (1 - s)", "return x * (1 - x)", "sigmoid", "at-input"),
    Mutant("sigmoid of -x", "page", "1 / (1 + math.exp(-a.data))", "1 / (1 + math.exp(a.data))", "sigmoid", "exp-sign"),
    Mutant("cos without the minus", "page", "-math.sin(a.data)", "math.sin(a.data)", "cos", "cosine-sign"),
    Mutant("sqrt without the half", "page", "0.5 / math.sqrt", "1 / math.sqrt", "sqrt", "root-half"),
    Mutant("abs without the sign", "page", "math.copysign(1, a.data)", "1", "abs", "abs-sign"),
    Mutant("a function that assigns", "page", "self.grad += slope * out.grad", "self.grad = slope * out.grad", "tanh", "assigns"),
    Mutant("a function without the gradient from above", "page", "self.grad += slope * out.grad", "self.grad += slope", "exp", "upstream"),
    Mutant("backward not reversed", "page", "reversed(order)", "order", "backward", "order"),
    Mutant("backward in preorder", "page", _VISIT, "                order[node] = True\n                for child in node._prev:\n                    visit(child)", "backward", "order"),
    Mutant("backward in preorder, not reversed", "page", _VISIT + "\n\n        visit(self)\n        self.grad = 1.0\n        for node in reversed(order)", "                order[node] = True\n                for child in node._prev:\n                    visit(child)\n\n        visit(self)\n        self.grad = 1.0\n        for node in order", "backward", "preorder"),
    Mutant("backward of one node", "page", _PUSH, "        self._backward()", "backward", "root-only"),
    Mutant("backward without its seed", "page", "        self.grad = 1.0\n", "", "backward", "seed"),
    Mutant("backward along every path", "page", _PUSH, "        def walk(node):\n            node._backward()\n            for child in node._prev:\n                walk(child)\n        walk(self)", "backward", "every-path"),
    Mutant("backward level by level", "page", _PUSH, "        order = [self]\n        for node in order:\n            order += [x for x in node._prev if x not in order]\n        for node in order:\n            node._backward()", "backward", "levels"),
    Mutant("Mul by its own array", "nodes", "self.gradients[x] += g * y.value", "self.gradients[x] += g * x.value", "Mul", "own-factor"),
    Mutant("Mul assigns", "nodes", "self.gradients[x] += g * y.value\n        self.gradients[y] += g", "self.gradients[x] = g * y.value\n        self.gradients[y] = g", "Mul", "assigns"),
    Mutant("Mul without the gradient from above", "nodes", "self.gradients[x] += g * y.value\n        self.gradients[y] += g * x.value", "self.gradients[x] += y.value\n        self.gradients[y] += x.value", "Mul", "upstream"),
    Mutant("Add of one path", "nodes", "return sum(node.gradients[self] for node in dict.fromkeys(self.outbound_nodes))", "return self.outbound_nodes[-1].gradients[self]", "Add", "one-path"),
    Mutant("Linear without the transpose of w", "nodes", _G, "g @ w.value", "Linear", "no-transpose"),
    Mutant("Linear without the transpose of x", "nodes", "x.value.T @ g", "x.value @ g", "Linear", "no-transpose"),
    Mutant("Linear in the wrong order", "nodes", "x.value.T @ g", "g @ x.value.T", "Linear", "product-order"),
    Mutant("Linear with its bias not summed", "nodes", "self.gradients[b] += g.sum(axis=0)", "self.gradients[b] = g", "Linear", "bias-not-summed"),
    Mutant("Linear with its bias averaged", "nodes", "g.sum(axis=0)", "g.mean(axis=0)", "Linear", "bias-mean"),
    Mutant("Linear with its bias summed up wholly", "nodes", "g.sum(axis=0)", "g.sum()", "Linear", "bias-all"),
    Mutant("Linear without its bias", "nodes", "x.value @ w.value + b.value", "x.value @ w.value", "Linear", "bias-forgotten"),
    Mutant("Sigmoid at its input", "nodes", "g * self.value * (1 - self.value)", "g * x.value * (1 - x.value)", "Sigmoid", "at-input"),
    Mutant("Sigmoid that is not zeroed", "nodes", "self.gradients = self.zeros()\n        self.gradients[x] += g * self.value", "self.gradients = self.gradients or self.zeros()\n        self.gradients[x] += g * self.value", "Sigmoid", "not-zeroed"),
    Mutant("MSE as a sum", "nodes", "np.mean((y.value - a.value) ** 2)", "np.sum((y.value - a.value) ** 2)", "MSE", "no-mean"),
    Mutant("MSE's derivative without the mean", "nodes", "self.gradients[y] += g * 2 * d / d.size\n        self.gradients[a] -= g * 2 * d / d.size", "self.gradients[y] += 2 * d\n        self.gradients[a] -= 2 * d", "MSE", "no-mean"),
    Mutant("MSE without the 2", "nodes", "self.gradients[y] += g * 2 * d / d.size\n        self.gradients[a] -= g * 2 * d / d.size", "self.gradients[y] += d / d.size\n        self.gradients[a] -= d / d.size", "MSE", "no-two"),
    Mutant("Softmax over all rows", "softmax", "powers / powers.sum(axis=1, keepdims=True)", "powers / powers.sum()", "Softmax", "softmax-all"),
    Mutant("Softmax along the columns", "softmax", "np.exp(x.value - x.value.max(axis=1, keepdims=True))\n        self.value = powers / powers.sum(axis=1, keepdims=True)", "np.exp(x.value)\n        self.value = powers / powers.sum(axis=0)", "Softmax", "softmax-columns"),
    Mutant("Softmax without its brackets", "softmax", "s * (g - (g * s).sum(axis=1, keepdims=True))", "s * g - (g * s).sum(axis=1, keepdims=True)", "Softmax", "softmax-brackets"),
    Mutant("Softmax, only the diagonal", "softmax", "s * (g - (g * s).sum(axis=1, keepdims=True))", "g * s * (1 - s)", "Softmax", "softmax-diagonal"),
    Mutant("cross-entropy without the mean", "softmax", "-np.mean(np.log", "-np.sum(np.log", "CrossEntropyWithSoftmax", "no-mean"),
    Mutant("cross-entropy's derivative without the mean", "softmax", "(self.s - self.onehot) / len(self.s)", "(self.s - self.onehot)", "CrossEntropyWithSoftmax", "no-mean"),
    Mutant("cross-entropy without its brackets", "softmax", "g * (self.s - self.onehot) / len(self.s)", "self.s - self.onehot / len(self.s)", "CrossEntropyWithSoftmax", "mean-brackets"),
    Mutant("cross-entropy without the label", "softmax", "g * (self.s - self.onehot)", "self.s", "CrossEntropyWithSoftmax", "no-target"),
    Mutant("cross-entropy with its sign turned", "softmax", "self.value = -np.mean", "self.value = np.mean", "CrossEntropyWithSoftmax", "loss-sign"),
    Mutant("a neuron without its bias", "neuron", "zip(self.w, x)), self.b)", "zip(self.w, x)))", "Neuron", "no-bias"),
    Mutant("a neuron's parameters without its bias", "neuron", "return [*self.w, self.b]", "return self.w", "Neuron", "weights-only"),
]  # fmt: skip
