// RUN: aie4ml-opt %s --aie4ml-apply-directives=file=directives.yaml --verify-diagnostics

// expected-error @+1 {{'func.func' op has directives in directives.yaml: needs a name that ends in .toml or .json}}
func.func @network(%x: tensor<8x64xi8>) -> tensor<8x64xi8> {
  return %x : tensor<8x64xi8>
}
