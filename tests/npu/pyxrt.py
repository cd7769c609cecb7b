"""Stands in for pyxrt, XRT's Python bindings, in the tests of npu/run.py.

The "xclbin" is the text of the design, as the stand-in for aiecc beside this file writes it. An
invocation runs it in the array simulator of aie4ml, on the raw buffers of the runtime sequence: what
the design says of its tensors is taken away first, so that a buffer that is laid out wrongly gives
wrong values. As with the real one

* host and device see each other's writes only after sync,
* a run that was started may not be started again, nor its buffers be filled, before it was awaited,
* the instructions are a buffer of their own, and their size is an argument.

AIE4ML is the program to call, PYXRT_KERNELS the folder of the kernels' sources, PYXRT_LOG a file that
gets a line for each call, PYXRT_NAME what the device is called, PYXRT_FAULT what goes wrong: hang,
silent (nothing is written), wrong (a bit of the last output) or flaky (the same, in the ninth
invocation).
"""

import enum
import hashlib
import os
import re
import struct
import subprocess
import tempfile

TYPES = {"i8": ("i1", 1), "i16": ("i2", 2), "i32": ("i4", 4), "i64": ("i8", 8)}


def log(line):
    path = os.environ.get("PYXRT_LOG")
    if path:
        with open(path, "a") as file:
            file.write(line + "\n")


class xclBOSyncDirection(enum.IntEnum):
    XCL_BO_SYNC_BO_TO_DEVICE = 0
    XCL_BO_SYNC_BO_FROM_DEVICE = 1


class ert_cmd_state(enum.IntEnum):
    ERT_CMD_STATE_NEW = 1
    ERT_CMD_STATE_COMPLETED = 4
    ERT_CMD_STATE_TIMEOUT = 8


class xrt_info_device(enum.IntEnum):
    name = 5


class device:
    def __init__(self, index):
        if index != 0:
            raise RuntimeError(f"Could not open device with index '{index}'")
        self.registered = []

    def get_info(self, key):
        assert key == xrt_info_device.name
        return os.environ.get("PYXRT_NAME", "NPU Phoenix")

    def register_xclbin(self, image):
        self.registered.append(image.uuid)
        log("register")


class xclbin:
    class xclbinkernel:
        def get_name(self):
            return "MLIR_AIE"

    def __init__(self, path):
        with open(path) as file:
            self.design = file.read()
        self.path = path
        self.uuid = hashlib.sha256(self.design.encode()).hexdigest()
        images[self.uuid] = self

    def get_uuid(self):
        return self.uuid

    def get_kernels(self):
        return [xclbin.xclbinkernel()]


images = {}


class hw_context:
    def __init__(self, device, uuid):
        assert uuid in device.registered, "an xclbin is registered before its context"
        self.image = images[uuid]


class kernel:
    def __init__(self, context, name):
        assert name == "MLIR_AIE"
        self.image = context.image
        # Arguments of the sequence: `%arg0: memref<32x64xi8>`.
        line = next(line for line in self.image.design.splitlines() if "aie.runtime_sequence" in line)
        found = re.findall(r"%\w+: memref<([0-9x]+)x(i\d+)>", line)
        self.arguments = [([int(extent) for extent in shape.split("x")], element) for shape, element in found]

    def group_id(self, index):
        assert 1 <= index < 3 + len(self.arguments), f"there is no argument {index}"
        return 100 + index


class bo:
    class flags(enum.IntEnum):
        cacheable = 1
        host_only = 2

    cacheable, host_only = flags.cacheable, flags.host_only

    def __init__(self, device, size, flags, group):
        self.host, self.device = bytearray(size), bytearray(size)
        self.kind, self.group, self.busy = flags, group, False
        log(f"bo {size} {flags.name} {group}")

    def map(self):
        return memoryview(self.host)

    def write(self, content, seek):
        self.host[seek : seek + len(content)] = content

    def sync(self, direction):
        assert not self.busy, "a buffer of a started run is not to be touched before it is awaited"
        if direction == xclBOSyncDirection.XCL_BO_SYNC_BO_TO_DEVICE:
            self.device[:] = self.host
        else:
            self.host[:] = self.device
        log(f"sync {'to' if direction == 0 else 'from'} {self.group}")


class run:
    started = 0

    def __init__(self, kernel):
        self.kernel, self.arguments, self.pending = kernel, {}, None

    def set_arg(self, index, value):
        self.arguments[index] = value

    def start(self):
        assert self.pending is None, "a run is started again before it was awaited"
        opcode, instructions, size, *buffers = [self.arguments[i] for i in range(3 + len(self.kernel.arguments))]
        with open(os.path.join(os.path.dirname(self.kernel.image.path), "insts.bin"), "rb") as file:
            expected = file.read()
        assert opcode == 3 and size == len(expected), "opcode and size of the instructions"
        assert instructions.kind == bo.cacheable and bytes(instructions.device) == expected
        for index, buffer in enumerate(buffers):
            assert buffer.kind == bo.host_only and buffer.group == 103 + index
            buffer.busy = True
        run.started += 1
        log(f"start {run.started}")
        self.pending = (run.started, buffers)

    def wait(self, timeout_ms=0):
        number, buffers = self.pending
        log(f"wait {number}")
        fault = os.environ.get("PYXRT_FAULT", "")
        if fault == "hang":
            return ert_cmd_state.ERT_CMD_STATE_TIMEOUT
        given = [bytes(buffer.device) for buffer in buffers]
        written = execute(self.kernel, given)
        for buffer in buffers:
            buffer.busy = False
        self.pending = None
        if fault == "silent":
            return ert_cmd_state.ERT_CMD_STATE_COMPLETED
        for index, content in written.items():
            buffers[index].device[:] = content
        if fault == "wrong" or fault == "flaky" and number == 9:
            buffers[-1].device[0] ^= 1
        return ert_cmd_state.ERT_CMD_STATE_COMPLETED


known = {}


def execute(kernel, contents):
    """What the buffers that the array writes hold afterwards, by argument."""
    key = (kernel.image.uuid, *contents)
    if key not in known:
        known[key] = simulate(kernel, contents)
    return known[key]


def simulate(kernel, contents):
    bare = re.sub(r"^  \} \{.*aie4ml\.inputs = .*\}( loc\(.*\))?$", r"  }\1", kernel.image.design, flags=re.M)
    assert "aie4ml.inputs" not in bare
    directions = [None] * len(kernel.arguments)
    ways = dict(re.findall(r"aie\.shim_dma_allocation @(\w+)\(%\w+, (MM2S|S2MM), \d+\)", bare))
    for argument, name in re.findall(r"npu\.dma_memcpy_nd\(%arg(\d+).*?metadata = @(\w+)", bare):
        directions[int(argument)] = ways[name]
    with tempfile.TemporaryDirectory() as scratch:
        design = os.path.join(scratch, "design.mlir")
        with open(design, "w") as file:
            file.write(bare)
        command = [os.environ["AIE4ML"], "run", design, "--kernels", os.environ["PYXRT_KERNELS"]]
        outputs = {}
        for index, ((shape, element), content) in enumerate(zip(kernel.arguments, contents)):
            path = os.path.join(scratch, f"{index}.npy")
            if directions[index] == "S2MM":
                outputs[index] = path
                command += ["--output", f"argument{index}={path}"]
            else:
                write(path, shape, TYPES[element][0], content)
                command += ["--input", f"argument{index}={path}"]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, f"{command}: {done.stderr}"
        results = {}
        for index, path in outputs.items():
            with open(path, "rb") as file:
                content = file.read()
            results[index] = content[10 + int.from_bytes(content[8:10], "little") :]
            assert len(results[index]) == len(contents[index])
        return results


def write(path, shape, description, content):
    order = "|" if description.endswith("1") else "<"
    extents = "".join(f"{extent}, " for extent in shape)
    header = f"{{'descr': '{order}{description}', 'fortran_order': False, 'shape': ({extents}), }}\n"
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + content)
