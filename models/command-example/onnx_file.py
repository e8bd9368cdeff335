"""Writes an ONNX file without any library: just enough protobuf for a graph of nodes and constants."""

FLOAT, INT64 = 1, 7  # TensorProto.DataType
INT = 2  # AttributeProto.AttributeType


def varint(value):
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def integer(field, value):
    return varint(field << 3) + varint(value)


def message(field, content):
    content = content.encode() if isinstance(content, str) else bytes(content)
    return varint(field << 3 | 2) + varint(len(content)) + content


def tensor(name, array):
    """A constant: a numpy array of float32 or int64."""
    kind = FLOAT if array.dtype == "float32" else INT64
    dims = b"".join(integer(1, size) for size in array.shape)
    data = array.astype(array.dtype.newbyteorder("<")).tobytes()
    return dims + integer(2, kind) + message(8, name) + message(9, data)


def node(operator, inputs, outputs, **attributes):
    parts = [message(1, name) for name in inputs] + [message(2, name) for name in outputs]
    parts.append(message(4, operator))
    for name, value in attributes.items():
        parts.append(message(5, message(1, name) + integer(3, value) + integer(20, INT)))
    return b"".join(parts)


def value_info(name, shape):
    """A float input or output; a name in the shape leaves that axis open."""
    dims = b"".join(
        message(1, integer(1, size) if isinstance(size, int) else message(2, size)) for size in shape
    )
    return message(1, name) + message(2, message(1, integer(1, FLOAT) + message(2, dims)))


def model(nodes, constants, inputs, outputs):
    graph = b"".join(message(1, each) for each in nodes) + message(2, "graph")
    graph += b"".join(message(5, each) for each in constants)
    graph += b"".join(message(11, each) for each in inputs)
    graph += b"".join(message(12, each) for each in outputs)
    opset = message(1, "") + integer(2, 17)
    return integer(1, 8) + message(8, opset) + message(7, graph)
