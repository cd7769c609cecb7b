//! What the layers compute, layer by layer.

use std::collections::HashMap;

use super::{
    super::Error,
    archive::Archive,
    cast::{self, Cast, Codes, bits_for, map, shifted},
    emit::{Body, Element, Function, Init, Scalar, Tensor, quantization},
    fixed::{Fixed, Overflow},
    model::{Layer, Model, Weights},
    quote,
    sum::{Sum, hull},
};
use crate::exact::Rounding;

/// More rows than an array ever takes at once.
const LARGEST_BATCH: u64 = 1 << 20;

/// The function that a model is.
///
/// # Errors
///
/// A layer is of a class that is not supported, or not as hls4ml writes it.
pub fn lower(model: &Model, archive: &Archive, batch: u64) -> Result<Function, Error> {
    if batch == 0 || batch > LARGEST_BATCH {
        return Err(Error::new(
            "",
            format!("a batch of {batch} is not supported; supported: 1 to {LARGEST_BATCH}"),
        ));
    }
    let function = Function::default();
    let mut lowering =
        Lowering { archive, function, values: HashMap::new(), stream: model.stream, batch };
    // Arguments are in the order the model gives its inputs.
    let layer = |name: &String| model.layers.iter().find(|layer| layer.outputs.contains(name));
    for input in model.inputs.iter().filter_map(layer) {
        lowering.function.locate(&input.name);
        lowering.input(input)?;
    }
    for layer in model.layers.iter().filter(|layer| layer.class != "Input") {
        lowering.function.locate(&layer.name);
        lowering.layer(layer)?;
    }
    for name in &model.outputs {
        let held = lowering.values.get(name).cloned();
        let held = held.ok_or_else(|| {
            Error::new(format!("output {}", quote(name)), "comes from an input that is not listed")
        })?;
        let (bits, signed) = held.fixed.container();
        check_interface(held.fixed)
            .map_err(|message| Error::new(format!("output {}", quote(name)), message))?;
        let meaning = quantization(bits, signed, held.fixed.limits(), held.fixed.fraction);
        lowering.function.result(name, held.codes.tensor, &meaning);
    }
    Ok(lowering.function)
}

/// Refuses what no quantized type of MLIR, and no file of numpy, can say.
fn check_interface(fixed: Fixed) -> Result<(), String> {
    let (bits, signed) = fixed.container();
    if bits > 32 || bits == 32 && !signed {
        return Err(format!(
            "has the type {fixed}; supported at inputs and outputs: up to 32 bits, without sign up to 31"
        ));
    }
    Ok(())
}

/// A tensor that a layer has written.
#[derive(Clone)]
pub struct Held {
    pub codes: Codes,
    pub fixed: Fixed,
}

pub struct Lowering<'a> {
    pub archive: &'a Archive,
    pub function: Function,
    values: HashMap<String, Held>,
    stream: bool,
    /// The first extent of every tensor, of which the file knows nothing.
    pub batch: u64,
}

/// Classes that compute the same whether tensors come at once or element by element.
const STREAMED: [&str; 13] = [
    "Activation",
    "ApplyAlpha",
    "BatchNormalization",
    "Clone",
    "Dense",
    "HardActivation",
    "Merge",
    "ParametrizedActivation",
    "PReLU",
    "PointwiseConv1D",
    "PointwiseConv2D",
    "Repack",
    "Reshape",
];

impl Lowering<'_> {
    fn layer(&mut self, layer: &Layer) -> Result<(), Error> {
        if self.stream && !STREAMED.contains(&layer.class.as_str()) {
            return Err(layer.error("is not supported with 'io_stream'; supported: 'io_parallel'"));
        }
        match layer.class.as_str() {
            "Dense" => self.dense(layer, "n_in", "n_out"),
            "PointwiseConv1D" | "PointwiseConv2D" => self.pointwise(layer),
            "Activation" => self.activation(layer),
            "ParametrizedActivation" => self.parametrized(layer),
            "PReLU" => self.prelu(layer),
            "HardActivation" => self.hard(layer),
            "Softmax" => self.softmax(layer),
            "UnaryLUT" => self.table(layer),
            "BatchNormalization" | "ApplyAlpha" => self.normalize(layer),
            "Merge" => self.merge(layer),
            "Dot" => self.dot(layer),
            "GlobalPooling1D" | "GlobalPooling2D" => self.global_pooling(layer),
            "Reshape" | "Repack" => self.reshape(layer),
            "Transpose" => self.transpose(layer),
            "Clone" => self.copy(layer),
            _ => Err(layer.error(
                "is not supported; supported: Dense, PointwiseConv1D, PointwiseConv2D, \
                 Activation, ParametrizedActivation, PReLU, HardActivation, Softmax, UnaryLUT, \
                 BatchNormalization, ApplyAlpha, Merge, Dot, GlobalPooling1D, GlobalPooling2D, \
                 Reshape, Transpose",
            )),
        }
    }

    /// A tensor that the layer reads.
    pub fn operand(&self, layer: &Layer, index: usize) -> Result<Held, Error> {
        let name = layer.inputs.get(index);
        let name = name.ok_or_else(|| layer.error(format!("has no input {index}")))?;
        let held = self.values.get(name).cloned();
        held.ok_or_else(|| {
            layer.error(format!("input {} comes from an input that is not listed", quote(name)))
        })
    }

    /// The only tensor that the layer reads.
    pub fn only_operand(&self, layer: &Layer) -> Result<Held, Error> {
        if layer.inputs.len() != 1 {
            return Err(layer.error(format!("has {} inputs, needs one", layer.inputs.len())));
        }
        self.operand(layer, 0)
    }

    /// Casts the result of a layer to its type, and keeps it under its name.
    pub fn finish(&mut self, layer: &Layer, codes: Codes) -> Result<(), Error> {
        let variable = layer.output()?;
        let shape: Vec<u64> = [&[self.batch], variable.shape.as_slice()].concat();
        if codes.tensor.shape != shape {
            return Err(layer.error(format!(
                "computes a tensor of shape {:?}, but its output has shape {:?}",
                &codes.tensor.shape[1..],
                variable.shape
            )));
        }
        let fixed = variable.fixed;
        let codes = cast::cast(&mut self.function, &codes, fixed)
            .map_err(|message| layer.error(message))?;
        self.values.insert(layer.outputs[0].clone(), Held { codes, fixed });
        Ok(())
    }

    /// Makes an argument: of codes if floats become codes to the nearest, ties to even, saturated,
    /// which is what everybody does; else of floats, and what becomes of them is part of the model.
    fn input(&mut self, layer: &Layer) -> Result<(), Error> {
        if layer.class != "Input" {
            return Err(layer.error("is listed as an input, but is of another class than Input"));
        }
        let variable = layer.output()?;
        let fixed = variable.fixed;
        check_interface(fixed).map_err(|message| layer.error(message))?;
        let shape: Vec<u64> = [&[self.batch], variable.shape.as_slice()].concat();
        let (bits, signed) = fixed.container();
        let meaning = quantization(bits, signed, fixed.limits(), fixed.fraction);
        let saturates = matches!(fixed.overflow, Overflow::Saturate | Overflow::Symmetric);
        let usual = saturates && fixed.rounding == Rounding::NearestEven;
        let element = if usual { Element::Integer(bits) } else { Element::Float };
        let argument = self.function.argument(&layer.name, (shape, element, signed), &meaning);
        let tensor = if usual {
            argument
        } else if saturates {
            let element = (Element::Integer(bits), signed);
            self.function.quantize(&argument, element, fixed.rounding.name(), &meaning)
        } else {
            let element = Element::Integer(bits);
            map(&mut self.function, &argument, element, signed, |body, x, _| {
                let code = float_to_code(body, x, fixed);
                body.resize(&code, true, bits)
            })
        };
        let codes = Codes { tensor, fraction: fixed.fraction, range: fixed.limits() };
        let codes = if fixed.overflow == Overflow::Wrap {
            Codes { range: fixed.range(), ..codes }
        } else {
            codes
        };
        self.values.insert(layer.outputs[0].clone(), Held { codes, fixed });
        Ok(())
    }

    fn dense(&mut self, layer: &Layer, n_in: &str, n_out: &str) -> Result<(), Error> {
        let x = self.only_operand(layer)?;
        let extent = |name: &str| {
            let extent = u64::try_from(layer.integer(name)?).ok().filter(|&extent| extent > 0);
            extent.ok_or_else(|| {
                layer.error(format!("attribute '{name}' is not a number of elements"))
            })
        };
        let (n_in, n_out) = (extent(n_in)?, extent(n_out)?);
        let strategy = layer.text("strategy")?.to_lowercase();
        let ordered = match strategy.as_str() {
            "latency" => true,
            "resource" => false,
            _ => {
                return Err(layer.error(format!(
                    "the strategy {} is not supported; supported: 'latency', 'resource'",
                    quote(&strategy)
                )));
            }
        };
        let weights = layer.weights("weight", self.archive)?;
        let bias =
            if layer.has("bias") { Some(layer.weights("bias", self.archive)?) } else { None };
        if x.codes.tensor.shape.last() != Some(&n_in) {
            return Err(layer.error(format!(
                "reads a tensor of shape {:?}, needs {n_in} elements in the last dimension",
                &x.codes.tensor.shape[1..]
            )));
        }
        if n_in.checked_mul(n_out) != Some(weights.codes.len() as u64) {
            return Err(layer.error(format!(
                "has {} weights, needs {n_in} times {n_out}",
                weights.codes.len()
            )));
        }
        if let Some(bias) = &bias
            && bias.codes.len() as u64 != n_out
        {
            return Err(layer.error(format!(
                "has {} biases, needs one for each of {n_out} outputs",
                bias.codes.len()
            )));
        }
        let (rows, columns) = (n_in as usize, n_out as usize);
        // Resources are reused along inputs, which for that stand next to each other.
        let codes = if layer.flag("_weights_transposed") {
            (0..rows * columns).map(|i| weights.codes[i % columns * rows + i / columns]).collect()
        } else {
            weights.codes.clone()
        };
        let (codes, fraction) = without_common_zeros(codes, weights.fixed.fraction);
        let accumulator = layer.fixed("accum_t")?;
        let bias = bias.map_or_else(
            || vec![0; columns],
            |Weights { codes, fixed, .. }| {
                codes.iter().map(|code| accumulator.cast(*code, fixed.fraction)).collect()
            },
        );
        let (low, high) = factor(x.codes.range).map_err(|message| layer.error(message))?;
        for code in &codes {
            factor((*code, *code)).map_err(|message| layer.error(message))?;
        }
        let ends =
            |weight: i128| (weight * low).min(weight * high)..=(weight * low).max(weight * high);
        let mut product = (0, 0);
        let mut sums = vec![(0, 0); columns];
        for (i, weight) in codes.iter().enumerate() {
            let (least, most) = ends(*weight).into_inner();
            product = hull(product, (least, most));
            let sum = &mut sums[i % columns];
            *sum = (sum.0 + least.min(0), sum.1 + most.max(0));
        }
        let constant = self.constant(&codes, &[n_in, n_out]);
        let rank = x.codes.tensor.shape.len();
        let reductions = (0..=rank).map(|d| d == rank - 1).collect();
        let outer: Vec<usize> = (0..rank - 1).collect();
        let mut shape = x.codes.tensor.shape.clone();
        shape[rank - 1] = n_out;
        let sum = Sum {
            reductions,
            factors: [(&x.codes.tensor, (0..rank).collect()), (&constant, vec![rank - 1, rank])],
            shape,
            indices: [outer.as_slice(), &[rank]].concat(),
            fraction: x.codes.fraction + fraction,
            product,
            sums,
            terms: n_in,
            bias,
            accumulator,
            ordered,
        };
        let codes = sum.write(&mut self.function).map_err(|message| layer.error(message))?;
        self.finish(layer, codes)
    }

    fn pointwise(&mut self, layer: &Layer) -> Result<(), Error> {
        let one = |name: &str| -> Result<(), Error> {
            match layer.integer_or(name, 1)? {
                1 => Ok(()),
                value => Err(layer
                    .error(format!("'{name}' is {value}, which is not supported; supported: 1"))),
            }
        };
        ["stride_width", "stride_height", "filt_width", "filt_height"]
            .into_iter()
            .try_for_each(one)?;
        for name in ["pad_left", "pad_right", "pad_top", "pad_bottom"] {
            if layer.integer_or(name, 0)? != 0 {
                return Err(layer.error(format!("'{name}' is not 0, which is not supported")));
            }
        }
        if layer.has("data_format") && layer.text("data_format")? != "channels_last" {
            return Err(layer
                .error("has channels first, which is not supported; supported: 'channels_last'"));
        }
        self.dense(layer, "n_chan", "n_filt")
    }

    fn normalize(&mut self, layer: &Layer) -> Result<(), Error> {
        let x = self.only_operand(layer)?;
        let scale = layer.weights("scale", self.archive)?;
        let bias = layer.weights("bias", self.archive)?;
        let shape = x.codes.tensor.shape.clone();
        let elements: u64 = shape[1..].iter().product();
        let filters = layer.integer_or("n_filt", -1)?;
        let (parameters, rank) = if filters == -1 {
            (elements, shape.len() - 1)
        } else {
            (shape.last().copied().unwrap_or(1), 1)
        };
        if filters != -1 && u64::try_from(filters) != Ok(parameters)
            || scale.codes.len() as u64 != parameters
            || bias.codes.len() as u64 != parameters
        {
            return Err(layer.error(format!(
                "has {} scales, {} biases and 'n_filt' {filters} for a tensor of shape {:?}",
                scale.codes.len(),
                bias.codes.len(),
                &shape[1..]
            )));
        }
        let product_fraction = x.codes.fraction + scale.fixed.fraction;
        let fraction = product_fraction.max(bias.fixed.fraction);
        let wide = |message: String| layer.error(message);
        let (up, bias_up) = (fraction - product_fraction, fraction - bias.fixed.fraction);
        let (low, high) = factor(x.codes.range).map_err(wide)?;
        for code in &scale.codes {
            factor((*code, *code)).map_err(wide)?;
        }
        let mut range = (0, 0);
        let mut biases = Vec::new();
        for (scale, bias) in scale.codes.iter().zip(&bias.codes) {
            let bias = shifted(*bias, bias_up).map_err(wide)?;
            let ends =
                [shifted(scale * low, up).map_err(wide)?, shifted(scale * high, up).map_err(wide)?];
            range = hull(range, (bias + ends[0].min(ends[1]), bias + ends[0].max(ends[1])));
            biases.push(bias);
        }
        let bits = bits_for(&[range, x.codes.range]);
        if bits > 64 || biases.iter().any(|bias| bits_for(&[(*bias, *bias)]) > bits) {
            return Err(layer.error(cast::TOO_WIDE));
        }
        let parameter_shape = &shape[shape.len() - rank..];
        let scale = self.function.constant(&scale.codes, parameter_shape, bits);
        let bias = self.function.constant(&biases, parameter_shape, bits);
        let all: Vec<usize> = (0..shape.len()).collect();
        let last = &all[shape.len() - rank..];
        let tensor = self.function.generic(
            &vec![false; shape.len()],
            &[(&x.codes.tensor, &all), (&scale, last), (&bias, last)],
            Init::Empty(shape.clone(), Element::Integer(bits)),
            &all,
            true,
            |body, scalars| {
                let value = body.resize(&scalars[0], x.codes.tensor.signed, bits);
                let product = body.binary("arith.muli", &value, &scalars[1]);
                let product = shift_left(body, product, up);
                body.binary("arith.addi", &product, &scalars[2])
            },
        );
        self.finish(layer, Codes { tensor, fraction, range })
    }

    fn merge(&mut self, layer: &Layer) -> Result<(), Error> {
        if layer.inputs.len() != 2 {
            return Err(layer.error(format!("has {} inputs, needs two", layer.inputs.len())));
        }
        let (a, b) = (self.operand(layer, 0)?.codes, self.operand(layer, 1)?.codes);
        let op = layer.text("op")?.to_lowercase();
        if a.tensor.shape != b.tensor.shape {
            return Err(layer.error(format!(
                "merges shapes {:?} and {:?}, which is not supported; supported: equal shapes",
                &a.tensor.shape[1..],
                &b.tensor.shape[1..]
            )));
        }
        let wide = |message: String| layer.error(message);
        let product = op == "multiply";
        let mut fraction =
            if product { a.fraction + b.fraction } else { a.fraction.max(b.fraction) };
        let up = if product { [0, 0] } else { [fraction - a.fraction, fraction - b.fraction] };
        let raised = |codes: &Codes, up: i64| -> Result<(i128, i128), String> {
            Ok((shifted(codes.range.0, up)?, shifted(codes.range.1, up)?))
        };
        let (ra, rb) = (raised(&a, up[0]).map_err(wide)?, raised(&b, up[1]).map_err(wide)?);
        let (name, range) = match op.as_str() {
            "add" => ("arith.addi", (ra.0 + rb.0, ra.1 + rb.1)),
            "average" => {
                fraction += 1;
                ("arith.addi", (ra.0 + rb.0, ra.1 + rb.1))
            }
            "subtract" => ("arith.subi", (ra.0 - rb.1, ra.1 - rb.0)),
            "multiply" => {
                let (ra, rb) = (factor(ra).map_err(wide)?, factor(rb).map_err(wide)?);
                let ends = [ra.0 * rb.0, ra.0 * rb.1, ra.1 * rb.0, ra.1 * rb.1];
                ("arith.muli", ends.iter().fold((0, 0), |range, &end| hull(range, (end, end))))
            }
            "maximum" => ("arith.maxsi", (ra.0.max(rb.0), ra.1.max(rb.1))),
            "minimum" => ("arith.minsi", (ra.0.min(rb.0), ra.1.min(rb.1))),
            _ => {
                return Err(layer.error(format!(
                    "{} is not supported; supported: add, subtract, multiply, average, maximum, minimum",
                    quote(&op)
                )));
            }
        };
        let bits = bits_for(&[ra, rb, range]);
        if bits > 64 {
            return Err(layer.error(cast::TOO_WIDE));
        }
        let all: Vec<usize> = (0..a.tensor.shape.len()).collect();
        let tensor = self.function.generic(
            &vec![false; all.len()],
            &[(&a.tensor, &all), (&b.tensor, &all)],
            Init::Empty(a.tensor.shape.clone(), Element::Integer(bits)),
            &all,
            true,
            |body, scalars| {
                let first = body.resize(&scalars[0], a.tensor.signed, bits);
                let first = shift_left(body, first, up[0]);
                let second = body.resize(&scalars[1], b.tensor.signed, bits);
                let second = shift_left(body, second, up[1]);
                body.binary(name, &first, &second)
            },
        );
        self.finish(layer, Codes { tensor, fraction, range })
    }

    fn dot(&mut self, layer: &Layer) -> Result<(), Error> {
        if layer.inputs.len() != 2 {
            return Err(layer.error(format!("has {} inputs, needs two", layer.inputs.len())));
        }
        let (a, b) = (self.operand(layer, 0)?.codes, self.operand(layer, 1)?.codes);
        let (&[_, n], &[_, m]) = (a.tensor.shape.as_slice(), b.tensor.shape.as_slice()) else {
            return Err(layer.error("reads tensors of several dimensions, needs one"));
        };
        if n != m {
            return Err(layer.error(format!("multiplies {n} elements with {m}")));
        }
        let wide = |message: String| layer.error(message);
        let (ra, rb) = (factor(a.range).map_err(wide)?, factor(b.range).map_err(wide)?);
        let ends = [ra.0 * rb.0, ra.0 * rb.1, ra.1 * rb.0, ra.1 * rb.1];
        let product = ends.iter().fold((0, 0), |range, &end| hull(range, (end, end)));
        let terms = i128::from(n);
        let all = product.0.checked_mul(terms).zip(product.1.checked_mul(terms));
        let accumulator = layer.fixed("accum_t")?;
        let sum = Sum {
            reductions: vec![false, true, false],
            factors: [(&a.tensor, vec![0, 1]), (&b.tensor, vec![0, 1])],
            shape: vec![self.batch, 1],
            indices: vec![0, 2],
            fraction: a.fraction + b.fraction,
            product,
            sums: vec![all.ok_or_else(|| layer.error(cast::TOO_WIDE))?],
            terms: n,
            bias: vec![0],
            accumulator,
            ordered: true,
        };
        let codes = sum.write(&mut self.function).map_err(|message| layer.error(message))?;
        self.finish(layer, codes)
    }

    fn global_pooling(&mut self, layer: &Layer) -> Result<(), Error> {
        let x = self.only_operand(layer)?.codes;
        if layer.has("data_format") && layer.text("data_format")? != "channels_last" {
            return Err(layer
                .error("has channels first, which is not supported; supported: 'channels_last'"));
        }
        let &[batch, .., channels] = x.tensor.shape.as_slice() else {
            return Err(layer.error("reads a tensor of no dimensions"));
        };
        let pixels: u64 = x.tensor.shape[1..x.tensor.shape.len() - 1].iter().product();
        let tensor = self.function.reshape(&x.tensor, &[batch, pixels, channels]);
        let x = Codes { tensor, ..x };
        let accumulator = layer.fixed("accum_t")?;
        let pooled = match layer.text("pool_op")?.to_lowercase().as_str() {
            "max" => {
                let bits = bits_for(&[x.range]);
                let start = self.function.constant(&[x.range.0], &[batch, channels], bits);
                let tensor = self.function.generic(
                    &[false, true, false],
                    &[(&x.tensor, &[0, 1, 2])],
                    Init::Tensor(&start),
                    &[0, 2],
                    true,
                    |body, scalars| {
                        let value = body.resize(&scalars[0], x.tensor.signed, bits);
                        body.binary("arith.maxsi", &scalars[1], &value)
                    },
                );
                Ok(Codes { tensor, ..x })
            }
            "average" => self.mean(&x, pixels, accumulator),
            op => Err(format!("{} is not supported; supported: Max, Average", quote(op))),
        };
        let pooled = pooled
            .and_then(|pooled| cast::cast(&mut self.function, &pooled, accumulator))
            .map_err(|message| layer.error(message))?;
        self.finish(layer, pooled)
    }

    /// The mean over the second dimension of three, as codes of the accumulator.
    fn mean(&mut self, x: &Codes, pixels: u64, accumulator: Fixed) -> Result<Codes, String> {
        // What is added to a sum is rounded with it; if that is not rounding alone, it is refused.
        let coarser = x.fraction > accumulator.fraction;
        let alone = matches!(
            accumulator.rounding,
            Rounding::Floor | Rounding::NearestUp | Rounding::NearestDown
        );
        if coarser && !alone {
            return Err(format!(
                "adds up in {accumulator}, coarser than what is added, which is not supported with its rounding; supported: TRN, RND, RND_MIN_INF"
            ));
        }
        let (fraction, rounding) = (accumulator.fraction, accumulator.rounding);
        let roomy = Fixed { fraction, rounding, ..Fixed::SIGNED_64 };
        if Cast::new(x.range, x.fraction, roomy)?.overflows() {
            return Err(cast::TOO_WIDE.to_owned());
        }
        let x = cast::cast(&mut self.function, x, roomy)?;
        let terms = i128::from(pixels);
        let end = |end: i128| end.checked_mul(terms).ok_or(cast::TOO_WIDE);
        let range = (end(x.range.0.min(0))?, end(x.range.1.max(0))?);
        let same_sign = x.range.0 >= 0;
        let saturates = matches!(accumulator.overflow, Overflow::Saturate | Overflow::Symmetric);
        if !accumulator.holds(range)
            && accumulator.overflow != Overflow::Wrap
            && !(saturates && same_sign)
        {
            return Err(format!(
                "adds up in {accumulator}, which can overflow on the way: make it wider"
            ));
        }
        if bits_for(&[range]) > 64 {
            return Err(cast::TOO_WIDE.to_owned());
        }
        let shape = vec![x.tensor.shape[0], x.tensor.shape[2]];
        let start = self.function.constant(&[0], &shape, 64);
        let tensor = self.function.generic(
            &[false, true, false],
            &[(&x.tensor, &[0, 1, 2])],
            Init::Tensor(&start),
            &[0, 2],
            true,
            |body, scalars| body.binary("arith.addi", &scalars[0], &scalars[1]),
        );
        let sum = Codes { tensor, range, ..x };
        let sum = cast::cast(&mut self.function, &sum, accumulator)?;
        if pixels.is_power_of_two() {
            let bits = i64::from(pixels.trailing_zeros());
            let finer = Codes { fraction: sum.fraction + bits, ..sum };
            let divided = Fixed { rounding: Rounding::TowardZero, ..accumulator };
            return cast::cast(&mut self.function, &finer, divided);
        }
        // |x| / n is (|x| * m) >> s for m the next integer from 2^s / n on, if 2^s is at least n
        // times a power of two beyond |x|: m * n then exceeds 2^s by less than n, which |x| parts
        // of a multiple of 2^s do not add up to one of n.
        let magnitude = sum.range.0.unsigned_abs().max(sum.range.1.unsigned_abs());
        let places = 128 - magnitude.leading_zeros();
        let shift = places + (64 - (pixels - 1).leading_zeros());
        if shift + places > 120 {
            return Err(cast::TOO_WIDE.to_owned());
        }
        let factor = (1i128 << shift) / terms + 1;
        let bits = bits_for(&[(0, factor * (1i128 << places)), sum.range]);
        let element = sum.tensor.element;
        let signed = sum.tensor.signed;
        let container = match element {
            Element::Integer(bits) => bits,
            Element::Float => 64,
        };
        let tensor = map(&mut self.function, &sum.tensor, element, signed, |body, x, signed| {
            let x = body.resize(x, signed, bits);
            let sign = body.with("arith.shrsi", &x, i128::from(bits) - 1);
            let flip = |body: &mut Body, x: &Scalar| {
                let flipped = body.binary("arith.xori", x, &sign);
                body.binary("arith.subi", &flipped, &sign)
            };
            let magnitude = flip(body, &x);
            let product = body.with("arith.muli", &magnitude, factor);
            let quotient = body.with("arith.shrui", &product, shift.into());
            let quotient = flip(body, &quotient);
            body.resize(&quotient, true, container)
        });
        let range = (sum.range.0 / terms, sum.range.1 / terms);
        Ok(Codes { tensor, range, ..sum })
    }

    fn reshape(&mut self, layer: &Layer) -> Result<(), Error> {
        let x = self.only_operand(layer)?.codes;
        let shape = [&[self.batch], layer.output()?.shape.as_slice()].concat();
        if shape.iter().product::<u64>() != x.tensor.shape.iter().product::<u64>() {
            return Err(layer.error(format!(
                "reshapes {:?} to {:?}",
                &x.tensor.shape[1..],
                &shape[1..]
            )));
        }
        let tensor = self.function.reshape(&x.tensor, &shape);
        self.finish(layer, Codes { tensor, ..x })
    }

    fn transpose(&mut self, layer: &Layer) -> Result<(), Error> {
        let x = self.only_operand(layer)?.codes;
        let rank = x.tensor.shape.len() - 1;
        let permutation = layer.integers("perm")?;
        let mut seen = vec![false; rank];
        for &dimension in &permutation {
            match usize::try_from(dimension).ok().and_then(|d| seen.get_mut(d)) {
                Some(seen) if !*seen => *seen = true,
                _ => {
                    return Err(layer
                        .error(format!("{permutation:?} is no permutation of {rank} dimensions")));
                }
            }
        }
        if permutation.len() != rank {
            return Err(
                layer.error(format!("{permutation:?} is no permutation of {rank} dimensions"))
            );
        }
        // Dimension d of the result is dimension permutation[d] of the operand.
        let mut indices = vec![0; rank + 1];
        let mut shape = vec![self.batch];
        for (d, &from) in permutation.iter().enumerate() {
            indices[from as usize + 1] = d + 1;
            shape.push(x.tensor.shape[from as usize + 1]);
        }
        let all: Vec<usize> = (0..=rank).collect();
        let tensor = self.function.generic(
            &vec![false; rank + 1],
            &[(&x.tensor, &indices)],
            Init::Empty(shape, x.tensor.element),
            &all,
            x.tensor.signed,
            |_, scalars| scalars[0].clone(),
        );
        self.finish(layer, Codes { tensor, ..x })
    }

    /// The same tensor under several names.
    fn copy(&mut self, layer: &Layer) -> Result<(), Error> {
        let x = self.only_operand(layer)?;
        for name in &layer.outputs {
            let variable = layer.variable(name)?;
            if variable.fixed != x.fixed {
                return Err(layer.error(format!(
                    "copies {} to {}, which is not supported; supported: the same type",
                    x.fixed, variable.fixed
                )));
            }
            self.values.insert(name.clone(), x.clone());
        }
        Ok(())
    }

    /// A constant in the narrowest integers that hold it.
    pub fn constant(&mut self, codes: &[i128], shape: &[u64]) -> Tensor {
        let fits = |bits: &u32| {
            let limit = 1i128 << (bits - 1);
            codes.iter().all(|&code| -limit <= code && code < limit)
        };
        let bits = [8, 16, 32, 64].into_iter().find(fits).unwrap_or(128);
        self.function.constant(codes, shape, bits)
    }
}

/// Codes without the zeros at the low end that all of them have.
fn without_common_zeros(mut codes: Vec<i128>, fraction: i64) -> (Vec<i128>, i64) {
    let zeros = codes.iter().filter(|code| **code != 0).map(|code| code.trailing_zeros()).min();
    let zeros = zeros.unwrap_or(0);
    codes.iter_mut().for_each(|code| *code >>= zeros);
    (codes, fraction - i64::from(zeros))
}

/// A range of factors, whose products and sums of them are computed exactly.
pub fn factor((low, high): (i128, i128)) -> Result<(i128, i128), String> {
    let limit = 1 << 48;
    if low < -limit || high > limit { Err(cast::TOO_WIDE.to_owned()) } else { Ok((low, high)) }
}

/// `x * 2^bits`.
pub fn shift_left(body: &mut Body, x: Scalar, bits: i64) -> Scalar {
    if bits == 0 { x } else { body.with("arith.shli", &x, bits.into()) }
}

/// The code of a float in a type that wraps or saturates to zero, in 64 bits; that of a NaN is zero.
///
/// Every step is exact in any type of floats: what is added or taken away is a multiple of what
/// the last bit of the float says.
fn float_to_code(body: &mut Body, x: &Scalar, to: Fixed) -> Scalar {
    let scale = body.float(2f64.powi(to.fraction as i32));
    let value = body.binary("arith.mulf", x, &scale);
    let value = round_float(body, &value, to.rounding);
    let width = to.width as i32;
    let (low, high) = to.limits();
    if to.overflow == Overflow::Wrap {
        // The rest of a division by 2^width, which fits an integer.
        let modulus = body.float(2f64.powi(width));
        let inverse = body.float(2f64.powi(-width));
        let quotient = body.binary("arith.mulf", &value, &inverse);
        let quotient = body.unary("math.trunc", &quotient);
        let multiple = body.binary("arith.mulf", &quotient, &modulus);
        let rest = body.binary("arith.subf", &value, &multiple);
        // Of an infinity there is none.
        let number = body.compare("oeq", &rest, &rest);
        let zero = body.float(0.0);
        let rest = body.select(&number, &rest, &zero);
        let code = body.convert("arith.fptosi", &rest, Element::Integer(64));
        let unused = i128::from(64 - to.width);
        let top = body.with("arith.shli", &code, unused);
        let down = if to.signed { "arith.shrsi" } else { "arith.shrui" };
        return body.with(down, &top, unused);
    }
    // Saturating to zero; beyond this nothing is inside the range, and integers still are.
    let bound = body.float(2f64.powi(width + 1));
    let lower = body.unary("arith.negf", &bound);
    let raised = body.binary("arith.maxnumf", &value, &lower);
    let bounded = body.binary("arith.minnumf", &raised, &bound);
    let code = body.convert("arith.fptosi", &bounded, Element::Integer(64));
    let raised = body.with("arith.maxsi", &code, low);
    let limited = body.with("arith.minsi", &raised, high);
    let inside = body.compare("eq", &limited, &code);
    let zero = body.integer(0, 64);
    body.select(&inside, &code, &zero)
}

fn round_float(body: &mut Body, value: &Scalar, rounding: Rounding) -> Scalar {
    match rounding {
        Rounding::TowardZero => body.unary("math.trunc", value),
        Rounding::NearestEven => body.unary("math.roundeven", value),
        Rounding::NearestAway => body.unary("math.round", value),
        Rounding::NearestUp | Rounding::NearestDown | Rounding::NearestTowardZero => {
            let floor = body.unary("math.floor", value);
            let rest = body.binary("arith.subf", value, &floor);
            let half = body.float(0.5);
            let up = match rounding {
                Rounding::NearestUp => body.compare("oge", &rest, &half),
                Rounding::NearestDown => body.compare("ogt", &rest, &half),
                _ => {
                    let above = body.compare("ogt", &rest, &half);
                    let tie = body.compare("oeq", &rest, &half);
                    let zero = body.float(0.0);
                    let negative = body.compare("olt", value, &zero);
                    let tie = body.binary("arith.andi", &tie, &negative);
                    body.binary("arith.ori", &above, &tie)
                }
            };
            let one = body.float(1.0);
            let next = body.binary("arith.addf", &floor, &one);
            body.select(&up, &next, &floor)
        }
        _ => body.unary("math.floor", value),
    }
}
