# SPDX-License-Identifier: GPL-3.0-or-later
"""Network files for onnxruntime: cut down to some inner tensors, made outputs; any input size."""

import onnx


def metadata(path):
    """The properties that a file carries, without the prefix "somnium."."""
    model = onnx.load(path, load_external_data=False)
    return {prop.key.removeprefix("somnium."): prop.value for prop in model.metadata_props}


def outputs(path):
    """The names of a file's outputs."""
    return [output.name for output in onnx.load(path).graph.output]


def opset_of(path):
    """The version of ONNX's operators that a file uses."""
    model = onnx.load(path, load_external_data=False)
    return max(item.version for item in model.opset_import if item.domain == "")


def cut(path, targets, new_path):
    """Writes the part of a network that the targets need, with them as its outputs."""
    model = onnx.load(path)
    graph = model.graph
    nodes, wanted = [], set(targets)
    for node in reversed(graph.node):
        if wanted.intersection(node.output):
            wanted.update(node.input)
            nodes.append(node)
    constants = [tensor for tensor in graph.initializer if tensor.name in wanted]
    outputs = [onnx.ValueInfoProto(name=name) for name in targets]
    free_size(graph.input[0])
    small = onnx.helper.make_graph(nodes[::-1], graph.name, graph.input, outputs, constants)
    onnx.save(onnx.helper.make_model(
        small, opset_imports=model.opset_import, ir_version=model.ir_version), new_path)


def free_size(value):
    """Declares height and width as free."""
    for axis, name in ((2, "H"), (3, "W")):
        value.type.tensor_type.shape.dim[axis].dim_param = name
