// RUN: aie4ml-opt %s --split-input-file --verify-diagnostics

aie.device(npu1) {
  // expected-error @+1 {{'aie.tile' op is outside of 'npu1', which has 4 columns and 6 rows}}
  %t = aie.tile(4, 0)
}

// -----

aie.device(npu1) {
  // expected-error @+1 {{is a shim tile and has no memory to allocate}}
  %t = aie.tile(0, 0) {allocation_scheme = "bank-aware"}
}

// -----

aie.device(npu1) {
  // expected-error @+1 {{'aie.logical_tile' op has no such place in 'npu1'}}
  %t = aie.logical_tile<MemTile>(1, 2)
}

// -----

aie.device(npu1) {
  // expected-error @+1 {{'aie.logical_tile' op is a shim tile and has no memory to allocate}}
  %t = aie.logical_tile<ShimNOCTile>(?, ?) {allocation_scheme = "bank-aware"}
}

// -----

aie.device(npu1) {
  %t = aie.tile(0, 1)
  // expected-error @+1 {{'aie.core' op needs a core tile, got tile(0, 1)}}
  %c = aie.core(%t) {
    aie.end
  }
}

// -----

aie.device(npu1) {
  %t = aie.logical_tile<MemTile>(?, ?)
  // expected-error @+1 {{'aie.mem' op needs a core tile, got a tile of another type}}
  %m = aie.mem(%t) {
    aie.end
  }
}

// -----

aie.device(npu1) {
  %t = aie.tile(0, 2)
  // expected-error @+1 {{'aie.memtile_dma' op needs a memory tile, got tile(0, 2)}}
  %m = aie.memtile_dma(%t) {
    aie.end
  }
}

// -----

aie.device(xcve2802) {
  %t = aie.tile(4, 0)
  // expected-error @+1 {{'aie.shim_dma' op needs a shim tile with DMA, got tile(4, 0)}}
  %m = aie.shim_dma(%t) {
    aie.end
  }
}

// -----

aie.device(npu1) {
  %t = aie.tile(0, 2)
  // expected-error @+1 {{needs a shim tile, got tile(0, 2)}}
  aie.shim_dma_allocation @x(%t, MM2S, 0)
}

// -----

aie.device(npu1) {
  %t = aie.tile(0, 2)
  // expected-error @+1 {{'aie.core' op has an 'elf_file' and a body; the body must be only 'aie.end'}}
  %c = aie.core(%t) {
    %i = arith.constant 0 : index
    aie.end
  } {elf_file = "core.elf"}
}

// -----

aie.device(npu1) {
  %t = aie.tile(0, 2)
  // expected-error @+1 {{'aie.core' op has both 'link_with' and 'link_files'}}
  %c = aie.core(%t) {
    aie.end
  } {link_with = "a.o", link_files = ["a.o"]}
}

// -----

"builtin.module"() ({
  "aie.device"() ({
    %t = "aie.tile"() {col = 0 : i32, row = 2 : i32} : () -> index
    // expected-error @+1 {{'aie.core' op needs a body}}
    %c = "aie.core"(%t) ({}) : (index) -> index
    "aie.end"() : () -> ()
  }) {device = 4 : i32} : () -> ()
}) : () -> ()

// -----

aie.device(npu1) {
  %t = aie.tile(0, 0)
  // expected-error @+1 {{'aie.buffer' op needs a tile with memory, got tile(0, 0)}}
  %b = aie.buffer(%t) : memref<4xi32>
}

// -----

aie.device(npu1) {
  %t = aie.tile(0, 2)
  // expected-error @+1 {{'aie.buffer' op needs a static shape}}
  %b = aie.buffer(%t) : memref<?xi32>
}

// -----

aie.device(npu1) {
  %t = aie.tile(0, 2)
  // expected-error @+1 {{initial value needs a static memref, not 'memref<?xi32>'}}
  %b = aie.buffer(%t) : memref<?xi32> = dense<0>
}

// -----

"builtin.module"() ({
  "aie.device"() ({
    %t = "aie.tile"() {col = 0 : i32, row = 2 : i32} : () -> index
    // expected-error @+1 {{'aie.buffer' op has an initial value of another shape or element type}}
    %b = "aie.buffer"(%t) {initial_value = dense<0> : tensor<8xi32>} : (index) -> memref<4xi32>
    "aie.end"() : () -> ()
  }) {device = 4 : i32} : () -> ()
}) : () -> ()

// -----

aie.device(npu1) {
  %t = aie.tile(0, 2)
  %c = aie.core(%t) {
    // expected-error @+1 {{'aie.buffer' op needs an initial value inside a core}}
    %b = aie.buffer(%t) : memref<4xi32>
    aie.end
  }
}

// -----

aie.device(npu1) {
  %t = aie.tile(0, 2)
  // expected-error @+1 {{'aie.buffer' op has 1024 bytes at 65024, memory has 65536}}
  %b = aie.buffer(%t) {address = 65024 : i32} : memref<256xi32>
}

// -----

aie.device(npu1) {
  %t = aie.tile(0, 2)
  // expected-error @+1 {{'aie.buffer' op has bank 4, memory has 4}}
  %b = aie.buffer(%t) {mem_bank = 4 : i32} : memref<256xi32>
}

// -----

aie.device(npu1) {
  %t = aie.tile(0, 2)
  // expected-error @+1 {{'aie.lock' op has id 16, the tile has 16 locks}}
  %l = aie.lock(%t, 16)
}

// -----

aie.device(npu1) {
  %t = aie.tile(0, 2)
  // expected-error @+1 {{'aie.lock' op begins at 64, a lock holds 0 to 63}}
  %l = aie.lock(%t) {init = 64 : i32}
}

// -----

aie.device(npu1) {
  %west = aie.tile(0, 2)
  %east = aie.tile(1, 2)
  // expected-note @+1 {{defined here}}
  %l = aie.lock(%east)
  %c = aie.core(%west) {
    // expected-error @+1 {{'aie.use_lock' op uses what is in tile(1, 2), out of the reach of tile(0, 2)}}
    aie.use_lock(%l, AcquireGreaterEqual, 1)
    aie.end
  }
}

// -----

aie.device(npu1) {
  %t = aie.tile(0, 2)
  // expected-note @+1 {{see existing symbol definition here}}
  %a = aie.buffer(%t) {sym_name = "same"} : memref<4xi32>
  // expected-error @+1 {{redefinition of symbol named 'same'}}
  %b = aie.lock(%t) {sym_name = "same"}
}
