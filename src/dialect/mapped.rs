//! A function of the mapped level as plain data.

use super::{
    aie4ml::{self, Add, Codes, Dense, Layer as LayerOp, Operator, Packing, Split, Transfer, Via},
    network,
};
use crate::{
    kernel::Integer,
    mlir::{
        constant,
        diagnostic::{Result, fail},
        fields::Fields,
        rewrite,
    },
    plan::{
        mapped::{Boundary, End, Layer, Mapped, Operation, Transfer as PlannedTransfer},
        network::Source,
        ports,
    },
};
use melior::ir::{
    Attribute, OperationRef, Value, ValueLike,
    attribute::{DenseI64ArrayAttribute, DictionaryAttribute},
    block::BlockLike,
    operation::OperationLike,
};
use std::collections::HashSet;

/// Where a transfer op ends; the op and operand that use its result.
#[derive(Clone, Copy)]
pub struct Use<'c, 'a> {
    pub op: OperationRef<'c, 'a>,
    pub operand: usize,
}

/// An edge of a function: which value is used where, and the transfer op between, if any.
pub struct EdgeOp<'c, 'a> {
    pub value: Value<'c, 'a>,
    pub user: Use<'c, 'a>,
    pub transfer: Option<Transfer<'c, 'a>>,
}

fn integer(codes: Codes) -> Integer {
    Integer { bits: codes.bits, signed: codes.signed }
}

/// Every edge of a function, with what is known of it, in the order of their uses.
///
/// Weights are only read if `weights`. What a pass has not decided yet is
/// empty; the caller says what it needs.
pub fn mapped<'c: 'a, 'a>(
    func: OperationRef<'c, 'a>,
    weights: bool,
) -> Result<'c, (Mapped, Vec<EdgeOp<'c, 'a>>)> {
    read(func, weights, split)
}

/// The same before layers are split: each is on one tile then, whether it fits or not.
pub fn unsplit<'c: 'a, 'a>(
    func: OperationRef<'c, 'a>,
) -> Result<'c, (Mapped, Vec<EdgeOp<'c, 'a>>)> {
    read(func, false, |layer| {
        let (input, output) = (layer.input_codes(), layer.output_codes());
        let whole = |extent: usize, block: usize| extent.next_multiple_of(block.max(1));
        let block = layer.microtile();
        let one = || Split {
            cascade: 1,
            chains: 1,
            k: whole(input.columns, block.map_or(1, |block| block.k)),
            n: whole(output.columns, block.map_or(1, |block| block.n)),
            rows: input.rows,
        };
        Ok(layer.split().unwrap_or_else(one))
    })
}

fn read<'c: 'a, 'a>(
    func: OperationRef<'c, 'a>,
    weights: bool,
    split: impl Fn(LayerOp<'c, 'a>) -> Result<'c, Split>,
) -> Result<'c, (Mapped, Vec<EdgeOp<'c, 'a>>)> {
    let layers = LayerOp::all(func);
    let body = rewrite::body(func).ok_or_else(|| fail(&func, "needs a body"))?;
    let device = network::device(func)?;
    let mut mapped = Mapped { io: network::io(func, &device)?, ..Mapped::default() };
    let mut names = HashSet::new();
    for layer in &layers {
        let split = split(*layer)?;
        let microtile = layer
            .microtile()
            .ok_or_else(|| fail(&layer.op, "has no microtile: run aie4ml-tile first"))?;
        let empty =
            Packing { stack: 0, weights: 0, bias: 0, input: Vec::new(), output: Vec::new() };
        let (input, output) = (layer.input_codes(), layer.output_codes());
        let operation = if let Some(operator) = Operator::of(layer.op) {
            Operation::Whole(operator.node(weights)?)
        } else if let Some(dense) = Dense::of(layer.op) {
            // The shape decides how wide the core accumulates, which may be more
            // than the layer needs.
            let bits = (input.bits, dense.weight_codes().bits);
            let shape = device.mmul_shapes(bits.0, bits.1).find(|s| {
                [s.m, s.k, s.n].map(|x| x as usize) == [microtile.m, microtile.k, microtile.n]
            });
            Operation::Dense {
                weight: integer(dense.weight_codes()),
                accumulator: shape.map_or(layer.accumulator(), |shape| shape.accumulator_bits),
                weights: if weights { dense.weight_data()? } else { Vec::new() },
                bias: if weights { dense.bias_data()? } else { Vec::new() },
            }
        } else {
            let add =
                Add::of(layer.op).and_then(|add| Some((add.operand_codes()[1], add.factors()?)));
            let (other, factors) =
                add.ok_or_else(|| fail(&layer.op, "is not a layer that can be mapped"))?;
            Operation::Add { other: integer(other), factors, accumulator: layer.accumulator() }
        };
        mapped.layers.push(Layer {
            name: unique(&layer.name(), &mut names),
            k: input.columns,
            n: output.columns,
            input: integer(input),
            output: integer(output),
            operation,
            sum_bits: network::sum_bits(*layer),
            stages: layer.requant(),
            microtile,
            split,
            packing: layer.packing().unwrap_or(empty),
            places: layer.place().unwrap_or_default(),
        });
    }
    for index in 0..body.argument_count() {
        let argument = body.argument(index).map_err(|error| fail(&func, error))?;
        let name = format!("input{index}");
        mapped.inputs.push(boundary(func, "arg_attrs", index, argument.into(), name)?);
    }

    let mut edges = Vec::new();
    for op in rewrite::ops(body) {
        let to = if let Some(index) = layers.iter().position(|layer| layer.op == op) {
            Some(End::Layer(index))
        } else if rewrite::is(&op, "func.return") {
            None
        } else {
            continue;
        };
        // A layer's other operands are constants.
        let operands = LayerOp::of(op).map_or(op.operand_count(), |layer| layer.inputs().len());
        for operand in 0..operands {
            let used = op.operand(operand).map_err(|error| fail(&op, error))?;
            if to.is_none() {
                let name = format!("output{operand}");
                mapped.outputs.push(boundary(func, "res_attrs", operand, used, name)?);
            }
            let transfer = constant::defining_op(used).and_then(Transfer::of);
            let from = match network::source(&layers, used) {
                Some(Source::Input(index)) => End::Boundary(index),
                Some(Source::Layer(index)) => End::Layer(index),
                None => return Err(fail(&op, "uses a value that no layer makes")),
            };
            let codes = Codes::of(used.r#type())
                .ok_or_else(|| fail(&op, "needs integer codes of rank 2"))?;
            let planned = PlannedTransfer {
                from,
                to: to.unwrap_or(End::Boundary(operand)),
                port: if to.is_some() { operand } else { 0 },
                features: codes.columns,
                element: integer(codes),
                regions: transfer.and_then(|t| t.regions()).unwrap_or_default(),
                via: transfer.and_then(|t| t.via()).unwrap_or_default(),
                memory_tiles: transfer.and_then(|t| t.memory_tiles()).unwrap_or_default(),
                ports: transfer.and_then(|t| t.ports()).unwrap_or_default(),
            };
            if let Some(transfer) = transfer {
                check_regions(transfer, &mapped.layers, &planned)?;
            }
            mapped.transfers.push(planned);
            edges.push(EdgeOp {
                value: network::origin(used),
                user: Use { op, operand },
                transfer,
            });
        }
    }
    mapped.sharing = ports::shared(&mapped, &device);
    mapped.first_flows = first_flows(func)?;
    Ok((mapped, edges))
}

/// Sends edges of a network, by their number, through memory tiles. None of them is planned yet.
pub fn store(func: OperationRef, edges: &[usize]) {
    let context = rewrite::context(func.location());
    let layers = LayerOp::all(func);
    let uses = rewrite::body(func).into_iter().flat_map(rewrite::ops).flat_map(|op| {
        let operands = match layers.iter().find(|layer| layer.op == op) {
            Some(layer) => layer.inputs().len(),
            None if rewrite::is(&op, "func.return") => op.operand_count(),
            None => 0,
        };
        (0..operands).map(move |operand| (op, operand))
    });
    let uses: Vec<_> = uses.collect();
    for &(op, operand) in edges.iter().filter_map(|&edge| uses.get(edge)) {
        let Ok(value) = op.operand(operand) else { continue };
        let via = Via::MemoryTile.attribute(context);
        match constant::defining_op(value).and_then(Transfer::of) {
            Some(transfer) => rewrite::set_attribute(transfer.op, "via", via),
            None => insert_transfer(value, Use { op, operand }, &[("via", via)]),
        }
    }
}

/// Puts a transfer between a value and one use of it.
pub fn insert_transfer<'c>(
    value: Value<'c, '_>,
    user: Use<'c, '_>,
    attributes: &[(&str, Attribute<'c>)],
) {
    let location = user.op.location();
    let new = aie4ml::build(aie4ml::TRANSFER, location, &[value], attributes, value.r#type());
    let new = rewrite::insert_before(user.op, new);
    let result = new.result(0).expect("a transfer has a result");
    rewrite::set_operand(user.op, user.operand, result.into());
}

/// The name of what a function says of the ways of its streams.
pub const ROUTING: &str = "aie4ml.routing";

/// Flows that have the first choice of their ways.
fn first_flows<'c>(func: OperationRef<'c, '_>) -> Result<'c, Vec<usize>> {
    let Ok(routing) = func.attribute(ROUTING) else { return Ok(Vec::new()) };
    let routing = DictionaryAttribute::try_from(routing);
    let first = match routing.as_ref().map(|routing| routing.element_by_name("first")) {
        Ok(None) => return Ok(Vec::new()),
        Ok(Some(first)) => DenseI64ArrayAttribute::try_from(first).ok(),
        Err(_) => None,
    };
    let fault =
        || fail(&func, format_args!("has an '{ROUTING}' whose 'first' is no array<i64> of flows"));
    let first = first.ok_or_else(fault)?;
    (0..first.len())
        .map(|index| {
            let flow = first.element(index).ok();
            flow.and_then(|flow| usize::try_from(flow).ok()).ok_or_else(fault)
        })
        .collect()
}

/// Regions lie in the slices of their chain and column, from whole microtiles on.
fn check_regions<'c>(
    transfer: Transfer<'c, '_>,
    layers: &[Layer],
    planned: &PlannedTransfer,
) -> Result<'c> {
    if planned.via != Via::MemoryTile
        && let (End::Boundary(_), _) | (_, End::Boundary(_)) = (planned.from, planned.to)
    {
        return Err(fail(
            &transfer.op,
            format_args!(
                "goes via '{}' to or from the outside, which only memory tiles exchange tensors with",
                planned.via.name()
            ),
        ));
    }
    let sides = [(planned.from, "chain"), (planned.to, "column")];
    for (end, what) in sides {
        let End::Layer(index) = end else { continue };
        let layer = &layers[index];
        let (slices, block) = match what {
            "chain" => (layer.outputs(), layer.microtile.n),
            _ => (layer.inputs(planned.port), layer.microtile.k),
        };
        for region in &planned.regions {
            let part = if what == "chain" { region.producer } else { region.consumer };
            let name = &layer.name;
            let wrong = match slices.get(part) {
                None => format!("which has {} of them", slices.len()),
                Some(slice) if region.begin < slice.start || slice.end < region.end => {
                    format!("which has features {} to {}", slice.start, slice.end)
                }
                Some(_) if !region.begin.is_multiple_of(block) => {
                    format!("inside a block of {block} features")
                }
                Some(_) => continue,
            };
            return Err(fail(
                &transfer.op,
                format_args!(
                    "has region {} to {} at {what} {part} of '{name}', {wrong}",
                    region.begin, region.end
                ),
            ));
        }
    }
    Ok(())
}

fn split<'c>(layer: LayerOp<'c, '_>) -> Result<'c, Split> {
    layer.split().ok_or_else(|| fail(&layer.op, "has no split: run aie4ml-parallelize first"))
}

fn boundary<'c>(
    func: OperationRef<'c, '_>,
    list: &str,
    index: usize,
    value: Value<'c, '_>,
    default: String,
) -> Result<'c, Boundary> {
    let codes = Codes::of(value.r#type())
        .ok_or_else(|| fail(&func, "needs integer codes of rank 2 at its boundary"))?;
    let quant = aie4ml::boundary_quant(func, list, index);
    Ok(Boundary {
        name: aie4ml::boundary_name(func, list, index).unwrap_or(default),
        batch: codes.rows,
        features: codes.columns,
        element: integer(codes),
        scale: quant.map_or(1.0, |q| q.scale),
        zero_point: quant.map_or(0, |q| q.zero_point),
        range: quant.map_or(codes.range(), |q| (q.min, q.max)),
    })
}

/// A C identifier made of a layer's name, and of no other layer's.
fn unique(name: &str, taken: &mut HashSet<String>) -> String {
    let mut base: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    if !base.starts_with(|c: char| c.is_ascii_alphabetic()) {
        base.insert(0, 'l');
    }
    let mut name = base.clone();
    let mut count = 1;
    while !taken.insert(name.clone()) {
        count += 1;
        name = format!("{base}_{count}");
    }
    name
}

/// The rows that pass at once, which all layers agree on.
pub fn rows<'c>(func: OperationRef<'c, '_>) -> Result<'c, usize> {
    let mut rows = None;
    for layer in LayerOp::all(func) {
        let split = split(layer)?;
        match rows {
            Some(rows) if rows != split.rows => {
                return Err(fail(
                    &layer.op,
                    format_args!("passes {} rows at once, layers before it {rows}", split.rows),
                ));
            }
            _ => rows = Some(split.rows),
        }
    }
    rows.ok_or_else(|| fail(&func, "has no layers"))
}
