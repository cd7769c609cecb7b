//! A function of the network level as the planners see it.

use super::aie4ml::{self, Add, Codes, Dense, Layer as LayerOp, Operator, Transfer};
use crate::{
    device::Device,
    kernel::{self, Clamp, Integer, Stage},
    mlir::{
        constant,
        diagnostic::{Result, fail},
        rewrite,
    },
    plan::mapping::{Io, Via},
    plan::network::{Edge, Kind, Layer, Network, Number, Port, Sink, Source},
};
use melior::ir::{
    OperationRef, Value, ValueLike,
    attribute::StringAttribute,
    block::{BlockArgument, BlockLike},
    operation::OperationLike,
};

/// The device that a function is compiled for when it does not say.
pub const DEFAULT_DEVICE: &str = "xcve2802";

/// The device that a function names in its attribute `aie4ml.device`.
pub fn device<'c>(func: OperationRef<'c, '_>) -> Result<'c, Device> {
    let attribute = func.attribute("aie4ml.device").ok();
    let name = match attribute.map(StringAttribute::try_from) {
        None => DEFAULT_DEVICE,
        Some(Ok(name)) => name.value(),
        Some(Err(_)) => return Err(fail(&func, "needs a string as 'aie4ml.device'")),
    };
    by_name(func, name)
}

/// What tensors cross the boundary by: what a function names in its attribute
/// `aie4ml.io`, or else what the device has.
pub fn io<'c>(func: OperationRef<'c, '_>, device: &Device) -> Result<'c, Io> {
    let Ok(attribute) = func.attribute("aie4ml.io") else { return Ok(Io::of(device)) };
    match StringAttribute::try_from(attribute).ok().and_then(|name| name.value().parse().ok()) {
        Some(Io::Plio) if device.plio_columns().is_empty() => Err(fail(
            &func,
            format_args!(
                "is for {}, which has no programmable logic: tensors cross its boundary by 'ddr' only",
                device.name
            ),
        )),
        Some(io) => Ok(io),
        None => Err(fail(&func, "needs 'plio' or 'ddr' as 'aie4ml.io'")),
    }
}

/// A device by its name; the failure lists those that exist.
pub fn by_name<'c>(func: OperationRef<'c, '_>, name: &str) -> Result<'c, Device> {
    Device::by_name(name).ok_or_else(|| {
        fail(
            &func,
            format_args!(
                "names unknown device '{name}': use one of {}",
                Device::names().join(", ")
            ),
        )
    })
}

/// The value behind the transfers that carry it.
pub fn origin<'c: 'a, 'a>(value: Value<'c, 'a>) -> Value<'c, 'a> {
    match constant::defining_op(value).and_then(Transfer::of) {
        Some(transfer) => origin(transfer.input()),
        None => value,
    }
}

/// Where a value of a function comes from; `None` if no layer or argument makes it.
pub fn source<'c: 'a, 'a>(layers: &[LayerOp<'c, 'a>], value: Value<'c, 'a>) -> Option<Source> {
    let value = origin(value);
    if let Ok(argument) = BlockArgument::try_from(value) {
        return Some(Source::Input(argument.argument_number()));
    }
    let op = constant::defining_op(value)?;
    layers.iter().position(|layer| layer.op == op).map(Source::Layer)
}

/// What a transfer says that carries a value to where it is used.
fn via(value: Value) -> Option<Via> {
    constant::defining_op(value).and_then(Transfer::of).and_then(|transfer| transfer.via())
}

fn number(codes: Codes) -> Number {
    Number::new(codes.bits, codes.signed)
}

fn port(name: String, codes: Codes) -> Port {
    Port { name, rows: codes.rows, features: codes.columns, number: number(codes) }
}

/// Bits with sign that a layer's sums have at the most, for any input: as its weights say, or if they
/// are not known its types.
pub fn sum_bits(layer: LayerOp) -> u32 {
    let integer = |codes: Codes| Integer { bits: codes.bits, signed: codes.signed };
    if let Some(operator) = Operator::of(layer.op) {
        return operator.node(false).map_or(64, |node| node.sum_bits());
    }
    let Some(dense) = Dense::of(layer.op) else {
        let operands =
            Add::of(layer.op).and_then(|add| Some((add.operand_codes(), add.factors()?)));
        return operands
            .map_or(64, |(codes, factors)| kernel::Add::sum_bits(codes.map(integer), factors));
    };
    if layer.accumulator() == 32 {
        return 32;
    }
    let (input, weights) = (dense.input_codes(), dense.weight_codes());
    match (dense.weight_data(), dense.bias_data()) {
        (Ok(data), Ok(bias)) => {
            let (low, high) = input.range();
            kernel::stage::sum_bits_of(&data, &bias, low.unsigned_abs().max(high.unsigned_abs()))
        }
        _ => {
            let [a, w] = [input, weights].map(|codes| (codes.bits, codes.signed));
            kernel::stage::sum_bits(input.columns, a, w)
        }
    }
}

/// Layers and edges of a function; layers in the order of [`LayerOp::all`].
///
/// Fails at an op that is not a layer, and at a function that returns an argument.
pub fn network<'c>(func: OperationRef<'c, '_>) -> Result<'c, Network> {
    let layers = LayerOp::all(func);
    let body = rewrite::body(func).ok_or_else(|| fail(&func, "needs a body"))?;
    let device = device(func)?;
    let mut network = Network::default();
    for op in rewrite::ops(body) {
        let name = op.name();
        let name = name.as_string_ref();
        match name.as_str().unwrap_or_default() {
            aie4ml::DENSE | aie4ml::ADD | aie4ml::OPERATOR => {
                let layer = LayerOp { op };
                let (input, output) = (layer.input_codes(), layer.output_codes());
                let inputs = layer.inputs();
                let target = network.layers.len();
                for (port, &value) in inputs.iter().enumerate() {
                    let from = source(&layers, value)
                        .ok_or_else(|| fail(&op, "has an input that no layer makes"))?;
                    let via = via(value);
                    network.edges.push(Edge { from, to: Sink::Layer(target, port), via });
                }
                let weights = Dense::of(op).map(|dense| number(dense.weight_codes()));
                let factors = Add::of(op).and_then(|add| add.factors());
                let node = Operator::of(op).map(|operator| operator.node(false)).transpose()?;
                let bits = sum_bits(layer);
                let stages = Stage::all(&layer.requant(), bits);
                // Sums that fit 32 bits are formed so where the device has no others.
                let wide = node.is_some()
                    || weights.is_none_or(|weights| {
                        let mut shapes = device.mmul_shapes(input.bits, weights.bits);
                        shapes.any(|shape| shape.accumulator_bits >= layer.accumulator())
                    });
                let accumulator_bits = match layer.accumulator() {
                    64 if bits <= 32 && !wide => 32,
                    given => given,
                };
                network.layers.push(Layer {
                    name: layer.name(),
                    kind: match weights {
                        Some(_) => Kind::Dense,
                        None if node.is_some() => Kind::Whole { inputs: inputs.len() },
                        None => Kind::Elementwise { inputs: inputs.len() },
                    },
                    rows: input.rows,
                    k: input.columns,
                    n: output.columns,
                    input: number(input),
                    weight: weights.unwrap_or(number(input)),
                    output: number(output),
                    accumulator_bits,
                    // Dense kernels always add one, zero if the layer has none.
                    bias: weights.is_some(),
                    scales: stages.iter().map(Stage::words).sum(),
                    multiplies: factors
                        .is_some_and(|factors| !kernel::Add::shifts(factors, layer.accumulator())),
                    stages: stages.iter().map(Clamp::from).collect(),
                    node,
                });
            }
            "func.return" => {
                for (index, value) in op.operands().enumerate() {
                    let codes = Codes::of(value.r#type()).ok_or_else(|| {
                        fail(&op, format_args!("needs integer codes of rank 2 as result {index}"))
                    })?;
                    let name = aie4ml::boundary_name(func, "res_attrs", index)
                        .unwrap_or_else(|| format!("output{index}"));
                    match source(&layers, value) {
                        Some(from @ Source::Layer(_)) => {
                            let via = via(value);
                            network.edges.push(Edge { from, to: Sink::Output(index), via });
                        }
                        _ => {
                            return Err(fail(
                                &op,
                                format_args!("returns what no layer makes as result {index}"),
                            ));
                        }
                    }
                    network.outputs.push(port(name, codes));
                }
            }
            aie4ml::TRANSFER | "arith.constant" => {}
            aie4ml::BIAS_ADD | aie4ml::CLAMP | aie4ml::REQUANTIZE => {
                return Err(fail(
                    &op,
                    "is not part of a layer, as aie4ml-fuse makes it where that is exact",
                ));
            }
            _ => {
                return Err(fail(
                    &op,
                    "is not a layer that can be mapped: a model is tosa between quant casts, or aie4ml layers on integers",
                ));
            }
        }
    }
    for index in 0..body.argument_count() {
        let argument = body.argument(index).map_err(|error| fail(&func, error))?;
        let codes = Codes::of(argument.r#type()).ok_or_else(|| {
            fail(&func, format_args!("needs integer codes of rank 2 as argument {index}"))
        })?;
        let name = aie4ml::boundary_name(func, "arg_attrs", index)
            .unwrap_or_else(|| format!("input{index}"));
        network.inputs.push(port(name, codes));
    }
    if network.layers.is_empty() {
        return Err(fail(&func, "has no layers to map"));
    }
    network.check().map_err(|error| fail(&func, error))?;
    Ok(network)
}
