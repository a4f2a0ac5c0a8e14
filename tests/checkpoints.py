"""Files of parameters that tests write and read by hand."""

import json
import struct

from scalargrad import MLP


def header_of(content):
    (size,) = struct.unpack("<Q", content[:8])
    return json.loads(content[8 : 8 + size]), content[8 + size :]


def read(content):
    """Return (dtype, shape, bytes) of each tensor of a file, as its format is specified."""
    header, body = header_of(content)
    header.pop("__metadata__", None)
    return {
        name: (entry["dtype"], tuple(entry["shape"]), body[slice(*entry["data_offsets"])])
        for name, entry in header.items()
    }


def written(entries):
    """Return a file with tensors name: (dtype, shape, bytes)."""
    header, body = {}, b""
    for name, (dtype, shape, data) in entries.items():
        offsets = [len(body), len(body) + len(data)]
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": offsets}
        body += data
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def doubles(numbers):
    return struct.pack(f"<{len(numbers)}d", *numbers)


def bits(module):
    """Return all that a load must not change by accident."""
    return doubles([p.data for p in module.parameters()])


def small():
    return MLP(2, [2, 1], seed=0)
