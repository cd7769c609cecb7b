//===- shim.cpp - what the MLIR C API cannot do ---------------------------===//
// Compile the aie4ml dialect from ODS, hand its attributes to Rust, register
// passes and translations with options, and run the standard tool mains.
// Nothing else lives here: decisions and rewrites are in Rust.
//===----------------------------------------------------------------------===//
#include "shim.h"
#include "aiex/Dialect.h"
#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/CAPI/IR.h"
#include "mlir/CAPI/Registration.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Index/IR/IndexDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Quant/IR/Quant.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Tosa/IR/TosaOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Tools/mlir-lsp-server/MlirLspServerMain.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "mlir/Tools/mlir-translate/MlirTranslateMain.h"
#include "mlir/Tools/mlir-translate/Translation.h"
#include "llvm/ADT/TypeSwitch.h"

#include "Aie4mlDialect.h.inc"
#include "Aie4mlEnums.h.inc"
#define GET_ATTRDEF_CLASSES
#include "Aie4mlAttrs.h.inc"
#define GET_OP_CLASSES
#include "Aie4mlOps.h.inc"

#include "Aie4mlDialect.cpp.inc"
#include "Aie4mlEnums.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "Aie4mlAttrs.cpp.inc"
#define GET_OP_CLASSES
#include "Aie4mlOps.cpp.inc"

using namespace mlir;

//===----------------------------------------------------------------------===//
// Dialect
//===----------------------------------------------------------------------===//

void aie4ml::Aie4mlDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "Aie4mlAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "Aie4mlOps.cpp.inc"
      >();
}

extern "C" {
MLIR_DECLARE_CAPI_DIALECT_REGISTRATION(Aie4ml, aie4ml);
bool aie4mlVerify(MlirOperation op); // in Rust
}
MLIR_DEFINE_CAPI_DIALECT_REGISTRATION(Aie4ml, aie4ml, ::aie4ml::Aie4mlDialect)

LogicalResult aie4ml::verifyInRust(Operation *op) { return success(aie4mlVerify(wrap(op))); }

//===----------------------------------------------------------------------===//
// Attributes as lists of integers
//
// Every aie4ml attribute has only integers, enums and lists of integers as
// parameters, so one mapping to a flat list (a list is preceded by its length)
// serves them all.
//===----------------------------------------------------------------------===//

namespace {
using Fields = SmallVector<int64_t>;

template <class T> void put(Fields &out, T value) { out.push_back(static_cast<int64_t>(value)); }
void put(Fields &out, ArrayRef<int64_t> list) {
  out.push_back(list.size());
  out.append(list.begin(), list.end());
}

template <class T> struct Take {
  static T from(ArrayRef<int64_t> &in) {
    T value = static_cast<T>(in.front());
    in = in.drop_front();
    return value;
  }
};
template <> struct Take<ArrayRef<int64_t>> {
  static ArrayRef<int64_t> from(ArrayRef<int64_t> &in) {
    size_t length = in.front();
    ArrayRef<int64_t> list = in.slice(1, length);
    in = in.drop_front(1 + length);
    return list;
  }
};

template <class Attr> using KeyOf = typename Attr::ImplType::KeyTy;

template <class Attr> bool read(Attribute attribute, StringRef mnemonic, Fields &out) {
  auto typed = dyn_cast<Attr>(attribute);
  if (!typed || mnemonic != Attr::getMnemonic())
    return false;
  std::apply([&](auto... field) { (put(out, field), ...); },
             static_cast<const typename Attr::ImplType *>(typed.getImpl())->getAsKey());
  return true;
}

template <class Attr, class... T>
Attribute make(MLIRContext *context, ArrayRef<int64_t> in, std::tuple<T...> *) {
  std::tuple<T...> key{Take<T>::from(in)...}; // braces: left to right
  return std::apply([&](auto... field) -> Attribute { return Attr::get(context, field...); }, key);
}
template <class Attr> bool make(MLIRContext *context, StringRef mnemonic, ArrayRef<int64_t> in, Attribute &out) {
  if (mnemonic != Attr::getMnemonic())
    return false;
  context->getOrLoadDialect<::aie4ml::Aie4mlDialect>();
  out = make<Attr>(context, in, static_cast<KeyOf<Attr> *>(nullptr));
  return true;
}

template <class... Attrs> struct AttrList {
  static bool readAny(Attribute attribute, StringRef mnemonic, Fields &out) {
    return (read<Attrs>(attribute, mnemonic, out) || ...);
  }
  static Attribute makeAny(MLIRContext *context, StringRef mnemonic, ArrayRef<int64_t> in) {
    Attribute out;
    (void)(make<Attrs>(context, mnemonic, in, out) || ...);
    return out;
  }
};
using AllAttrs = AttrList<
#define GET_ATTRDEF_LIST
#include "Aie4mlAttrs.cpp.inc"
    >;
} // namespace

extern "C" {
/// Passes the fields of an aie4ml or aie attribute to `sink`; false if it is not the one of that mnemonic.
bool aie4mlAttributeFields(MlirAttribute attribute, MlirStringRef mnemonic,
                           void (*sink)(const int64_t *, intptr_t, void *), void *to) {
  Fields fields;
  if (!AllAttrs::readAny(unwrap(attribute), unwrap(mnemonic), fields) &&
      !::aie4ml::aie::readFields(unwrap(attribute), unwrap(mnemonic), fields))
    return false;
  sink(fields.data(), fields.size(), to);
  return true;
}
/// Null if there is no attribute of that mnemonic.
MlirAttribute aie4mlAttributeGet(MlirContext context, MlirStringRef mnemonic, const int64_t *fields, intptr_t n) {
  ArrayRef<int64_t> in(fields, static_cast<size_t>(n));
  if (Attribute made = AllAttrs::makeAny(unwrap(context), unwrap(mnemonic), in))
    return wrap(made);
  return wrap(::aie4ml::aie::makeFields(unwrap(context), unwrap(mnemonic), in));
}

/// Parses text or bytecode, however many ops it has at the top. Null if it is wrong.
MlirModule aie4mlParse(MlirContext context, MlirStringRef source, MlirStringRef name) {
  return wrap(parseSourceString<ModuleOp>(unwrap(source), ParserConfig(unwrap(context)), unwrap(name)).release());
}
/// The dense attribute with the elements of a resource. Null if it is no resource, or one that
/// lacks its data or has data for another type.
MlirAttribute aie4mlDenseOfResource(MlirAttribute attribute) {
  auto resource = dyn_cast<DenseResourceElementsAttr>(unwrap(attribute));
  AsmResourceBlob *blob = resource ? resource.getRawHandle().getBlob() : nullptr;
  bool splat = false;
  if (!blob || !resource.getType().hasStaticShape() || !resource.getType().getElementType().isIntOrIndexOrFloat() ||
      !DenseElementsAttr::isValidRawBuffer(resource.getType(), blob->getData(), splat))
    return wrap(Attribute());
  return wrap(DenseElementsAttr::getFromRawBuffer(resource.getType(), blob->getData()));
}

/// Emits an error with notes.
void aie4mlEmitError(MlirLocation location, MlirStringRef message, const MlirLocation *noteLocations,
                     const MlirStringRef *notes, intptr_t n) {
  InFlightDiagnostic diagnostic = emitError(unwrap(location)) << unwrap(message);
  for (intptr_t i = 0; i < n; ++i)
    diagnostic.attachNote(unwrap(noteLocations[i])) << unwrap(notes[i]);
}

void aie4mlEmitRemark(MlirLocation location, MlirStringRef message) { emitRemark(unwrap(location)) << unwrap(message); }
}

//===----------------------------------------------------------------------===//
// Passes
//===----------------------------------------------------------------------===//

extern "C" {
struct Aie4mlOption {
  MlirStringRef name, description, initial;
};
struct Aie4mlPass {
  MlirStringRef argument, summary, opName;
  const Aie4mlOption *options;
  intptr_t nOptions;
  void *(*create)(const MlirStringRef *values, intptr_t n, MlirStringCallback error, void *context);
  void *(*clone)(const void *self);
  void (*destroy)(void *self);
  bool (*run)(const void *self, MlirOperation op);
};
}

static void fill(DialectRegistry &registry) {
  registerAllDialects(registry);
  registerAllExtensions(registry);
  registry.insert<::aie4ml::Aie4mlDialect, ::aie4ml::aie::AieDialect, ::aie4ml::aiex::AiexDialect>();
}

namespace {
class RustPass : public Pass {
public:
  RustPass(const Aie4mlPass &def, TypeID id)
      : Pass(id, def.opName.length ? std::optional<StringRef>(unwrap(def.opName)) : std::nullopt), def(def), id(id) {
    for (intptr_t i = 0; i < def.nOptions; ++i)
      options.push_back(std::make_unique<Option<std::string>>(
          *this, unwrap(def.options[i].name), llvm::cl::desc(unwrap(def.options[i].description)),
          llvm::cl::init(unwrap(def.options[i].initial).str())));
  }
  ~RustPass() override {
    if (self)
      def.destroy(self);
  }
  StringRef getName() const override { return unwrap(def.argument); }
  StringRef getArgument() const override { return unwrap(def.argument); }
  StringRef getDescription() const override { return unwrap(def.summary); }
  // Whatever a pass of ours may create; declaring it for all of them spares every pass a list.
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<::aie4ml::Aie4mlDialect, ::aie4ml::aie::AieDialect, ::aie4ml::aiex::AiexDialect, affine::AffineDialect,
                    arith::ArithDialect, func::FuncDialect, index::IndexDialect, linalg::LinalgDialect,
                    math::MathDialect, memref::MemRefDialect, quant::QuantDialect, scf::SCFDialect,
                    tensor::TensorDialect, tosa::TosaDialect>();
  }
  bool canScheduleOn(RegisteredOperationName name) const override {
    return !getOpName() || *getOpName() == name.getStringRef();
  }

  // To MLIR every option is a string, so help, dumps and reproducers work; Rust gives it meaning.
  LogicalResult initializeOptions(StringRef text, function_ref<LogicalResult(const Twine &)> error) override {
    if (failed(Pass::initializeOptions(text, error)))
      return failure();
    std::string message;
    if (void *probe = build(message))
      return def.destroy(probe), success();
    return error("'" + getArgument() + "': " + message);
  }
  LogicalResult initialize(MLIRContext *context) override {
    std::string message;
    if (self)
      def.destroy(self);
    if ((self = build(message)))
      return success();
    return emitError(UnknownLoc::get(context)) << "'" << getArgument() << "': " << message;
  }
  // The pass manager clones for its threads after initialize, so a clone carries the state.
  std::unique_ptr<Pass> clonePass() const override {
    auto copy = std::make_unique<RustPass>(def, id);
    if (self)
      copy->self = def.clone(self);
    return copy;
  }
  void runOnOperation() override {
    if (!def.run(self, wrap(getOperation())))
      signalPassFailure();
  }

private:
  void *build(std::string &message) const {
    SmallVector<MlirStringRef> values;
    for (auto &option : options)
      values.push_back(wrap(StringRef(option->getValue())));
    return def.create(
        values.data(), values.size(),
        [](MlirStringRef part, void *to) { static_cast<std::string *>(to)->append(part.data, part.length); }, &message);
  }
  const Aie4mlPass &def;
  TypeID id;
  void *self = nullptr;
  std::vector<std::unique_ptr<Option<std::string>>> options;
};
} // namespace

extern "C" void aie4mlRegisterPass(const Aie4mlPass *def) {
  auto *owner = new SelfOwningTypeID(); // lives as long as the registry
  registerPass([def, id = owner->getTypeID()] { return std::make_unique<RustPass>(*def, id); });
}

extern "C" void aie4mlRegisterPipeline(MlirStringRef name, MlirStringRef summary, MlirStringRef text) {
  registerPassPipeline(
      unwrap(name), unwrap(summary),
      [text = unwrap(text).str()](OpPassManager &pm, StringRef options,
                                  function_ref<LogicalResult(const Twine &)> error) {
        return options.empty() ? parsePassPipeline(text, pm) : error("this pipeline takes no options");
      },
      [](function_ref<void(const detail::PassOptions &)>) {});
}

//===----------------------------------------------------------------------===//
// Tools
//===----------------------------------------------------------------------===//

extern "C" {
/// Every upstream dialect and extension, and ours.
void aie4mlRegisterDialects(MlirDialectRegistry registry) { fill(*unwrap(registry)); }
/// Ours only: what a plugin adds to a host.
void aie4mlRegisterOwnDialects(MlirDialectRegistry registry) {
  unwrap(registry)->insert<::aie4ml::Aie4mlDialect, ::aie4ml::aie::AieDialect, ::aie4ml::aiex::AiexDialect>();
}

int aie4mlOptMain(int argc, char **argv, MlirStringRef title) {
  DialectRegistry registry;
  fill(registry);
  registerAllPasses();
  return asMainReturnCode(MlirOptMain(argc, argv, unwrap(title), registry));
}
int aie4mlLspMain(int argc, char **argv) {
  DialectRegistry registry;
  fill(registry);
  return failed(MlirLspServerMain(argc, argv, registry));
}

void aie4mlRegisterTranslation(MlirStringRef name, MlirStringRef summary,
                               bool (*emit)(MlirOperation, MlirStringCallback, void *)) {
  TranslateFromMLIRRegistration(
      unwrap(name), unwrap(summary),
      [emit](Operation *op, raw_ostream &os) {
        return success(emit(
            wrap(op),
            [](MlirStringRef part, void *to) { static_cast<raw_ostream *>(to)->write(part.data, part.length); }, &os));
      },
      fill);
}
int aie4mlTranslateMain(int argc, char **argv, MlirStringRef title) {
  return failed(mlirTranslateMain(argc, argv, unwrap(title)));
}
}
