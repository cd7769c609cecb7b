fn main() {
    std::process::exit(aie4ml::mlir::tools::opt_main())
}
