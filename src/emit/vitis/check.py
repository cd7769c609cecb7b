#!/usr/bin/env python3
"""Compares what a simulator wrote with what is expected.

check.py FOLDER: FOLDER has data/*.txt, as x86simulator_output, aiesimulator_output or
emulation_output. Numbers are compared one by one; '-' is one that nothing depends on.
"""
import pathlib
import sys


def numbers(path):
    # The cycle-accurate simulator writes a time before each line, and TLAST where a packet ends.
    lines = (line.split() for line in path.read_text().splitlines())
    lines = (line for line in lines if line and line[0] not in ("T", "TLAST"))
    return [word for line in lines for word in line]


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = pathlib.Path(sys.argv[1])
    here = pathlib.Path(__file__).resolve().parent
    wrong = total = 0
    for path in sorted((here / "expected").glob("*.txt")):
        found = folder / "data" / path.name
        if not found.exists():
            sys.exit(f"{found} does not exist: has the simulator run?")
        expected, found = numbers(path), numbers(found)
        if len(found) != len(expected):
            sys.exit(f"{path.name}: {len(found)} numbers, {len(expected)} are expected")
        for index, (one, other) in enumerate(zip(found, expected)):
            if other == "-":
                continue
            total += 1
            if int(one) != int(other):
                if wrong < 10:
                    print(f"{path.name}: number {index} is {one}, not {other}")
                wrong += 1
    print(f"{total - wrong} of {total} numbers equal")
    sys.exit(1 if wrong or not total else 0)


main()
