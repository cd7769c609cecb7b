// RUN: aie4ml-opt %s --split-input-file --aie4ml-pack --aie4ml-plan-transport --aie4ml-place --convert-aie4ml-to-aie \
// RUN:   --aie4ml-prove-dataflow --aie-validate | FileCheck %s

// Five rows pass four at a time, so the host's memory has eight, of whole words.
// Three chains share the two channels: two of them one stream.

// CHECK: aie.device(npu1_1col)
// CHECK: %[[SHIM:.*]] = aie.tile(0, 0)
// CHECK: aie.flow(%[[SHIM]], DMA : 0, %{{.*}}, DMA : 0)
// CHECK-DAG: aie.shim_dma_allocation @in0_0(%[[SHIM]], MM2S, 0)
// CHECK-DAG: aie.shim_dma_allocation @out0_0(%[[SHIM]], S2MM, [[ONE:[01]]])
// CHECK-DAG: aie.shim_dma_allocation @out0_1(%[[SHIM]], S2MM, {{[01]}})
// CHECK: aie.runtime_sequence(%[[X:.*]]: memref<8x16xi8>, %[[Y:.*]]: memref<8x24xi8>) {
// CHECK-NEXT: aiex.npu.dma_memcpy_nd(%[[X]][0, 0, 0, 0][1, 1, 1, 128][0, 0, 0, 1]) {id = 0 : i64, issue_token = true, metadata = @in0_0} : memref<8x16xi8>
// CHECK-NEXT: aiex.npu.dma_memcpy_nd(%[[Y]][0, 0, 0, 0][2, 2, 4, 8][96, 8, 24, 1]) {id = 1 : i64, issue_token = true, metadata = @out0_0} : memref<8x24xi8>
// CHECK-NEXT: aiex.npu.dma_memcpy_nd(%[[Y]][0, 0, 0, 16][1, 1, 8, 8][0, 0, 24, 1]) {id = 2 : i64, issue_token = true, metadata = @out0_1} : memref<8x24xi8>
// CHECK-NEXT: aiex.npu.dma_wait {symbol = @in0_0}
// CHECK-NEXT: aiex.npu.dma_wait {symbol = @out0_0}
// CHECK-NEXT: aiex.npu.dma_wait {symbol = @out0_1}
// CHECK-NEXT: }
// CHECK-NEXT: } {aie4ml.inputs = [{{.*}}memory = "argument0"{{.*}}], aie4ml.outputs = [{{.*}}memory = "argument1"
func.func @by_tasks(%x: tensor<5x13xi8>) -> tensor<5x24xi8> attributes {aie4ml.device = "npu1_1col"} {
  %w = arith.constant dense<1> : tensor<13x24xi8>
  %y = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 3, k = 16, n = 8, rows = 4>}
         : (tensor<5x13xi8>, tensor<13x24xi8>) -> tensor<5x24xi8>
  return %y : tensor<5x24xi8>
}

// -----

// On a Versal device locks of the host hold the channels up.

// CHECK: aie.device(xcve2302)
// CHECK: %[[X:.*]] = aie.external_buffer {sym_name = "in0"} : memref<8x16xi8>
// CHECK: %[[Y:.*]] = aie.external_buffer {sym_name = "out0"} : memref<8x24xi8>
// CHECK-DAG: %[[GO:.*]] = aie.lock(%[[NOC:.*]]) {init = 0 : i32, sym_name = "out0_1_go"}
// CHECK-DAG: %[[DONE:.*]] = aie.lock(%[[NOC]]) {init = 0 : i32, sym_name = "out0_1_done"}
// CHECK: aie.use_lock(%[[GO]], AcquireGreaterEqual, 1)
// CHECK-NEXT: aie.dma_bd(%[[Y]] : memref<8x24xi8>, 8, 64, [<size = 8, stride = 24>, <size = 8, stride = 1>])
// CHECK-NEXT: aie.use_lock(%[[DONE]], Release, 1)
// CHECK-NOT: runtime_sequence
func.func @by_locks(%x: tensor<5x13xi8>) -> tensor<5x24xi8> attributes {aie4ml.device = "xcve2302", aie4ml.io = "ddr"} {
  %w = arith.constant dense<1> : tensor<13x24xi8>
  %y = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 3, k = 16, n = 8, rows = 4>}
         : (tensor<5x13xi8>, tensor<13x24xi8>) -> tensor<5x24xi8>
  return %y : tensor<5x24xi8>
}
