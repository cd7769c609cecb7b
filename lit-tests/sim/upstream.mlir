// Bodies of cores compute what upstream's JIT computes: every op on numbers at the edges of their types.
//
// Floats are compared by their bits. All that are not a number are one, and zeros that maxima and minima choose have no sign, which
// upstream's expansion loses.
// RUN: split-file %s %t
// RUN: cat %t/device.mlir %t/functions.mlir %t/end.mlir > %t/design.mlir
// RUN: cat %t/functions.mlir %t/main.mlir > %t/host.mlir
// RUN: aie4ml run %t/design.mlir -o integers_by_two=%t/integers_by_two.npy -o integers_by_one=%t/integers_by_one.npy -o floats_by_two=%t/floats_by_two.npy -o floats_to_integers=%t/floats_to_integers.npy -o vectors=%t/vectors.npy -o memory=%t/memory.npy
// RUN: %{mlir-opt} %t/host.mlir --arith-emulate-unsupported-floats='source-types=bf16 target-type=f32' --arith-expand=include-bf16=true --convert-vector-to-scf --convert-scf-to-cf --expand-strided-metadata --lower-affine --convert-vector-to-llvm --convert-math-to-llvm --convert-arith-to-llvm --finalize-memref-to-llvm --convert-func-to-llvm --convert-cf-to-llvm --convert-ub-to-llvm --reconcile-unrealized-casts -o %t/llvm.mlir
// RUN: mlir-runner %t/llvm.mlir --entry-point-result=void --shared-libs=%{llvm-lib}/libmlir_runner_utils.so,%{llvm-lib}/libmlir_c_runner_utils.so > %t/host.txt
// RUN: python3 %S/same.py %t/host.txt %t/integers_by_two.npy %t/integers_by_one.npy %t/floats_by_two.npy %t/floats_to_integers.npy %t/vectors.npy %t/memory.npy | FileCheck %s

// CHECK: integers_by_two.npy: 4464 values, all the same
// CHECK: integers_by_one.npy: 204 values, all the same
// CHECK: floats_by_two.npy: 8550 values, all the same
// CHECK: floats_to_integers.npy: 24 values, all the same
// CHECK: vectors.npy: 72 values, all the same
// CHECK: memory.npy: 40 values, all the same

//--- device.mlir
aie.device(npu1) {
  %tile = aie.tile(0, 2)
  %integers_by_two = aie.buffer(%tile) {sym_name = "integers_by_two"} : memref<4464xi32>
  %integers_by_one = aie.buffer(%tile) {sym_name = "integers_by_one"} : memref<204xi32>
  %floats_by_two = aie.buffer(%tile) {sym_name = "floats_by_two"} : memref<8550xi32>
  %floats_to_integers = aie.buffer(%tile) {sym_name = "floats_to_integers"} : memref<24xi32>
  %vectors = aie.buffer(%tile) {sym_name = "vectors"} : memref<72xi32>
  %memory = aie.buffer(%tile) {sym_name = "memory"} : memref<40xi32>
  aie.core(%tile) {
    func.call @compute_integers_by_two(%integers_by_two) : (memref<4464xi32>) -> ()
    func.call @compute_integers_by_one(%integers_by_one) : (memref<204xi32>) -> ()
    func.call @compute_floats_by_two(%floats_by_two) : (memref<8550xi32>) -> ()
    func.call @compute_floats_to_integers(%floats_to_integers) : (memref<24xi32>) -> ()
    func.call @compute_vectors(%vectors) : (memref<72xi32>) -> ()
    func.call @compute_memory(%memory) : (memref<40xi32>) -> ()
    aie.end
  }

//--- functions.mlir
memref.global "private" constant @integers : memref<12xi32> = dense<[0, 1, -1, 7, -7, 100, -128, 255, 65537, -65536, 2147483647, -2147483648]>
func.func @compute_integers_by_two(%out: memref<4464xi32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 12 : index
  %ops = arith.constant 31 : index
  %d31 = arith.constant 31 : i32
  %d7 = arith.constant 7 : i32
  %d11 = arith.constant 11 : i32
  %one = arith.constant 1 : i32
  %table = memref.get_global @integers : memref<12xi32>
  scf.for %i = %c0 to %n step %c1 {
    scf.for %j = %c0 to %n step %c1 {
      %a = memref.load %table[%i] : memref<12xi32>
      %b = memref.load %table[%j] : memref<12xi32>
      %s = arith.andi %b, %d31 : i32
      %low = arith.andi %b, %d7 : i32
      %neg = arith.subi %low, %d11 : i32
      %pos = arith.addi %low, %one : i32
      %r0 = arith.addi %a, %b : i32
      %r1 = arith.subi %a, %b : i32
      %r2 = arith.muli %a, %b : i32
      %r3 = arith.andi %a, %b : i32
      %r4 = arith.ori %a, %b : i32
      %r5 = arith.xori %a, %b : i32
      %r6 = arith.maxsi %a, %b : i32
      %r7 = arith.minsi %a, %b : i32
      %r8 = arith.maxui %a, %b : i32
      %r9 = arith.minui %a, %b : i32
      %r10 = arith.shli %a, %s : i32
      %r11 = arith.shrsi %a, %s : i32
      %r12 = arith.shrui %a, %s : i32
      %r13 = arith.divsi %a, %neg : i32
      %r14 = arith.remsi %a, %neg : i32
      %r15 = arith.ceildivsi %a, %neg : i32
      %r16 = arith.floordivsi %a, %neg : i32
      %r17 = arith.divui %a, %pos : i32
      %r18 = arith.remui %a, %pos : i32
      %r19 = arith.ceildivui %a, %pos : i32
      %p0 = arith.cmpi eq, %a, %b : i32
      %q0 = arith.extui %p0 : i1 to i32
      %p1 = arith.cmpi ne, %a, %b : i32
      %q1 = arith.extui %p1 : i1 to i32
      %p2 = arith.cmpi slt, %a, %b : i32
      %q2 = arith.extui %p2 : i1 to i32
      %p3 = arith.cmpi sle, %a, %b : i32
      %q3 = arith.extui %p3 : i1 to i32
      %p4 = arith.cmpi sgt, %a, %b : i32
      %q4 = arith.extui %p4 : i1 to i32
      %p5 = arith.cmpi sge, %a, %b : i32
      %q5 = arith.extui %p5 : i1 to i32
      %p6 = arith.cmpi ult, %a, %b : i32
      %q6 = arith.extui %p6 : i1 to i32
      %p7 = arith.cmpi ule, %a, %b : i32
      %q7 = arith.extui %p7 : i1 to i32
      %p8 = arith.cmpi ugt, %a, %b : i32
      %q8 = arith.extui %p8 : i1 to i32
      %p9 = arith.cmpi uge, %a, %b : i32
      %q9 = arith.extui %p9 : i1 to i32
      %chosen = arith.select %p2, %a, %b : i32
      %row = arith.muli %i, %n : index
      %pair = arith.addi %row, %j : index
      %first = arith.muli %pair, %ops : index
      %all = vector.from_elements %r0, %r1, %r2, %r3, %r4, %r5, %r6, %r7, %r8, %r9, %r10, %r11, %r12, %r13, %r14, %r15, %r16, %r17, %r18, %r19, %q0, %q1, %q2, %q3, %q4, %q5, %q6, %q7, %q8, %q9, %chosen : vector<31xi32>
      vector.store %all, %out[%first] : memref<4464xi32>, vector<31xi32>
    }
  }
  return
}
func.func @compute_integers_by_one(%out: memref<204xi32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 12 : index
  %ops = arith.constant 17 : index
  %table = memref.get_global @integers : memref<12xi32>
  scf.for %i = %c0 to %n step %c1 {
    %a = memref.load %table[%i] : memref<12xi32>
    %t8 = arith.trunci %a : i32 to i8
    %s8 = arith.extsi %t8 : i8 to i32
    %u8 = arith.extui %t8 : i8 to i32
    %t16 = arith.trunci %a : i32 to i16
    %s16 = arith.extsi %t16 : i16 to i32
    %u16 = arith.extui %t16 : i16 to i32
    %w = arith.extsi %a : i32 to i64
    %ww = arith.muli %w, %w : i64
    %sh = arith.constant 13 : i64
    %hi = arith.shrsi %ww, %sh : i64
    %n64 = arith.trunci %hi : i64 to i32
    %dd8 = arith.addi %t8, %t8 : i8
    %m8 = arith.muli %dd8, %t8 : i8
    %x8 = arith.extsi %m8 : i8 to i32
    %k3 = arith.constant 3 : i16
    %h16 = arith.shrui %t16, %k3 : i16
    %x16 = arith.extsi %h16 : i16 to i32
    %ix = arith.index_cast %a : i32 to index
    %ix2 = arith.addi %ix, %ix : index
    %bk = arith.index_cast %ix2 : index to i32
    %iu = arith.index_castui %a : i32 to index
    %k8 = arith.constant 8 : index
    %iu2 = arith.shrui %iu, %k8 : index
    %bu = arith.index_castui %iu2 : index to i32
    %pop = math.ctpop %a : i32
    %clz = math.ctlz %a : i32
    %ctz = math.cttz %a : i32
    %abs = math.absi %s16 : i32
    %fs = arith.sitofp %a : i32 to f32
    %fsb = arith.bitcast %fs : f32 to i32
    %fu = arith.uitofp %a : i32 to f32
    %fub = arith.bitcast %fu : f32 to i32
    %fd = arith.sitofp %a : i32 to f64
    %qd = arith.constant 0.25 : f64
    %md = arith.mulf %fd, %qd : f64
    %cd = arith.fptosi %md : f64 to i32
    %z = arith.constant 0 : i32
    %isneg = arith.cmpi slt, %a, %z : i32
    %sx = arith.extsi %isneg : i1 to i32
    %first = arith.muli %i, %ops : index
    %all = vector.from_elements %s8, %u8, %s16, %u16, %n64, %x8, %x16, %bk, %bu, %pop, %clz, %ctz, %abs, %fsb, %fub, %cd, %sx : vector<17xi32>
    vector.store %all, %out[%first] : memref<204xi32>, vector<17xi32>
  }
  return
}
memref.global "private" constant @floats : memref<15xf32> = dense<[0.0, -0.0, 1.0, -1.5, 2.5, 0.333333343, -0.1, 3.5, -7.25, 1.0e+10, 1.5e-40, 65504.0, 0x7F800000, 0xFF800000, 0x7FC00000]>
func.func @compute_floats_by_two(%out: memref<8550xi32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 15 : index
  %ops = arith.constant 38 : index
  %nan = arith.constant 0x7FC00000 : i32
  %zero = arith.constant 0.0 : f32
  %table = memref.get_global @floats : memref<15xf32>
  scf.for %i = %c0 to %n step %c1 {
    scf.for %j = %c0 to %n step %c1 {
      %a = memref.load %table[%i] : memref<15xf32>
      %b = memref.load %table[%j] : memref<15xf32>
      %f0 = arith.addf %a, %b : f32
      %n0 = arith.cmpf uno, %f0, %f0 : f32
      %b0 = arith.bitcast %f0 : f32 to i32
      %v0 = arith.select %n0, %nan, %b0 : i32
      %f1 = arith.subf %a, %b : f32
      %n1 = arith.cmpf uno, %f1, %f1 : f32
      %b1 = arith.bitcast %f1 : f32 to i32
      %v1 = arith.select %n1, %nan, %b1 : i32
      %f2 = arith.mulf %a, %b : f32
      %n2 = arith.cmpf uno, %f2, %f2 : f32
      %b2 = arith.bitcast %f2 : f32 to i32
      %v2 = arith.select %n2, %nan, %b2 : i32
      %f3 = arith.divf %a, %b : f32
      %n3 = arith.cmpf uno, %f3, %f3 : f32
      %b3 = arith.bitcast %f3 : f32 to i32
      %v3 = arith.select %n3, %nan, %b3 : i32
      %f4 = arith.remf %a, %b : f32
      %n4 = arith.cmpf uno, %f4, %f4 : f32
      %b4 = arith.bitcast %f4 : f32 to i32
      %v4 = arith.select %n4, %nan, %b4 : i32
      %maximumf = arith.maximumf %a, %b : f32
      %f5 = arith.addf %maximumf, %zero : f32
      %n5 = arith.cmpf uno, %f5, %f5 : f32
      %b5 = arith.bitcast %f5 : f32 to i32
      %v5 = arith.select %n5, %nan, %b5 : i32
      %minimumf = arith.minimumf %a, %b : f32
      %f6 = arith.addf %minimumf, %zero : f32
      %n6 = arith.cmpf uno, %f6, %f6 : f32
      %b6 = arith.bitcast %f6 : f32 to i32
      %v6 = arith.select %n6, %nan, %b6 : i32
      %maxnumf = arith.maxnumf %a, %b : f32
      %f7 = arith.addf %maxnumf, %zero : f32
      %n7 = arith.cmpf uno, %f7, %f7 : f32
      %b7 = arith.bitcast %f7 : f32 to i32
      %v7 = arith.select %n7, %nan, %b7 : i32
      %minnumf = arith.minnumf %a, %b : f32
      %f8 = arith.addf %minnumf, %zero : f32
      %n8 = arith.cmpf uno, %f8, %f8 : f32
      %b8 = arith.bitcast %f8 : f32 to i32
      %v8 = arith.select %n8, %nan, %b8 : i32
      %f9 = math.copysign %a, %b : f32
      %n9 = arith.cmpf uno, %f9, %f9 : f32
      %b9 = arith.bitcast %f9 : f32 to i32
      %v9 = arith.select %n9, %nan, %b9 : i32
      %f10 = math.fma %a, %b, %a : f32
      %n10 = arith.cmpf uno, %f10, %f10 : f32
      %b10 = arith.bitcast %f10 : f32 to i32
      %v10 = arith.select %n10, %nan, %b10 : i32
      %f11 = arith.negf %a : f32
      %n11 = arith.cmpf uno, %f11, %f11 : f32
      %b11 = arith.bitcast %f11 : f32 to i32
      %v11 = arith.select %n11, %nan, %b11 : i32
      %f12 = math.absf %a : f32
      %n12 = arith.cmpf uno, %f12, %f12 : f32
      %b12 = arith.bitcast %f12 : f32 to i32
      %v12 = arith.select %n12, %nan, %b12 : i32
      %f13 = math.floor %a : f32
      %n13 = arith.cmpf uno, %f13, %f13 : f32
      %b13 = arith.bitcast %f13 : f32 to i32
      %v13 = arith.select %n13, %nan, %b13 : i32
      %f14 = math.ceil %a : f32
      %n14 = arith.cmpf uno, %f14, %f14 : f32
      %b14 = arith.bitcast %f14 : f32 to i32
      %v14 = arith.select %n14, %nan, %b14 : i32
      %f15 = math.round %a : f32
      %n15 = arith.cmpf uno, %f15, %f15 : f32
      %b15 = arith.bitcast %f15 : f32 to i32
      %v15 = arith.select %n15, %nan, %b15 : i32
      %f16 = math.roundeven %a : f32
      %n16 = arith.cmpf uno, %f16, %f16 : f32
      %b16 = arith.bitcast %f16 : f32 to i32
      %v16 = arith.select %n16, %nan, %b16 : i32
      %f17 = math.trunc %a : f32
      %n17 = arith.cmpf uno, %f17, %f17 : f32
      %b17 = arith.bitcast %f17 : f32 to i32
      %v17 = arith.select %n17, %nan, %b17 : i32
      %f18 = math.sqrt %a : f32
      %n18 = arith.cmpf uno, %f18, %f18 : f32
      %b18 = arith.bitcast %f18 : f32 to i32
      %v18 = arith.select %n18, %nan, %b18 : i32
      %h = arith.truncf %a : f32 to bf16
      %f19 = arith.extf %h : bf16 to f32
      %n19 = arith.cmpf uno, %f19, %f19 : f32
      %b19 = arith.bitcast %f19 : f32 to i32
      %v19 = arith.select %n19, %nan, %b19 : i32
      %wide = arith.extf %a : f32 to f64
      %wb = arith.extf %b : f32 to f64
      %wp = arith.mulf %wide, %wb : f64
      %f20 = arith.truncf %wp : f64 to f32
      %n20 = arith.cmpf uno, %f20, %f20 : f32
      %b20 = arith.bitcast %f20 : f32 to i32
      %v20 = arith.select %n20, %nan, %b20 : i32
      %hb = arith.truncf %b : f32 to bf16
      %hs = arith.addf %h, %hb : bf16
      %f21 = arith.extf %hs : bf16 to f32
      %n21 = arith.cmpf uno, %f21, %f21 : f32
      %b21 = arith.bitcast %f21 : f32 to i32
      %v21 = arith.select %n21, %nan, %b21 : i32
      %p0 = arith.cmpf false, %a, %b : f32
      %q0 = arith.extui %p0 : i1 to i32
      %p1 = arith.cmpf oeq, %a, %b : f32
      %q1 = arith.extui %p1 : i1 to i32
      %p2 = arith.cmpf ogt, %a, %b : f32
      %q2 = arith.extui %p2 : i1 to i32
      %p3 = arith.cmpf oge, %a, %b : f32
      %q3 = arith.extui %p3 : i1 to i32
      %p4 = arith.cmpf olt, %a, %b : f32
      %q4 = arith.extui %p4 : i1 to i32
      %p5 = arith.cmpf ole, %a, %b : f32
      %q5 = arith.extui %p5 : i1 to i32
      %p6 = arith.cmpf one, %a, %b : f32
      %q6 = arith.extui %p6 : i1 to i32
      %p7 = arith.cmpf ord, %a, %b : f32
      %q7 = arith.extui %p7 : i1 to i32
      %p8 = arith.cmpf ueq, %a, %b : f32
      %q8 = arith.extui %p8 : i1 to i32
      %p9 = arith.cmpf ugt, %a, %b : f32
      %q9 = arith.extui %p9 : i1 to i32
      %p10 = arith.cmpf uge, %a, %b : f32
      %q10 = arith.extui %p10 : i1 to i32
      %p11 = arith.cmpf ult, %a, %b : f32
      %q11 = arith.extui %p11 : i1 to i32
      %p12 = arith.cmpf ule, %a, %b : f32
      %q12 = arith.extui %p12 : i1 to i32
      %p13 = arith.cmpf une, %a, %b : f32
      %q13 = arith.extui %p13 : i1 to i32
      %p14 = arith.cmpf uno, %a, %b : f32
      %q14 = arith.extui %p14 : i1 to i32
      %p15 = arith.cmpf true, %a, %b : f32
      %q15 = arith.extui %p15 : i1 to i32
      %row = arith.muli %i, %n : index
      %pair = arith.addi %row, %j : index
      %first = arith.muli %pair, %ops : index
      %all = vector.from_elements %v0, %v1, %v2, %v3, %v4, %v5, %v6, %v7, %v8, %v9, %v10, %v11, %v12, %v13, %v14, %v15, %v16, %v17, %v18, %v19, %v20, %v21, %q0, %q1, %q2, %q3, %q4, %q5, %q6, %q7, %q8, %q9, %q10, %q11, %q12, %q13, %q14, %q15 : vector<38xi32>
      vector.store %all, %out[%first] : memref<8550xi32>, vector<38xi32>
    }
  }
  return
}
memref.global "private" constant @small : memref<8xf32> = dense<[0.0, 0.5, -0.5, 1.99, -1.99, 127.5, -128.9, 30000.7]>
func.func @compute_floats_to_integers(%out: memref<24xi32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c3 = arith.constant 3 : index
  %c8 = arith.constant 8 : index
  %table = memref.get_global @small : memref<8xf32>
  scf.for %i = %c0 to %c8 step %c1 {
    %a = memref.load %table[%i] : memref<8xf32>
    %s = arith.fptosi %a : f32 to i32
    %m = math.absf %a : f32
    %u = arith.fptoui %m : f32 to i32
    %h = arith.fptosi %a : f32 to i16
    %w = arith.extsi %h : i16 to i32
    %first = arith.muli %i, %c3 : index
    %all = vector.from_elements %s, %u, %w : vector<3xi32>
    vector.store %all, %out[%first] : memref<24xi32>, vector<3xi32>
  }
  return
}
func.func @compute_vectors(%out: memref<72xi32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c8 = arith.constant 8 : index
  %c16 = arith.constant 16 : index
  %c24 = arith.constant 24 : index
  %c32 = arith.constant 32 : index
  %c40 = arith.constant 40 : index
  %c48 = arith.constant 48 : index
  %c56 = arith.constant 56 : index
  %c64 = arith.constant 64 : index
  %v = arith.constant dense<[7, -3, 100, -128, 0, 65537, -1, 12]> : vector<8xi32>
  %w = arith.constant dense<[[1, 2, 3, 4], [5, 6, 7, 8]]> : vector<2x4xi32>
  %i0 = vector.reduction <add>, %v : vector<8xi32> into i32
  %i1 = vector.reduction <mul>, %v, %i0 : vector<8xi32> into i32
  %i2 = vector.reduction <and>, %v : vector<8xi32> into i32
  %i3 = vector.reduction <or>, %v : vector<8xi32> into i32
  %i4 = vector.reduction <xor>, %v : vector<8xi32> into i32
  %i5 = vector.reduction <maxsi>, %v : vector<8xi32> into i32
  %i6 = vector.reduction <minsi>, %v : vector<8xi32> into i32
  %i7 = vector.reduction <maxui>, %v : vector<8xi32> into i32
  %r0 = vector.from_elements %i0, %i1, %i2, %i3, %i4, %i5, %i6, %i7 : vector<8xi32>
  vector.store %r0, %out[%c0] : memref<72xi32>, vector<8xi32>
  %t = vector.transpose %w, [1, 0] : vector<2x4xi32> to vector<4x2xi32>
  %r1 = vector.shape_cast %t : vector<4x2xi32> to vector<8xi32>
  vector.store %r1, %out[%c8] : memref<72xi32>, vector<8xi32>
  %s0 = vector.extract_strided_slice %w {offsets = [0, 1], sizes = [2, 2], strides = [1, 1]} : vector<2x4xi32> to vector<2x2xi32>
  %s1 = vector.insert_strided_slice %s0, %w {offsets = [0, 2], strides = [1, 1]} : vector<2x2xi32> into vector<2x4xi32>
  %r2 = vector.shape_cast %s1 : vector<2x4xi32> to vector<8xi32>
  vector.store %r2, %out[%c16] : memref<72xi32>, vector<8xi32>
  %row = vector.extract %w[1] : vector<4xi32> from vector<2x4xi32>
  %e0 = vector.extract %w[0, 3] : i32 from vector<2x4xi32>
  %e1 = vector.extract %row[%c2] : i32 from vector<4xi32>
  %in0 = vector.insert %e1, %row[0] : i32 into vector<4xi32>
  %in1 = vector.insert %e0, %in0[%c1] : i32 into vector<4xi32>
  %in2 = vector.insert %in1, %w[0] : vector<4xi32> into vector<2x4xi32>
  %r3 = vector.shape_cast %in2 : vector<2x4xi32> to vector<8xi32>
  vector.store %r3, %out[%c24] : memref<72xi32>, vector<8xi32>
  %bytes = vector.bitcast %v : vector<8xi32> to vector<32xi8>
  %some = vector.extract_strided_slice %bytes {offsets = [12], sizes = [8], strides = [1]} : vector<32xi8> to vector<8xi8>
  %r4 = arith.extsi %some : vector<8xi8> to vector<8xi32>
  vector.store %r4, %out[%c32] : memref<72xi32>, vector<8xi32>
  %half = vector.bitcast %some : vector<8xi8> to vector<4xi16>
  %wide = arith.extui %half : vector<4xi16> to vector<4xi32>
  %mix = vector.shuffle %wide, %row [0, 4, 1, 5, 2, 6, 3, 7] : vector<4xi32>, vector<4xi32>
  vector.store %mix, %out[%c40] : memref<72xi32>, vector<8xi32>
  %x = arith.sitofp %v : vector<8xi32> to vector<8xf32>
  %third = arith.constant dense<0.333333343> : vector<8xf32>
  %fma = vector.fma %x, %third, %x : vector<8xf32>
  %fb = arith.bitcast %fma : vector<8xf32> to vector<8xi32>
  vector.store %fb, %out[%c48] : memref<72xi32>, vector<8xi32>
  %sum = vector.reduction <add>, %fma : vector<8xf32> into f32
  %top = vector.reduction <maximumf>, %fma : vector<8xf32> into f32
  %low = vector.reduction <minnumf>, %fma : vector<8xf32> into f32
  %most = vector.reduction <maxnumf>, %fma : vector<8xf32> into f32
  %least = vector.reduction <minimumf>, %fma : vector<8xf32> into f32
  %minui = vector.reduction <minui>, %v : vector<8xi32> into i32
  %sb = arith.bitcast %sum : f32 to i32
  %tb = arith.bitcast %top : f32 to i32
  %lb = arith.bitcast %low : f32 to i32
  %mb = arith.bitcast %most : f32 to i32
  %eb = arith.bitcast %least : f32 to i32
  %splat = vector.broadcast %minui : i32 to vector<8xi32>
  %g0 = vector.insert %sb, %splat[0] : i32 into vector<8xi32>
  %g1 = vector.insert %tb, %g0[1] : i32 into vector<8xi32>
  %g2 = vector.insert %lb, %g1[2] : i32 into vector<8xi32>
  %g3 = vector.insert %mb, %g2[3] : i32 into vector<8xi32>
  %g4 = vector.insert %eb, %g3[4] : i32 into vector<8xi32>
  vector.store %g4, %out[%c56] : memref<72xi32>, vector<8xi32>
  %mask = arith.cmpi sgt, %v, %splat : vector<8xi32>
  %sel = arith.select %mask, %v, %r1 : vector<8xi1>, vector<8xi32>
  vector.store %sel, %out[%c64] : memref<72xi32>, vector<8xi32>
  return
}
func.func @compute_memory(%out: memref<40xi32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c3 = arith.constant 3 : index
  %c4 = arith.constant 4 : index
  %c6 = arith.constant 6 : index
  %c40 = arith.constant 40 : index
  %zero = arith.constant 0 : i32
  %minus = arith.constant -1 : i32
  scf.for %i = %c0 to %c40 step %c1 {
    memref.store %minus, %out[%i] : memref<40xi32>
  }
  %a = memref.alloc() : memref<4x6xi32>
  %small = memref.alloca() : memref<3xi8>
  scf.for %i = %c0 to %c4 step %c1 {
    scf.for %j = %c0 to %c6 step %c1 {
      %row = arith.muli %i, %c6 : index
      %at = arith.addi %row, %j : index
      %x = arith.index_cast %at : index to i32
      memref.store %x, %a[%i, %j] : memref<4x6xi32>
    }
  }
  // A window of a window.
  %w = memref.subview %a[1, 2] [3, 3] [1, 1] : memref<4x6xi32> to memref<3x3xi32, strided<[6, 1], offset: 8>>
  %s = memref.subview %w[0, %c1] [2, 2] [2, 1] : memref<3x3xi32, strided<[6, 1], offset: 8>> to memref<2x2xi32, strided<[12, 1], offset: ?>>
  %first = memref.subview %out[0] [4] [1] : memref<40xi32> to memref<4xi32, strided<[1]>>
  %square = memref.expand_shape %first [[0, 1]] output_shape [2, 2] : memref<4xi32, strided<[1]>> into memref<2x2xi32>
  memref.copy %s, %square : memref<2x2xi32, strided<[12, 1], offset: ?>> to memref<2x2xi32>
  // The same memory as a line, and a part of it.
  %line = memref.collapse_shape %a [[0, 1]] : memref<4x6xi32> into memref<24xi32>
  %p = vector.transfer_read %line[%c3], %zero {in_bounds = [true]} : memref<24xi32>, vector<4xi32>
  vector.store %p, %out[%c4] : memref<40xi32>, vector<4xi32>
  // Beyond the end there are zeros, and nothing is written.
  %c22 = arith.constant 22 : index
  %end = vector.transfer_read %line[%c22], %minus : memref<24xi32>, vector<4xi32>
  %c8 = arith.constant 8 : index
  vector.store %end, %out[%c8] : memref<40xi32>, vector<4xi32>
  %c38 = arith.constant 38 : index
  vector.transfer_write %p, %out[%c38] : vector<4xi32>, memref<40xi32>
  // Two rows at once.
  %rows = vector.transfer_read %a[%c2, %c1], %zero {in_bounds = [true, true]} : memref<4x6xi32>, vector<2x3xi32>
  %flat = vector.shape_cast %rows : vector<2x3xi32> to vector<6xi32>
  %c12 = arith.constant 12 : index
  vector.store %flat, %out[%c12] : memref<40xi32>, vector<6xi32>
  // Bytes, with and without a sign.
  %byte = arith.constant -56 : i8
  memref.store %byte, %small[%c2] : memref<3xi8>
  %back = memref.load %small[%c2] : memref<3xi8>
  %signed = arith.extsi %back : i8 to i32
  %unsigned = arith.extui %back : i8 to i32
  %c18 = arith.constant 18 : index
  memref.store %signed, %out[%c18] : memref<40xi32>
  %c19 = arith.constant 19 : index
  memref.store %unsigned, %out[%c19] : memref<40xi32>
  // Extents, and a type that forgets them.
  %any = memref.cast %a : memref<4x6xi32> to memref<?x?xi32>
  %extent = memref.dim %any, %c1 : memref<?x?xi32>
  %number = arith.index_cast %extent : index to i32
  %c20 = arith.constant 20 : index
  memref.store %number, %out[%c20] : memref<40xi32>
  %re = memref.reinterpret_cast %a to offset: [5], sizes: [2, 2], strides: [7, 2] : memref<4x6xi32> to memref<2x2xi32, strided<[7, 2], offset: 5>>
  %corner = memref.load %re[%c1, %c1] : memref<2x2xi32, strided<[7, 2], offset: 5>>
  %c21 = arith.constant 21 : index
  memref.store %corner, %out[%c21] : memref<40xi32>
  memref.dealloc %a : memref<4x6xi32>
  return
}

//--- end.mlir
}

//--- main.mlir
func.func private @printMemrefI32(memref<*xi32>) attributes {llvm.emit_c_interface}
func.func @main() {
  %integers_by_two = memref.alloc() : memref<4464xi32>
  call @compute_integers_by_two(%integers_by_two) : (memref<4464xi32>) -> ()
  %u_integers_by_two = memref.cast %integers_by_two : memref<4464xi32> to memref<*xi32>
  call @printMemrefI32(%u_integers_by_two) : (memref<*xi32>) -> ()
  %integers_by_one = memref.alloc() : memref<204xi32>
  call @compute_integers_by_one(%integers_by_one) : (memref<204xi32>) -> ()
  %u_integers_by_one = memref.cast %integers_by_one : memref<204xi32> to memref<*xi32>
  call @printMemrefI32(%u_integers_by_one) : (memref<*xi32>) -> ()
  %floats_by_two = memref.alloc() : memref<8550xi32>
  call @compute_floats_by_two(%floats_by_two) : (memref<8550xi32>) -> ()
  %u_floats_by_two = memref.cast %floats_by_two : memref<8550xi32> to memref<*xi32>
  call @printMemrefI32(%u_floats_by_two) : (memref<*xi32>) -> ()
  %floats_to_integers = memref.alloc() : memref<24xi32>
  call @compute_floats_to_integers(%floats_to_integers) : (memref<24xi32>) -> ()
  %u_floats_to_integers = memref.cast %floats_to_integers : memref<24xi32> to memref<*xi32>
  call @printMemrefI32(%u_floats_to_integers) : (memref<*xi32>) -> ()
  %vectors = memref.alloc() : memref<72xi32>
  call @compute_vectors(%vectors) : (memref<72xi32>) -> ()
  %u_vectors = memref.cast %vectors : memref<72xi32> to memref<*xi32>
  call @printMemrefI32(%u_vectors) : (memref<*xi32>) -> ()
  %memory = memref.alloc() : memref<40xi32>
  call @compute_memory(%memory) : (memref<40xi32>) -> ()
  %u_memory = memref.cast %memory : memref<40xi32> to memref<*xi32>
  call @printMemrefI32(%u_memory) : (memref<*xi32>) -> ()
  return
}
