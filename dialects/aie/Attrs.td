#ifndef AIE_ATTRS
#define AIE_ATTRS

include "aie/Dialect.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"

//===----------------------------------------------------------------------===//
// Enumerations
//
// All are plain i32 integers in the generic form, so the numbers are part of
// the file format.
//===----------------------------------------------------------------------===//

class Aie_Enum<string name, string summary, list<I32EnumAttrCase> cases>
    : I32EnumAttr<name, summary, cases> {
  let cppNamespace = "::aie4ml::aie";
}

def Aie_Device : Aie_Enum<"DeviceName", "a device", [
    I32EnumAttrCase<"xcvc1902", 1>,
    I32EnumAttrCase<"xcve2302", 2>,
    I32EnumAttrCase<"xcve2802", 3>,
    I32EnumAttrCase<"npu1", 4>,
    I32EnumAttrCase<"npu1_1col", 5>,
    I32EnumAttrCase<"npu1_2col", 6>,
    I32EnumAttrCase<"npu1_3col", 7>,
    I32EnumAttrCase<"npu2", 8>,
    I32EnumAttrCase<"npu2_1col", 9>,
    I32EnumAttrCase<"npu2_2col", 10>,
    I32EnumAttrCase<"npu2_3col", 11>,
    I32EnumAttrCase<"npu2_4col", 12>,
    I32EnumAttrCase<"npu2_5col", 13>,
    I32EnumAttrCase<"npu2_6col", 14>,
    I32EnumAttrCase<"npu2_7col", 15>,
    I32EnumAttrCase<"xcve3858", 16>]>;

def Aie_TileType : Aie_Enum<"TileType", "a kind of tile", [
    I32EnumAttrCase<"CoreTile", 0>,
    I32EnumAttrCase<"MemTile", 1>,
    I32EnumAttrCase<"ShimNOCTile", 2>,
    I32EnumAttrCase<"ShimPLTile", 3>]>;

def Aie_Bundle : Aie_Enum<"Bundle", "a group of ports of a stream switch", [
    I32EnumAttrCase<"Core", 0>,
    I32EnumAttrCase<"DMA", 1>,
    I32EnumAttrCase<"FIFO", 2>,
    I32EnumAttrCase<"South", 3>,
    I32EnumAttrCase<"West", 4>,
    I32EnumAttrCase<"North", 5>,
    I32EnumAttrCase<"East", 6>,
    I32EnumAttrCase<"PLIO", 7>,
    I32EnumAttrCase<"NOC", 8>,
    I32EnumAttrCase<"Trace", 9>,
    I32EnumAttrCase<"TileControl", 10>]>;

def Aie_CascadeSide : Aie_Enum<"CascadeSide", "a side of a core that has a cascade port", [
    I32EnumAttrCase<"South", 3>,
    I32EnumAttrCase<"West", 4>,
    I32EnumAttrCase<"North", 5>,
    I32EnumAttrCase<"East", 6>]>;

def Aie_LockAction : Aie_Enum<"LockAction", "what to do with a lock", [
    I32EnumAttrCase<"Acquire", 0>,
    I32EnumAttrCase<"Release", 1>,
    I32EnumAttrCase<"AcquireGreaterEqual", 2>]>;

def Aie_LockBlocking : Aie_Enum<"LockBlocking", "whether to wait for a lock", [
    I32EnumAttrCase<"NonBlocking", 0>,
    I32EnumAttrCase<"Blocking", 1>]>;

def Aie_Direction : Aie_Enum<"Direction", "stream to memory or memory to stream", [
    I32EnumAttrCase<"S2MM", 0>,
    I32EnumAttrCase<"MM2S", 1>]>;

def Aie_FifoEnd : Aie_Enum<"FifoEnd", "an end of an object FIFO", [
    I32EnumAttrCase<"Produce", 0>,
    I32EnumAttrCase<"Consume", 1>]>;

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

class Aie_Attr<string name, string attrMnemonic> : AttrDef<Aie_Dialect, name> {
  let mnemonic = attrMnemonic;
  let assemblyFormat = "`<` struct(params) `>`";
}

def Aie_DimAttr : Aie_Attr<"BDDimLayout", "bd_dim_layout"> {
  let summary = "One dimension of an access pattern, in elements.";
  let parameters = (ins "uint32_t":$size, "uint32_t":$stride);
}
def Aie_DimsAttr : ArrayOfAttr<Aie_Dialect, "BDDimLayoutArray", "bd_dim_layout_array", "BDDimLayoutAttr"> {
  let summary = "An access pattern, outermost dimension first.";
}
def Aie_DimsArrayAttr : ArrayOfAttr<Aie_Dialect, "BDDimLayoutArrayArray", "bd_dim_layout_array_array",
                                    "BDDimLayoutArrayAttr"> {
  let summary = "One access pattern per consumer.";
}
def Aie_PadAttr : Aie_Attr<"BDPadLayout", "bd_pad_layout"> {
  let summary = "Zeros before and after one dimension, in elements.";
  let parameters = (ins "uint16_t":$const_pad_before, "uint16_t":$const_pad_after);
}
def Aie_PadsAttr : ArrayOfAttr<Aie_Dialect, "BDPadLayoutArray", "bd_pad_layout_array", "BDPadLayoutAttr"> {
  let summary = "Padding of an access pattern, outermost dimension first.";
}
def Aie_PacketAttr : Aie_Attr<"PacketInfo", "packet_info"> {
  let summary = "The header of a packet.";
  let parameters = (ins "uint16_t":$pkt_type, "uint16_t":$pkt_id);
}

def Aie_InitialValues : TypedArrayAttrBase<ElementsAttr, "array of elements attributes">;
def Aie_Depth : AnyAttrOf<[I32Attr, ArrayAttr], "one depth, or one of the producer and of each consumer">;

class Aie_Natural<Attr integer> : ConfinedAttr<integer, [IntMinValue<0>]>;
class Aie_Positive<Attr integer> : ConfinedAttr<integer, [IntMinValue<1>]>;

#endif
