// One layer under every objective, and what is refused before or while it runs.

// RUN: aie4ml-opt %s --pass-pipeline='builtin.module(func.func(aie4ml-legalize{device=xcve2302},aie4ml-tile,aie4ml-parallelize{objective=throughput max-tiles=4},aie4ml-pack,aie4ml-plan-transport,aie4ml-place),convert-aie4ml-to-aie)' \
// RUN:   | FileCheck %s
// CHECK: aie.device(xcve2302) {
// CHECK-COUNT-4: aie.core(
// CHECK-NOT: aie.core(

// The VEK385 has two rows of memory tiles below its cores, and programmable logic from column 4 on.
// RUN: aie4ml-opt %s --pass-pipeline='builtin.module(func.func(aie4ml-legalize{device=xcve3858},aie4ml-tile,aie4ml-parallelize,aie4ml-pack,aie4ml-plan-transport,aie4ml-place),convert-aie4ml-to-aie,aie.device(aie4ml-prove-dataflow,aie-validate))' \
// RUN:   | FileCheck %s --check-prefix=VEK385
// VEK385: aie.device(xcve3858) {
// VEK385-DAG: aie.tile(4, 0)
// VEK385-DAG: aie.tile(4, 1)
// VEK385-DAG: aie.tile(4, 3)
// VEK385: m8x8x8

// RUN: not aie4ml-opt %s --pass-pipeline='builtin.module(func.func(aie4ml-parallelize{objective=speed}))' 2>&1 | FileCheck %s --check-prefix=OBJECTIVE
// OBJECTIVE: 'aie4ml-parallelize': option 'objective': unknown objective 'speed': use resources, throughput or latency (got 'speed')

// RUN: not aie4ml-opt %s --aie4ml-place=lambda=-1 2>&1 | FileCheck %s --check-prefix=WEIGHT
// RUN: not aie4ml-opt %s --aie4ml-place=mu=nan 2>&1 | FileCheck %s --check-prefix=WEIGHT
// WEIGHT: 'aie4ml-place': option '{{lambda|mu}}': must be 0 to 1000 (got '{{-1|nan}}')

// RUN: not aie4ml-opt %s --aie4ml-pack=stack=5000000000 2>&1 | FileCheck %s --check-prefix=STACK
// STACK: 'aie4ml-pack': option 'stack': number too large to fit in target type (got '5000000000')

// RUN: not aie4ml-opt %s --pass-pipeline='builtin.module(func.func(aie4ml-legalize{device=vck5000}))' 2>&1 | FileCheck %s --check-prefix=DEVICE
// DEVICE: error: 'func.func' op names unknown device 'vck5000': use one of xcve2802, xcve2302, xcve3858, npu1,

// A pass that comes too early says which one has to come before it.

// RUN: not aie4ml-opt %s --aie4ml-place 2>&1 | FileCheck %s --check-prefix=EARLY
// EARLY: error: 'aie4ml.dense' op has no split: run aie4ml-parallelize first
// RUN: not aie4ml-opt %s --convert-aie4ml-to-aie 2>&1 | FileCheck %s --check-prefix=EARLY

func.func @layer(%x: tensor<8x64xi8>) -> tensor<8x32xi8> {
  %w = arith.constant dense<1> : tensor<64x32xi8>
  %y = aie4ml.dense %x, %w accumulator = i32
         requant = [#aie4ml.requant<shift = 7, rounding = floor, overflow = saturate, width = 8, min = -128, max = 127>]
         : (tensor<8x64xi8>, tensor<64x32xi8>) -> tensor<8x32xi8>
  return %y : tensor<8x32xi8>
}
