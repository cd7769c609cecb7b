// RUN: aie4ml-opt %s --convert-aie4ml-to-linalg --split-input-file --verify-diagnostics

func.func @limits_outside_the_type(%x: tensor<2x3xi8>) -> tensor<2x3xi8> {
  // expected-error @+1 {{'aie4ml.clamp' op limits to [300, 400], of which its type holds nothing}}
  %y = aie4ml.clamp %x min = 300 max = 400 : (tensor<2x3xi8>) -> tensor<2x3xi8>
  return %y : tensor<2x3xi8>
}
