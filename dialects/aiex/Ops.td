#ifndef AIEX_OPS
#define AIEX_OPS

include "aie/Attrs.td"
include "mlir/IR/OpBase.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/BuiltinAttributes.td"
include "mlir/IR/BuiltinTypeInterfaces.td"

def Aiex_Dialect : Dialect {
  let name = "aiex";
  let summary = "What a host does with an array: transfers, waits, and writes of a runtime sequence.";
  let description = [{
    The part of the dialect of mlir-aie, by the same names and in the same
    syntax, that the body of an `aie.runtime_sequence` is made of. Ops that are
    not declared here are kept in their generic form.
  }];
  let cppNamespace = "::aie4ml::aiex";
  let useDefaultTypePrinterParser = 1;
}

class Aiex_Op<string mnemonic, list<Trait> traits = []> : Op<Aiex_Dialect, mnemonic, traits> {
  // ODS checks what it can; Rust checks the rest.
  let hasVerifier = 1;
  let extraClassDefinition = [{
    ::llvm::LogicalResult $cppClass::verify() { return ::aie4ml::verifyInRust(getOperation()); }
  }];
}

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

def Aiex_BlockFloat : TypeDef<Aiex_Dialect, "BlockFloat", [MemRefElementTypeInterface]> {
  let mnemonic = "bfp";
  let summary = "A block of floats that share an exponent, by the name of its format.";
  let parameters = (ins StringRefParameter<>:$block_type);
  let assemblyFormat = "`<` $block_type `>`";
}

//===----------------------------------------------------------------------===//
// Transfers by descriptor
//===----------------------------------------------------------------------===//

def Aiex_NpuDmaMemcpyNdOp : Aiex_Op<"npu.dma_memcpy_nd", [AttrSizedOperandSegments]> {
  let summary = "Start a transfer between a host buffer and the channel of a shim tile.";
  let description = [{
    Offsets, sizes and strides are in elements, outermost first; the outermost
    dimension repeats the transfer.

    ```mlir
    aiex.npu.dma_memcpy_nd(%a[0, 0, 0, 0][1, 1, 8, 16][0, 0, 32, 1]) {id = 0 : i64, metadata = @in} : memref<8x32xi32>
    ```
  }];
  let arguments = (ins AnyRankedOrUnrankedMemRef:$memref, Variadic<I64>:$offsets, Variadic<I64>:$sizes,
    Variadic<I64>:$strides, DenseI64ArrayAttr:$static_offsets, DenseI64ArrayAttr:$static_sizes,
    DenseI64ArrayAttr:$static_strides, OptionalAttr<Aie_PacketAttr>:$packet, SymbolRefAttr:$metadata, I64Attr:$id,
    DefaultValuedOptionalAttr<BoolAttr, "false">:$issue_token,
    DefaultValuedOptionalAttr<I64Attr, "0">:$d0_zero_before, DefaultValuedOptionalAttr<I64Attr, "0">:$d1_zero_before,
    DefaultValuedOptionalAttr<I64Attr, "0">:$d2_zero_before, DefaultValuedOptionalAttr<I64Attr, "0">:$d0_zero_after,
    DefaultValuedOptionalAttr<I64Attr, "0">:$d1_zero_after, DefaultValuedOptionalAttr<I64Attr, "0">:$d2_zero_after,
    DefaultValuedOptionalAttr<I64Attr, "0">:$burst_length);
  let assemblyFormat = [{
    `(` $memref `` custom<DynamicIndexList>($offsets, $static_offsets) ``
    custom<DynamicIndexList>($sizes, $static_sizes) `` custom<DynamicIndexList>($strides, $static_strides) ``
    (`,` `packet` `=` $packet^)? `)` attr-dict `:` type($memref)
  }];
}

def Aiex_NpuDmaWaitOp : Aiex_Op<"npu.dma_wait"> {
  let summary = "Wait for a transfer of a `aie.shim_dma_allocation` to complete.";
  let arguments = (ins FlatSymbolRefAttr:$symbol);
  let assemblyFormat = "attr-dict";
}

def Aiex_NpuSyncOp : Aiex_Op<"npu.sync"> {
  let summary = "Wait for a token of a channel.";
  let arguments = (ins I32Attr:$column, I32Attr:$row, I32Attr:$direction, I32Attr:$channel, I32Attr:$column_num,
                       I32Attr:$row_num);
  let assemblyFormat = "attr-dict";
}

//===----------------------------------------------------------------------===//
// Tasks: chains of descriptors
//===----------------------------------------------------------------------===//

def Aiex_DMAConfigureTaskOp : Aiex_Op<"dma_configure_task"> {
  let summary = "A chain of descriptors for a channel, to be started.";
  let arguments = (ins Index:$tile, Aie_Direction:$direction, I32Attr:$channel,
                       DefaultValuedOptionalAttr<BoolAttr, "false">:$issue_token,
                       DefaultValuedOptionalAttr<I32Attr, "0">:$repeat_count, OptionalAttr<Aie_PacketAttr>:$packet);
  let results = (outs Index:$result);
  let regions = (region AnyRegion:$body);
  let assemblyFormat = "`(` $tile `,` $direction `,` $channel (`,` $packet^)? `)` regions attr-dict";
}

def Aiex_DMAConfigureTaskForOp : Aiex_Op<"dma_configure_task_for"> {
  let summary = "A chain of descriptors for the channel of an `aie.shim_dma_allocation`.";
  let arguments = (ins SymbolRefAttr:$alloc, DefaultValuedOptionalAttr<BoolAttr, "false">:$issue_token,
                       DefaultValuedOptionalAttr<I32Attr, "0">:$repeat_count);
  let results = (outs Index:$result);
  let regions = (region AnyRegion:$body);
  let assemblyFormat = "$alloc regions attr-dict";
}

class Aiex_TaskOp<string mnemonic> : Aiex_Op<mnemonic> {
  let arguments = (ins Index:$task);
  let assemblyFormat = "`(` $task `)` attr-dict";
}
def Aiex_DMAStartTaskOp : Aiex_TaskOp<"dma_start_task"> { let summary = "Queue a task on its channel."; }
def Aiex_DMAAwaitTaskOp : Aiex_TaskOp<"dma_await_task"> { let summary = "Wait for a task to complete."; }
def Aiex_DMAFreeTaskOp : Aiex_TaskOp<"dma_free_task"> { let summary = "Let others use the descriptors of a task."; }

def Aiex_DMAStartBdChainOp : Aiex_Op<"dma_start_bd_chain"> {
  let summary = "Queue an `aie.bd_chain` on a channel of a tile.";
  let arguments = (ins FlatSymbolRefAttr:$symbol, Variadic<AnyType>:$args, Index:$tile, Aie_Direction:$direction,
                       I32Attr:$channel, DefaultValuedOptionalAttr<BoolAttr, "false">:$issue_token,
                       DefaultValuedOptionalAttr<I32Attr, "0">:$repeat_count);
  let results = (outs Index:$result);
  let assemblyFormat = [{
    $symbol `(` $args `)` `:` `(` type($args) `)` ` ` `on` ` ` `(` $tile `,` $direction `,` $channel `)` attr-dict
  }];
}

def Aiex_DMAStartBdChainForOp : Aiex_Op<"dma_start_bd_chain_for"> {
  let summary = "Queue an `aie.bd_chain` on the channel of an `aie.shim_dma_allocation`.";
  let arguments = (ins FlatSymbolRefAttr:$symbol, Variadic<AnyType>:$args, FlatSymbolRefAttr:$alloc,
                       DefaultValuedOptionalAttr<BoolAttr, "false">:$issue_token,
                       DefaultValuedOptionalAttr<I32Attr, "0">:$repeat_count);
  let results = (outs Index:$result);
  let assemblyFormat = "$symbol `(` $args `)` `:` `(` type($args) `)` ` ` `for` ` ` $alloc attr-dict";
}

//===----------------------------------------------------------------------===//
// Writes
//===----------------------------------------------------------------------===//

def Aiex_NpuWriteRTPOp : Aiex_Op<"npu.rtp_write"> {
  let summary = "Write a word of a buffer.";
  let arguments = (ins FlatSymbolRefAttr:$buffer, UI32Attr:$index, I32Attr:$value);
  let assemblyFormat = "`(` $buffer `,` $index `,` $value `)` attr-dict";
}

def Aiex_NpuWrite32Op : Aiex_Op<"npu.write32"> {
  let summary = "Write a word of the array's address space, of a tile's, or of a buffer.";
  let arguments = (ins UI32Attr:$address, UI32Attr:$value, OptionalAttr<FlatSymbolRefAttr>:$buffer,
                       OptionalAttr<I32Attr>:$column, OptionalAttr<I32Attr>:$row);
  let assemblyFormat = "attr-dict";
}

def Aiex_NpuMaskWrite32Op : Aiex_Op<"npu.maskwrite32"> {
  let summary = "Write some bits of a word.";
  let arguments = (ins UI32Attr:$address, UI32Attr:$value, UI32Attr:$mask, OptionalAttr<FlatSymbolRefAttr>:$buffer,
                       OptionalAttr<I32Attr>:$column, OptionalAttr<I32Attr>:$row);
  let assemblyFormat = "attr-dict";
}

def Aiex_NpuBlockWriteOp : Aiex_Op<"npu.blockwrite"> {
  let summary = "Write words that follow each other.";
  let arguments = (ins UI32Attr:$address, AnyMemRef:$data, OptionalAttr<FlatSymbolRefAttr>:$buffer,
                       OptionalAttr<I32Attr>:$column, OptionalAttr<I32Attr>:$row);
  let assemblyFormat = "`(` $data `)` attr-dict `:` type($data)";
}

def Aiex_NpuAddressPatchOp : Aiex_Op<"npu.address_patch"> {
  let summary = "Put the address of a host buffer into a descriptor.";
  let arguments = (ins UI32Attr:$addr, I32Attr:$arg_idx, I32Attr:$arg_plus);
  let assemblyFormat = "attr-dict";
}

def Aiex_NpuWriteBdOp : Aiex_Op<"npu.writebd"> {
  let summary = "Write all fields of a descriptor.";
  let assemblyFormat = "attr-dict";
}

def Aiex_NpuPushQueueOp : Aiex_Op<"npu.push_queue"> {
  let summary = "Queue a descriptor on a channel.";
  let arguments = (ins I32Attr:$column, I32Attr:$row, Aie_Direction:$direction, I32Attr:$channel,
                       BoolAttr:$issue_token, I32Attr:$repeat_count, I32Attr:$bd_id);
  let assemblyFormat = "`(` $column `,` $row `,` $direction `:` $channel `)` attr-dict";
}

def Aiex_ControlPacketOp : Aiex_Op<"control_packet"> {
  let summary = "A packet that reads or writes registers of a tile.";
  let arguments = (ins UI32Attr:$address, OptionalAttr<I32Attr>:$length, I32Attr:$opcode, I32Attr:$stream_id,
                       OptionalAttr<DenseI32ArrayAttr>:$data);
  let assemblyFormat = "attr-dict";
}

def Aiex_NpuPreemptOp : Aiex_Op<"npu.preempt"> {
  let summary = "A point at which another program may go first.";
  let arguments = (ins UI8Attr:$level);
  let assemblyFormat = "attr-dict";
}

def Aiex_SetLockOp : Aiex_Op<"set_lock"> {
  let summary = "Set the value of a lock.";
  let arguments = (ins Index:$lock, I32Attr:$value);
  let assemblyFormat = "`(` $lock `,` $value `)` attr-dict";
}

//===----------------------------------------------------------------------===//
// Configurations
//===----------------------------------------------------------------------===//

def Aiex_NpuLoadPdiOp : Aiex_Op<"npu.load_pdi"> {
  let summary = "Load the configuration of a device.";
  let assemblyFormat = "attr-dict";
}

def Aiex_ConfigureOp : Aiex_Op<"configure", [NoTerminator]> {
  let summary = "Configure a device of the module and run sequences of it.";
  let arguments = (ins FlatSymbolRefAttr:$symbol);
  let regions = (region AnyRegion:$body);
  let assemblyFormat = "$symbol regions attr-dict";
}

def Aiex_RunOp : Aiex_Op<"run"> {
  let summary = "Run a sequence of the configured device.";
  let arguments = (ins FlatSymbolRefAttr:$runtime_sequence_symbol, Variadic<AnyType>:$args);
  let assemblyFormat = "$runtime_sequence_symbol `(` $args `)` `:` `(` type($args) `)` attr-dict";
}

#endif
