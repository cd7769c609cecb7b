use crate::{
    device::PortSide,
    dialect::{
        aie4ml::{self, Add, Codes, Dense, Layer},
        network::{self, DEFAULT_DEVICE},
        scalar,
    },
    exact::{Requant, Rounding},
    kernel,
    mlir::{
        pass::{self, Pass, fail},
        rewrite,
    },
    plan::{capacity, mapping::Io, network::Source, ports, requantize},
};
use melior::ir::{
    OperationRef, ValueLike,
    attribute::{
        DenseElementsAttribute, DenseI64ArrayAttribute, IntegerAttribute, StringAttribute,
        TypeAttribute,
    },
    operation::OperationLike,
    r#type::IntegerType,
};
use std::{fmt, str::FromStr};

crate::pass! {
    /// Refuse what no kernel can compute, and name the device.
    ///
    /// Before: a fused network. After: every op is a layer that the kernels
    /// compute exactly, and the function's attribute `aie4ml.device` names the
    /// device, `aie4ml.io` what its boundary is if that was chosen. Extents need
    /// not be multiples of anything: what is missing to whole microtiles is zero,
    /// supplied by weights and memory tiles.
    ///
    /// Codes that are requantized or limited without a layer before them become
    /// the sum of themselves, at half the scale: `round((x + x) / 2^(s + 1))`, or
    /// their product with the identity where channels have numbers of their own.
    /// Sums of 32 bits may leave the network as they are.
    ///
    /// Refuses an op that is not a fused layer, weights or a bias that are not
    /// constant, sums of two widths, operands of other widths than 8 and 16 bits, and sums that can
    /// exceed their accumulator.
    pub struct Legalize: "aie4ml-legalize" on "func.func" {
        /// The device to compile for, if the function does not name one.
        device: String = DEFAULT_DEVICE.to_string(),
        /// What tensors cross the boundary of the array by, if the function does not say: plio, ddr,
        /// or auto, which is plio where the device has it.
        io: Boundary = Boundary(None),
    }
}

/// An [`Io`], or what the device has.
#[derive(Clone, Copy, Debug)]
pub struct Boundary(Option<Io>);

impl FromStr for Boundary {
    type Err = String;
    fn from_str(text: &str) -> Result<Boundary, String> {
        match text {
            "auto" => Ok(Boundary(None)),
            _ => text
                .parse()
                .map(|io| Boundary(Some(io)))
                .map_err(|_| "must be plio, ddr or auto".into()),
        }
    }
}

impl fmt::Display for Boundary {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self.0 {
            None => f.write_str("auto"),
            Some(io) => io.fmt(f),
        }
    }
}

impl Pass for Legalize {
    fn run<'c>(&self, func: OperationRef<'c, '_>) -> pass::Result<'c> {
        if rewrite::body(func).is_none() {
            return Ok(());
        }
        if !func.has_attribute("aie4ml.device") {
            network::by_name(func, &self.device)?;
            let context = rewrite::context(func.location());
            let name = StringAttribute::new(context, &self.device).into();
            rewrite::set_attribute(func, "aie4ml.device", name);
        }
        let device = network::device(func)?;
        if let Some(io) = self.io.0
            && !func.has_attribute("aie4ml.io")
        {
            let context = rewrite::context(func.location());
            let name = StringAttribute::new(context, &io.to_string()).into();
            rewrite::set_attribute(func, "aie4ml.io", name);
        }
        let io = network::io(func, &device)?;
        rewrite::body(func).into_iter().flat_map(rewrite::ops).for_each(alone);
        let layers = Layer::all(func);
        layers.iter().for_each(sums);
        // First, as the network only says that widths differ, not what could be done.
        for add in layers.iter().filter_map(|layer| Add::of(layer.op)) {
            self::add(add)?;
        }
        let network = network::network(func)?;
        let tensors = [(network.inputs.len(), "inputs"), (network.outputs.len(), "outputs")];
        for ((count, what), side) in tensors.into_iter().zip([PortSide::In, PortSide::Out]) {
            let most = ports::count(side, &device, io);
            if count > most {
                return Err(fail(
                    &func,
                    format_args!(
                        "has {count} {what}, each with a stream of its own; {} has {most} {} that way: use a larger device",
                        device.name,
                        ports::kind(io)
                    ),
                ));
            }
        }
        if let Some((layer, text)) = capacity::excess(&network, &device) {
            return Err(fail(&layers.get(layer).map_or(func, |layer| layer.op), text));
        }
        for layer in layers.iter().filter_map(|layer| Dense::of(layer.op)) {
            dense(layer, codes_of(func, &layers, *layer))?;
        }
        Ok(())
    }
}

/// Turns codes that are requantized or limited without a layer before them into a layer: the
/// sum of themselves, or, with numbers of channels, their product with the identity.
fn alone(op: OperationRef) {
    let context = rewrite::context(op.location());
    let (Ok(x), Ok(result)) = (op.operand(0), op.result(0)) else { return };
    let (Some(from), Some(to)) = (Codes::of(x.r#type()), Codes::of(result.r#type())) else {
        return;
    };
    let requant = if rewrite::is(&op, aie4ml::REQUANTIZE) {
        aie4ml::read::<Requant>(op, "requant")
    } else if rewrite::is(&op, aie4ml::CLAMP) {
        let limit = |name: &str| IntegerAttribute::try_from(op.attribute(name).ok()?).ok();
        limit("min").zip(limit("max")).map(|(min, max)| Requant {
            min: min.value(),
            max: max.value(),
            ..Requant::shift(0, Rounding::Floor, to.bits.into(), to.signed)
        })
    } else {
        None
    };
    let Some(requant) = requant.filter(|_| matches!(from.bits, 8 | 16)) else { return };
    let layer = if requant.channels().is_some() {
        let n = from.columns;
        let bytes: Vec<u8> = (0..n * n).map(|i| u8::from(i % (n + 1) == 0)).collect();
        let weights = Codes { rows: n, columns: n, bits: 8, signed: true }.tensor(context);
        let identity = DenseElementsAttribute::raw_buffer(weights, &bytes).into();
        let identity = scalar::constant(op, identity, weights);
        let accumulator = IntegerType::new(context, 32).into();
        let attributes = [
            ("accumulator", TypeAttribute::new(accumulator).into()),
            ("requant", aie4ml::list(context, &[requant])),
        ];
        let operands = [x, identity];
        aie4ml::build(aie4ml::DENSE, op.location(), &operands, &attributes, result.r#type())
    } else {
        // Twice the codes at half the scale; the addend is at the scale of the product.
        let doubled = requant.addend.iter().map(|addend| addend.checked_mul(2));
        let doubled = doubled.collect::<Option<Vec<_>>>().filter(|addend| {
            addend.iter().all(|a| a.unsigned_abs() < 1 << (Requant::FACTOR_BITS - 1))
        });
        let (factors, requant) = match doubled {
            Some(addend) if requant.shift < requantize::MOST_SHIFT => {
                ([1, 1], Requant { addend, shift: requant.shift + 1, ..requant })
            }
            _ => ([1, 0], requant),
        };
        let attributes = [
            ("factors", DenseI64ArrayAttribute::new(context, &factors).into()),
            ("requant", aie4ml::list(context, &[requant])),
        ];
        aie4ml::build(aie4ml::ADD, op.location(), &[x, x], &attributes, result.r#type())
    };
    let value = rewrite::insert_before(op, layer).result(0).expect("a layer has a result");
    rewrite::replace_uses(result.into(), value.into());
    rewrite::erase(op);
}

/// Sums of 32 bits that leave a layer as they are become the result of a shift by nothing, as
/// kernels have one.
fn sums(layer: &Layer) {
    let output = layer.output_codes();
    if layer.requant().is_empty() && (output.bits, output.signed) == (32, true) {
        let context = rewrite::context(layer.op.location());
        let all = [Requant::shift(0, Rounding::Floor, 32, true)];
        rewrite::set_attribute(layer.op, "requant", aie4ml::list(context, &all));
    }
}

/// Smallest and largest code of a layer's input, as what makes it limits it.
fn codes_of(func: OperationRef, layers: &[Layer], layer: Layer) -> (i64, i64) {
    let limits = match network::source(layers, layer.input()) {
        Some(Source::Input(index)) => {
            aie4ml::boundary_quant(func, "arg_attrs", index).map(|quant| (quant.min, quant.max))
        }
        Some(Source::Layer(index)) => {
            layers[index].requant().last().map(|stage| (stage.min, stage.max))
        }
        None => None,
    };
    limits.unwrap_or(layer.input_codes().range())
}

fn dense<'c>(layer: Dense<'c, '_>, (low, high): (i64, i64)) -> pass::Result<'c> {
    let op = layer.op;
    let (input, weights) = (layer.input_codes(), layer.weight_codes());
    if !matches!(input.bits, 8 | 16) || !matches!(weights.bits, 8 | 16) {
        return Err(fail(
            &op,
            format_args!(
                "multiplies {} by {} integers; kernels multiply 8 or 16 bit inputs by 8 or 16 bit weights",
                describe(input.bits, input.signed),
                describe(weights.bits, weights.signed)
            ),
        ));
    }
    stages(*layer)?;
    let (k, n) = (weights.rows, weights.columns);
    let (data, bias) = (layer.weight_data()?, layer.bias_data()?);
    // The sum may wrap on its way, as additions modulo a power of two do not mind.
    let (least, most) = crate::exact::range(i64::from(layer.accumulator()).min(63), true);
    for j in 0..n {
        let (mut lowest, mut highest) = (i128::from(bias[j]), i128::from(bias[j]));
        for i in 0..k {
            let products = [low, high].map(|x| i128::from(x) * i128::from(data[i * n + j]));
            lowest += products[0].min(products[1]);
            highest += products[0].max(products[1]);
        }
        if lowest < i128::from(least) || highest > i128::from(most) {
            let sum = if highest > i128::from(most) { highest } else { lowest };
            return Err(fail(
                &op,
                format_args!(
                    "can sum up to {sum} in output {j}, more than accumulator i{} holds",
                    layer.accumulator()
                ),
            ));
        }
    }
    Ok(())
}

/// The operands of an add. That its sum fits the accumulator is verified.
fn add<'c>(layer: Add<'c, '_>) -> pass::Result<'c> {
    let [a, b] = layer.operand_codes();
    if !matches!(a.bits, 8 | 16) || a.bits != b.bits {
        return Err(fail(
            &layer.op,
            format_args!(
                "adds {} and {} integers; kernels add two of 8 or two of 16 bits",
                describe(a.bits, a.signed),
                describe(b.bits, b.signed)
            ),
        ));
    }
    stages(*layer)
}

/// The requantizations of a layer.
fn stages<'c>(layer: Layer<'c, '_>) -> pass::Result<'c> {
    let (op, output) = (layer.op, layer.output_codes());
    let stages = layer.requant();
    // Layers that read 32 bits are refused by their own operands.
    if stages.is_empty() || !matches!((output.bits, output.signed), (8 | 16, _) | (32, true)) {
        return Err(fail(
            &op,
            "has a result that is not requantized to 8, 16 or 32 bits with a sign",
        ));
    }
    match kernel::stage::refusal(&stages, Dense::of(op).is_some()) {
        Some(reason) => Err(fail(&op, reason)),
        None => Ok(()),
    }
}

fn describe(bits: u32, signed: bool) -> String {
    format!("{} {bits} bit", if signed { "signed" } else { "unsigned" })
}
