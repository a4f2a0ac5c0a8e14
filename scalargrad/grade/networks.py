"""Neuron, Layer and MLP: what they compute, which parameters they have, and that these learn."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from .driving import failure, is_number
from .findings import MISSING, REMARK, RIGHT, WRONG, Finding
from .guesses import same
from .misconceptions import sentence

__all__ = ["NETWORKS", "check_network"]

#: What is looked for, how it is made, and how many parameters it has.
NETWORKS: dict[str, tuple[tuple[Any, ...], int]] = {
    "Neuron": ((3,), 4),
    "Layer": ((3, 4), 16),
    "MLP": ((3, [4, 4, 1]), 41),
}
_X = (0.5, -1.5, 2.0)

#: Activations that a neuron may have; which one is not for us to say.
_ACTIVATIONS: dict[str, Callable[[float], float]] = {
    "tanh": math.tanh,
    "ReLU": lambda z: max(z, 0.0),
    "sigmoid": lambda z: 1 / (1 + math.exp(-z)),
    "none": lambda z: z,
}


def check_network(name: str, cls: type) -> list[Finding]:
    """Check a class by its name: Neuron, Layer or MLP.

    If a Value of the same file is wrong, so may be what is made of it.
    """
    own = {"Layer": ("Neuron",), "MLP": ("Layer", "Neuron")}.get(name, ())
    return [
        replace(finding, calls=(*own, "+", "*", "tanh", "relu", "backward"))
        for finding in _checked(name, cls)
    ]


def _checked(name: str, cls: type) -> list[Finding]:
    sizes, count = NETWORKS[name]
    code = f"{name}({', '.join(map(str, sizes))})"
    try:
        network = cls(*sizes)
        out = network([*_X])
    except NotImplementedError:
        return [Finding(name, "forward", MISSING, f"{name} is still to be written")]
    except Exception as error:
        about = {"example": f"{code}({[*_X]})", "got": failure(error)}
        return [Finding(name, "forward", WRONG, f"{name} fails", **about)]  # type: ignore[arg-type]
    if out is None:
        text = f"{name} is still to be written: it returns nothing"
        return [Finding(name, "forward", MISSING, text)]
    findings = [_neuron(network, out)] if name == "Neuron" else [_outputs(name, out)]
    if findings[0].status == WRONG:
        return findings
    if not hasattr(network, "parameters"):
        text = f"{name} has no parameters()"
        return [*findings, Finding(f"{name}.parameters", "optional", MISSING, text)]
    parameters = _parameters(network)
    if parameters is None:
        return [*findings, Finding(name, "parameters", MISSING, f"{name} has no parameters() yet")]
    findings.append(_counted(name, code, parameters, count))
    if findings[-1].status == RIGHT:
        findings += _learns(name, code, out, parameters)
    return findings


def _parameters(network: Any) -> list[Any] | None:
    try:
        found = network.parameters() if callable(network.parameters) else network.parameters
        return None if found is None else [*found]
    except NotImplementedError:
        return None


def _neuron(neuron: Any, out: Any) -> Finding:
    """Compare a neuron's output with the sum of its inputs, weights and bias."""
    if not (hasattr(neuron, "w") and hasattr(neuron, "b")):
        text = "the neuron has no w and b, so what it computes was not compared"
        return Finding("Neuron", "forward", REMARK, text)
    code = _set_numbers(neuron)
    out = neuron([*_X])
    if is_number(out):
        key = "data-only"
        return Finding("Neuron", "forward", WRONG, sentence(key), key, code, "a Value", repr(out))
    w, b = [float(w.data) for w in neuron.w], float(neuron.b.data)
    total = math.fsum(w * x for w, x in zip(w, _X, strict=True))
    for name, function in _ACTIVATIONS.items():
        if same(function(total + b), out.data):
            if name == "none" and abs(total + b) > 1e-3:
                text = "the neuron has no activation: right for a last layer, not for the others"
                return Finding("Neuron", "forward", REMARK, text)
            return Finding("Neuron", "forward", RIGHT)
    guesses = {
        "no-bias": total, "no-product": sum(w) + sum(_X) + b, "last-input": w[-1] * _X[-1] + b,
    }  # fmt: skip
    about = code, f"an activation of {total + b:.6g}", f"{float(out.data):.6g}"
    for key, z in guesses.items():
        if any(same(function(z), out.data) for function in _ACTIVATIONS.values()):
            return Finding("Neuron", "forward", WRONG, sentence(key), key, *about)
    text = "the neuron does not compute an activation of Σ wᵢ·xᵢ + b"
    return Finding("Neuron", "forward", WRONG, text, "", *about)


def _set_numbers(neuron: Any) -> str:
    """Give the weights numbers that nothing but the right sum makes."""
    for weight, number in zip(neuron.w, (0.25, -0.5, 0.125), strict=False):
        weight.data = number
    neuron.b.data = 0.375
    return f"n = Neuron(3); n.w = 0.25, -0.5, 0.125; n.b = 0.375; n({[*_X]})"


def _outputs(name: str, out: Any) -> Finding:
    """Check how many outputs there are."""
    width = {"Layer": 4, "MLP": 1}[name]
    outs = [*out] if isinstance(out, (list, tuple)) else [out]
    if len(outs) == width and all(hasattr(each, "data") for each in outs):
        return Finding(name, "forward", RIGHT)
    many = f"{len(outs)} outputs of type {type(outs[0]).__name__}" if outs else "no output"
    about = f"{name} of 3 inputs", f"{width} Values", f"{out!r:.80}"
    return Finding(name, "forward", WRONG, f"{name} gives {many}", "", *about)


def _counted(name: str, code: str, parameters: Sequence[Any], count: int) -> Finding:
    if len(parameters) == count and len(set(map(id, parameters))) == count:
        return Finding(name, "parameters", RIGHT)
    biases = {"Neuron": 1, "Layer": 4, "MLP": 9}[name]
    key = {count - biases: "weights-only", biases: "bias-only"}.get(len(parameters), "")
    text = sentence(key) if key else f"{name}.parameters() does not list each weight and bias once"
    example = f"len({code}.parameters())"
    return Finding(name, "parameters", WRONG, text, key, example, str(count), str(len(parameters)))


def _learns(name: str, code: str, out: Any, parameters: Sequence[Any]) -> list[Finding]:
    """Check that a gradient comes to the parameters: that the graph was not cut."""
    outs = [*out] if isinstance(out, (list, tuple)) else [out]
    if not all(hasattr(each, "backward") for each in outs):
        return []
    for each in outs:
        each.backward()
    if any(float(p.grad) for p in parameters) or all(float(each.data) == 0 for each in outs):
        return [Finding(name, "backward", RIGHT)]
    example = f"{code}({[*_X]}).backward()"
    text = f"no gradient comes to the parameters of {name}: the graph was cut, by .data perhaps"
    return [Finding(name, "backward", WRONG, text, "data-only", example, "gradients", "only 0")]
