// RUN: not aie4ml-opt %s --aie4ml-apply-directives=file=%S/Inputs/unknown.toml 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// UNKNOWN: unknown.toml:1:9: error: no layer is called 'fisrt'; most alike: 'first', 'split', 'twin'

// RUN: not aie4ml-opt %s --aie4ml-apply-directives=file=%S/Inputs/twin.toml 2>&1 | FileCheck %s --check-prefix=TWIN
// TWIN: twin.toml:1:9: error: 2 layers are called 'twin': name them apart, or write their attribute 'aie4ml.directive'

// RUN: not aie4ml-opt %s --aie4ml-apply-directives=file=%S/Inputs/split.toml 2>&1 | FileCheck %s --check-prefix=SPLIT
// SPLIT: split.toml:1:9: error: layer 'split' is split already: remove its 'split' first

// RUN: not aie4ml-opt %s --aie4ml-apply-directives=file=%S/Inputs/malformed.toml 2>&1 | FileCheck %s --check-prefix=MALFORMED
// MALFORMED: malformed.toml:3:11: error: invalid type: string "four", expected a nonzero usize

// RUN: not aie4ml-opt %s --aie4ml-apply-directives=file=%S/Inputs/nothing.toml 2>&1 | FileCheck %s --check-prefix=NOTHING
// NOTHING: error: 'func.func' op has directives in nothing.toml: cannot be read:

func.func @network(%x: tensor<8x64xi8>) -> tensor<8x64xi8> {
  %w = arith.constant dense<1> : tensor<64x64xi8>
  %0 = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         : (tensor<8x64xi8>, tensor<64x64xi8>) -> tensor<8x64xi8> loc("first")
  %1 = aie4ml.dense %0, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         : (tensor<8x64xi8>, tensor<64x64xi8>) -> tensor<8x64xi8> loc("twin")
  %2 = aie4ml.dense %1, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         : (tensor<8x64xi8>, tensor<64x64xi8>) -> tensor<8x64xi8> loc("twin")
  %3 = aie4ml.dense %2, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 64, n = 64, rows = 8>}
         : (tensor<8x64xi8>, tensor<64x64xi8>) -> tensor<8x64xi8> loc("split")
  return %3 : tensor<8x64xi8>
}
