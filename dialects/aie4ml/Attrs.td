#ifndef AIE4ML_ATTRS
#define AIE4ML_ATTRS

include "aie4ml/Dialect.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"

// Parameters are integers, enums and lists of integers only: the shim hands
// every attribute to Rust as one flat list of integers, so nothing here needs
// an accessor of its own.
class Aie4ml_Attr<string name, string attrMnemonic> : AttrDef<Aie4ml_Dialect, name> {
  let mnemonic = attrMnemonic;
}

//===----------------------------------------------------------------------===//
// Arithmetic
//===----------------------------------------------------------------------===//

def Aie4ml_Rounding : I32Enum<"Rounding", "How a scaled accumulator becomes an integer", [
    // The numbers are the core's own encoding of its rounding modes.
    I32EnumCase<"Floor", 0, "floor">,
    I32EnumCase<"Ceil", 1, "ceil">,
    I32EnumCase<"TowardZero", 2, "toward_zero">,
    I32EnumCase<"AwayFromZero", 3, "away_from_zero">,
    I32EnumCase<"NearestDown", 8, "nearest_down">,
    I32EnumCase<"NearestUp", 9, "nearest_up">,
    I32EnumCase<"NearestTowardZero", 10, "nearest_toward_zero">,
    I32EnumCase<"NearestAway", 11, "nearest_away">,
    I32EnumCase<"NearestEven", 12, "nearest_even">,
    I32EnumCase<"NearestOdd", 13, "nearest_odd">]> {
  let cppNamespace = "::aie4ml";
}

def Aie4ml_Overflow : I32Enum<"Overflow", "What happens outside the result's range", [
    I32EnumCase<"Saturate", 0, "saturate">,
    I32EnumCase<"Symmetric", 1, "symmetric">,
    I32EnumCase<"Wrap", 2, "wrap">]> {
  let cppNamespace = "::aie4ml";
}

def Aie4ml_RequantAttr : Aie4ml_Attr<"Requant", "requant"> {
  let summary = "One exact requantization: scale, round, limit, clamp.";
  let description = [{
    `y = clamp(overflow(round((x * multiplier + addend) * 2^-shift) + zero_point), min, max)`

    `multiplier` (1 if it is left out) and `addend` (0) hold one number, or one
    for each index of the last dimension. No product and no sum is cut.

    `width` is the declared width in bits, which may be narrower than the
    result's element type, and `is_signed` whether the result has a sign;
    `overflow` acts at that width. `min` and `max` are inclusive and include a
    fused ReLU. A negative shift is an exact left shift.

    ```mlir
    #aie4ml.requant<shift = 7, rounding = nearest_even, overflow = saturate,
                    width = 8, zero_point = 0, min = 0, max = 127>
    #aie4ml.requant<multiplier = [1431655765, -3], addend = [0, 12], shift = 31, rounding = nearest_even,
                    overflow = saturate, width = 8, is_signed = false, zero_point = 128, min = 0, max = 255>
    ```
  }];
  let parameters = (ins
    OptionalArrayRefParameter<"int64_t">:$multiplier,
    OptionalArrayRefParameter<"int64_t">:$addend,
    "int64_t":$shift,
    EnumParameter<Aie4ml_Rounding>:$rounding,
    EnumParameter<Aie4ml_Overflow>:$overflow,
    "int64_t":$width,
    DefaultValuedParameter<"bool", "true">:$is_signed,
    DefaultValuedParameter<"int64_t", "0">:$zero_point,
    "int64_t":$min,
    "int64_t":$max);
  let assemblyFormat = [{
    `<` (`multiplier` `=` `[` $multiplier^ `]` `,` ` `)? (`addend` `=` `[` $addend^ `]` `,` ` `)?
        struct($shift, $rounding, $overflow, $width, $is_signed, $zero_point, $min, $max) `>`
  }];
}

//===----------------------------------------------------------------------===//
// Mapping
//===----------------------------------------------------------------------===//

def Aie4ml_MicrotileAttr : Aie4ml_Attr<"Microtile", "microtile"> {
  let summary = "The shape <m, k, n> of one matrix multiplication of a core.";
  let parameters = (ins "int64_t":$m, "int64_t":$k, "int64_t":$n);
  let assemblyFormat = "`<` $m `,` $k `,` $n `>`";
}

def Aie4ml_SplitAttr : Aie4ml_Attr<"Split", "split"> {
  let summary = "How a layer is cut over tiles.";
  let description = [{
    `cascade` tiles in a row share the inputs (`k` inputs each), `chains` rows
    share the outputs (`n` outputs each), and the batch passes in blocks of
    `rows` rows. `k` and `n` are multiples of the microtile; what exceeds the
    layer's own extent is zero.
  }];
  let parameters = (ins "int64_t":$cascade, "int64_t":$chains,
                        "int64_t":$k, "int64_t":$n, "int64_t":$rows);
  let assemblyFormat = "`<` struct(params) `>`";
}

def Aie4ml_PackingAttr : Aie4ml_Attr<"Packing", "packing"> {
  let summary = "Where a layer's buffers lie in the memory of each of its tiles.";
  let description = [{
    Byte addresses. Weights are stored as `[N/n][K/k][k][n]`, inputs as
    `[M/m][K/k][m][k]`, outputs as `[M/m][N/n][m][n]`; inputs and outputs are
    double buffered.
  }];
  let parameters = (ins "int64_t":$stack, "int64_t":$weights, "int64_t":$bias,
                        ArrayRefParameter<"int64_t">:$input,
                        ArrayRefParameter<"int64_t">:$output);
  let assemblyFormat = [{
    `<` `stack` `=` $stack `,` `weights` `=` $weights `,` `bias` `=` $bias `,`
        `input` `=` `[` $input `]` `,` `output` `=` `[` $output `]` `>`
  }];
}

def Aie4ml_PlaceAttr : Aie4ml_Attr<"Place", "place"> {
  let summary = "A tile: the south-west corner of a layer's rectangle, or a memory tile.";
  let parameters = (ins "int64_t":$column, "int64_t":$row);
  let assemblyFormat = "`<` $column `,` $row `>`";
}

def Aie4ml_PortAttr : Aie4ml_Attr<"Port", "port"> {
  let summary = "A stream port of the programmable logic: shim column and PLIO channel.";
  let parameters = (ins "int64_t":$column, "int64_t":$channel);
  let assemblyFormat = "`<` $column `,` $channel `>`";
}

def Aie4ml_RegionAttr : Aie4ml_Attr<"Region", "region"> {
  let summary = "Features [begin, end) that one producer hands to one consumer.";
  let description = [{
    `producer` counts the chains of the layer before (or the ports of an
    input), `consumer` the cascade positions of the layer after (or the ports of
    an output). `group` counts the memory tiles of the transfer; it is 0 where
    the transfer needs none.
  }];
  let parameters = (ins "int64_t":$producer, "int64_t":$consumer,
                        "int64_t":$begin, "int64_t":$end, "int64_t":$group);
  let assemblyFormat = [{
    `<` $producer `->` $consumer `,` $begin `to` $end `,` `group` `=` $group `>`
  }];
}

def Aie4ml_Via : I32Enum<"Via", "What carries a tensor from one layer to the next", [
    I32EnumCase<"MemoryTile", 0, "memory_tile">,
    I32EnumCase<"Stream", 1, "stream">,
    I32EnumCase<"SharedMemory", 2, "shared_memory">]> {
  let cppNamespace = "::aie4ml";
}

def Aie4ml_ViaAttr : Aie4ml_Attr<"Via", "via"> {
  let summary = "What carries a tensor from one layer to the next.";
  let description = [{
    * `memory_tile`: streams into memory tiles, which hold every region twice,
      and streams on to the consumers.
    * `stream`: a stream from the tile that makes a region to all tiles that
      read it; the DMAs at both ends take it from one order of blocks to the
      other.
    * `shared_memory`: the reader's core loads from the neighboring tile whose
      core made the region.
  }];
  let parameters = (ins EnumParameter<Aie4ml_Via>:$carrier);
  let assemblyFormat = "`<` $carrier `>`";
}

#endif
