// Switch boxes, streams of cores, and other ops that this compiler does not write, but reads.
// RUN: aie4ml-opt %s | FileCheck %s
// RUN: aie4ml-opt %s | aie4ml-opt | FileCheck %s
// RUN: aie4ml-opt %s --mlir-print-op-generic | aie4ml-opt | FileCheck %s

// CHECK-LABEL: aie.device(npu1)
aie.device(npu1) {
  %shim = aie.tile(0, 0)
  %t = aie.tile(0, 2)
  // CHECK: aie.shim_mux(%{{.*}}) {
  %mux = aie.shim_mux(%shim) {
    // CHECK-NEXT: aie.connect<DMA : 0, North : 3>
    aie.connect<DMA : 0, North : 3>
  }
  // CHECK: %[[BOX:.*]] = aie.switchbox(%{{.*}}) {
  %box = aie.switchbox(%t) {
    // CHECK-NEXT: %[[A:.*]] = aie.amsel<0> (3)
    %a = aie.amsel<0> (3)
    %b = aie.amsel<0> (0)
    // CHECK: aie.masterset(DMA : 0, %[[A]])
    %m = aie.masterset(DMA : 0, %a)
    // CHECK: aie.masterset(North : 1, %[[A]], %{{.*}}) {keep_pkt_header = true}
    %n = aie.masterset(North : 1, %a, %b) {keep_pkt_header = true}
    // CHECK: aie.packet_rules(South : 0) {
    aie.packet_rules(South : 0) {
      // CHECK-NEXT: aie.rule(31, 4, %[[A]])
      aie.rule(31, 4, %a)
    }
  }
  %below = aie.shim_switchbox(1) {
    aie.connect<South : 3, North : 0>
  }
  // CHECK: aie.wire(%{{.*}} : North, %[[BOX]] : South)
  aie.wire(%mux : North, %box : South)
  // CHECK: aie.plio(2)
  %pl = aie.plio(2)
  // CHECK: aie.bd_chain @chain(%{{.*}}: memref<8xi32>)
  aie.bd_chain @chain(%m: memref<8xi32>) {
    aie.dma_bd(%m : memref<8xi32>, 0, 8)
    aie.end
  }
  %c = aie.core(%t) {
    %port = arith.constant 0 : i32
    // CHECK: aie.get_stream(%{{.*}} : i32) : i128
    %v = aie.get_stream(%port : i32) : i128
    // CHECK: aie.put_stream(%{{.*}} : i32, %{{.*}} : i128)
    aie.put_stream(%port : i32, %v : i128)
    // CHECK: aie.event(1)
    aie.event(1)
    // CHECK: aie.debug(%{{.*}} : i128)
    aie.debug(%v : i128)
    aie.end
  }
  aie.shim_dma_allocation @in(%shim, MM2S, 0)
  aie.runtime_sequence(%a: memref<8xi32>, %b: memref<4x!aiex.bfp<"v8bfp16ebs8">>) {
    // CHECK: aiex.dma_start_bd_chain @chain(%{{.*}}) : (memref<8xi32>) on (%{{.*}}, MM2S, 0)
    %x = aiex.dma_start_bd_chain @chain(%a) : (memref<8xi32>) on (%shim, MM2S, 0)
    // CHECK: aiex.dma_start_bd_chain_for @chain(%{{.*}}) : (memref<8xi32>) for @in
    %y = aiex.dma_start_bd_chain_for @chain(%a) : (memref<8xi32>) for @in
  }
}
