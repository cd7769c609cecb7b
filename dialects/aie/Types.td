#ifndef AIE_TYPES
#define AIE_TYPES

include "aie/Dialect.td"
include "mlir/IR/AttrTypeBase.td"

class Aie_Type<string name, string typeMnemonic> : TypeDef<Aie_Dialect, name> {
  let mnemonic = typeMnemonic;
  let parameters = (ins "::mlir::MemRefType":$memref);
  let assemblyFormat = "`<` $memref `>`";
}

def Aie_ObjectFifo : Aie_Type<"ObjectFifo", "objectfifo"> {
  let summary = "A FIFO of objects of one memref type.";
}
def Aie_ObjectFifoSubview : Aie_Type<"ObjectFifoSubview", "objectfifosubview"> {
  let summary = "The objects that a core holds of a FIFO.";
}

#endif
