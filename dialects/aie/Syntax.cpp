//===- Syntax.cpp - what ODS cannot say of the aie dialect ----------------===//
// The pieces of its syntax that need code, the names of results, and its
// attributes as lists of integers.
//===----------------------------------------------------------------------===//
#include "aie/Dialect.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace aie4ml::aie;

// The name of an event: a string, or `Kind::NAME`, which is kept as one.
static ParseResult parseTraceEvent(AsmParser &parser, Attribute &value) {
  std::string name;
  if (failed(parser.parseOptionalString(&name))) {
    StringRef kind, event;
    if (parser.parseKeyword(&kind) || parser.parseColon() || parser.parseColon() || parser.parseKeyword(&event))
      return failure();
    name = (kind + "::" + event).str();
  }
  value = parser.getBuilder().getStringAttr(name);
  return success();
}
static void printTraceEvent(AsmPrinter &printer, Attribute value) {
  auto name = dyn_cast<StringAttr>(value);
  if (name && name.getValue().contains("::"))
    printer << name.getValue();
  else
    printer << value;
}

#include "AieDialect.cpp.inc"
#include "AieEnums.cpp.inc"
#define GET_TYPEDEF_CLASSES
#include "AieTypes.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "AieAttrs.cpp.inc"

void AieDialect::initialize() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "AieTypes.cpp.inc"
      >();
  addAttributes<
#define GET_ATTRDEF_LIST
#include "AieAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "AieOps.cpp.inc"
      >();
}

//===----------------------------------------------------------------------===//
// Custom directives
//===----------------------------------------------------------------------===//

// A coordinate of a tile, or `?`.
static ParseResult parseCoordinate(OpAsmParser &parser, IntegerAttr &coordinate) {
  if (succeeded(parser.parseOptionalQuestion()))
    return success();
  return parser.parseAttribute(coordinate, parser.getBuilder().getI32Type());
}
static void printCoordinate(OpAsmPrinter &printer, Operation *, IntegerAttr coordinate) {
  if (coordinate)
    printer << coordinate.getInt();
  else
    printer << '?';
}

// `= dense<...>`, without the type, which follows from the buffer's.
static ParseResult parseInitialValue(OpAsmParser &parser, Type buffer, ElementsAttr &value) {
  if (failed(parser.parseOptionalEqual()))
    return success();
  auto memref = dyn_cast<MemRefType>(buffer);
  if (!memref || !memref.hasStaticShape())
    return parser.emitError(parser.getNameLoc(), "initial value needs a static memref, not ") << buffer;
  return parser.parseAttribute(value, RankedTensorType::get(memref.getShape(), memref.getElementType()));
}
static void printInitialValue(OpAsmPrinter &printer, Operation *, Type, ElementsAttr value) {
  if (!value)
    return;
  printer << " = ";
  printer.printAttributeWithoutType(value);
}

// `, offset, len, [dims], [padding], pad_value = n`, each of which may be left out.
static ParseResult parseAccessPattern(OpAsmParser &parser, IntegerAttr &offset, IntegerAttr &len,
                                      BDDimLayoutArrayAttr &dims, BDPadLayoutArrayAttr &pads, IntegerAttr &padValue) {
  Type i32 = parser.getBuilder().getI32Type();
  while (succeeded(parser.parseOptionalComma())) {
    int32_t number = 0;
    if (succeeded(parser.parseOptionalKeyword("pad_value"))) {
      if (parser.parseEqual() || parser.parseAttribute(padValue, i32))
        return failure();
      break;
    }
    OptionalParseResult integer = parser.parseOptionalInteger(number);
    if (integer.has_value()) {
      if (failed(*integer))
        return failure();
      if (len || dims)
        return parser.emitError(parser.getCurrentLocation(), "expected at most an offset and a length");
      (offset ? len : offset) = IntegerAttr::get(i32, number);
    } else if (!dims) {
      if (!(dims = dyn_cast_or_null<BDDimLayoutArrayAttr>(BDDimLayoutArrayAttr::parse(parser, {}))))
        return failure();
    } else if (!pads) {
      if (!(pads = dyn_cast_or_null<BDPadLayoutArrayAttr>(BDPadLayoutArrayAttr::parse(parser, {}))))
        return failure();
    } else {
      return parser.emitError(parser.getCurrentLocation(), "expected 'pad_value'");
    }
  }
  return success();
}
static void printAccessPattern(OpAsmPrinter &printer, Operation *, IntegerAttr offset, IntegerAttr len,
                               BDDimLayoutArrayAttr dims, BDPadLayoutArrayAttr pads, IntegerAttr padValue) {
  if (len || (offset && offset.getInt()))
    printer << ", " << (offset ? offset.getInt() : 0);
  if (len)
    printer << ", " << len.getInt();
  if (dims)
    printer << ", ", dims.print(printer);
  if (pads)
    printer << ", ", pads.print(printer);
  if (padValue && padValue.getInt())
    printer << ", pad_value = " << padValue.getInt();
}

// `%tile dimensionsFromStream [dims], %tile, ...`
static ParseResult parseConsumers(OpAsmParser &parser, SmallVectorImpl<OpAsmParser::UnresolvedOperand> &tiles,
                                  BDDimLayoutArrayArrayAttr &dims) {
  SmallVector<BDDimLayoutArrayAttr> all;
  auto one = [&]() -> ParseResult {
    if (parser.parseOperand(tiles.emplace_back()))
      return failure();
    if (failed(parser.parseOptionalKeyword("dimensionsFromStream")))
      return all.push_back(BDDimLayoutArrayAttr::get(parser.getContext(), {})), success();
    auto pattern = dyn_cast_or_null<BDDimLayoutArrayAttr>(BDDimLayoutArrayAttr::parse(parser, {}));
    return all.push_back(pattern), success(static_cast<bool>(pattern));
  };
  if (parser.parseCommaSeparatedList(one))
    return failure();
  dims = BDDimLayoutArrayArrayAttr::get(parser.getContext(), all);
  return success();
}
static void printConsumers(OpAsmPrinter &printer, Operation *, OperandRange tiles, BDDimLayoutArrayArrayAttr dims) {
  llvm::interleaveComma(llvm::enumerate(tiles), printer, [&](auto tile) {
    printer << tile.value();
    if (dims && tile.index() < dims.size() && !dims[tile.index()].empty())
      printer << " dimensionsFromStream ", dims[tile.index()].print(printer);
  });
}

// `(%a: memref<4xi32>, ...) { ... }`
static ParseResult parseSequence(OpAsmParser &parser, Region &body) {
  SmallVector<OpAsmParser::Argument> arguments;
  if (parser.parseArgumentList(arguments, OpAsmParser::Delimiter::Paren, /*allowType=*/true, /*allowAttrs=*/true) ||
      parser.parseRegion(body, arguments))
    return failure();
  if (body.empty())
    body.emplaceBlock();
  return success();
}
static void printSequence(OpAsmPrinter &printer, Operation *, Region &body) {
  printer << '(';
  llvm::interleaveComma(body.getArguments(), printer, [&](BlockArgument a) { printer.printRegionArgument(a); });
  printer << ") ";
  printer.printRegion(body, /*printEntryBlockArgs=*/false, /*printBlockTerminators=*/true);
}

// A number, without its type, or a string.
static ParseResult parseRegisterValue(OpAsmParser &parser, Attribute &value) {
  int32_t number = 0;
  OptionalParseResult integer = parser.parseOptionalInteger(number);
  if (!integer.has_value())
    return parser.parseAttribute(value);
  value = parser.getBuilder().getI32IntegerAttr(number);
  return *integer;
}
static void printRegisterValue(OpAsmPrinter &printer, Operation *, Attribute value) {
  printer.printAttributeWithoutType(value);
}

#define GET_OP_CLASSES
#include "AieOps.cpp.inc"

//===----------------------------------------------------------------------===//
// Names of results
//===----------------------------------------------------------------------===//

void aie4ml::aie::nameResult(Operation *op, OpAsmSetValueNameFn setName) {
  // The op may be invalid: printing comes before verification.
  if (auto symbol = op->getAttrOfType<StringAttr>("sym_name"); symbol && !symbol.empty())
    return setName(op->getResult(0), symbol);
  Operation *tile = op->getNumOperands() ? op->getOperand(0).getDefiningOp() : op;
  auto column = tile ? tile->getAttrOfType<IntegerAttr>("col") : IntegerAttr();
  auto row = tile ? tile->getAttrOfType<IntegerAttr>("row") : IntegerAttr();
  if (column && row)
    setName(op->getResult(0), (op->getName().stripDialect() + "_" + Twine(column.getInt()) + "_" + Twine(row.getInt())).str());
}

//===----------------------------------------------------------------------===//
// Attributes as lists of integers
//===----------------------------------------------------------------------===//

// A list of lists is one flat list, in which each inner list is preceded by its length.

static void append(SmallVectorImpl<int64_t> &out, BDDimLayoutArrayAttr dims) {
  for (BDDimLayoutAttr dim : dims)
    out.append({dim.getSize(), dim.getStride()});
}
static BDDimLayoutArrayAttr dimsOf(MLIRContext *context, ArrayRef<int64_t> fields) {
  SmallVector<BDDimLayoutAttr> dims;
  for (; fields.size() >= 2; fields = fields.drop_front(2))
    dims.push_back(BDDimLayoutAttr::get(context, fields[0], fields[1]));
  return BDDimLayoutArrayAttr::get(context, dims);
}

bool aie4ml::aie::readFields(Attribute attribute, StringRef mnemonic, SmallVectorImpl<int64_t> &out) {
  if (auto dims = dyn_cast<BDDimLayoutArrayAttr>(attribute); dims && mnemonic == dims.getMnemonic())
    return append(out, dims), true;
  if (auto all = dyn_cast<BDDimLayoutArrayArrayAttr>(attribute); all && mnemonic == all.getMnemonic()) {
    for (BDDimLayoutArrayAttr dims : all) {
      out.push_back(2 * dims.size());
      append(out, dims);
    }
    return true;
  }
  if (auto pads = dyn_cast<BDPadLayoutArrayAttr>(attribute); pads && mnemonic == pads.getMnemonic()) {
    for (BDPadLayoutAttr pad : pads)
      out.append({pad.getConstPadBefore(), pad.getConstPadAfter()});
    return true;
  }
  if (auto packet = dyn_cast<PacketInfoAttr>(attribute); packet && mnemonic == packet.getMnemonic()) {
    out.append({packet.getPktType(), packet.getPktId()});
    return true;
  }
  return false;
}

Attribute aie4ml::aie::makeFields(MLIRContext *context, StringRef mnemonic, ArrayRef<int64_t> fields) {
  context->getOrLoadDialect<AieDialect>();
  if (mnemonic == BDDimLayoutArrayAttr::getMnemonic())
    return dimsOf(context, fields);
  if (mnemonic == BDDimLayoutArrayArrayAttr::getMnemonic()) {
    SmallVector<BDDimLayoutArrayAttr> all;
    while (!fields.empty() && static_cast<size_t>(fields[0]) < fields.size()) {
      all.push_back(dimsOf(context, fields.slice(1, fields[0])));
      fields = fields.drop_front(1 + fields[0]);
    }
    return BDDimLayoutArrayArrayAttr::get(context, all);
  }
  if (mnemonic == BDPadLayoutArrayAttr::getMnemonic()) {
    SmallVector<BDPadLayoutAttr> pads;
    for (; fields.size() >= 2; fields = fields.drop_front(2))
      pads.push_back(BDPadLayoutAttr::get(context, fields[0], fields[1]));
    return BDPadLayoutArrayAttr::get(context, pads);
  }
  if (mnemonic == PacketInfoAttr::getMnemonic() && fields.size() == 2)
    return PacketInfoAttr::get(context, fields[0], fields[1]);
  return {};
}
