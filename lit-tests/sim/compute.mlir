// A core that computes by itself.
// RUN: aie4ml run %s -o numbers=%t.npy -o rows=%t2.npy
// RUN: aie4ml run %s --expect numbers=%t.npy --expect rows=%t2.npy --json | FileCheck %s --check-prefix=JSON
// RUN: aie4ml run %s --json | FileCheck %s --check-prefix=NONE
// RUN: aie4ml run %s --release go -o numbers=%t3.npy | FileCheck %s --check-prefix=NAME
// RUN: python3 %S/show.py %t.npy %t2.npy | FileCheck %s

// JSON: "mismatches": 0
// NONE: "outputs": []
// NAME: output 'numbers': 16 int32

// CHECK: 45 -3 255 -1 4 5 6 7 36 12 7 3 1 0 5 2
// CHECK: 10 10 20 20

aie.device(xcve2802) {
  %t = aie.tile(6, 3)
  %go = aie.lock(%t, 0) {init = 0 : i32, sym_name = "go"}
  %numbers = aie.buffer(%t) {sym_name = "numbers"} : memref<16xi32>
  %rows = aie.buffer(%t) {sym_name = "rows"} : memref<2x2xi16>
  memref.global "private" constant @table : memref<4xi32> = dense<[4, 5, 6, 7]>

  func.func @sum_below(%n: index) -> i32 {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %zero = arith.constant 0 : i32
    %sum = scf.for %i = %c0 to %n step %c1 iter_args(%s = %zero) -> i32 {
      %i32 = arith.index_cast %i : index to i32
      %next = arith.addi %s, %i32 : i32
      scf.yield %next : i32
    }
    func.return %sum : i32
  }

  aie.core(%t) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    %c3 = arith.constant 3 : index
    %c4 = arith.constant 4 : index
    %c8 = arith.constant 8 : index
    %c9 = arith.constant 9 : index
    %c10 = arith.constant 10 : index
    %c11 = arith.constant 11 : index
    %c12 = arith.constant 12 : index
    %c13 = arith.constant 13 : index
    %c14 = arith.constant 14 : index
    %c15 = arith.constant 15 : index
    // A function with a loop that carries a value.
    %sum = func.call @sum_below(%c10) : (index) -> i32
    memref.store %sum, %numbers[%c0] : memref<16xi32>
    // Rounding down, widening with and without a sign.
    %seven = arith.constant -7 : i32
    %two = arith.constant 3 : i32
    %quotient = arith.floordivsi %seven, %two : i32
    memref.store %quotient, %numbers[%c1] : memref<16xi32>
    %byte = arith.constant -1 : i8
    %wide = arith.extui %byte : i8 to i32
    memref.store %wide, %numbers[%c2] : memref<16xi32>
    %signed = arith.extsi %byte : i8 to i32
    memref.store %signed, %numbers[%c3] : memref<16xi32>
    // A global, as a vector.
    %table = memref.get_global @table : memref<4xi32>
    %v = vector.load %table[%c0] : memref<4xi32>, vector<4xi32>
    vector.store %v, %numbers[%c4] : memref<16xi32>, vector<4xi32>
    // Lanes.
    %ones = arith.constant dense<[1, 2, 3, 4, 5, 6, 7, 8]> : vector<8xi32>
    %all = vector.reduction <add>, %ones : vector<8xi32> into i32
    memref.store %all, %numbers[%c8] : memref<16xi32>
    %double = arith.addi %v, %v : vector<4xi32>
    %lane = vector.extract %double[2] : i32 from vector<4xi32>
    memref.store %lane, %numbers[%c9] : memref<16xi32>
    %mixed = vector.shuffle %v, %double [3, 4] : vector<4xi32>, vector<4xi32>
    %first = vector.extract %mixed[0] : i32 from vector<2xi32>
    memref.store %first, %numbers[%c10] : memref<16xi32>
    // A while loop: how often can 8 be halved?
    %zero = arith.constant 0 : i32
    %one = arith.constant 1 : i32
    %eight = arith.constant 8 : i32
    %ends:2 = scf.while (%x = %eight, %n = %zero) : (i32, i32) -> (i32, i32) {
      %more = arith.cmpi sgt, %x, %one : i32
      scf.condition(%more) %x, %n : i32, i32
    } do {
    ^bb0(%x: i32, %n: i32):
      %half = arith.shrui %x, %one : i32
      %more = arith.addi %n, %one : i32
      scf.yield %half, %more : i32, i32
    }
    memref.store %ends#1, %numbers[%c11] : memref<16xi32>
    // Floats.
    %third = arith.constant 0.333333343 : f32
    %three = arith.constant 3.0 : f32
    %product = arith.mulf %third, %three : f32
    %rounded = arith.fptosi %product : f32 to i32
    memref.store %rounded, %numbers[%c12] : memref<16xi32>
    %less = arith.cmpf olt, %product, %third : f32
    %flag = arith.extui %less : i1 to i32
    memref.store %flag, %numbers[%c13] : memref<16xi32>
    // Ways.
    %chosen = scf.index_switch %c2 -> i32
    case 1 { scf.yield %zero : i32 }
    case 2 { %five = arith.constant 5 : i32
      scf.yield %five : i32 }
    default { scf.yield %one : i32 }
    memref.store %chosen, %numbers[%c14] : memref<16xi32>
    %taken = scf.if %less -> i32 { scf.yield %one : i32 } else { scf.yield %wide : i32 }
    %is = arith.cmpi eq, %taken, %wide : i32
    cf.cond_br %is, ^yes(%c2 : index), ^no
  ^yes(%value: index):
    %out = arith.index_cast %value : index to i32
    memref.store %out, %numbers[%c15] : memref<16xi32>
    cf.br ^rows
  ^no:
    cf.br ^rows
  ^rows:
    // A row of a matrix at a time.
    scf.for %i = %c0 to %c2 step %c1 {
      %row = memref.subview %rows[%i, 0] [1, 2] [1, 1] : memref<2x2xi16> to memref<2xi16, strided<[1], offset: ?>>
      %next = arith.addi %i, %c1 : index
      %ten = arith.muli %next, %c10 : index
      %number = arith.index_cast %ten : index to i16
      %both = vector.broadcast %number : i16 to vector<2xi16>
      vector.transfer_write %both, %row[%c0] {in_bounds = [true]} : vector<2xi16>, memref<2xi16, strided<[1], offset: ?>>
    }
    aie.end
  }
}
