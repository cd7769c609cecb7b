// RUN: aie4ml-opt %s --split-input-file --verify-diagnostics

aie.device(npu1) {
  %a = aie.tile(0, 2)
  %b = aie.tile(0, 3)
  // expected-error @+1 {{'aie.objectfifo' op has 3 depths for a producer and 1 consumers}}
  aie.objectfifo @f(%a, {%b}, [1 : i32, 1 : i32, 1 : i32]) : !aie.objectfifo<memref<4xi32>>
}

// -----

aie.device(npu1) {
  %a = aie.tile(0, 2)
  %b = aie.tile(0, 3)
  // expected-error @+1 {{'aie.objectfifo' op needs integers as depths}}
  aie.objectfifo @f(%a, {%b}, ["1", "1"]) : !aie.objectfifo<memref<4xi32>>
}

// -----

"builtin.module"() ({
  "aie.device"() ({
    %t = "aie.tile"() {col = 1 : i32, row = 2 : i32} : () -> index
    // expected-error @+1 {{'aie.objectfifo' op has dimensions for 2 of 1 consumers}}
    "aie.objectfifo"(%t, %t) {sym_name = "f", elemNumber = 2 : i32, elemType = !aie.objectfifo<memref<8xi32>>, dimensionsFromStreamPerConsumer = #aie<bd_dim_layout_array_array[[], []]>} : (index, index) -> ()
    "aie.end"() : () -> ()
  }) {device = 4 : i32} : () -> ()
}) : () -> ()

// -----

aie.device(npu1) {
  %a = aie.tile(0, 2)
  %b = aie.tile(0, 3)
  // expected-error @+1 {{'aie.objectfifo' op has 1 initial values for 2 objects}}
  aie.objectfifo @f(%a, {%b}, 2 : i32) : !aie.objectfifo<memref<4xi32>> = [dense<0> : memref<4xi32>]
}

// -----

aie.device(npu1) {
  %a = aie.tile(0, 2)
  %b = aie.tile(0, 3)
  %c = aie.tile(0, 4)
  // expected-error @+1 {{'aie.objectfifo' op has 'aie_stream' and 2 consumers, needs one}}
  aie.objectfifo @f(%a, {%b, %c}, 2 : i32) {aie_stream = 0 : i32, aie_stream_port = 0 : i32} : !aie.objectfifo<memref<4xi32>>
}

// -----

aie.device(npu1) {
  %a = aie.tile(0, 2)
  %b = aie.tile(0, 3)
  // expected-error @+1 {{'aie.objectfifo' op has 'aie_stream' without 'aie_stream_port'}}
  aie.objectfifo @f(%a, {%b}, 2 : i32) {aie_stream = 0 : i32} : !aie.objectfifo<memref<4xi32>>
}

// -----

aie.device(npu1) {
  %a = aie.tile(0, 2)
  %b = aie.tile(0, 3)
  // expected-error @+1 {{'aie.objectfifo' op has 'aie_stream_port' without 'aie_stream'}}
  aie.objectfifo @f(%a, {%b}, 2 : i32) {aie_stream_port = 0 : i32} : !aie.objectfifo<memref<4xi32>>
}

// -----

aie.device(npu1) {
  %a = aie.tile(0, 1)
  %b = aie.tile(0, 3)
  // expected-error @+1 {{'aie.objectfifo' op needs a core tile at the end of 'aie_stream', got tile(0, 1)}}
  aie.objectfifo @f(%a, {%b}, 2 : i32) {aie_stream = 0 : i32, aie_stream_port = 0 : i32} : !aie.objectfifo<memref<4xi32>>
}

// -----

aie.device(npu1) {
  %a = aie.tile(0, 2)
  %b = aie.tile(0, 3)
  // expected-error @+1 {{'aie.objectfifo' op has 'repeat_count', which a stream port cannot do}}
  aie.objectfifo @f(%a, {%b}, 2 : i32) {aie_stream = 0 : i32, aie_stream_port = 0 : i32, repeat_count = 2 : i32} : !aie.objectfifo<memref<4xi32>>
}

// -----

aie.device(npu1) {
  %a = aie.tile(0, 1)
  %b = aie.tile(0, 3)
  // expected-error @+1 {{'aie.objectfifo' op has 'iter_count' 257, which must be 1 to 256}}
  aie.objectfifo @f(%a, {%b}, 2 : i32) {iter_count = 257 : i32} : !aie.objectfifo<memref<4xi32>>
}

// -----

aie.device(npu1) {
  %a = aie.tile(0, 2)
  %b = aie.tile(0, 3)
  // expected-error @+1 {{'aie.objectfifo' op has 'iter_count', which needs a memory tile at an end}}
  aie.objectfifo @f(%a, {%b}, 2 : i32) {iter_count = 2 : i32} : !aie.objectfifo<memref<4xi32>>
}

// -----

aie.device(npu1) {
  %a = aie.tile(0, 0)
  %b = aie.tile(0, 3)
  // expected-error @+1 {{'aie.objectfifo' op has 'repeat_count', which a shim tile cannot do}}
  aie.objectfifo @f(%a, {%b}, 2 : i32) {repeat_count = 2 : i32} : !aie.objectfifo<memref<4xi32>>
}

// -----

aie.device(npu1) {
  %a = aie.tile(0, 0)
  %b = aie.tile(0, 3)
  // expected-error @+1 {{'aie.objectfifo' op has 'dimensionsToStream', which is the host's business on a shim tile}}
  aie.objectfifo @f(%a dimensionsToStream [<size = 4, stride = 1>], {%b}, 2 : i32) : !aie.objectfifo<memref<4xi32>>
}

// -----

aie.device(npu1) {
  %a = aie.tile(0, 3)
  %b = aie.tile(0, 0)
  // expected-error @+1 {{'aie.objectfifo' op has 'dimensionsFromStream', which is the host's business on a shim tile}}
  aie.objectfifo @f(%a, {%b dimensionsFromStream [<size = 4, stride = 1>]}, 2 : i32) : !aie.objectfifo<memref<4xi32>>
}

// -----

aie.device(npu1) {
  %a = aie.tile(0, 2)
  // expected-error @+1 {{'aie.objectfifo.allocate' op names 'f', which is no object FIFO of the device}}
  aie.objectfifo.allocate @f(%a)
}

// -----

aie.device(npu1) {
  %a = aie.tile(0, 2)
  %b = aie.tile(0, 3)
  aie.objectfifo @f(%a, {%b}, 2 : i32) {via_DMA = true} : !aie.objectfifo<memref<4xi32>>
  // expected-error @+1 {{'aie.objectfifo.allocate' op needs a FIFO in shared memory, this one has 'via_DMA'}}
  aie.objectfifo.allocate @f(%a)
}

// -----

aie.device(npu1) {
  %a = aie.tile(0, 2)
  %b = aie.tile(0, 3)
  aie.objectfifo @f(%a, {%b}, 2 : i32) {repeat_count = 2 : i32} : !aie.objectfifo<memref<4xi32>>
  // expected-error @+1 {{this one has 'repeat_count'}}
  aie.objectfifo.allocate @f(%a)
}

// -----

aie.device(npu1) {
  %a = aie.tile(0, 2)
  %b = aie.tile(0, 3)
  %c = aie.tile(0, 4)
  aie.objectfifo @f(%a, {%b, %c}, 2 : i32) : !aie.objectfifo<memref<4xi32>>
  // expected-error @+1 {{this one has several consumers}}
  aie.objectfifo.allocate @f(%a)
}

// -----

aie.device(npu1) {
  %a = aie.tile(0, 2)
  %b = aie.tile(0, 3)
  aie.objectfifo @f(%a dimensionsToStream [<size = 4, stride = 1>], {%b}, 2 : i32) : !aie.objectfifo<memref<4xi32>>
  // expected-error @+1 {{this one has 'dimensionsToStream'}}
  aie.objectfifo.allocate @f(%a)
}

// -----

aie.device(npu1) {
  %a = aie.tile(0, 2)
  %b = aie.tile(0, 1)
  %c = aie.tile(0, 3)
  aie.objectfifo @f(%a, {%b}, 2 : i32) : !aie.objectfifo<memref<4xi32>>
  aie.objectfifo @g(%c, {%a}, 2 : i32) : !aie.objectfifo<memref<4xi32>>
  // expected-error @+1 {{'aie.objectfifo.link' op needs a tile that consumes every input and produces every output}}
  aie.objectfifo.link [@f] -> [@g] ([] [])
}

// -----

aie.device(npu1) {
  %a = aie.tile(0, 2)
  %m = aie.tile(0, 1)
  %c = aie.tile(0, 3)
  aie.objectfifo @f(%a, {%m}, 2 : i32) : !aie.objectfifo<memref<4xi32>>
  aie.objectfifo @g(%m, {%c}, 2 : i32) : !aie.objectfifo<memref<4xi32>>
  aie.objectfifo @h(%m, {%c}, 2 : i32) : !aie.objectfifo<memref<4xi32>>
  // expected-error @+1 {{'aie.objectfifo.link' op has 0 and 1 offsets, needs 0 and 2: one per joined or distributed FIFO}}
  aie.objectfifo.link [@f] -> [@g, @h] ([] [0])
}

// -----

aie.device(npu1) {
  %m = aie.tile(0, 1)
  %c = aie.tile(0, 3)
  aie.objectfifo @f(%c, {%m}, 2 : i32) : !aie.objectfifo<memref<4xi32>>
  aie.objectfifo @g(%m, {%c}, 2 : i32) : !aie.objectfifo<memref<4xi32>>
  // expected-error @+1 {{'aie.objectfifo.link' op links 2 FIFOs to 2}}
  aie.objectfifo.link [@f, @f] -> [@g, @g] ([] [])
}

// -----

aie.device(npu1) {
  %a = aie.tile(0, 2)
  %m = aie.tile(1, 2)
  %c = aie.tile(0, 3)
  aie.objectfifo @f(%a, {%m}, 2 : i32) : !aie.objectfifo<memref<8xi32>>
  aie.objectfifo @g(%m, {%c}, 2 : i32) : !aie.objectfifo<memref<4xi32>>
  aie.objectfifo @h(%m, {%c}, 2 : i32) : !aie.objectfifo<memref<4xi32>>
  // expected-error @+1 {{'aie.objectfifo.link' op joins or distributes, which only a memory tile can}}
  aie.objectfifo.link [@f] -> [@g, @h] ([] [0, 4])
}

// -----

aie.device(npu1) {
  %a = aie.tile(0, 2)
  %b = aie.tile(0, 3)
  aie.objectfifo @f(%a, {%b}, 2 : i32) : !aie.objectfifo<memref<4xi32>>
  // expected-error @+1 {{'aie.objectfifo.release' op must be in a core}}
  aie.objectfifo.release @f(Produce, 1)
}

// -----

aie.device(npu1) {
  %a = aie.tile(0, 2)
  %b = aie.tile(0, 3)
  aie.objectfifo @f(%a, {%b}, 2 : i32) : !aie.objectfifo<memref<4xi32>>
  %c = aie.core(%a) {
    // expected-error @+1 {{'aie.objectfifo.acquire' op is in a core that is no consumer of 'f'}}
    %v = aie.objectfifo.acquire @f(Consume, 1) : !aie.objectfifosubview<memref<4xi32>>
    aie.end
  }
}

// -----

aie.device(npu1) {
  %a = aie.tile(0, 2)
  %b = aie.tile(0, 3)
  aie.objectfifo @f(%a, {%b}, 2 : i32) : !aie.objectfifo<memref<4xi32>>
  %c = aie.core(%a) {
    // expected-error @+1 {{'aie.objectfifo.acquire' op has another type of objects than 'f'}}
    %v = aie.objectfifo.acquire @f(Produce, 1) : !aie.objectfifosubview<memref<8xi32>>
    aie.end
  }
}

// -----

aie.device(npu1) {
  %a = aie.tile(0, 2)
  %b = aie.tile(0, 3)
  aie.objectfifo @f(%a, {%b}, 2 : i32) : !aie.objectfifo<memref<4xi32>>
  %c = aie.core(%a) {
    %v = aie.objectfifo.acquire @f(Produce, 1) : !aie.objectfifosubview<memref<4xi32>>
    // expected-error @+1 {{'aie.objectfifo.subview.access' op accesses object 1 of 1 acquired}}
    %e = aie.objectfifo.subview.access %v[1] : !aie.objectfifosubview<memref<4xi32>> -> memref<4xi32>
    aie.end
  }
}
