// Traces are read and printed; nothing else is done with them.
// RUN: aie4ml-opt %s | FileCheck %s
// RUN: aie4ml-opt %s --mlir-print-op-generic | aie4ml-opt | FileCheck %s

// CHECK-LABEL: aie.device(npu1)
aie.device(npu1) {
  %t = aie.tile(0, 2)
  // CHECK: aie.trace @core(%{{.*}}) {
  aie.trace @core(%t) {
    // CHECK-NEXT: aie.trace.mode "Event-Time"
    aie.trace.mode "Event-Time"
    // CHECK-NEXT: aie.trace.packet id = 1 type = core
    aie.trace.packet id = 1 type = core
    // CHECK-NEXT: aie.trace.event <"INSTR_EVENT_0"> label = "begin"
    aie.trace.event <"INSTR_EVENT_0"> label = "begin"
    // CHECK-NEXT: aie.trace.event <CoreEventAIE2::INSTR_EVENT_1>
    aie.trace.event <CoreEventAIE2::INSTR_EVENT_1>
    // CHECK-NEXT: aie.trace.port<0> port = DMA channel = 1 direction = S2MM
    aie.trace.port<0> port = DMA channel = 1 direction = S2MM
    // CHECK-NEXT: aie.trace.combo_event<0> <"LOCK_STALL"> AND_NOT <"STREAM_STALL">
    aie.trace.combo_event<0> <"LOCK_STALL"> AND_NOT <"STREAM_STALL">
    // CHECK-NEXT: aie.trace.edge_event<1> event = <"LOCK_STALL"> trigger = BOTH
    aie.trace.edge_event<1> event = <"LOCK_STALL"> trigger = BOTH
    // CHECK-NEXT: aie.trace.start broadcast = 15
    aie.trace.start broadcast = 15
    // CHECK-NEXT: aie.trace.stop event = <"NONE">
    aie.trace.stop event = <"NONE">
  }
  // CHECK: aie.trace.config @registers(%{{.*}}) packet_type = mem {
  aie.trace.config @registers(%t) packet_type = mem {
    // CHECK-NEXT: aie.trace.reg register = "Trace_Control0" field = "Mode" value = 2 mask = 3
    aie.trace.reg register = "Trace_Control0" field = "Mode" value = 2 mask = 3
  }
  aie.runtime_sequence(%a: memref<8xi32>) {
    // CHECK: aie.trace.host_config buffer_size = 8192 arg_idx = 2 routing = single
    aie.trace.host_config buffer_size = 8192 arg_idx = 2 routing = single
    // CHECK: aie.trace.start_config @core
    aie.trace.start_config @core
  }
}
