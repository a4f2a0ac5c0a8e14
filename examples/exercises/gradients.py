"""Exercise: fill in the gradients.

Go backward through `expression` by hand, one operation after the other, and write down the gradient
of its result with respect to each of the four numbers. Four digits are enough.

Then: python -m scalargrad.grade gradients.py
"""

numbers = {"a": 2.0, "b": -3.0, "c": 10.0, "f": -2.0}


def expression(a, b, c, f):
    e = a * b
    d = e + c
    return d * f + a


gradients = {
    "a": None,  # your answer
    "b": None,
    "c": None,
    "f": None,
}
