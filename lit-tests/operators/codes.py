"""Writes .npy files of codes, without NumPy: `codes.py ROWSxFEATURESxTYPE FILE` for each file.

All codes of a type come about equally often, its ends in the first row.
"""
import struct
import sys

for shape, path in zip(sys.argv[1::2], sys.argv[2::2], strict=True):
    rows, features, kind = shape.split("x")
    bits = int(kind.lstrip("ui"))
    count, low = int(rows) * int(features), 0 if kind[0] == "u" else -(1 << bits - 1)
    codes = [low, low + (1 << bits) - 1][:count]
    state = 1
    while len(codes) < count:
        state = (state * 1103515245 + 12345) % (1 << 31)
        codes.append(low + (state >> 15) % (1 << bits))
    letter = {8: "b", 16: "h"}[bits]
    header = f"{{'descr': '{'|' if bits == 8 else '<'}{kind[0]}{bits // 8}', 'fortran_order': False, 'shape': ({rows}, {features}), }}"
    header = header.ljust(117) + "\n"
    data = struct.pack(f"<{count}{letter.upper() if kind[0] == 'u' else letter}", *codes)
    open(path, "wb").write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + data)
