"""Prints the numbers of .npy files of version 1, a line each, without NumPy."""
import ast
import struct
import sys

for path in sys.argv[1:]:
    data = open(path, "rb").read()
    size = struct.unpack("<H", data[8:10])[0]
    header = ast.literal_eval(data[10 : 10 + size].decode())
    code = {"i1": "b", "u1": "B", "i2": "h", "u2": "H", "i4": "i", "i8": "q", "f4": "f"}[header["descr"][1:]]
    body = data[10 + size :]
    print(*struct.unpack(f"<{len(body) // struct.calcsize(code)}{code}", body))
