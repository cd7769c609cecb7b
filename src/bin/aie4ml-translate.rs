fn main() {
    std::process::exit(aie4ml::mlir::tools::translate_main())
}
