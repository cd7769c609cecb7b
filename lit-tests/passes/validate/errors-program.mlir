// Code of kernels: of their object files, of their sources, and of this compiler's own.
// RUN: rm -rf %t && split-file %s %t
// RUN: yaml2obj %t/large.yaml -o %t/large.o
// RUN: aie4ml-opt %t/object.mlir --aie-validate --verify-diagnostics
// RUN: aie4ml-opt %t/source.mlir --pass-pipeline='builtin.module(aie.device(aie-validate{kernels=%S/Inputs/kernels}))' --verify-diagnostics
// RUN: aie4ml-opt %t/own.mlir --aie-validate --verify-diagnostics
// RUN: aie4ml-opt %t/indirect.mlir --aie-validate --verify-diagnostics

//--- large.yaml
--- !ELF
FileHeader:
  Class: ELFCLASS32
  Data: ELFDATA2LSB
  Type: ET_REL
  Machine: EM_NONE
Sections:
  - Name: .text.k
    Type: SHT_PROGBITS
    Flags: [ SHF_ALLOC, SHF_EXECINSTR ]
    Size: 16000
  - Name: .rodata
    Type: SHT_PROGBITS
    Flags: [ SHF_ALLOC ]
    Size: 8000

//--- object.mlir
aie.device(npu1) {
  %t = aie.tile(0, 2)
  func.func private @k() attributes {link_with = "large.o"}
  // expected-error @+2 {{'aie.core' op needs about 16520 bytes of program memory, a core has 16384}}
  // expected-note @+1 {{16000 bytes for 'large.o'}}
  %core = aie.core(%t) {
    func.call @k() : () -> ()
    aie.end
  }
}

//--- source.mlir
aie.device(npu1) {
  %t = aie.tile(0, 2)
  func.func private @k() attributes {link_with = "long.o"}
  // expected-error @+2 {{'aie.core' op needs about 18120 bytes of program memory, a core has 16384}}
  // expected-note @+1 {{17600 bytes for 'long.cc'}}
  %core = aie.core(%t) {
    func.call @k() : () -> ()
    aie.end
  }
}

//--- own.mlir
aie.device(npu1) {
  %t = aie.tile(0, 2)
  %b = aie.buffer(%t) {sym_name = "b"} : memref<2048xi8>
  func.func private @dense_single_12x64x40_m4x8x8_i8_i8_acc32_i8_s7(memref<2048xi8>) attributes {link_with = "dense_single_12x64x40_m4x8x8_i8_i8_acc32_i8_s7.o"}
  // expected-error @+2 {{'aie.core' op needs about 19464 bytes of program memory, a core has 16384}}
  // expected-note @+1 {{6848 bytes for 'dense_single_12x64x40_m4x8x8_i8_i8_acc32_i8_s7'}}
  %core = aie.core(%t) {
    func.call @dense_single_12x64x40_m4x8x8_i8_i8_acc32_i8_s7(%b) : (memref<2048xi8>) -> ()
    %x = arith.constant dense<1> : vector<32256xi32>
    %y = arith.addi %x, %x : vector<32256xi32>
    %z = arith.addi %y, %x : vector<32256xi32>
    %w = arith.addi %z, %x : vector<32256xi32>
    aie.end
  }
}

//--- indirect.mlir
aie.device(npu1) {
  %t = aie.tile(0, 2)
  func.func private @k() attributes {link_with = "k.o"}
  func.func @f() {
    func.call @k() : () -> ()
    return
  }
  // expected-error @+1 {{'aie.core' op calls 'k' in a function, and mlir-aie links what a core calls itself: name 'k.o' in 'link_files'}}
  %core = aie.core(%t) {
    func.call @f() : () -> ()
    aie.end
  }
}
