// RUN: aie4ml-opt %s --pass-pipeline='builtin.module(aie.device(aie-validate))' --split-input-file --verify-diagnostics

// A window of two that grows by one each time around.
aie.device(npu1) {
  %a = aie.tile(0, 2)
  %b = aie.tile(0, 3)
  aie.objectfifo @f(%a, {%b}, 3 : i32) : !aie.objectfifo<memref<16xi32>>
  %c = aie.core(%b) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c8 = arith.constant 8 : index
    // expected-error @+1 {{'scf.for' op begins with 0 objects of 'f' held and ends with 1: the next time around would wait for others than it uses}}
    scf.for %i = %c0 to %c8 step %c1 {
      %v = aie.objectfifo.acquire @f(Consume, 2) : !aie.objectfifosubview<memref<16xi32>>
      aie.objectfifo.release @f(Consume, 1)
    }
    aie.end
  }
}

// -----

// The same with one object held beforehand, and released after it, is right.
aie.device(npu1) {
  %a = aie.tile(0, 2)
  %b = aie.tile(0, 3)
  aie.objectfifo @f(%a, {%b}, 3 : i32) : !aie.objectfifo<memref<16xi32>>
  %c = aie.core(%b) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c8 = arith.constant 8 : index
    %first = aie.objectfifo.acquire @f(Consume, 1) : !aie.objectfifosubview<memref<16xi32>>
    scf.for %i = %c0 to %c8 step %c1 {
      %v = aie.objectfifo.acquire @f(Consume, 2) : !aie.objectfifosubview<memref<16xi32>>
      aie.objectfifo.release @f(Consume, 1)
    }
    aie.objectfifo.release @f(Consume, 1)
    aie.end
  }
}

// -----

aie.device(npu1) {
  %a = aie.tile(0, 2)
  %b = aie.tile(0, 3)
  aie.objectfifo @f(%a, {%b}, 3 : i32) : !aie.objectfifo<memref<16xi32>>
  %c = aie.core(%a) {
    %v = aie.objectfifo.acquire @f(Produce, 1) : !aie.objectfifosubview<memref<16xi32>>
    // expected-error @+1 {{'aie.objectfifo.release' op releases 2 objects of 'f', of which the core holds 1}}
    aie.objectfifo.release @f(Produce, 2)
    aie.end
  }
}

// -----

aie.device(npu1) {
  %m = aie.tile(0, 1)
  %a = aie.tile(0, 2)
  // expected-error @+1 {{'aie.objectfifo' op has 'padDimensions' without 'dimensionsToStream': nothing would be padded}}
  aie.objectfifo @f(%m, {%a}, 2 : i32) {padDimensions = #aie<bd_pad_layout_array[<const_pad_before = 4, const_pad_after = 4>]>} : !aie.objectfifo<memref<16xi32>>
}

// -----

aie.device(npu1) {
  %m = aie.tile(0, 1)
  %a = aie.tile(0, 2)
  // expected-error @+1 {{'aie.objectfifo' op has 1 paddings for 2 dimensions}}
  aie.objectfifo @f(%m dimensionsToStream [<size = 4, stride = 4>, <size = 4, stride = 1>], {%a}, 2 : i32) {padDimensions = #aie<bd_pad_layout_array[<const_pad_before = 4, const_pad_after = 4>]>} : !aie.objectfifo<memref<16xi32>>
}

// -----

aie.device(npu1) {
  %m = aie.tile(0, 1)
  %a = aie.tile(0, 2)
  // expected-error @+1 {{'aie.objectfifo' op has a dimension of 256, at most 255 are possible}}
  aie.objectfifo @f(%m, {%a dimensionsFromStream [<size = 256, stride = 4>, <size = 4, stride = 1>]}, 2 : i32) : !aie.objectfifo<memref<1024xi32>>
}

// -----

aie.device(npu1) {
  %m = aie.tile(0, 1)
  %a = aie.tile(0, 2)
  // expected-error @+1 {{'aie.objectfifo' op has a stride of 131073 words, at most 131072 are possible}}
  aie.objectfifo @f(%m dimensionsToStream [<size = 2, stride = 131073>, <size = 4, stride = 1>], {%a}, 2 : i32) : !aie.objectfifo<memref<8xi32>>
}

// -----

aie.device(npu1) {
  %m = aie.tile(0, 1)
  %a = aie.tile(0, 2)
  // expected-error @+1 {{'aie.objectfifo' op splits words of 4 bytes in dimension 1, outermost first}}
  aie.objectfifo @f(%m dimensionsToStream [<size = 8, stride = 4>, <size = 2, stride = 1>], {%a}, 2 : i32) : !aie.objectfifo<memref<16xi8>>
}

// -----

aie.device(npu1) {
  %m = aie.tile(0, 1)
  %a = aie.tile(0, 2)
  // expected-error @+1 {{'aie.objectfifo' op has 'repeat_count' 257, which must be 1 to 256}}
  aie.objectfifo @f(%m, {%a}, 2 : i32) {repeat_count = 257 : i32} : !aie.objectfifo<memref<16xi32>>
}

// -----

aie.device(xcve2802) {
  %shim = aie.tile(4, 0)
  %m = aie.tile(4, 1)
  // expected-error @+1 {{'aie.objectfifo' op needs a shim tile with DMA at end 0}}
  aie.objectfifo @f(%shim, {%m}, 2 : i32) : !aie.objectfifo<memref<16xi32>>
}

// -----

// More than there will ever be.
aie.device(npu1) {
  %a = aie.tile(0, 2)
  %b = aie.tile(0, 3)
  aie.objectfifo @f(%a, {%b}, [2, 3]) : !aie.objectfifo<memref<16xi32>>
  %c = aie.core(%b) {
    %v = aie.objectfifo.acquire @f(Consume, 3) : !aie.objectfifosubview<memref<16xi32>>
    aie.objectfifo.release @f(Consume, 3)
    // expected-error @+1 {{'aie.objectfifo.acquire' op waits for 4 objects of 'f', which has 3 there}}
    %w = aie.objectfifo.acquire @f(Consume, 4) : !aie.objectfifosubview<memref<16xi32>>
    aie.objectfifo.release @f(Consume, 4)
    aie.end
  }
}

// -----

// An object lives from its acquire to its release; the oldest is released first.
aie.device(npu1) {
  %a = aie.tile(0, 2)
  %b = aie.tile(0, 3)
  aie.objectfifo @f(%a, {%b}, 3 : i32) : !aie.objectfifo<memref<16xi32>>
  %c = aie.core(%b) {
    %c0 = arith.constant 0 : index
    %v = aie.objectfifo.acquire @f(Consume, 2) : !aie.objectfifosubview<memref<16xi32>>
    // expected-note @+1 {{the object}}
    %first = aie.objectfifo.subview.access %v[0] : !aie.objectfifosubview<memref<16xi32>> -> memref<16xi32>
    %second = aie.objectfifo.subview.access %v[1] : !aie.objectfifosubview<memref<16xi32>> -> memref<16xi32>
    aie.objectfifo.release @f(Consume, 1)
    %x = memref.load %second[%c0] : memref<16xi32>
    // expected-error @+1 {{'memref.load' op uses an object of 'f' after its release}}
    %y = memref.load %first[%c0] : memref<16xi32>
    aie.objectfifo.release @f(Consume, 1)
    aie.end
  }
}

// -----

aie.device(npu1) {
  %m = aie.tile(0, 1)
  %a = aie.tile(0, 2)
  // expected-error @+1 {{'aie.objectfifo' op counts 2 objects 32 times in a lock, which holds 0 to 63}}
  aie.objectfifo @f(%m, {%a}, 2 : i32) {repeat_count = 32 : i32} : !aie.objectfifo<memref<16xi32>>
}
