// Included by Ops.td: what routing makes of flows, and what configures it.

//===----------------------------------------------------------------------===//
// Switches
//===----------------------------------------------------------------------===//

class Aie_SwitchOp<string mnemonic> : Aie_NamedOp<mnemonic, [SingleBlockImplicitTerminator<"EndOp">]> {
  let arguments = (ins Index:$tile);
  let results = (outs Index:$result);
  let regions = (region AnyRegion:$connections);
  let assemblyFormat = "`(` $tile `)` regions attr-dict";
}
def Aie_SwitchboxOp : Aie_SwitchOp<"switchbox"> {
  let summary = "The connections of a tile's stream switch.";
  let description = [{
    ```mlir
    %switchbox_0_2 = aie.switchbox(%t) {
      aie.connect<South : 0, DMA : 0>
      %a = aie.amsel<0> (0)
      %m = aie.masterset(DMA : 1, %a)
      aie.packet_rules(South : 1) {
        aie.rule(31, 4, %a)
      }
    }
    ```
  }];
}
def Aie_ShimMuxOp : Aie_SwitchOp<"shim_mux"> {
  let summary = "What a shim tile's switch is connected to in the south.";
}
def Aie_ShimSwitchboxOp : Aie_Op<"shim_switchbox", [SingleBlockImplicitTerminator<"EndOp">]> {
  let summary = "The stream switch of a column's shim tile.";
  let arguments = (ins I32Attr:$col);
  let results = (outs Index:$result);
  let regions = (region AnyRegion:$connections);
  let assemblyFormat = "`(` $col `)` regions attr-dict";
}

def Aie_ConnectOp : Aie_Op<"connect"> {
  let summary = "A circuit from a port into the switch to one out of it.";
  let arguments = (ins Aie_Bundle:$source_bundle, Aie_Natural<I32Attr>:$source_channel,
                       Aie_Bundle:$dest_bundle, Aie_Natural<I32Attr>:$dest_channel);
  let assemblyFormat = "`<` $source_bundle `:` $source_channel `,` $dest_bundle `:` $dest_channel `>` attr-dict";
}

def Aie_AMSelOp : Aie_Op<"amsel", [HasParent<"SwitchboxOp">]> {
  let summary = "An arbiter of a switch, with one of its four selections.";
  let arguments = (ins ConfinedAttr<I8Attr, [IntMinValue<0>, IntMaxValue<5>]>:$arbiterID,
                       ConfinedAttr<I8Attr, [IntMinValue<0>, IntMaxValue<3>]>:$msel);
  let results = (outs Index:$result);
  let assemblyFormat = "`<` $arbiterID `>` `(` $msel `)` attr-dict";
}

def Aie_MasterSetOp : Aie_Op<"masterset", [HasParent<"SwitchboxOp">]> {
  let summary = "A port out of the switch that takes the packets of selections.";
  let arguments = (ins Aie_Bundle:$dest_bundle, Aie_Natural<I32Attr>:$dest_channel, Variadic<Index>:$amsels,
                       OptionalAttr<BoolAttr>:$keep_pkt_header);
  let results = (outs Index:$result);
  let assemblyFormat = "`(` $dest_bundle `:` $dest_channel `,` $amsels `)` attr-dict";
}

def Aie_PacketRulesOp : Aie_Op<"packet_rules", [SingleBlockImplicitTerminator<"EndOp">]> {
  let summary = "What becomes of the packets that come in at a port: the first rule that fits decides.";
  let arguments = (ins Aie_Bundle:$source_bundle, Aie_Natural<I32Attr>:$source_channel);
  let regions = (region AnyRegion:$rules);
  let assemblyFormat = "`(` $source_bundle `:` $source_channel `)` regions attr-dict";
}

def Aie_PacketRuleOp : Aie_Op<"rule", [HasParent<"PacketRulesOp">]> {
  let summary = "Packets whose id is `value` in the bits of `mask` go to a selection.";
  let arguments = (ins I8Attr:$mask, I8Attr:$value, Index:$amsel);
  let assemblyFormat = "`(` $mask `,` $value `,` $amsel `)` attr-dict";
}

def Aie_WireOp : Aie_Op<"wire"> {
  let summary = "Ports of neighbors that are joined by wires.";
  let arguments = (ins Index:$source, Aie_Bundle:$source_bundle, Index:$dest, Aie_Bundle:$dest_bundle);
  let assemblyFormat = "`(` $source `:` $source_bundle `,` $dest `:` $dest_bundle `)` attr-dict";
}

def Aie_PLIOOp : Aie_Op<"plio"> {
  let summary = "The programmable logic below a column.";
  let arguments = (ins I32Attr:$col);
  let results = (outs Index:$result);
  let assemblyFormat = "`(` $col `)` attr-dict";
}

//===----------------------------------------------------------------------===//
// Streams of a core
//===----------------------------------------------------------------------===//

def Aie_PutStreamOp : Aie_Op<"put_stream"> {
  let summary = "Send a value from a core's own stream port.";
  let arguments = (ins AnyInteger:$channel, AnyType:$stream_value);
  let assemblyFormat = "`(` $channel `:` type($channel) `,` $stream_value `:` type($stream_value) `)` attr-dict";
}

def Aie_GetStreamOp : Aie_Op<"get_stream"> {
  let summary = "Receive a value at a core's own stream port.";
  let arguments = (ins AnyInteger:$channel);
  let results = (outs AnyType:$stream_value);
  let assemblyFormat = "`(` $channel `:` type($channel) `)` attr-dict `:` type($stream_value)";
}

//===----------------------------------------------------------------------===//
// Others
//===----------------------------------------------------------------------===//

def Aie_BDChainOp : Aie_Op<"bd_chain", [Symbol]> {
  let summary = "A chain of buffer descriptors with parameters, for the host to start.";
  let arguments = (ins SymbolNameAttr:$sym_name);
  let regions = (region AnyRegion:$body);
  let assemblyFormat = "$sym_name `` custom<Sequence>($body) attr-dict";
}

def Aie_ObjectFifoRegisterProcessOp : Aie_Op<"objectfifo.register_process"> {
  let summary = "A function to call on objects of a FIFO in a pattern.";
  let arguments = (ins Aie_FifoEnd:$port, FlatSymbolRefAttr:$objFifo_name, AnyTensor:$acquirePatternTensor,
                       AnyTensor:$releasePatternTensor, FlatSymbolRefAttr:$callee, Index:$length);
  let assemblyFormat = [{
    attr-dict $objFifo_name `(` $port `,` $acquirePatternTensor `:` type($acquirePatternTensor) `,`
    $releasePatternTensor `:` type($releasePatternTensor) `,` $callee `,` $length `)`
  }];
}

def Aie_EventOp : Aie_Op<"event"> {
  let summary = "Raise an event that a trace shows.";
  let arguments = (ins ConfinedAttr<I32Attr, [IntMinValue<0>, IntMaxValue<1>]>:$val);
  let assemblyFormat = "`(` $val `)` attr-dict";
}

def Aie_DebugOp : Aie_Op<"debug"> {
  let summary = "A value to look at.";
  let arguments = (ins AnyType:$arg);
  let assemblyFormat = "`(` $arg `:` type($arg) `)` attr-dict";
}
