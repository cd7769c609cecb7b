"""Compares the memrefs that a text of mlir-runner prints, in order, with .npy files of 32-bit integers, without NumPy."""
import re
import struct
import sys

printed = [re.findall(r"-?\d+", part.split("data =", 1)[1]) for part in open(sys.argv[1]).read().split("Unranked Memref")[1:]]
for path, expected in zip(sys.argv[2:], printed, strict=True):
    data = open(path, "rb").read()
    body = data[10 + struct.unpack("<H", data[8:10])[0] :]
    found = struct.unpack(f"<{len(body) // 4}i", body)
    expected = [int(number) for number in expected]
    differences = [at for at, pair in enumerate(zip(found, expected, strict=True)) if pair[0] != pair[1]]
    name = path.rsplit("/", 1)[-1]
    if differences:
        at = differences[0]
        print(f"{name}: {len(differences)} of {len(found)} values differ, at {at} it is {found[at]}, not {expected[at]}")
    else:
        print(f"{name}: {len(found)} values, all the same")
