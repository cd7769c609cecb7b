#!/usr/bin/env python3
"""Runs the design of this folder on a Ryzen AI NPU, by XRT's Python bindings.

It takes and gives the arrays that `aie4ml run` takes and gives: the model's own values, or integer
codes of the network. Nothing but Python and pyxrt is needed; if the host computes something before
or after the array (host.mlir), the program aie4ml does that.
"""

import argparse
import array
import ast
import hashlib
import json
import math
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time

# What XRT calls an NPU, by the name that designs have for it.
NAMES = {
    "npu1": ["npu1", "Phoenix"],
    "npu2": ["npu4", "npu5", "npu6", "Strix", "Krackan"],
}
# "Execute the instructions of argument 1", says the first argument of a kernel that aiecc made.
OPCODE = 3
# The first argument that is a tensor: before it are the opcode, the instructions and their bytes.
FIRST = 3
# Outputs hold this before an invocation: what the array does not write is seen.
POISON = 0xA5
# Values that are listed of those that differ.
FEW = 10


class Refusal(Exception):
    """What ends the program with a message."""


# ---------------------------------------------------------------------------------------- arrays

TYPES = {  # NumPy's name: code of `array` and `struct`, bytes
    "int8": ("b", 1),
    "uint8": ("B", 1),
    "int16": ("h", 2),
    "uint16": ("H", 2),
    "int32": ("i", 4),
    "int64": ("q", 8),
    "float32": ("f", 4),
    "float64": ("d", 8),
}
DESCRIPTIONS = {
    "i1": "int8",
    "u1": "uint8",
    "i2": "int16",
    "u2": "uint16",
    "i4": "int32",
    "i8": "int64",
    "f4": "float32",
    "f8": "float64",
}


class Tensor:
    """Values of one type, row-major."""

    def __init__(self, shape, dtype, values):
        self.shape = list(shape)
        self.dtype = dtype
        self.values = values if isinstance(values, array.array) else array.array(TYPES[dtype][0], values)

    @property
    def is_float(self):
        return self.dtype.startswith("float")

    def __str__(self):
        return f"{said(self.shape)} {self.dtype}"


def said(shape):
    return "x".join(str(extent) for extent in shape) if shape else "scalar"


def count(shape):
    return math.prod(shape)


def read_npy(path):
    try:
        with open(path, "rb") as file:
            content = file.read()
    except OSError as error:
        raise Refusal(f"{path}: cannot be read: {error.strerror}")
    try:
        if content[:6] != b"\x93NUMPY":
            raise ValueError("it does not begin as one")
        start, size = (10, 2) if content[6] == 1 else (12, 4)
        length = int.from_bytes(content[8 : 8 + size], "little")
        header = ast.literal_eval(content[start : start + length].decode("latin1").strip())
        description, shape = header["descr"], list(header["shape"])
        if description[1:] not in DESCRIPTIONS:
            raise ValueError(f"its elements are '{description}'; integers and floats are read")
        if header["fortran_order"] and len(shape) > 1:
            raise ValueError("it has its columns first: save numpy.ascontiguousarray of it")
        dtype = DESCRIPTIONS[description[1:]]
        values = array.array(TYPES[dtype][0])
        data = content[start + length :]
        if len(data) != count(shape) * values.itemsize:
            needed = count(shape) * values.itemsize
            raise ValueError(f"it has {len(data)} bytes of data, its shape needs {needed}")
        values.frombytes(data)
        if (description[0] == ">") != (sys.byteorder == "big") and values.itemsize > 1:
            values.byteswap()
    except (ValueError, KeyError, SyntaxError, TypeError, IndexError) as error:
        raise Refusal(f"{path}: is no array that can be read: {error}")
    return Tensor(shape, dtype, values)


def write_npy(path, tensor):
    description = next(key for key, name in DESCRIPTIONS.items() if name == tensor.dtype)
    order = "|" if tensor.values.itemsize == 1 else "<"
    shape = "".join(f"{extent}, " for extent in tensor.shape)
    shape = shape[:-1] if len(tensor.shape) == 1 else shape[:-2]
    header = f"{{'descr': '{order}{description}', 'fortran_order': False, 'shape': ({shape}), }}"
    header += " " * (-(len(header) + 11) % 64) + "\n"
    values = array.array(tensor.values.typecode, tensor.values)
    if sys.byteorder == "big":
        values.byteswap()
    try:
        with open(path, "wb") as file:
            file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode("latin1"))
            file.write(values.tobytes())
    except OSError as error:
        raise Refusal(f"{path}: cannot be written: {error.strerror}")


def float32(value):
    """The nearest float32; beyond the largest, infinity."""
    try:
        return struct.unpack("f", struct.pack("f", value))[0]
    except OverflowError:
        return math.copysign(math.inf, value)


def quantize(value, port):
    """The code of a value: the quotient as a float32, limited, then to the nearest integer, ties to even."""
    zero_point, (low, high) = port["zero_point"], port["range"]
    quotient = float32(value / port["scale"])
    quotient = quotient if quotient > low - zero_point else float(low - zero_point)
    quotient = quotient if quotient < high - zero_point else float(high - zero_point)
    return round(quotient) + zero_point


def dequantize(code, port):
    return float32((code - port["zero_point"]) * port["scale"])


# ------------------------------------------------------------------------------------- interface


def rows_of(shape, features):
    """How many rows of so many features a shape has; None if it has none."""
    for first in range(1, len(shape) + 1):
        if count(shape[first:]) == features:
            return count(shape[:first])
    return None


def batches(port, tensor):
    """Codes of a tensor, a list for each batch of the network's."""
    refuse = f"input '{port['name']}': "
    found = None
    for shape in (port["shape"], [port["batch"], port["columns"]]):
        rows = rows_of(tensor.shape, count(shape[1:]))
        if rows and shape and shape[0] and rows % shape[0] == 0:
            found = rows // shape[0]
            break
    if found is None:
        expected, rows = said(port["shape"]), port["shape"][0]
        raise Refusal(
            f"{refuse}expected {expected} or a multiple of its {rows} rows, got {said(tensor.shape)}"
        )
    if tensor.is_float:
        codes = [quantize(value, port) for value in tensor.values]
    else:
        codes = tensor.values.tolist()
        low, high = port["range"]
        for index, code in enumerate(codes):
            if not low <= code <= high:
                raise Refusal(
                    f"{refuse}code {code} at element {index} is outside [{low}, {high}]; "
                    f"integers ({tensor.dtype}) are codes, real values are float32"
                )
    size = port["batch"] * port["columns"]
    return [codes[start : start + size] for start in range(0, found * size, size)]


def packed(port, codes):
    """The bytes of a batch in host memory: rows at their pitch, zeros between."""
    memory, columns = port["memory"], port["columns"]
    values = array.array(TYPES[port["type"]][0], bytes(memory["bytes"]))
    for row in range(port["batch"]):
        start = row * memory["pitch"]
        values[start : start + columns] = array.array(values.typecode, codes[row * columns : (row + 1) * columns])
    if sys.byteorder == "big":
        values.byteswap()
    return values.tobytes()


def unpacked(port, content):
    """The codes of a batch that lies in host memory."""
    values = array.array(TYPES[port["type"]][0])
    values.frombytes(content)
    if sys.byteorder == "big":
        values.byteswap()
    pitch, columns = port["memory"]["pitch"], port["columns"]
    codes = array.array(values.typecode)
    for row in range(port["batch"]):
        codes.extend(values[row * pitch : row * pitch + columns])
    return codes


def whole(port, parts):
    """The codes of an output of all batches, in the model's shape."""
    codes = array.array(TYPES[port["type"]][0])
    for part in parts:
        codes.extend(part)
    first, *rest = port["shape"]
    return Tensor([first * len(parts), *rest], port["type"], codes)


def real(port, tensor):
    """The values that codes stand for."""
    return Tensor(tensor.shape, "float32", [dequantize(code, port) for code in tensor.values])


def named(text):
    """The name and the path of NAME=X.npy; a path with an equals sign in it is still a path."""
    name, equals, path = text.partition("=")
    return (name, path) if equals and name and "/" not in name and "." not in name else (None, text)


def ordered(flag, texts, lists):
    """Paths in the order of the tensors that they are for, by name in the first list that has all names."""
    pairs = [named(text) for text in texts]
    names = [name for name, _ in pairs if name is not None]
    if not names:
        return [path for _, path in pairs]
    if len(names) < len(pairs):
        raise Refusal(f"{flag}: names some files, but not all")
    lists = [[port["name"] for port in ports] for ports in lists]
    known = next((known for known in lists if len(known) == len(names) and set(names) <= set(known)), lists[0])
    for name in names:
        if name not in known:
            raise Refusal(f"{flag}: names '{name}', but there is {listed(known)}")
        if names.count(name) > 1:
            raise Refusal(f"{flag}: names '{name}' twice")
    check_count(flag, pairs, known)
    return [path for name in known for other, path in pairs if other == name]


def check_count(flag, given, names):
    if len(given) != len(names):
        raise Refusal(f"{flag}: needs {len(names)}, one for each of {listed(names)}, but is given {len(given)}")


def listed(names):
    return ", ".join(f"'{name}'" for name in names)


# ---------------------------------------------------------------------------------------- device


class Device:
    """A design that is loaded, and what calls it."""

    def __init__(self, folder, built, manifest, index, timeout):
        try:
            import pyxrt
        except ImportError as error:
            raise Refusal(
                f"pyxrt, XRT's Python bindings, cannot be imported by {sys.executable}: {error}\n"
                "  it comes with XRT (https://github.com/amd/xdna-driver), for the Python that XRT was built for;\n"
                "  of an XRT in /opt/xilinx/xrt, 'source /opt/xilinx/xrt/setup.sh' puts it in PYTHONPATH"
            )
        self.pyxrt, self.timeout = pyxrt, int(timeout * 1000)
        files = [os.path.join(built, name) for name in ("design.xclbin", "insts.bin", "design.mlir")]
        for path in files:
            if not os.path.exists(path):
                raise Refusal(f"{path} is not there: build.sh, or 'aie4ml build', makes it")
        if digest(files[2]) != digest(os.path.join(folder, "design.mlir")):
            raise Refusal(f"{built} was built of another design.mlir than there is now: run build.sh again")
        try:
            self.open(files, manifest, index)
        except RuntimeError as error:
            raise Refusal(
                f"XRT cannot load {files[0]}: {error}\n"
                "  'xrt-smi examine' lists the devices there are; the group 'render' may use them"
            )

    def open(self, files, manifest, index):
        pyxrt = self.pyxrt
        self.device = pyxrt.device(index)
        self.check_name(manifest)
        image = pyxrt.xclbin(files[0])
        self.device.register_xclbin(image)
        self.context = pyxrt.hw_context(self.device, image.get_uuid())
        self.kernel = pyxrt.kernel(self.context, image.get_kernels()[0].get_name())
        with open(files[1], "rb") as file:
            instructions = file.read()
        self.instructions = pyxrt.bo(
            self.device, len(instructions), pyxrt.bo.cacheable, self.kernel.group_id(1)
        )
        self.instructions.write(instructions, 0)
        self.instructions.sync(pyxrt.xclBOSyncDirection.XCL_BO_SYNC_BO_TO_DEVICE)
        self.bytes = len(instructions)

    def check_name(self, manifest):
        name = str(self.device.get_info(self.pyxrt.xrt_info_device.name))
        wanted = manifest["device"]["name"].split("_")[0]
        found = [known for known, names in NAMES.items() if any(part in name for part in names)]
        if found and wanted not in found:
            raise Refusal(f"the design is for {wanted}, but the device is '{name}', which is {found[0]}")
        if not found:
            print(f"remark: whether the device '{name}' is {wanted} is not known", file=sys.stderr)

    def slot(self, sizes):
        """Buffers for one invocation, and what starts it."""
        return Slot(self, sizes)


class Slot:
    """The buffers of one invocation; one invocation at a time may use them."""

    def __init__(self, device, sizes):
        pyxrt = self.pyxrt = device.pyxrt
        self.timeout = device.timeout
        self.run = pyxrt.run(device.kernel)
        self.run.set_arg(0, OPCODE)
        self.run.set_arg(1, device.instructions)
        self.run.set_arg(2, device.bytes)
        self.buffers, self.views = [], []
        for index, size in enumerate(sizes):
            group = device.kernel.group_id(FIRST + index)
            buffer = pyxrt.bo(device.device, size, pyxrt.bo.host_only, group)
            self.run.set_arg(FIRST + index, buffer)
            self.buffers.append(buffer)
            self.views.append(memoryview(buffer.map()).cast("B"))

    def fill(self, contents):
        """Gives the device what it reads, and makes outputs what they cannot be by chance."""
        for buffer, view, content in zip(self.buffers, self.views, contents):
            view[: len(content)] = content
            buffer.sync(self.pyxrt.xclBOSyncDirection.XCL_BO_SYNC_BO_TO_DEVICE)

    def start(self):
        self.run.start()

    def wait(self):
        states = self.pyxrt.ert_cmd_state
        state = self.run.wait(self.timeout)
        if state != states.ERT_CMD_STATE_COMPLETED:
            raise Refusal(
                f"an invocation did not complete in {self.timeout / 1000:g} s: {getattr(state, 'name', state)}\n"
                "  'build.sh --kernels' compares each kernel alone; --timeout SECONDS waits longer"
            )

    def outputs(self, first, sizes):
        """The bytes of the buffers from the first output on."""
        contents = []
        for index, size in enumerate(sizes, start=first):
            self.buffers[index].sync(self.pyxrt.xclBOSyncDirection.XCL_BO_SYNC_BO_FROM_DEVICE)
            contents.append(bytes(self.views[index][:size]))
        return contents


class Job:
    """Invocations of a design: what each takes, and what it gave first."""

    def __init__(self, device, manifest, invocations, queue):
        self.inputs, self.outputs = manifest["inputs"], manifest["outputs"]
        self.sizes = [port["memory"]["bytes"] for port in self.inputs + self.outputs]
        poison = [bytes([POISON]) * port["memory"]["bytes"] for port in self.outputs]
        self.contents = [invocation + poison for invocation in invocations]
        self.first = len(self.inputs)
        self.slots = [device.slot(self.sizes) for _ in range(min(queue, len(invocations)))]
        self.results = [None] * len(invocations)

    def codes(self):
        """Each output of all invocations."""
        found = zip(*self.results)
        return [whole(port, [unpacked(port, part) for part in parts]) for port, parts in zip(self.outputs, found)]

    def take(self, slot, number, iteration):
        """Outputs of an invocation that is done; they must be the same each time."""
        found = slot.outputs(self.first, self.sizes[self.first :])
        if self.results[number] is None:
            self.results[number] = found
        elif self.results[number] != found:
            port = next(p for p, a, b in zip(self.outputs, found, self.results[number]) if a != b)
            raise Refusal(
                f"invocation {number} gives other values of '{port['name']}' in iteration {iteration} "
                "than it gave first"
            )

    def queued(self, iteration):
        """All invocations, each started as soon as there are buffers for it; seconds of all."""
        begin = time.perf_counter()
        for number in range(len(self.contents) + len(self.slots)):
            slot = self.slots[number % len(self.slots)]
            done = number - len(self.slots)
            if done >= 0:
                slot.wait()
                self.take(slot, done, iteration)
            if number < len(self.contents):
                slot.fill(self.contents[number])
                slot.start()
        return time.perf_counter() - begin

    def awaited(self, iteration):
        """All invocations, each awaited before the next; seconds of each between start and end."""
        slot, times = self.slots[0], []
        for number, contents in enumerate(self.contents):
            slot.fill(contents)
            begin = time.perf_counter()
            slot.start()
            slot.wait()
            times.append(time.perf_counter() - begin)
            self.take(slot, number, iteration)
        return times


# ------------------------------------------------------------------------------------------ host


def on_host(folder, part, tensors, outputs):
    """What host.mlir computes: by aie4ml, as 'aie4ml run' does."""
    program = os.environ.get("AIE4ML") or shutil.which("aie4ml")
    if not program:
        raise Refusal(
            f"what the host computes {part} the array is in host.mlir, which the program aie4ml executes:\n"
            "  put it in PATH, name it in AIE4ML, or give and expect codes of the network"
        )
    with tempfile.TemporaryDirectory() as scratch:
        paths = [os.path.join(scratch, f"out{index}.npy") for index in range(outputs)]
        command = [program, "run", folder, "--host", part]
        for index, tensor in enumerate(tensors):
            path = os.path.join(scratch, f"in{index}.npy")
            write_npy(path, tensor)
            command += ["--input", path]
        for path in paths:
            command += ["--output", path]
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        if done.returncode != 0:
            said_by = done.stderr.strip()
            raise Refusal(said_by[len("error: ") :] if said_by.startswith("error: ") else said_by)
        return [read_npy(path) for path in paths]


# --------------------------------------------------------------------------------------- results


def tolerance_of(expected, port, on_host):
    """How far values may be from each other if nobody says, as 'aie4ml run' has it."""
    codes = port.get("codes") or (port if "scale" in port else None)
    computed = on_host and is_float(port) and codes is None
    sums = expected.is_float and codes is not None and TYPES[codes["type"]][1] == 4
    if not computed and not sums:
        return 0.0
    finite = [abs(value) for value in expected.values if math.isfinite(value)]
    return max([1.0, *finite]) * 2.0**-20


def distance(a, b):
    if a == b or (a != a and b != b):
        return 0.0
    if a != a or b != b:
        return math.inf
    return abs(a - b)


def compare(name, actual, expected, tolerance):
    """Prints how many values are equal; True if all are."""
    if len(actual.values) != len(expected.values):
        raise Refusal(f"output '{name}': expected {expected}, got {actual}")
    if actual.is_float != expected.is_float:
        raise Refusal(
            f"output '{name}': expected {expected}, got {actual}: compare floats with floats and codes with codes"
        )
    width = max(1, count(actual.shape[1:]))
    wrong = [
        index
        for index, (a, b) in enumerate(zip(actual.values, expected.values))
        if distance(a, b) > tolerance
    ]
    rows = len(actual.values) // width
    bad_rows = len({index // width for index in wrong})
    equal = "equal" if tolerance == 0 else f"within {scientific(tolerance)}"
    total = len(actual.values)
    print(f"{rows - bad_rows} of {rows} rows, {total - len(wrong)} of {total} outputs {equal}")
    for index in wrong[:FEW]:
        print(f"  at {position(index, actual.shape)}: {actual.values[index]}, expected {expected.values[index]}")
    if len(wrong) > FEW:
        print(f"  and {len(wrong) - FEW} more")
    return not wrong


def scientific(value):
    """Such as 9.537e-7."""
    digits, exponent = f"{value:.3e}".split("e")
    return f"{digits}e{int(exponent)}"


def position(index, shape):
    places = []
    for extent in reversed(shape):
        places.append(index % extent)
        index //= extent
    return places[::-1]


def percentile(ordered_times, share):
    """The least time that so many of all do not exceed."""
    return ordered_times[max(0, math.ceil(share * len(ordered_times)) - 1)]


def microseconds(seconds):
    return f"{seconds * 1e6:.1f} us"


def report_time(manifest, latencies, seconds, invocations):
    times = sorted(latencies)
    shares = [f"p{round(100 * share)} {microseconds(percentile(times, share))}" for share in (0.5, 0.9, 0.99)]
    shares = ", ".join(shares)
    print(
        f"latency of an invocation, each awaited: least {microseconds(times[0])}, {shares}, "
        f"most {microseconds(times[-1])}; {len(times)} measured"
    )
    rows = manifest["outputs"][0]["batch"]
    rate = invocations / seconds
    print(
        f"throughput, queued: {rate:.1f} invocations per second, {rate * rows:.1f} rows per second; "
        "copies to and from buffers are included"
    )
    cycles, iterations = manifest["cycles"], manifest["iterations"]
    simulated = cycles["simulated"]
    if not simulated or not cycles["clock_mhz"]:
        print("simulated: not; 'aie4ml compile --simulate' does")
        return
    hertz = cycles["clock_mhz"] * 1e6
    whole_batch = simulated["batch_latency"]
    latency, of = (simulated["latency"], "iteration") if whole_batch is None else (whole_batch, "invocation")
    print(
        f"simulated, of the array alone at {cycles['clock_mhz']} MHz: {microseconds(latency / hertz)} from the first "
        f"to the last word of an {of}, {hertz / (simulated['interval'] * iterations):.1f} invocations per second"
    )


# ------------------------------------------------------------------------------------------ main


def digest(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).digest()


def read_manifest(folder):
    path = os.path.join(folder, "manifest.json")
    try:
        with open(path, encoding="utf-8") as file:
            manifest = json.load(file)
    except OSError as error:
        raise Refusal(f"{path}: cannot be read: {error.strerror}")
    except ValueError as error:
        raise Refusal(f"{path}: is no manifest: {error}")
    if not isinstance(manifest, dict) or manifest.get("version") != 1:
        raise Refusal(f"{path}: is of another version than this program reads: compile again")
    for port in manifest["inputs"] + manifest["outputs"]:
        if not port["memory"] or port["memory"]["argument"] is None:
            raise Refusal(f"{path}: '{port['name']}' is not in host memory: the design is for no Ryzen AI NPU")
    return manifest


def is_float(value):
    return value["type"].startswith("float")


class Edges:
    """What goes in and out of a design, at the model's edge and at the network's.

    The model's is another one only if the host computes something in between.
    """

    def __init__(self, manifest):
        host = manifest["host"] or {}
        self.before, self.after = host.get("before"), host.get("after")
        self.network_inputs, self.network_outputs = manifest["inputs"], manifest["outputs"]
        self.model_inputs = self.before["inputs"] if self.before else self.network_inputs
        self.model_outputs = self.after["outputs"] if self.after else self.network_outputs

    def enters_model(self, tensors):
        """Whether inputs are the model's own, and not codes of the network."""
        if not self.before:
            return any(tensor.is_float for tensor in tensors)
        if len(tensors) != len(self.model_inputs):
            return len(tensors) != len(self.network_inputs)
        fits = [v["type"] == t.dtype or is_float(v) and t.is_float for v, t in zip(self.model_inputs, tensors)]
        return all(fits) or len(tensors) != len(self.network_inputs)

    def leaves_model(self, of_model, expected, written):
        """Whether outputs are the model's own: by what is expected or else as inputs enter."""

        def fits(ports):
            same = [is_float(p) == t.is_float or coded(p) for p, t in zip(ports, expected)]
            return len(ports) == len(expected) and all(same)

        outlets = {True: self.model_outputs, False: self.network_outputs}
        if expected:
            return next((edge for edge in (True, False) if fits(outlets[edge])), of_model)
        counted = [edge for edge in (of_model, True, False) if written in (0, len(outlets[edge]))]
        return counted[0] if counted else of_model


def coded(port):
    """Whether values of a tensor can be said as codes and as real numbers."""
    return "scale" in port or bool(port.get("codes"))


def run(folder, built, options):
    """Runs a design; True if all values are as expected."""
    manifest = read_manifest(folder)
    edges = Edges(manifest)
    ports, results = edges.network_inputs, edges.network_outputs
    given = ordered("--input", options.input, [edges.model_inputs, ports])
    tensors = [read_npy(path) for path in given]
    of_model = edges.enters_model(tensors)
    inlets = edges.model_inputs if of_model else ports
    check_count("--input", given, [port["name"] for port in inlets])
    floats = all(tensor.is_float for tensor in tensors)
    expected = [read_npy(named(text)[1]) for text in options.expect]
    at_model = edges.leaves_model(of_model, expected, len(options.output))
    outlets = edges.model_outputs if at_model else results
    names = [port["name"] for port in outlets]
    written = ordered("--output", options.output, [outlets])
    expected = [read_npy(path) for path in ordered("--expect", options.expect, [outlets])]
    for flag, files in (("--output", written), ("--expect", expected)):
        if files:
            check_count(flag, files, names)

    passed_by = []
    if edges.before and of_model:
        computed = on_host(folder, "before", tensors, len(edges.before["outputs"]))
        tensors, passed_by = computed[: len(ports)], computed[len(ports) :]
    split = [batches(port, tensor) for port, tensor in zip(ports, tensors)]
    for port, parts in zip(ports, split):
        if len(parts) != len(split[0]):
            raise Refusal(
                f"input '{port['name']}' has {len(parts)} batches, '{ports[0]['name']}' has {len(split[0])}"
            )
    invocations = [[packed(port, codes) for port, codes in zip(ports, batch)] for batch in zip(*split)]

    device = Device(folder, built, manifest, options.device, options.timeout)
    job = Job(device, manifest, invocations, options.queue)
    job.queued(0)
    outputs = job.codes()
    if edges.after and at_model:
        taken = len(edges.after["inputs"]) - len(outputs)
        if taken != len(passed_by):
            raise Refusal("the model's outputs are computed of its own inputs: give those, or expect codes")
        outputs = on_host(folder, "after", outputs + passed_by, len(outlets))
    usual = floats or bool(edges.before) and at_model
    for index, (port, tensor) in enumerate(zip(outlets, outputs)):
        own = not (edges.after and at_model)
        wanted = expected[index].is_float if expected and own else usual
        if wanted and not tensor.is_float and coded(port):
            outputs[index] = real(port.get("codes") or port, tensor)

    equal = True
    for index, (port, tensor) in enumerate(zip(outlets, outputs)):
        print(f"output '{port['name']}': {tensor}")
        if expected:
            tolerance = options.tolerance
            if tolerance is None:
                tolerance = tolerance_of(expected[index], port, bool(edges.after) and at_model)
            equal = compare(port["name"], tensor, expected[index], tolerance) and equal
    for path, tensor in zip(written, outputs):
        write_npy(path, tensor)
    if options.iterations:
        measure(job, manifest, options.iterations)
    return equal


def measure(job, manifest, iterations):
    """Runs all invocations again and again, awaited one by one and then queued."""
    latencies, seconds = [], 0.0
    for iteration in range(1, iterations + 1):
        latencies += job.awaited(iteration)
    for iteration in range(1, iterations + 1):
        seconds += job.queued(iteration)
    report_time(manifest, latencies, seconds, iterations * len(job.contents))


def run_checks(here, options):
    """Every kernel alone; True if each gives what it must."""
    folder = os.path.join(here, "kernels")
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    names = [name for name in names if os.path.exists(os.path.join(folder, name, "design.mlir"))]
    if not names:
        raise Refusal(f"there is no design in {folder}: 'aie4ml compile --simulate' writes them")
    failed = []
    for name in names:
        own = os.path.join(folder, name)
        print(f"== {name}")
        numbered = lambda word, ports: [os.path.join(own, f"{word}{i}.npy") for i in range(len(ports))]
        try:
            manifest = read_manifest(own)
            options.input = numbered("input", manifest["inputs"])
            options.expect = numbered("expect", manifest["outputs"])
            if not run(own, os.path.join(own, "built"), options):
                failed.append(name)
        except Refusal as refusal:
            print(f"error: {refusal}", file=sys.stderr)
            failed.append(name)
    print(f"{len(names) - len(failed)} of {len(names)} kernels give what they must")
    for name in failed:
        print(f"  not {name}")
    return not failed


def whole_number(least):
    def number(text):
        found = int(text)
        if found < least:
            raise argparse.ArgumentTypeError(f"{found} is less than {least}")
        return found

    return number


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    several = {"action": "append", "default": []}
    add("-i", "--input", **several, metavar="[NAME=]X.npy", help="one per input, in order or by name: the model's "
        "own values, or codes of the network; a multiple of the model's rows is as many invocations")
    add("-o", "--output", **several, metavar="[NAME=]Y.npy", help="one per output, in order or by name: where to "
        "write it")
    add("--expect", **several, metavar="[NAME=]Y.npy", help="one per output, in order or by name: what it must be, "
        "in the model's own values or codes")
    add("--tolerance", type=float, metavar="D", help="largest difference to an expected value (default: 0, or "
        "float32's rounding where the host computes real numbers)")
    add("--iterations", type=whole_number(0), default=1, metavar="N", help="how often the input is run to measure, "
        "with each invocation awaited and then queued (default: 1; 0 measures nothing)")
    add("--queue", type=whole_number(1), default=8, metavar="N", help="invocations under way at once (default: 8)")
    add("--timeout", type=float, default=10.0, metavar="SECONDS", help="how long to wait for an invocation "
        "(default: 10)")
    add("--device", type=whole_number(0), default=0, metavar="N", help="which device, as 'xrt-smi examine' lists "
        "them (default: 0)")
    add("--kernels", action="store_true", help="run what 'build.sh --kernels' built, and compare")
    options = parser.parse_args()
    if not options.kernels and not options.input:
        parser.error("--input is needed, once for each input of the network")
    if options.kernels and (options.input or options.output or options.expect):
        parser.error("--kernels has inputs and expected values of its own")
    return options


def main():
    options = arguments()
    here = os.path.dirname(os.path.abspath(__file__))
    try:
        if options.kernels:
            return 0 if run_checks(here, options) else 1
        return 0 if run(os.path.dirname(here), os.path.join(here, "built"), options) else 1
    except Refusal as refusal:
        print(f"error: {refusal}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
