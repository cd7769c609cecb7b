"""Makes a network of dense layers as ONNX, or has the Python package `aie4ml` convert one.

    peer.py network FILE BATCH EXTENT EXTENT...    int8, QDQ, all scales powers of two
    peer.py convert FILE FOLDER OBJECTIVE          prints seconds (without imports) and tiles
"""

import contextlib
import json
import pathlib
import sys
import time


def network(file, batch, *extents):
    import numpy as np
    from onnx import TensorProto, checker, helper, numpy_helper, save

    batch, extents = int(batch), [int(extent) for extent in extents]
    random = np.random.default_rng(1)
    nodes, constants = [], []

    def constant(name, value):
        constants.append(numpy_helper.from_array(value, name))
        return name

    def node(operator, inputs, output, **attributes):
        nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))
        return output

    zero = constant("zero", np.int8(0))
    activation = constant("activation_scale", np.float32(2.0**-4))
    weight = constant("weight_scale", np.float32(2.0**-10))

    def quantize(value, name):
        codes = node("QuantizeLinear", [value, activation, zero], f"{name}_codes")
        return node("DequantizeLinear", [codes, activation, zero], name)

    value = quantize("x", "x0")
    for index, (k, n) in enumerate(zip(extents, extents[1:])):
        codes = constant(f"w{index}", random.integers(-127, 128, (k, n), np.int8))
        weights = node("DequantizeLinear", [codes, weight, zero], f"w{index}_float")
        product = node("MatMul", [value, weights], f"fc{index}")
        last = index == len(extents) - 2
        if not last:
            product = node("Relu", [product], f"relu{index}")
        value = quantize(product, "y" if last else f"x{index + 1}")
    ends = [
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [batch, extent])]
        for name, extent in (("x", extents[0]), ("y", extents[-1]))
    ]
    graph = helper.make_graph(nodes, "dense", *ends, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    checker.check_model(model)
    save(model, file)


def convert(file, folder, objective):
    import aie4ml

    settings = {"Part": "xilinx_vek280_base", "Iterations": 1, "Optimize": objective}
    with contextlib.redirect_stdout(sys.stderr):
        start = time.perf_counter()
        model = aie4ml.from_onnx(file, {"AIEConfig": settings}, output_dir=folder, project_name="peer")
        model.write()
        seconds = time.perf_counter() - start
    pipeline = json.loads((pathlib.Path(folder) / "aie_pipeline.json").read_text())
    print(seconds, pipeline["optimizer"]["tiles"])


if __name__ == "__main__":
    {"network": network, "convert": convert}[sys.argv[1]](*sys.argv[2:])
