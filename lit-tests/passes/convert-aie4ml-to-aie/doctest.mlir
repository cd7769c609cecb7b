// RUN: aie4ml-opt %s --convert-aie4ml-to-aie | FileCheck %s

// CHECK: aie.device(xcve2802) {
// CHECK: func.func private @[[KERNEL:dense_single_4x8x8[a-z0-9_]*]](memref<32xi8>, memref<64xi8>, memref<8xi32>, memref<32xi8>) attributes {link_with = "[[KERNEL]].o"}

// CHECK-DAG: %[[SHIM:.*]] = aie.tile(6, 0)
// CHECK-DAG: %[[MEM:.*]] = aie.tile(6, 1)
// CHECK-DAG: %[[CORE:.*]] = aie.tile(6, 3)

// CHECK-DAG: %[[WEIGHTS:.*]] = aie.buffer(%[[CORE]]) {address = 16384 : i32, sym_name = "fc_0_0_weights"} : memref<64xi8> = dense<3>
// CHECK-DAG: %[[BIAS:.*]] = aie.buffer(%[[CORE]]) {address = 2048 : i32, sym_name = "fc_0_0_bias"} : memref<8xi32> = dense<0>
// CHECK-DAG: %[[IN_PING:.*]] = aie.buffer(%[[CORE]]) {address = 32768 : i32, sym_name = "fc_0_0_in0"} : memref<32xi8>
// CHECK-DAG: %[[IN_PONG:.*]] = aie.buffer(%[[CORE]]) {address = 32800 : i32, sym_name = "fc_0_0_in1"} : memref<32xi8>
// CHECK-DAG: %[[OUT_PING:.*]] = aie.buffer(%[[CORE]]) {address = 49152 : i32, sym_name = "fc_0_0_out0"} : memref<32xi8>
// CHECK-DAG: %[[OUT_PONG:.*]] = aie.buffer(%[[CORE]]) {address = 49184 : i32, sym_name = "fc_0_0_out1"} : memref<32xi8>
// CHECK-DAG: %[[X_PING:.*]] = aie.buffer(%[[MEM]]) {sym_name = "in0_t0_r0_0"} : memref<4x8xi8>
// CHECK-DAG: %[[X_PONG:.*]] = aie.buffer(%[[MEM]]) {sym_name = "in0_t0_r0_1"} : memref<4x8xi8>
// CHECK-DAG: %[[Y_PING:.*]] = aie.buffer(%[[MEM]]) {sym_name = "fc_t1_r0_0"} : memref<4x8xi8>
// CHECK-DAG: %[[Y_PONG:.*]] = aie.buffer(%[[MEM]]) {sym_name = "fc_t1_r0_1"} : memref<4x8xi8>

// Each pair of halves has a lock that counts free ones and one that counts full ones.
// CHECK-DAG: %[[X_FREE:.*]] = aie.lock(%[[MEM]]) {init = 2 : i32, sym_name = "in0_t0_r0_free"}
// CHECK-DAG: %[[X_FULL:.*]] = aie.lock(%[[MEM]]) {init = 0 : i32, sym_name = "in0_t0_r0_full"}
// CHECK-DAG: %[[IN_FREE:.*]] = aie.lock(%[[CORE]]) {init = 2 : i32, sym_name = "fc_0_0_in_free"}
// CHECK-DAG: %[[IN_FULL:.*]] = aie.lock(%[[CORE]]) {init = 0 : i32, sym_name = "fc_0_0_in_full"}
// CHECK-DAG: %[[OUT_FREE:.*]] = aie.lock(%[[CORE]]) {init = 2 : i32, sym_name = "fc_0_out0_free"}
// CHECK-DAG: %[[OUT_FULL:.*]] = aie.lock(%[[CORE]]) {init = 0 : i32, sym_name = "fc_0_out0_full"}
// CHECK-DAG: %[[Y_FREE:.*]] = aie.lock(%[[MEM]]) {init = 2 : i32, sym_name = "fc_t1_r0_free"}
// CHECK-DAG: %[[Y_FULL:.*]] = aie.lock(%[[MEM]]) {init = 0 : i32, sym_name = "fc_t1_r0_full"}

// CHECK: aie.flow(%[[SHIM]], PLIO : 0, %[[MEM]], DMA : 0)
// CHECK: aie.flow(%[[MEM]], DMA : 0, %[[CORE]], DMA : 0)
// CHECK: aie.flow(%[[CORE]], DMA : 0, %[[MEM]], DMA : 1)
// CHECK: aie.flow(%[[MEM]], DMA : 1, %[[SHIM]], PLIO : 0)

// CHECK: aie.memtile_dma(%[[MEM]]) {
// CHECK: aie.dma_start(S2MM, 0, ^[[FILL_PING:.*]], ^{{.*}})
// CHECK-NEXT: ^[[FILL_PING]]:
// CHECK-NEXT: aie.use_lock(%[[X_FREE]], AcquireGreaterEqual, 1)
// CHECK-NEXT: aie.dma_bd(%[[X_PING]] : memref<4x8xi8>, 0, 32)
// CHECK-NEXT: aie.use_lock(%[[X_FULL]], Release, 1)
// CHECK-NEXT: aie.next_bd ^[[FILL_PONG:.*]]
// CHECK-NEXT: ^[[FILL_PONG]]:
// CHECK-NEXT: aie.use_lock(%[[X_FREE]], AcquireGreaterEqual, 1)
// CHECK-NEXT: aie.dma_bd(%[[X_PONG]] : memref<4x8xi8>, 0, 32)
// CHECK-NEXT: aie.use_lock(%[[X_FULL]], Release, 1)
// CHECK-NEXT: aie.next_bd ^[[FILL_PING]]
// CHECK: aie.dma_start(MM2S, 0,
// CHECK: aie.use_lock(%[[X_FULL]], AcquireGreaterEqual, 1)
// CHECK-NEXT: aie.dma_bd(%[[X_PING]] : memref<4x8xi8>, 0, 32)
// CHECK-NEXT: aie.use_lock(%[[X_FREE]], Release, 1)
// CHECK: aie.dma_start(S2MM, 1,
// CHECK: aie.use_lock(%[[Y_FREE]], AcquireGreaterEqual, 1)
// CHECK-NEXT: aie.dma_bd(%[[Y_PING]] : memref<4x8xi8>, 0, 32)
// CHECK-NEXT: aie.use_lock(%[[Y_FULL]], Release, 1)
// CHECK: aie.dma_start(MM2S, 1,
// CHECK: aie.use_lock(%[[Y_FULL]], AcquireGreaterEqual, 1)
// CHECK-NEXT: aie.dma_bd(%[[Y_PING]] : memref<4x8xi8>, 0, 32)
// CHECK-NEXT: aie.use_lock(%[[Y_FREE]], Release, 1)

// CHECK: aie.mem(%[[CORE]]) {
// CHECK: aie.dma_start(S2MM, 0,
// CHECK: aie.use_lock(%[[IN_FREE]], AcquireGreaterEqual, 1)
// CHECK-NEXT: aie.dma_bd(%[[IN_PING]] : memref<32xi8>, 0, 32)
// CHECK-NEXT: aie.use_lock(%[[IN_FULL]], Release, 1)
// CHECK: aie.dma_start(MM2S, 0,
// CHECK: aie.use_lock(%[[OUT_FULL]], AcquireGreaterEqual, 1)
// CHECK-NEXT: aie.dma_bd(%[[OUT_PING]] : memref<32xi8>, 0, 32)
// CHECK-NEXT: aie.use_lock(%[[OUT_FREE]], Release, 1)

// CHECK: aie.core(%[[CORE]]) {
// CHECK: scf.for
// CHECK-NEXT: aie.use_lock(%[[OUT_FREE]], AcquireGreaterEqual, 1)
// CHECK-NEXT: aie.use_lock(%[[IN_FULL]], AcquireGreaterEqual, 1)
// CHECK-NEXT: func.call @[[KERNEL]](%[[IN_PING]], %[[WEIGHTS]], %[[BIAS]], %[[OUT_PING]])
// CHECK-NEXT: aie.use_lock(%[[OUT_FULL]], Release, 1)
// CHECK-NEXT: aie.use_lock(%[[IN_FREE]], Release, 1)
// CHECK-NEXT: aie.use_lock(%[[OUT_FREE]], AcquireGreaterEqual, 1)
// CHECK-NEXT: aie.use_lock(%[[IN_FULL]], AcquireGreaterEqual, 1)
// CHECK-NEXT: func.call @[[KERNEL]](%[[IN_PONG]], %[[WEIGHTS]], %[[BIAS]], %[[OUT_PONG]])
// CHECK-NEXT: aie.use_lock(%[[OUT_FULL]], Release, 1)
// CHECK-NEXT: aie.use_lock(%[[IN_FREE]], Release, 1)
// CHECK-NEXT: }
// CHECK-NEXT: aie.end
// CHECK: stack_size = 2048 : i32
func.func @layer(%x: tensor<4x8xi8>) -> tensor<4x8xi8> attributes {aie4ml.device = "xcve2802"} {
  %w = arith.constant dense<3> : tensor<8x8xi8>
  %0 = aie4ml.transfer %x
         {regions = [#aie4ml.region<0 -> 0, 0 to 8, group = 0>], memory_tiles = [#aie4ml.place<6, 1>], ports = [#aie4ml.port<6, 0>]}
         : tensor<4x8xi8> -> tensor<4x8xi8>
  %1 = aie4ml.dense %0, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = nearest_even, overflow = saturate, width = 8, min = 0, max = 127>]
         {microtile = #aie4ml.microtile<4, 8, 8>, split = #aie4ml.split<cascade = 1, chains = 1, k = 8, n = 8, rows = 4>,
          packing = #aie4ml.packing<stack = 2048, weights = 16384, bias = 2048, input = [32768, 32800], output = [49152, 49184]>,
          place = [#aie4ml.place<6, 3>]}
         : (tensor<4x8xi8>, tensor<8x8xi8>) -> tensor<4x8xi8> loc("fc")
  %2 = aie4ml.transfer %1
         {regions = [#aie4ml.region<0 -> 0, 0 to 8, group = 0>], memory_tiles = [#aie4ml.place<6, 1>], ports = [#aie4ml.port<6, 0>]}
         : tensor<4x8xi8> -> tensor<4x8xi8>
  return %2 : tensor<4x8xi8>
}
