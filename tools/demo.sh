#!/usr/bin/env bash
# One model, end to end: compile a trained digit classifier for the VEK280 and
# execute the emitted design on test images in the array simulator.
set -euo pipefail
cd "$(dirname "$0")/.."
tools/setup.sh
cargo build --release

model=examples/digits
target=${CARGO_TARGET_DIR:-target}
design=$target/demo/digits
PATH=$(realpath "$target")/release:$PATH

echo "== Compile $model/model.onnx for xcve2802"
aie4ml compile "$model/model.onnx" -o "$design"

echo
echo "== Run the design on $model/inputs.npy in the array simulator"
# outputs.npy is what ONNX Runtime computed.
aie4ml run "$design" --input "$model/inputs.npy" --expect "$model/outputs.npy" --labels "$model/labels.npy" |
  sed "s/outputs equal$/outputs equal ONNX Runtime's/"

echo
echo "== The design is in $design"
ls "$design"
