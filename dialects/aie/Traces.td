// Included by Ops.td: traces, which observe a program and change nothing of it.

def Aie_TraceMode : Aie_Enum<"TraceMode", "what a trace records", [
    I32EnumAttrCase<"EventTime", 0, "Event-Time">,
    I32EnumAttrCase<"EventPC", 1, "Event-PC">,
    I32EnumAttrCase<"Execution", 2, "Execution">]>;

def Aie_TracePacketType : Aie_Enum<"TracePacketType", "the module that a trace comes from", [
    I32EnumAttrCase<"Core", 0, "core">,
    I32EnumAttrCase<"Mem", 1, "mem">,
    I32EnumAttrCase<"ShimTile", 2, "shimtile">,
    I32EnumAttrCase<"MemTile", 3, "memtile">]>;

def Aie_ComboLogic : Aie_Enum<"ComboLogic", "how two events make one", [
    I32EnumAttrCase<"AND", 0>,
    I32EnumAttrCase<"AND_NOT", 1>,
    I32EnumAttrCase<"OR", 2>,
    I32EnumAttrCase<"OR_NOT", 3>]>;

def Aie_EdgeTrigger : Aie_Enum<"EdgeTrigger", "the edges of an event that count", [
    I32EnumAttrCase<"RISING", 1>,
    I32EnumAttrCase<"FALLING", 2>,
    I32EnumAttrCase<"BOTH", 3>]>;

def Aie_TraceRouting : Aie_Enum<"TraceRouting", "the shim tiles that traces leave by", [
    I32EnumAttrCase<"Single", 0, "single">]>;

def Aie_TraceEventAttr : AttrDef<Aie_Dialect, "TraceEvent"> {
  let mnemonic = "trace_event";
  let summary = "An event by its name, as a string or as `Kind::NAME`.";
  let parameters = (ins "::mlir::Attribute":$value);
  let assemblyFormat = "`<` custom<TraceEvent>($value) `>`";
}

def Aie_TraceOp : Aie_Op<"trace", [Symbol, SingleBlockImplicitTerminator<"EndOp">]> {
  let summary = "What to trace of a tile.";
  let arguments = (ins Index:$tile, SymbolNameAttr:$sym_name);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$sym_name `(` $tile `)` $body attr-dict";
}

def Aie_TraceModeOp : Aie_Op<"trace.mode"> {
  let summary = "What the trace records.";
  let arguments = (ins Aie_TraceMode:$mode);
  let assemblyFormat = "$mode attr-dict";
}

def Aie_TraceEventOp : Aie_Op<"trace.event"> {
  let summary = "An event that the trace records.";
  let arguments = (ins Aie_TraceEventAttr:$event, OptionalAttr<StrAttr>:$label);
  let assemblyFormat = "$event (`label` `=` $label^)? attr-dict";
}

def Aie_TracePacketOp : Aie_Op<"trace.packet"> {
  let summary = "The packets that carry the trace.";
  let arguments = (ins I32Attr:$id, Aie_TracePacketType:$type);
  let assemblyFormat = "`id` `=` $id `type` `=` $type attr-dict";
}

def Aie_TracePortOp : Aie_Op<"trace.port"> {
  let summary = "A port of the stream switch to observe.";
  let arguments = (ins I32Attr:$slot, Aie_Bundle:$port, I32Attr:$channel, Aie_Direction:$direction);
  let assemblyFormat = [{
    `<` $slot `>` `port` `=` $port `channel` `=` $channel `direction` `=` $direction attr-dict
  }];
}

class Aie_TraceEdgeOfTimeOp<string mnemonic> : Aie_Op<mnemonic> {
  let arguments = (ins OptionalAttr<I32Attr>:$broadcast, OptionalAttr<Aie_TraceEventAttr>:$event);
  let assemblyFormat = "(`broadcast` `=` $broadcast^)? (`event` `=` $event^)? attr-dict";
}
def Aie_TraceStartOp : Aie_TraceEdgeOfTimeOp<"trace.start"> { let summary = "When the trace begins."; }
def Aie_TraceStopOp : Aie_TraceEdgeOfTimeOp<"trace.stop"> { let summary = "When the trace ends."; }

def Aie_TraceComboEventOp : Aie_Op<"trace.combo_event"> {
  let summary = "An event made of two.";
  let arguments = (ins I32Attr:$slot, Aie_TraceEventAttr:$eventA, Aie_ComboLogic:$logic,
                       Aie_TraceEventAttr:$eventB);
  let assemblyFormat = "`<` $slot `>` $eventA $logic $eventB attr-dict";
}

def Aie_TraceEdgeEventOp : Aie_Op<"trace.edge_event"> {
  let summary = "An event made of the edges of another.";
  let arguments = (ins I32Attr:$slot, Aie_TraceEventAttr:$event, Aie_EdgeTrigger:$trigger);
  let assemblyFormat = "`<` $slot `>` `event` `=` $event `trigger` `=` $trigger attr-dict";
}

def Aie_TraceConfigOp : Aie_Op<"trace.config", [Symbol, SingleBlockImplicitTerminator<"EndOp">]> {
  let summary = "The registers that a trace needs.";
  let arguments = (ins Index:$tile, SymbolNameAttr:$sym_name, OptionalAttr<Aie_TracePacketType>:$packet_type);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$sym_name `(` $tile `)` (`packet_type` `=` $packet_type^)? $body attr-dict";
}

def Aie_TraceRegOp : Aie_Op<"trace.reg"> {
  let summary = "A register, or a field of it, and its value.";
  let arguments = (ins StrAttr:$reg_name, OptionalAttr<StrAttr>:$field, AnyAttr:$value,
                       OptionalAttr<I32Attr>:$mask, OptionalAttr<StrAttr>:$comment);
  let assemblyFormat = [{
    `register` `=` $reg_name (`field` `=` $field^)? `value` `=` custom<RegisterValue>($value)
    (`mask` `=` $mask^)? (`comment` `=` $comment^)? attr-dict
  }];
}

def Aie_TraceHostConfigOp : Aie_Op<"trace.host_config"> {
  let summary = "The host's memory for traces.";
  let arguments = (ins I32Attr:$buffer_size, DefaultValuedOptionalAttr<I32Attr, "4">:$arg_idx,
                       OptionalAttr<Aie_TraceRouting>:$routing);
  let assemblyFormat = [{
    `buffer_size` `=` $buffer_size (`arg_idx` `=` $arg_idx^)? (`routing` `=` $routing^)? attr-dict
  }];
}

def Aie_TraceStartConfigOp : Aie_Op<"trace.start_config"> {
  let summary = "Configure a trace.";
  let arguments = (ins FlatSymbolRefAttr:$trace_config);
  let assemblyFormat = "$trace_config attr-dict";
}
