// RUN: aie4ml-opt %s --pass-pipeline='builtin.module(aie.device(aie-validate))' --split-input-file --verify-diagnostics

// Packets of an id that leads nowhere.
aie.device(npu1) {
  %s = aie.tile(0, 2)
  %d = aie.tile(0, 3)
  %b = aie.buffer(%s) {sym_name = "b"} : memref<16xi32>
  aie.packet_flow(3) {
    aie.packet_source<%s, DMA : 0>
    aie.packet_dest<%d, DMA : 0>
  }
  %m = aie.mem(%s) {
    %0 = aie.dma_start(MM2S, 0, ^bd, ^end)
  ^bd:
    // expected-error @+1 {{'aie.dma_bd' op sends packets of id 4, of which no packet flow from here is}}
    aie.dma_bd(%b : memref<16xi32>) {packet = #aie.packet_info<pkt_type = 0, pkt_id = 4>}
    aie.next_bd ^end
  ^end:
    aie.end
  }
}

// -----

aie.device(npu1) {
  %a = aie.tile(0, 3)
  %b = aie.tile(0, 2)
  // expected-error @+1 {{'aie.cascade_flow' op leads to a core that takes nothing from it: its sender will stop}}
  aie.cascade_flow(%a, %b)
  %c = aie.core(%a) {
    %x = arith.constant dense<1> : vector<16xi32>
    aie.put_cascade(%x : vector<16xi32>)
    aie.end
  }
  %d = aie.core(%b) {
    aie.end
  }
}

// -----

aie.device(npu1) {
  %a = aie.tile(0, 3)
  %b = aie.tile(0, 2)
  // expected-error @+1 {{'aie.cascade_flow' op comes from a core that puts nothing into it: its receiver waits for ever}}
  aie.cascade_flow(%a, %b)
  func.func @take() {
    %x = aie.get_cascade() : vector<16xi32>
    return
  }
  %c = aie.core(%a) {
    aie.end
  }
  %d = aie.core(%b) {
    func.call @take() : () -> ()
    aie.end
  }
}

// -----

// What a kernel does is not known.
aie.device(npu1) {
  %a = aie.tile(0, 3)
  %b = aie.tile(0, 2)
  aie.cascade_flow(%a, %b)
  func.func private @take() attributes {link_with = "take.o"}
  %c = aie.core(%a) {
    %x = arith.constant dense<1> : vector<16xi32>
    aie.put_cascade(%x : vector<16xi32>)
    aie.end
  }
  %d = aie.core(%b) {
    func.call @take() : () -> ()
    aie.end
  }
}
