#ifndef AIEX_OPS
#define AIEX_OPS

include "aie/Attrs.td"
include "mlir/IR/OpBase.td"

def Aiex_Dialect : Dialect {
  let name = "aiex";
  let summary = "What the host's program of an AI Engine array does.";
  let description = [{
    The ops of mlir-aie's dialect of that name which an `aie.runtime_sequence`
    needs to move tensors. Its other ops are kept in their generic form.
  }];
  let cppNamespace = "::aie4ml::aiex";
}

class Aiex_Op<string mnemonic, list<Trait> traits = []> : Op<Aiex_Dialect, mnemonic, traits> {
  // ODS checks what it can; Rust checks the rest.
  let hasVerifier = 1;
  let extraClassDefinition = [{
    ::llvm::LogicalResult $cppClass::verify() { return ::aie4ml::verifyInRust(getOperation()); }
  }];
}

def Aiex_NpuDmaMemcpyNdOp : Aiex_Op<"npu.dma_memcpy_nd", [AttrSizedOperandSegments]> {
  let summary = "Start a copy between a host buffer and a shim channel.";
  let description = [{
    Offsets, sizes and strides are in elements, outermost dimension first; the
    outermost counts repetitions. The copy takes the descriptor `id` of the
    channel's tile.

    ```mlir
    aiex.npu.dma_memcpy_nd(%a[0, 0, 0, 0][1, 2, 64, 32][0, 4096, 64, 1]) {id = 0 : i64, metadata = @in} : memref<8192xi8>
    ```
  }];
  let arguments = (ins AnyRankedOrUnrankedMemRef:$memref, Variadic<I64>:$offsets, Variadic<I64>:$sizes,
                       Variadic<I64>:$strides, DenseI64ArrayAttr:$static_offsets, DenseI64ArrayAttr:$static_sizes,
                       DenseI64ArrayAttr:$static_strides, OptionalAttr<Aie_PacketAttr>:$packet,
                       SymbolRefAttr:$metadata, I64Attr:$id, DefaultValuedOptionalAttr<BoolAttr, "false">:$issue_token,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$d0_zero_before,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$d1_zero_before,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$d2_zero_before,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$d0_zero_after,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$d1_zero_after,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$d2_zero_after,
                       DefaultValuedOptionalAttr<I64Attr, "0">:$burst_length);
  let assemblyFormat = [{
    `(` $memref `` custom<DynamicIndexList>($offsets, $static_offsets) ``
    custom<DynamicIndexList>($sizes, $static_sizes) `` custom<DynamicIndexList>($strides, $static_strides)
    (`,` `packet` `=` $packet^)? `)` attr-dict `:` type($memref)
  }];
}

def Aiex_NpuDmaWaitOp : Aiex_Op<"npu.dma_wait"> {
  let summary = "Wait for a copy of a channel to end.";
  let arguments = (ins FlatSymbolRefAttr:$symbol);
  let assemblyFormat = "attr-dict";
}

#endif
