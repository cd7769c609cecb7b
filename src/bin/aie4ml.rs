fn main() -> std::process::ExitCode {
    aie4ml::cli::main()
}
