fn main() {
    std::process::exit(aie4ml::mlir::tools::lsp_main())
}
