#ifndef AIE4ML_OPS
#define AIE4ML_OPS

include "aie4ml/Attrs.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Aie4ml_Code : AnyTypeOf<[I8, I16, I32, I64, UI8, UI16], "a code: i8, i16, ui8, ui16, or an accumulator: i32, i64">;
def Aie4ml_Codes : TensorRankOf<[Aie4ml_Code], [2]>;
def Aie4ml_Bias : TensorRankOf<[I32], [1]>;

def Aie4ml_RequantArray : TypedArrayAttrBase<Aie4ml_RequantAttr, "requantizations, first to last">;
def Aie4ml_PlaceArray : TypedArrayAttrBase<Aie4ml_PlaceAttr, "tiles">;
def Aie4ml_PortArray : TypedArrayAttrBase<Aie4ml_PortAttr, "ports">;
def Aie4ml_RegionArray : TypedArrayAttrBase<Aie4ml_RegionAttr, "regions">;

class Aie4ml_Op<string mnemonic, list<Trait> traits = []> : Op<Aie4ml_Dialect, mnemonic, traits> {
  // ODS checks what it can; Rust checks the rest.
  let hasVerifier = 1;
  let extraClassDefinition = [{
    ::llvm::LogicalResult $cppClass::verify() { return ::aie4ml::verifyInRust(getOperation()); }
  }];
}

def Aie4ml_DenseOp : Aie4ml_Op<"dense", [Pure]> {
  let summary = "A fully connected layer.";
  let description = [{
    `output[r, j] = requant(bias[j] + sum_i input[r, i] * weights[i, j])`

    The sum is exact in an accumulator of `accumulator` bits; it must not
    overflow. Without `requant` the result is the accumulator itself.

    ```mlir
    %y = aie4ml.dense %x, %w, %b accumulator = i32
           requant = [#aie4ml.requant<shift = 7, rounding = nearest_even, overflow = saturate, width = 8, min = 0, max = 127>]
         : (tensor<8x64xi8>, tensor<64x32xi8>, tensor<32xi32>) -> tensor<8x32xi8>
    ```
  }];
  let arguments = (ins
    Aie4ml_Codes:$input, Aie4ml_Codes:$weights, Optional<Aie4ml_Bias>:$bias,
    TypeAttr:$accumulator,
    DefaultValuedAttr<Aie4ml_RequantArray, "{}">:$requant,
    OptionalAttr<Aie4ml_MicrotileAttr>:$microtile,
    OptionalAttr<Aie4ml_SplitAttr>:$split,
    OptionalAttr<Aie4ml_PackingAttr>:$packing,
    OptionalAttr<Aie4ml_PlaceArray>:$place);
  let results = (outs Aie4ml_Codes:$output);
  let assemblyFormat = [{
    $input `,` $weights (`,` $bias^)? `accumulator` `=` $accumulator
    (`requant` `=` $requant^)? attr-dict `:` functional-type(operands, results)
  }];
}

def Aie4ml_AddOp : Aie4ml_Op<"add", [Pure]> {
  let summary = "The sum of two tensors, element by element.";
  let description = [{
    `output[r, j] = requant(lhs[r, j] * factors[0] + rhs[r, j] * factors[1])`

    The factors bring both operands to one scale. The sum is exact in an
    accumulator of `accumulator` bits, 32 if that is left out; it must not
    overflow for any codes. Without `requant` the result is the accumulator
    itself.

    ```mlir
    %y = aie4ml.add %a, %b factors = [1, 4]
           requant = [#aie4ml.requant<shift = 3, rounding = nearest_even, overflow = saturate, width = 8, min = -128, max = 127>]
         : (tensor<8x64xi8>, tensor<8x64xi8>) -> tensor<8x64xi8>
    ```

    A mapped add has a cascade of one, and as many inputs as outputs on each
    tile; chains share the features. Both operands lie on a tile as the output
    does, and its packing lists both halves of the first, then of the second.
  }];
  let arguments = (ins
    Aie4ml_Codes:$lhs, Aie4ml_Codes:$rhs,
    DenseI64ArrayAttr:$factors,
    OptionalAttr<TypeAttr>:$accumulator,
    DefaultValuedAttr<Aie4ml_RequantArray, "{}">:$requant,
    OptionalAttr<Aie4ml_MicrotileAttr>:$microtile,
    OptionalAttr<Aie4ml_SplitAttr>:$split,
    OptionalAttr<Aie4ml_PackingAttr>:$packing,
    OptionalAttr<Aie4ml_PlaceArray>:$place);
  let results = (outs Aie4ml_Codes:$output);
  let assemblyFormat = [{
    $lhs `,` $rhs `factors` `=` $factors (`accumulator` `=` $accumulator^)?
    (`requant` `=` $requant^)? attr-dict `:` functional-type(operands, results)
  }];
}

def Aie4ml_OperatorOp : Aie4ml_Op<"operator", [Pure, AttrSizedOperandSegments]> {
  let summary = "An operator that computes whole rows: a convolution, a pool, a lookup, a move of features.";
  let description = [{
    `kind` names it and `parameters` has its numbers; each is described in the
    Rust file of its name in `src/operator`. A row is one sample, whose features
    lie `C x H x W`. What makes sums requantizes them as `aie4ml.dense` does, with
    one number or one for each output channel.

    ```mlir
    %y = aie4ml.operator "max_pool"(%x) parameters = {
           input = [16, 8, 8], output = [16, 4, 4], kernel = [2, 2],
           stride = [2, 2], dilation = [1, 1], padding = [0, 0]}
         : (tensor<8x1024xi8>) -> tensor<8x256xi8>
    ```

    A mapped operator has a cascade of one: every tile reads whole rows of each
    input and makes the outputs of some channels.
  }];
  let arguments = (ins
    Variadic<Aie4ml_Codes>:$inputs, Variadic<AnyRankedTensor>:$constants,
    StrAttr:$kind, DictionaryAttr:$parameters,
    OptionalAttr<TypeAttr>:$accumulator,
    DefaultValuedAttr<Aie4ml_RequantArray, "{}">:$requant,
    OptionalAttr<Aie4ml_MicrotileAttr>:$microtile,
    OptionalAttr<Aie4ml_SplitAttr>:$split,
    OptionalAttr<Aie4ml_PackingAttr>:$packing,
    OptionalAttr<Aie4ml_PlaceArray>:$place);
  let results = (outs Aie4ml_Codes:$output);
  let assemblyFormat = [{
    $kind `(` $inputs `)` (`constants` `(` $constants^ `)`)? `parameters` `=` $parameters
    (`accumulator` `=` $accumulator^)? (`requant` `=` $requant^)? attr-dict
    `:` functional-type(operands, results)
  }];
}

def Aie4ml_BiasAddOp : Aie4ml_Op<"bias_add", [Pure]> {
  let summary = "Add one number per feature to accumulators.";
  let arguments = (ins Aie4ml_Codes:$input, Aie4ml_Bias:$bias);
  let results = (outs Aie4ml_Codes:$output);
  let assemblyFormat = "$input `,` $bias attr-dict `:` functional-type(operands, results)";
}

def Aie4ml_RequantizeOp : Aie4ml_Op<"requantize", [Pure]> {
  let summary = "Requantize every element.";
  let arguments = (ins Aie4ml_Codes:$input, Aie4ml_RequantAttr:$requant);
  let results = (outs Aie4ml_Codes:$output);
  let assemblyFormat = "$input `requant` `=` $requant attr-dict `:` functional-type(operands, results)";
}

def Aie4ml_ClampOp : Aie4ml_Op<"clamp", [Pure]> {
  let summary = "Limit every element to [min, max]; a ReLU where min is zero.";
  let arguments = (ins Aie4ml_Codes:$input, I64Attr:$min, I64Attr:$max);
  let results = (outs Aie4ml_Codes:$output);
  let assemblyFormat = "$input `min` `=` $min `max` `=` $max attr-dict `:` functional-type(operands, results)";
}

def Aie4ml_TransferOp : Aie4ml_Op<"transfer", [Pure]> {
  let summary = "An edge of the network: how a tensor moves between two layers.";
  let description = [{
    Computes nothing. `regions` says who hands what to whom, `via` how, by
    memory tiles if it is absent, `memory_tiles` where the regions of each group
    lie, and `ports`, on an edge to the outside, through which streams the tensor
    enters or leaves.
  }];
  let arguments = (ins Aie4ml_Codes:$input,
    OptionalAttr<Aie4ml_RegionArray>:$regions,
    OptionalAttr<Aie4ml_ViaAttr>:$via,
    OptionalAttr<Aie4ml_PlaceArray>:$memory_tiles,
    OptionalAttr<Aie4ml_PortArray>:$ports);
  let results = (outs Aie4ml_Codes:$output);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($output)";
}

#endif
