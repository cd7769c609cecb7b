#ifndef AIE_OPS
#define AIE_OPS

include "aie/Attrs.td"
include "aie/Types.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/IR/OpAsmInterface.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class Aie_Op<string mnemonic, list<Trait> traits = []> : Op<Aie_Dialect, mnemonic, traits> {
  // ODS checks what it can; Rust checks the rest.
  let hasVerifier = 1;
  string verifies = [{
    ::llvm::LogicalResult $cppClass::verify() { return ::aie4ml::verifyInRust(getOperation()); }
  }];
  let extraClassDefinition = verifies;
}

/// An op whose result is printed by the name or the place of what it stands for.
class Aie_NamedOp<string mnemonic, list<Trait> traits = []>
    : Aie_Op<mnemonic, traits # [DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmResultNames"]>]> {
  let extraClassDefinition = verifies # [{
    void $cppClass::getAsmResultNames(::mlir::OpAsmSetValueNameFn setName) { nameResult(getOperation(), setName); }
  }];
}

//===----------------------------------------------------------------------===//
// Device and tiles
//===----------------------------------------------------------------------===//

def Aie_DeviceOp : Aie_Op<"device", [
    Symbol, SymbolTable, SingleBlockImplicitTerminator<"EndOp">, IsolatedFromAbove,
    HasParent<"::mlir::ModuleOp">]> {
  let summary = "Everything that is configured of one device.";
  let description = [{
    ```mlir
    aie.device(xcve2802) {
      %t = aie.tile(3, 3)
    }
    ```
  }];
  let arguments = (ins Aie_Device:$device, DefaultValuedStrAttr<SymbolNameAttr, "main">:$sym_name);
  let regions = (region AnyRegion:$body);
  let assemblyFormat = "`(` $device `)` ($sym_name^)? regions attr-dict";
  // The ops of a device are checked against each other, after each by itself.
  let hasVerifier = 0;
  let hasRegionVerifier = 1;
  let extraClassDefinition = [{
    ::llvm::LogicalResult $cppClass::verifyRegions() { return ::aie4ml::verifyInRust(getOperation()); }
  }];
}

def Aie_TileOp : Aie_NamedOp<"tile", [Pure]> {
  let summary = "The tile at a coordinate: column, then row; row 0 is the shim.";
  let arguments = (ins Aie_Natural<I32Attr>:$col, Aie_Natural<I32Attr>:$row,
                       OptionalAttr<StrAttr>:$allocation_scheme);
  let results = (outs Index:$tile);
  let assemblyFormat = "`(` $col `,` $row `)` attr-dict";
}

def Aie_LogicalTileOp : Aie_Op<"logical_tile"> {
  let summary = "A tile that is yet to be placed; `?` stands for a free coordinate.";
  let arguments = (ins Aie_TileType:$tile_type, OptionalAttr<Aie_Natural<I32Attr>>:$col,
                       OptionalAttr<Aie_Natural<I32Attr>>:$row, OptionalAttr<StrAttr>:$allocation_scheme);
  let results = (outs Index:$tile);
  let assemblyFormat = [{
    `<` $tile_type `>` `` `(` custom<Coordinate>($col) `,` custom<Coordinate>($row) `)` attr-dict
  }];
}

def Aie_CoreOp : Aie_NamedOp<"core"> {
  let summary = "The program of a core.";
  let description = [{
    ```mlir
    %c = aie.core(%t) {
      aie.use_lock(%full, AcquireGreaterEqual, 1)
      func.call @kernel(%b) : (memref<64xi8>) -> ()
      aie.use_lock(%free, Release, 1)
      aie.end
    } {stack_size = 2048 : i32}
    ```
  }];
  let arguments = (ins Index:$tile, DefaultValuedAttr<I32Attr, "1024">:$stack_size,
                       OptionalAttr<StrAttr>:$link_with, OptionalAttr<StrArrayAttr>:$link_files,
                       OptionalAttr<StrAttr>:$elf_file, OptionalAttr<BoolAttr>:$dynamic_objfifo_lowering);
  let results = (outs Index:$core);
  let regions = (region AnyRegion:$body);
  let assemblyFormat = "`(` $tile `)` regions attr-dict";
}

def Aie_BufferOp : Aie_NamedOp<"buffer"> {
  let summary = "Memory of a tile, at a byte address if that is fixed.";
  let arguments = (ins Index:$tile, OptionalAttr<StrAttr>:$sym_name, OptionalAttr<I32Attr>:$address,
                       OptionalAttr<ElementsAttr>:$initial_value, OptionalAttr<I32Attr>:$mem_bank);
  let results = (outs AnyMemRef:$buffer);
  let assemblyFormat = [{
    `(` $tile `)` attr-dict `:` type($buffer) `` custom<InitialValue>(ref(type($buffer)), $initial_value)
  }];
}

def Aie_ExternalBufferOp : Aie_NamedOp<"external_buffer"> {
  let summary = "Memory outside of the array.";
  let arguments = (ins OptionalAttr<StrAttr>:$sym_name, OptionalAttr<I64Attr>:$address);
  let results = (outs AnyMemRef:$buffer);
  let assemblyFormat = "attr-dict `:` type($buffer)";
}

//===----------------------------------------------------------------------===//
// Locks
//===----------------------------------------------------------------------===//

def Aie_LockOp : Aie_NamedOp<"lock"> {
  let summary = "A counting semaphore of a tile.";
  let arguments = (ins Index:$tile, OptionalAttr<Aie_Natural<I32Attr>>:$lockID, OptionalAttr<I32Attr>:$init,
                       OptionalAttr<StrAttr>:$sym_name);
  let results = (outs Index:$lock);
  let assemblyFormat = "`(` $tile (`,` $lockID^)? `)` attr-dict";
}

def Aie_UseLockOp : Aie_Op<"use_lock"> {
  let summary = "Wait for a lock's value and subtract it, or add to it.";
  let arguments = (ins Index:$lock, Aie_LockAction:$action, OptionalAttr<I32Attr>:$value,
                       OptionalAttr<Aie_LockBlocking>:$blocking,
                       DefaultValuedOptionalAttr<BoolAttr, "true">:$acq_en);
  let assemblyFormat = "`(` $lock `,` $action (`,` $value^)? (`,` $blocking^)? `)` attr-dict";
}

//===----------------------------------------------------------------------===//
// DMA programs
//===----------------------------------------------------------------------===//

class Aie_DmaOp<string mnemonic> : Aie_NamedOp<mnemonic> {
  let arguments = (ins Index:$tile);
  let results = (outs Index:$dma);
  let regions = (region AnyRegion:$body);
  let assemblyFormat = "`(` $tile `)` regions attr-dict";
}
def Aie_MemOp : Aie_DmaOp<"mem"> { let summary = "The DMA program of a core tile."; }
def Aie_MemTileDMAOp : Aie_DmaOp<"memtile_dma"> { let summary = "The DMA program of a memory tile."; }
def Aie_ShimDMAOp : Aie_DmaOp<"shim_dma"> { let summary = "The DMA program of a shim tile."; }

def Aie_DMAStartOp : Aie_Op<"dma_start", [
    Terminator, ParentOneOf<["MemOp", "MemTileDMAOp", "ShimDMAOp", "::mlir::func::FuncOp"]>]> {
  let summary = "Run the chain at `dest` on a channel, `repeat_count` + 1 times; go on at `chain`.";
  let arguments = (ins Aie_Direction:$channel_dir, Aie_Natural<I32Attr>:$channel_index,
                       DefaultValuedAttr<I32Attr, "0">:$repeat_count);
  let results = (outs I1:$valid);
  let successors = (successor AnySuccessor:$dest, AnySuccessor:$chain);
  let assemblyFormat = [{
    `(` $channel_dir `,` $channel_index `,` $dest `,` $chain (`,` `repeat_count` `=` $repeat_count^)? `)` attr-dict
  }];
}

def Aie_DMAOp : Aie_Op<"dma", [ParentOneOf<["MemOp", "MemTileDMAOp", "ShimDMAOp"]>, NoTerminator]> {
  let summary = "Run a chain on a channel, a descriptor per region; again from its begin if `loop`.";
  let arguments = (ins Aie_Direction:$channel_dir, Aie_Natural<I32Attr>:$channel_index,
                       DefaultValuedAttr<BoolAttr, "true">:$loop, DefaultValuedAttr<I32Attr, "0">:$repeat_count,
                       OptionalAttr<StrAttr>:$sym_name);
  let results = (outs I1:$valid);
  let regions = (region VariadicRegion<SizedRegion<1>>:$bds);
  let assemblyFormat = "`(` $channel_dir `,` $channel_index `)` attr-dict ` ` `[` regions `]`";
}

def Aie_DMABDOp : Aie_Op<"dma_bd"> {
  let summary = "A buffer descriptor: move `len` elements of a buffer from `offset` on.";
  let description = [{
    Offset, length, sizes and strides are in elements, dimensions are listed
    outermost first. With padding, `len` counts the zeros too.

    ```mlir
    aie.dma_bd(%b : memref<32x32xi32>, 0, 1024, [<size = 8, stride = 128>, <size = 128, stride = 1>])
    ```
  }];
  let arguments = (ins AnyRankedOrUnrankedMemRef:$buffer, DefaultValuedAttr<I32Attr, "0">:$offset,
                       OptionalAttr<I32Attr>:$len, OptionalAttr<Aie_DimsAttr>:$dimensions,
                       OptionalAttr<Aie_PadsAttr>:$pad_dimensions,
                       DefaultValuedOptionalAttr<I32Attr, "0">:$pad_value, OptionalAttr<I32Attr>:$bd_id,
                       OptionalAttr<Aie_PacketAttr>:$packet,
                       DefaultValuedOptionalAttr<I32Attr, "0">:$burst_length, OptionalAttr<I32Attr>:$next_bd_id);
  let assemblyFormat = [{
    `(` $buffer `:` type($buffer) ``
    custom<AccessPattern>($offset, $len, $dimensions, $pad_dimensions, $pad_value) `)` attr-dict
  }];
}

def Aie_DMABDPacketOp : Aie_Op<"dma_bd_packet"> {
  let summary = "The packet header of the next buffer descriptor, in its older spelling.";
  let arguments = (ins I32Attr:$packet_type, I32Attr:$packet_id);
  let assemblyFormat = "`(` $packet_type `,` $packet_id `)` attr-dict";
}

def Aie_NextBDOp : Aie_Op<"next_bd", [Terminator]> {
  let summary = "Continue with the buffer descriptor of another block.";
  let successors = (successor AnySuccessor:$dest);
  let assemblyFormat = "$dest attr-dict";
}

def Aie_EndOp : Aie_Op<"end", [Terminator]> {
  let summary = "The end of a core's program, of a DMA chain, or of a list.";
  let assemblyFormat = "attr-dict";
}

//===----------------------------------------------------------------------===//
// Streams and cascades
//===----------------------------------------------------------------------===//

def Aie_FlowOp : Aie_Op<"flow"> {
  let summary = "A circuit-switched stream; several from one source are a broadcast.";
  let arguments = (ins Index:$source, Aie_Bundle:$source_bundle, Aie_Natural<I32Attr>:$source_channel,
                       Index:$dest, Aie_Bundle:$dest_bundle, Aie_Natural<I32Attr>:$dest_channel);
  let assemblyFormat = [{
    `(` $source `,` $source_bundle `:` $source_channel `,` $dest `,` $dest_bundle `:` $dest_channel `)` attr-dict
  }];
}

def Aie_PacketFlowOp : Aie_Op<"packet_flow", [SingleBlockImplicitTerminator<"EndOp">]> {
  let summary = "A stream of the packets of one id, from one source to its destinations.";
  let arguments = (ins I8Attr:$ID, OptionalAttr<BoolAttr>:$keep_pkt_header, OptionalAttr<BoolAttr>:$priority_route);
  let regions = (region AnyRegion:$ports);
  let assemblyFormat = "`(` $ID `)` regions attr-dict";
}

class Aie_PacketPortOp<string mnemonic> : Aie_Op<mnemonic, [HasParent<"PacketFlowOp">]> {
  let arguments = (ins Index:$tile, Aie_Bundle:$bundle, Aie_Natural<I32Attr>:$channel);
  let assemblyFormat = "`<` $tile `,` $bundle `:` $channel `>` attr-dict";
}
def Aie_PacketSourceOp : Aie_PacketPortOp<"packet_source"> { let summary = "Where the packets come from."; }
def Aie_PacketDestOp : Aie_PacketPortOp<"packet_dest"> { let summary = "Where the packets go."; }

def Aie_CascadeFlowOp : Aie_Op<"cascade_flow"> {
  let summary = "Accumulators go from a core to its east or south neighbor.";
  let arguments = (ins Index:$source_tile, Index:$dest_tile);
  let assemblyFormat = "`(` $source_tile `,` $dest_tile `)` attr-dict";
}

def Aie_ConfigureCascadeOp : Aie_Op<"configure_cascade", [HasParent<"DeviceOp">]> {
  let summary = "The sides of a core at which its cascade enters and leaves.";
  let arguments = (ins Index:$tile, Aie_CascadeSide:$inputDir, Aie_CascadeSide:$outputDir);
  let assemblyFormat = "`(` $tile `,` $inputDir `,` $outputDir `)` attr-dict";
}

def Aie_PutCascadeOp : Aie_Op<"put_cascade"> {
  let summary = "Send a value over the cascade.";
  let arguments = (ins AnyType:$cascade_value);
  let assemblyFormat = "`(` $cascade_value `:` type($cascade_value) `)` attr-dict";
}

def Aie_GetCascadeOp : Aie_Op<"get_cascade"> {
  let summary = "Receive a value from the cascade.";
  let results = (outs AnyType:$cascade_value);
  let assemblyFormat = "`(` `)` attr-dict `:` type($cascade_value)";
}

//===----------------------------------------------------------------------===//
// Object FIFOs
//===----------------------------------------------------------------------===//

def Aie_ObjectFifoOp : Aie_Op<"objectfifo", [Symbol, HasParent<"DeviceOp">]> {
  let summary = "Objects that one tile hands to others, in order, over memory or DMA.";
  let description = [{
    ```mlir
    aie.objectfifo @f(%a, {%b, %c dimensionsFromStream [<size = 4, stride = 1>]}, [2, 2, 3])
        {via_DMA = true} : !aie.objectfifo<memref<64xi8>>
    ```
  }];
  let arguments = (ins
    SymbolNameAttr:$sym_name, Index:$producerTile, Variadic<Index>:$consumerTiles, Aie_Depth:$elemNumber,
    TypeAttrOf<Aie_ObjectFifo>:$elemType,
    DefaultValuedAttr<Aie_DimsAttr, "::llvm::ArrayRef<BDDimLayoutAttr>()">:$dimensionsToStream,
    Aie_DimsArrayAttr:$dimensionsFromStreamPerConsumer,
    DefaultValuedAttr<BoolAttr, "false">:$via_DMA, DefaultValuedAttr<BoolAttr, "false">:$plio,
    DefaultValuedAttr<BoolAttr, "false">:$disable_synchronization,
    OptionalAttr<Aie_Positive<I32Attr>>:$repeat_count,
    OptionalAttr<ConfinedAttr<I32Attr, [IntMinValue<0>, IntMaxValue<2>]>>:$aie_stream,
    OptionalAttr<ConfinedAttr<I32Attr, [IntMinValue<0>, IntMaxValue<1>]>>:$aie_stream_port,
    OptionalAttr<Aie_InitialValues>:$initValues, OptionalAttr<Aie_PadsAttr>:$padDimensions,
    OptionalAttr<I32Attr>:$iter_count);
  let assemblyFormat = [{
    $sym_name `(` $producerTile (`dimensionsToStream` $dimensionsToStream^)? `,`
    `{` custom<Consumers>($consumerTiles, $dimensionsFromStreamPerConsumer) `}` `,` $elemNumber `)` attr-dict
    `:` $elemType (`=` $initValues^)?
  }];
}

def Aie_ObjectFifoAcquireOp : Aie_Op<"objectfifo.acquire"> {
  let summary = "Hold `size` objects, those already held among them.";
  let arguments = (ins Aie_FifoEnd:$port, FlatSymbolRefAttr:$objFifo_name, Aie_Positive<I32Attr>:$size);
  let results = (outs Aie_ObjectFifoSubview:$subview);
  let assemblyFormat = "attr-dict $objFifo_name `(` $port `,` $size `)` `:` qualified(type($subview))";
}

def Aie_ObjectFifoReleaseOp : Aie_Op<"objectfifo.release"> {
  let summary = "Give up the `size` objects held longest.";
  let arguments = (ins Aie_FifoEnd:$port, FlatSymbolRefAttr:$objFifo_name, Aie_Positive<I32Attr>:$size);
  let assemblyFormat = "attr-dict $objFifo_name `(` $port `,` $size `)`";
}

def Aie_ObjectFifoSubviewAccessOp : Aie_Op<"objectfifo.subview.access"> {
  let summary = "One of the objects held.";
  let arguments = (ins Aie_ObjectFifoSubview:$subview, Aie_Natural<I32Attr>:$index);
  let results = (outs AnyMemRef:$output);
  let assemblyFormat = [{
    $subview `[` $index `]` attr-dict `:` qualified(type($subview)) `->` qualified(type($output))
  }];
}

def Aie_ObjectFifoLinkOp : Aie_Op<"objectfifo.link", [HasParent<"DeviceOp">]> {
  let summary = "Pass objects on in a tile: forward, join or distribute.";
  let arguments = (ins SymbolRefArrayAttr:$fifoIns, SymbolRefArrayAttr:$fifoOuts,
                       I64ArrayAttr:$src_offsets, I64ArrayAttr:$dst_offsets);
  let assemblyFormat = "$fifoIns `->` $fifoOuts `(` $src_offsets $dst_offsets `)` attr-dict";
}

def Aie_ObjectFifoAllocateOp : Aie_Op<"objectfifo.allocate", [HasParent<"DeviceOp">]> {
  let summary = "Put the objects of a shared-memory FIFO into a tile.";
  let arguments = (ins FlatSymbolRefAttr:$objFifo_name, Index:$delegateTile);
  let assemblyFormat = "$objFifo_name `(` $delegateTile `)` attr-dict";
}

def Aie_ObjectFifoRegisterExternalBuffersOp
    : Aie_Op<"objectfifo.register_external_buffers", [HasParent<"DeviceOp">]> {
  let summary = "Use external memory at a shim end of a FIFO.";
  let arguments = (ins FlatSymbolRefAttr:$objFifo_name, Index:$tile, Variadic<AnyMemRef>:$externalBuffers);
  let assemblyFormat = [{
    attr-dict $objFifo_name `(` $tile `,` `{` $externalBuffers `}` `)` `:` `(` type($externalBuffers) `)`
  }];
}

//===----------------------------------------------------------------------===//
// The host's side
//===----------------------------------------------------------------------===//

def Aie_ShimDMAAllocationOp : Aie_Op<"shim_dma_allocation", [Symbol, HasParent<"DeviceOp">]> {
  let summary = "A name for a DMA channel of a shim tile, for the host's program.";
  let arguments = (ins SymbolNameAttr:$sym_name, Index:$tile, Aie_Direction:$channel_dir, I64Attr:$channel_index,
                       DefaultValuedAttr<BoolAttr, "false">:$plio, OptionalAttr<Aie_PacketAttr>:$packet);
  let assemblyFormat = [{
    $sym_name `(` $tile `,` $channel_dir `,` $channel_index (`,` $packet^)? `)` attr-dict
  }];
}

def Aie_RuntimeSequenceOp : Aie_Op<"runtime_sequence", [Symbol, NoTerminator, HasParent<"DeviceOp">]> {
  let summary = "The host's program for one invocation, on its buffers.";
  let description = [{
    Its ops are of the `aiex` dialect.
  }];
  let arguments = (ins DefaultValuedStrAttr<SymbolNameAttr, "sequence">:$sym_name);
  let regions = (region AnyRegion:$body);
  let assemblyFormat = "($sym_name^)? `` custom<Sequence>($body) attr-dict";
}

include "aie/Switches.td"
include "aie/Traces.td"

#endif
