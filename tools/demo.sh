#!/usr/bin/env bash
# One model, end to end: compile a trained digit classifier for the VEK280 and
# execute the emitted design on test images in the array simulator.
set -euo pipefail
cd "$(dirname "$0")/.."
tools/setup.sh
cargo build --release --quiet --bins

model=examples/digits
design=target/demo/digits
PATH=$PWD/target/release:$PATH

echo "== Compile: $model/model.onnx for xcve2802"
aie4ml compile "$model/model.onnx" -o "$design"
echo
echo "== Run: the emitted design on $model/inputs.npy, in the array simulator"
aie4ml run "$design" --input "$model/inputs.npy" --expect "$model/outputs.npy" --labels "$model/labels.npy"
echo "(expected: what ONNX Runtime computes)"
echo
echo "The design is in $design:"
ls "$design"
