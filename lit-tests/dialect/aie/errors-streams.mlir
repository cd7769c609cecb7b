// RUN: aie4ml-opt %s --split-input-file --verify-diagnostics

aie.device(npu1) {
  %a = aie.tile(0, 2)
  %b = aie.tile(0, 3)
  aie.flow(%a, DMA : 0, %b, DMA : 0)
  // expected-error @+1 {{'aie.flow' op is the second stream into DMA 0 of tile(0, 3)}}
  aie.flow(%a, DMA : 1, %b, DMA : 0)
}

// -----

aie.device(npu1) {
  %a = aie.tile(0, 2)
  %b = aie.tile(0, 3)
  // expected-error @+1 {{'aie.flow' op uses port 2 of DMA out of the switch of tile(0, 3), which has 2 of them}}
  aie.flow(%a, DMA : 0, %b, DMA : 2)
}

// -----

aie.device(xcve2802) {
  %pl = aie.tile(4, 0)
  %b = aie.tile(4, 3)
  // expected-error @+1 {{'aie.flow' op uses port 0 of DMA into the switch of tile(4, 0), which has 0 of them}}
  aie.flow(%pl, DMA : 0, %b, DMA : 0)
}

// -----

aie.device(npu1) {
  %a = aie.tile(0, 2)
  // expected-error @+1 {{'aie.packet_flow' op needs one source and at least one destination, has 1 and 0}}
  aie.packet_flow(1) {
    aie.packet_source<%a, DMA : 0>
  }
}

// -----

aie.device(npu1) {
  %a = aie.tile(0, 2)
  %b = aie.tile(0, 3)
  // expected-error @+1 {{'aie.packet_flow' op has id 32, which must be 0 to 31}}
  aie.packet_flow(32) {
    aie.packet_source<%a, DMA : 0>
    aie.packet_dest<%b, DMA : 0>
  }
}

// -----

aie.device(npu1) {
  aie.packet_flow(3) {
    // expected-error @+1 {{'arith.constant' op is not allowed in an 'aie.packet_flow'}}
    %i = arith.constant 0 : index
  }
}

// -----

aie.device(npu1) {
  %a = aie.tile(0, 2)
  %b = aie.tile(0, 3)
  aie.packet_flow(3) {
    aie.packet_source<%a, DMA : 0>
    // expected-error @+1 {{'aie.packet_dest' op uses port 4 of DMA out of the switch of tile(0, 3), which has 2 of them}}
    aie.packet_dest<%b, DMA : 4>
  }
}

// -----

aie.device(npu1) {
  %a = aie.tile(0, 2)
  %b = aie.tile(1, 2)
  // expected-error @+1 {{leads from tile(1, 2) to tile(0, 2), but only to a core's east or south neighbor can it lead}}
  aie.cascade_flow(%b, %a)
}

// -----

aie.device(npu1) {
  %west = aie.tile(0, 2)
  %north = aie.tile(1, 3)
  %here = aie.tile(1, 2)
  aie.cascade_flow(%west, %here)
  // expected-error @+1 {{'aie.cascade_flow' op is the second cascade into tile(1, 2)}}
  aie.cascade_flow(%north, %here)
}

// -----

aie.device(npu1) {
  %here = aie.tile(0, 3)
  %east = aie.tile(1, 3)
  %south = aie.tile(0, 2)
  aie.cascade_flow(%here, %east)
  // expected-error @+1 {{'aie.cascade_flow' op is the second cascade out of tile(0, 3)}}
  aie.cascade_flow(%here, %south)
}

// -----

aie.device(npu1) {
  %a = aie.tile(0, 2)
  %m = aie.tile(0, 1)
  // expected-error @+1 {{'aie.cascade_flow' op needs a core tile, got tile(0, 1)}}
  aie.cascade_flow(%a, %m)
}

// -----

aie.device(npu1) {
  %a = aie.logical_tile<CoreTile>(0, ?)
  // expected-error @+1 {{'aie.configure_cascade' op needs a tile that is placed}}
  aie.configure_cascade(%a, West, East)
}

// -----

aie.device(npu1) {
  %a = aie.tile(0, 2)
  // expected-error @+1 {{'aie.configure_cascade' op must lead from north or west to south or east}}
  aie.configure_cascade(%a, South, East)
}

// -----

aie.device(npu1) {
  %a = aie.tile(0, 2)
  %c = aie.core(%a) {
    // expected-error @+1 {{'aie.get_cascade' op needs a type of 512 bits}}
    %v = aie.get_cascade() : vector<8xi32>
    aie.end
  }
}

// -----

aie.device(npu1) {
  %a = aie.tile(0, 2)
  %c = aie.core(%a) {
    %v = arith.constant 1 : i32
    // expected-error @+1 {{'aie.put_cascade' op needs a type of 512 bits}}
    aie.put_cascade(%v : i32)
    aie.end
  }
}
