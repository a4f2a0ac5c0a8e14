"""The misconceptions that the grader can name, and the sentence that it says about each."""

from __future__ import annotations

__all__ = ["MISCONCEPTIONS", "sentence"]

#: What was probably thought, by key. ``{op}`` is the operation, ``{x}`` the operand in question.
MISCONCEPTIONS: dict[str, str] = {
    "assigns": "{op} sets {x}.grad with = where += is needed: a number that is used in several "
    "places adds up what comes from each of them",
    "upstream": "{op} does not multiply by out.grad, the gradient that comes from above",
    "adds-upstream": "{op} adds out.grad to the local derivative; the chain rule multiplies",
    "sign": "{op} has the wrong sign in what {x} receives",
    "nothing": "{op} passes nothing on to {x}: each operand receives a gradient",
    "no-factor": "{op} passes out.grad on to {x} as it is: the local derivative is forgotten",
    "own-factor": "{op} multiplies by {x}'s own number; the factor is the other operand's",
    "swapped": "{op} gives {x} the derivative of the other operand",
    "twice": "{op} passes the gradient on to {x} twice",
    "half": "{op} passes half of the gradient on to {x}",
    "value": "{op} multiplies by its value where its derivative is needed",
    "minus": "the second operand of a difference receives −out.grad: it is subtracted",
    "no-square": "the quotient rule's square is forgotten: ∂(a/b)/∂b is −a/b², not −a/b",
    "no-numerator": "the numerator is forgotten: ∂(a/b)/∂b is −a/b², not −1/b²",
    "quotient-sign": "the sign is forgotten: ∂(a/b)/∂b is −a/b²",
    "times-denominator": "∂(a/b)/∂a is 1/b, not b",
    "no-exponent": "the exponent in front is forgotten: ∂aⁿ/∂a is n·aⁿ⁻¹",
    "exponent-kept": "the exponent is not lowered: ∂aⁿ/∂a is n·aⁿ⁻¹, not n·aⁿ",
    "power-of-e": "exp is differentiated like a power of x: its derivative is exp(x) itself",
    "at-input": "{op} is differentiated at the wrong place: its derivative is written with its "
    "result, {rule}, and here stands its input in its place",
    "at-result": "{op} is differentiated at the wrong place: at its result instead of its input",
    "no-inner-square": "tanh's square is forgotten: its derivative is 1 − tanh(x)²",
    "plus": "a plus stands where a minus belongs: the derivative is {rule}",
    "tanh-for-sigmoid": "this is tanh's derivative, 1 − t²; sigmoid's is s·(1 − s)",
    "sigmoid-for-tanh": "this is sigmoid's derivative, s·(1 − s); tanh's is 1 − t²",
    "half-rule": "one factor of s·(1 − s) is forgotten",
    "no-mask": "relu passes the gradient on where its input is negative, too",
    "mask-inverted": "relu passes the gradient on where its input is negative, and only there",
    "relu-value": "relu's derivative is 1 where its input is positive, not the input",
    "abs-sign": "the derivative of abs is the sign of its input",
    "log-upside": "the derivative of log(x) is 1/x, not x",
    "log-again": "log is differentiated once too often: its derivative is 1/x",
    "root-half": "the factor 1/2 of the square root's derivative, 1/(2·√x), is forgotten",
    "root-upside": "the root belongs below the line: the derivative is 1/(2·√x)",
    "cosine-sign": "the minus of cos is forgotten: its derivative is −sin(x)",
    "operands-swapped": "the operands change places: a {op} b is computed as b {op} a",
    "left-swapped": "with a number on the left the operands change places: 2 {op} a is computed "
    "as a {op} 2",
    "adds": "{op} adds its operands",
    "integer": "// divides whole numbers; / divides",
    "exp-sign": "the sign in the exponent is wrong: sigmoid is 1 / (1 + exp(−x))",
    "softmax-brackets": "softmax without its brackets: what is shifted or divided is the whole "
    "exp(x) or the whole sum",
    "softmax-all": "softmax divides by the sum over all rows; each row has its own",
    "softmax-columns": "softmax adds up columns; each row is a distribution of its own (axis=1)",
    "softmax-diagonal": "softmax is differentiated element by element: each output depends on all "
    "inputs of its row",
    "no-mean": "the mean is forgotten: divide by the number of elements (or rows)",
    "no-two": "the 2 of the square's derivative is forgotten",
    "no-square-value": "the square is forgotten: the error is the mean of (y − a)²",
    "absolute": "the error is squared, not its absolute value",
    "mean-brackets": "the brackets are forgotten: the whole difference is divided by the number of "
    "rows",
    "no-target": "the label is forgotten: the derivative is (softmax − 1 at the label) / rows",
    "loss-sign": "the sign of the loss is wrong: it is minus the logarithm",
    "loss-through-softmax": "this is the derivative for logits; that for probabilities is −t/p",
    "no-transpose": "a transpose is missing: ∂L/∂x is g @ w.T and ∂L/∂w is x.T @ g",
    "product-order": "the matrices stand in the wrong order: ∂L/∂x is g @ w.T, ∂L/∂w is x.T @ g",
    "transposed": "the result is the transposed one: ∂L/∂x is g @ w.T and ∂L/∂w is x.T @ g",
    "bias-not-summed": "the bias is not summed over the batch: ∂L/∂b is the sum of g over its rows",
    "bias-all": "the bias is summed over everything: ∂L/∂b is the sum over the rows (axis=0)",
    "bias-mean": "the bias takes the mean over the batch: ∂L/∂b is the sum of g over its rows",
    "bias-columns": "the bias is summed along the wrong axis: rows are axis 0",
    "bias-forgotten": "the bias is not added",
    "elementwise": "* multiplies element by element; a matrix product is @ or np.dot",
    "one-path": "only one of two paths counts: add up what comes from each consumer",
    "not-zeroed": "backward starts from the gradients of the last call: set them to zero first",
    "children": "{op} does not tell its result what it was made of: pass (self, other) on",
    "bare-number": "{op} returns a bare number, where the graph ends: return a {cls}",
    "nested": "{op} puts a whole {cls} into .data: compute with other.data",
    "unwrapped": "a number as operand is not made a {cls} first",
    "order": "children are visited before their parents: go through the topological order reversed",
    "preorder": "a node is put into the order before what it was made of, so it passes its "
    "gradient on before all of that has come",
    "levels": "nodes are visited level by level, so some pass their gradient on before all of it "
    "has come",
    "root-only": "backward stops after the first node: go through all nodes that lead to it",
    "seed": "the seed is forgotten: the gradient of the result with respect to itself is 1",
    "every-path": "a node is visited once for each path that leads to it, not once",
    "mutates": "{op} changes an array that is not its own: g += … and x −= … work in place",
    "weights-only": "parameters() leaves the bias out",
    "bias-only": "parameters() leaves the weights out",
    "no-bias": "the neuron does not add its bias",
    "no-product": "the neuron adds weights and inputs: it needs the sum of their products",
    "last-input": "the neuron counts its last input only: the sum is set anew in each round",
    "data-only": "the neuron computes with bare numbers (.data), where the graph ends",
}  # fmt: skip


#: What is said where the operation has no rule of its own to be reminded of.
_RULES = {"tanh": "1 − tanh(x)²", "sigmoid": "s·(1 − s)"}


def sentence(
    key: str, op: str = "an operation", x: str = "an operand", cls: str = "Value", row: str = ""
) -> str:
    """Return the sentence of a misconception; without words for what it leaves open, in general.

    Args:
        key: of the misconception.
        op, x, cls: the operation, its operand and their class, as the student calls them.
        row: what the operation is called in the table of primitives, if that is another name.

    >>> sentence("no-factor", op="exp", x="a")
    'exp passes out.grad on to a as it is: the local derivative is forgotten'
    """
    rule = _RULES.get(row or op, "as it says")
    return MISCONCEPTIONS[key].format(op=op, x=x, cls=cls, rule=rule)
