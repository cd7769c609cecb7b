// A host that writes descriptors and queues register by register, as mlir-aie's last form of a sequence does.
// RUN: split-file %s %t
// RUN: aie4ml run %t/main.mlir -i %S/ramp.npy -o %t/y.npy --check-races && python3 %S/show.py %t/y.npy | FileCheck %s
// RUN: not aie4ml run %t/unwritten.mlir 2>&1 | FileCheck %s --check-prefix=UNWRITTEN
// RUN: not aie4ml run %t/nowhere.mlir 2>&1 | FileCheck %s --check-prefix=NOWHERE

// Transposed on the way.
// CHECK: 0 4 8 12 1 5 9 13 2 6 10 14 3 7 11 15

// UNWRITTEN: unwritten.mlir:5:5: 'aiex.npu.push_queue' op starts descriptor 3 of tile(0, 2), which was not written
// NOWHERE: nowhere.mlir:10:5: 'aiex.npu.push_queue' op moves address 0x8000 of tile(0, 2), where no buffer is known to be

//--- main.mlir
aie.device(npu1) {
  %shim = aie.tile(0, 0)
  %t = aie.tile(0, 2)
  // Where mlir-aie puts it: above the stack of a core with the default one.
  %b = aie.buffer(%t) {sym_name = "b"} : memref<16xi32>
  %free = aie.lock(%t, 0) {init = 1 : i32, sym_name = "free"}
  %full = aie.lock(%t, 1) {init = 0 : i32, sym_name = "full"}
  aie.flow(%shim, DMA : 0, %t, DMA : 0)
  aie.flow(%t, DMA : 0, %shim, DMA : 0)
  aie.core(%t) {
    aie.end
  }
  // 16 words to byte 1024; takes lock 0, gives lock 1.
  memref.global "private" constant @receive : memref<6xi32> = dense<[4194320, 0, 0, 0, 0, 33832928]>
  memref.global "private" constant @send : memref<8xi32> = dense<[16, 0, 0, 0, -2147483648, 0, 0, 33554432]>
  aie.runtime_sequence(%x: memref<16xi32>, %y: memref<16xi32>) {
    // The host's memory: descriptor 0 receives, with a token.
    aiex.npu.writebd {bd_id = 0 : i32, buffer_length = 16 : i32, buffer_offset = 0 : i32, column = 0 : i32, row = 0 : i32, d0_size = 0 : i32, d0_stride = 0 : i32, d1_size = 0 : i32, d1_stride = 0 : i32, d2_size = 0 : i32, d2_stride = 0 : i32, enable_packet = 0 : i32, lock_acq_enable = 0 : i32, lock_rel_val = 0 : i32, use_next_bd = 0 : i32, valid_bd = 1 : i32}
    aiex.npu.address_patch {addr = 118788 : ui32, arg_idx = 1 : i32, arg_plus = 0 : i32}
    aiex.npu.maskwrite32 {address = 119296 : ui32, column = 0 : i32, row = 0 : i32, mask = 0x1F00 : ui32, value = 0x100 : ui32}
    aiex.npu.write32 {address = 119300 : ui32, column = 0 : i32, row = 0 : i32, value = 2147483648 : ui32}
    // The tile: descriptor 0 receives, descriptor 1 sends four columns.
    %0 = memref.get_global @receive : memref<6xi32>
    aiex.npu.blockwrite(%0) {address = 118784 : ui32, column = 0 : i32, row = 2 : i32} : memref<6xi32>
    aiex.npu.write32 {address = 0x1DE04 : ui32, column = 0 : i32, row = 2 : i32, value = 0 : ui32}
    aiex.npu.writebd {bd_id = 1 : i32, buffer_length = 16 : i32, buffer_offset = 1024 : i32, column = 0 : i32, row = 2 : i32, d0_size = 4 : i32, d0_stride = 3 : i32, d1_size = 0 : i32, d1_stride = 0 : i32, d2_size = 0 : i32, d2_stride = 0 : i32, enable_packet = 0 : i32, lock_acq_enable = 1 : i32, lock_acq_id = 1 : i32, lock_acq_val = 127 : i32, lock_rel_id = 0 : i32, lock_rel_val = 1 : i32, use_next_bd = 0 : i32, valid_bd = 1 : i32}
    aiex.npu.push_queue(0, 2, MM2S : 0) {bd_id = 1 : i32, issue_token = false, repeat_count = 0 : i32}
    // By an address of the whole array.
    %1 = memref.get_global @send : memref<8xi32>
    aiex.npu.blockwrite(%1) {address = 118816 : ui32} : memref<8xi32>
    aiex.npu.address_patch {addr = 118820 : ui32, arg_idx = 0 : i32, arg_plus = 0 : i32}
    aiex.npu.write32 {address = 119316 : ui32, column = 0 : i32, row = 0 : i32, value = 1 : ui32}
    // Traces change nothing.
    aiex.npu.write32 {address = 0x340D0 : ui32, column = 0 : i32, row = 2 : i32, value = 1 : ui32}
    aiex.npu.sync {channel = 0 : i32, column = 0 : i32, column_num = 1 : i32, direction = 0 : i32, row = 0 : i32, row_num = 1 : i32}
  }
}

//--- unwritten.mlir
aie.device(npu1) {
  %shim = aie.tile(0, 0)
  %t = aie.tile(0, 2)
  aie.runtime_sequence(%x: memref<16xi32>) {
    aiex.npu.push_queue(0, 2, MM2S : 0) {bd_id = 3 : i32, issue_token = false, repeat_count = 0 : i32}
  }
}

//--- nowhere.mlir
aie.device(npu1) {
  %shim = aie.tile(0, 0)
  %t = aie.tile(0, 2)
  %b = aie.buffer(%t) {address = 0 : i32, sym_name = "b"} : memref<16xi32>
  // 16 words of byte 32768.
  memref.global "private" constant @bd : memref<6xi32> = dense<[134217744, 0, 0, 0, 0, 33554432]>
  aie.runtime_sequence(%x: memref<16xi32>) {
    %0 = memref.get_global @bd : memref<6xi32>
    aiex.npu.blockwrite(%0) {address = 118784 : ui32, column = 0 : i32, row = 2 : i32} : memref<6xi32>
    aiex.npu.push_queue(0, 2, MM2S : 0) {bd_id = 0 : i32, issue_token = false, repeat_count = 0 : i32}
  }
}
