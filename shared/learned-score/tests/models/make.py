#!/usr/bin/env python3
"""Makes the models of these tests: one that is right, and for each refusal one that is wrong in just that.

Usage: make.py FOLDER      needs the packages of examples/requirements.txt
"""

import sys
from pathlib import Path

import numpy
from onnx import TensorProto, checker, helper, numpy_helper

METADATA = {
    "finagent.features": "gap_atr,rvol",
    "finagent.features_version": "1",
    "finagent.version": "2026-03-02",
    "finagent.trained_to": "2026-02-27",
}


def constant(name, values, dtype):
    return numpy_helper.from_array(numpy.array(values, dtype), name)


def model(metadata=None, columns=2, dtype=numpy.float64, known=True, targets=1, last=None, output="score", narrow=False):
    """score = 0.5 gap_atr + 0.25 rvol + 0.1, where 1 and 2 stand for what is not known."""
    nodes, row = [], "row"
    if known:
        nodes = [
            helper.make_node("Equal", ["row", "row"], ["known"]),  # NaN equals nothing
            helper.make_node("Where", ["known", "row", "usual"], ["filled"]),
        ]
        row = "filled"
    if narrow:
        nodes.append(helper.make_node("Cast", [row], ["narrow"], to=TensorProto.FLOAT))
        nodes.append(helper.make_node("Cast", ["narrow"], ["wide"], to=TensorProto.DOUBLE))
        row = "wide"
    nodes += [
        helper.make_node("MatMul", [row, "weights"], ["product"]),
        helper.make_node("Add", ["product", "offset"], ["sum" if last else "score"]),
    ]
    if last:
        nodes.append(helper.make_node(last, ["sum"], ["score"]))
    weights = numpy.resize([0.5, 0.25], (columns, 1)).repeat(targets, axis=1)
    initializers = [constant("weights", weights, dtype), constant("offset", [0.1], dtype)]
    if known:
        initializers.append(constant("usual", numpy.resize([1.0, 2.0], (1, columns)), dtype))
    kind = helper.np_dtype_to_tensor_dtype(numpy.dtype(dtype))
    graph = helper.make_graph(
        nodes,
        "score",
        [helper.make_tensor_value_info("row", kind, ["rows", columns])],
        [helper.make_tensor_value_info("score", kind, ["rows", targets])],
        initializers,
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9, producer_name="make.py")
    checker.check_model(made, full_check=True)
    made.graph.output[0].name = output
    helper.set_model_props(made, METADATA | (metadata or {}))
    return made


MODELS = {
    "linear": lambda: model(),
    "three_columns": lambda: model(columns=3),
    "single_precision": lambda: model(dtype=numpy.float32),
    "single_precision_inside": lambda: model(narrow=True),
    "two_numbers": lambda: model(targets=2),
    "not_for_unknown": lambda: model(known=False),
    "exponential": lambda: model(last="Sigmoid"),
    "no_such_output": lambda: model(output="nobody"),
    "other_feature": lambda: model({"finagent.features": "gap_atr,moon_phase"}),
    "twice_a_feature": lambda: model({"finagent.features": "rvol,rvol"}),
    "other_features_version": lambda: model({"finagent.features_version": "0"}),
    "no_version": lambda: model({"finagent.version": ""}),
    "no_date": lambda: model({"finagent.trained_to": "yesterday"}),
}


def main(folder):
    for name, make in MODELS.items():
        Path(folder, f"{name}.onnx").write_bytes(make().SerializeToString(deterministic=True))


main(*sys.argv[1:])
