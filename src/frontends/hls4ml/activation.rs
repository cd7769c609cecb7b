//! Activations: those that compare and multiply, and those that hls4ml looks up in tables.

use super::{
    super::Error,
    cast::{self, Cast, Codes, bits_for, map, shifted},
    emit::{Body, Element, Init, Scalar},
    fixed::{Fixed, Overflow},
    lowering::{Lowering, factor, shift_left},
    model::Layer,
    quote,
    sum::hull,
};
use crate::exact::Rounding;

/// Entries of the largest table.
const LARGEST: i64 = 1 << 20;

impl Lowering<'_> {
    pub fn activation(&mut self, layer: &Layer) -> Result<(), Error> {
        let x = self.only_operand(layer)?;
        let name = layer.text("activation")?.to_lowercase();
        let codes = match name.as_str() {
            "linear" => x.codes,
            "relu" => self.relu(&x.codes, None).map_err(|message| layer.error(message))?,
            "relu1" => self.relu(&x.codes, Some(1)).map_err(|message| layer.error(message))?,
            "relu6" => self.relu(&x.codes, Some(6)).map_err(|message| layer.error(message))?,
            "sigmoid" => {
                self.looked_up(layer, &x.codes, 8.0, |x| (1.0 / f64::from(1.0 + exp(-x))) as f32)?
            }
            "tanh" => self.looked_up(layer, &x.codes, 4.0, |x| f64::from(x).tanh() as f32)?,
            "softplus" => {
                self.looked_up(layer, &x.codes, 8.0, |x| (f64::from(exp(x)) + 1.0).ln() as f32)?
            }
            "softsign" => self.looked_up(layer, &x.codes, 8.0, |x| {
                (f64::from(x) / (f64::from(x.abs()) + 1.0)) as f32
            })?,
            _ => {
                return Err(layer.error(format!(
                    "{} is not supported; supported: linear, relu, relu1, relu6, sigmoid, tanh, softplus, softsign",
                    quote(&name)
                )));
            }
        };
        self.finish(layer, codes)
    }

    /// `max(x, 0)`, limited at an integer if one is given.
    fn relu(&mut self, x: &Codes, limit: Option<i128>) -> Result<Codes, String> {
        let limit = match limit {
            None => x.range.1.max(0),
            Some(limit) if x.fraction >= 0 => shifted(limit, x.fraction)?,
            Some(_) => {
                return Err(
                    "limits a tensor coarser than integers, which is not supported".to_owned()
                );
            }
        };
        let range = (x.range.0.clamp(0, limit), x.range.1.clamp(0, limit));
        if range == x.range {
            return Ok(x.clone());
        }
        let bits = bits_for(&[x.range, (0, limit)]);
        if bits > 64 {
            return Err(cast::TOO_WIDE.to_owned());
        }
        let limited = x.range.1 > limit;
        let tensor =
            map(&mut self.function, &x.tensor, Element::Integer(bits), true, |body, x, signed| {
                let x = body.resize(x, signed, bits);
                let positive = body.with("arith.maxsi", &x, 0);
                if limited { body.with("arith.minsi", &positive, limit) } else { positive }
            });
        Ok(Codes { tensor, fraction: x.fraction, range })
    }

    /// Activations with one parameter, which has a type of its own.
    pub fn parametrized(&mut self, layer: &Layer) -> Result<(), Error> {
        let x = self.only_operand(layer)?.codes;
        let name = layer.text("activation")?.to_lowercase();
        let parameter = if layer.has("activ_param") { layer.number("activ_param")? } else { 1.0 };
        let r#type = layer.fixed("param_t")?;
        let parameter = r#type.of(parameter);
        let codes = match name.as_str() {
            "leakyrelu" | "leaky_relu" => self.leaky(&x, &[parameter], r#type),
            "thresholdedrelu" | "thresholded_relu" => self.thresholded(&x, parameter, r#type),
            _ => Err(format!(
                "{} is not supported; supported: LeakyReLU, ThresholdedReLU",
                quote(&name)
            )),
        };
        let codes = codes.map_err(|message| layer.error(message))?;
        self.finish(layer, codes)
    }

    pub fn prelu(&mut self, layer: &Layer) -> Result<(), Error> {
        let x = self.only_operand(layer)?.codes;
        let parameters = layer.weights("param", self.archive)?;
        if parameters.codes.len() as u64 != x.tensor.shape[1..].iter().product::<u64>() {
            let count = parameters.codes.len();
            return Err(layer.error(format!("has {count} parameters, needs one for each element")));
        }
        let codes = self.leaky(&x, &parameters.codes, parameters.fixed);
        let codes = codes.map_err(|message| layer.error(message))?;
        self.finish(layer, codes)
    }

    /// `x` if it is positive, else `x` times one parameter, or one for each element.
    fn leaky(&mut self, x: &Codes, parameters: &[i128], r#type: Fixed) -> Result<Codes, String> {
        let (low, high) = factor(x.range)?;
        let (up, fraction) = (r#type.fraction, x.fraction + r#type.fraction);
        // Where a parameter is coarser than an integer, its code says more than it does.
        let (positive_up, parameter_up) = (up.max(0), (-up).max(0));
        let fraction = fraction + parameter_up;
        let mut range = (0, shifted(high.max(0), positive_up)?);
        let mut factors = Vec::new();
        for &parameter in parameters {
            let parameter = shifted(parameter, parameter_up)?;
            factor((parameter, parameter))?;
            let end = low.min(0) * parameter;
            range = hull(range, (end, end));
            factors.push(parameter);
        }
        let bits = bits_for(&[x.range, range]);
        if bits > 64 || factors.iter().any(|&f| bits_for(&[(f, f)]) > bits) {
            return Err(cast::TOO_WIDE.to_owned());
        }
        let shape = x.tensor.shape.clone();
        let all: Vec<usize> = (0..shape.len()).collect();
        let parameters = &all[1..];
        let factors = self.function.constant(&factors, &shape[1..], bits);
        let tensor = self.function.generic(
            &vec![false; shape.len()],
            &[(&x.tensor, &all), (&factors, parameters)],
            Init::Empty(shape.clone(), Element::Integer(bits)),
            &all,
            true,
            |body, scalars| {
                let value = body.resize(&scalars[0], x.tensor.signed, bits);
                let zero = body.integer(0, bits);
                let positive = body.compare("sgt", &value, &zero);
                let same = shift_left(body, value.clone(), positive_up);
                let scaled = body.binary("arith.muli", &value, &scalars[1]);
                body.select(&positive, &same, &scaled)
            },
        );
        Ok(Codes { tensor, fraction, range })
    }

    /// `x` if it is greater than a threshold, else 0.
    fn thresholded(&mut self, x: &Codes, threshold: i128, r#type: Fixed) -> Result<Codes, String> {
        if threshold == 0 {
            return self.relu(x, None);
        }
        let fraction = x.fraction.max(r#type.fraction);
        let (up, threshold_up) = (fraction - x.fraction, fraction - r#type.fraction);
        let threshold = shifted(threshold, threshold_up)?;
        let moved = (shifted(x.range.0, up)?, shifted(x.range.1, up)?);
        let bits = bits_for(&[x.range, moved, (threshold, threshold)]);
        let (to, signed) = match x.tensor.element {
            Element::Integer(bits) => (bits, x.tensor.signed),
            Element::Float => return Err("reads floats".to_owned()),
        };
        let tensor =
            map(&mut self.function, &x.tensor, Element::Integer(to), signed, |body, x, signed| {
                let value = body.resize(x, signed, bits);
                let compared = shift_left(body, value, up);
                let threshold = body.integer(threshold, bits);
                let above = body.compare("sgt", &compared, &threshold);
                let zero = body.integer(0, to);
                body.select(&above, x, &zero)
            });
        Ok(Codes { tensor, fraction: x.fraction, range: hull(x.range, (0, 0)) })
    }

    /// `slope * x + shift` limited to 0 and 1; of the tangent, twice that less 1.
    pub fn hard(&mut self, layer: &Layer) -> Result<(), Error> {
        let x = self.only_operand(layer)?.codes;
        let name = layer.text("activation")?.to_lowercase();
        let tangent = match name.as_str() {
            "hard_sigmoid" => false,
            "hard_tanh" => true,
            _ => {
                return Err(layer.error(format!(
                    "{} is not supported; supported: hard_sigmoid, hard_tanh",
                    quote(&name)
                )));
            }
        };
        let (slope_type, shift_type) = (layer.fixed("slope_t")?, layer.fixed("shift_t")?);
        let slope = slope_type.of(layer.number("slope")?);
        let shift = shift_type.of(layer.number("shift")?);
        let codes = self.line(&x, (slope, slope_type), (shift, shift_type), tangent);
        let codes = codes.map_err(|message| layer.error(message))?;
        self.finish(layer, codes)
    }

    fn line(
        &mut self,
        x: &Codes,
        (slope, slope_type): (i128, Fixed),
        (shift, shift_type): (i128, Fixed),
        tangent: bool,
    ) -> Result<Codes, String> {
        let product = x.fraction + slope_type.fraction;
        let fraction = product.max(shift_type.fraction).max(0);
        let (up, shift_up) = (fraction - product, fraction - shift_type.fraction);
        let (low, high) = factor(x.range)?;
        factor((slope, slope))?;
        let ends = [shifted(low * slope, up)?, shifted(high * slope, up)?];
        let shift = shifted(shift, shift_up)?;
        let one = shifted(1, fraction)?;
        let range = (ends[0].min(ends[1]) + shift, ends[0].max(ends[1]) + shift);
        let bits = bits_for(&[range, x.range, (slope, slope), (shift, shift), (-2 * one, 2 * one)]);
        if bits > 64 {
            return Err(cast::TOO_WIDE.to_owned());
        }
        let tensor =
            map(&mut self.function, &x.tensor, Element::Integer(bits), true, |body, x, signed| {
                let value = body.resize(x, signed, bits);
                let product = body.with("arith.muli", &value, slope);
                let product = shift_left(body, product, up);
                let sum = body.with("arith.addi", &product, shift);
                let raised = body.with("arith.maxsi", &sum, 0);
                let limited = body.with("arith.minsi", &raised, one);
                if !tangent {
                    return limited;
                }
                let twice = body.with("arith.shli", &limited, 1);
                body.with("arith.subi", &twice, one)
            });
        let range = if tangent { (-one, one) } else { (0, one) };
        Ok(Codes { tensor, fraction, range })
    }

    /// A function of which hls4ml makes a table over `-reach` to `reach`.
    fn looked_up(
        &mut self,
        layer: &Layer,
        x: &Codes,
        reach: f64,
        function: impl Fn(f32) -> f32,
    ) -> Result<Codes, Error> {
        let size = self.table_size(layer, "table_size")?;
        let places = i64::from(size.trailing_zeros());
        let r#type = layer.fixed("table_t")?;
        // Entries per unit, and the fraction that is dropped, towards zero as C does.
        let per_unit = places - 1 - reach.log2() as i64;
        let index = Fixed { rounding: Rounding::TowardZero, ..Fixed::SIGNED_64 };
        let x = Codes { fraction: x.fraction - per_unit, ..x.clone() };
        let wide = |message: String| layer.error(message);
        let rounded = Cast::new(x.range, x.fraction, index).map_err(wide)?;
        if rounded.range.0 < i32::MIN.into()
            || rounded.range.1 > i128::from(i32::MAX) - size as i128
        {
            return Err(
                layer.error("has inputs too large for an index of 32 bits, which is not supported")
            );
        }
        let half = size as i128 / 2;
        let indices =
            map(&mut self.function, &x.tensor, Element::Integer(32), true, |body, x, signed| {
                let index = rounded.write(body, x, signed);
                let index = body.resize(&index, true, 64);
                let index = body.with("arith.addi", &index, half);
                let raised = body.with("arith.maxsi", &index, 0);
                let limited = body.with("arith.minsi", &raised, size as i128 - 1);
                body.resize(&limited, true, 32)
            });
        let entries: Vec<i128> = (0..size)
            .map(|i| {
                let x = 2.0 * reach * (i as f64 - size as f64 / 2.0) / size as f64;
                r#type.of(function(x as f32).into())
            })
            .collect();
        let indices = Codes { tensor: indices, fraction: 0, range: (0, size as i128 - 1) };
        Ok(self.entries(&indices, &entries, r#type))
    }

    /// A table that the file holds, indexed by the bits of a code.
    pub fn table(&mut self, layer: &Layer) -> Result<(), Error> {
        let x = self.only_operand(layer)?;
        let table = layer.weights("table", self.archive)?;
        let width = x.fixed.width;
        if width > 20 || table.codes.len() < 1 << width {
            return Err(layer.error(format!(
                "has a table of {} entries for {}; supported: an entry for each code, of up to 20 bits",
                table.codes.len(),
                x.fixed
            )));
        }
        let entries = &table.codes[..1 << width];
        let most = entries.len() as i128 - 1;
        let indices = map(
            &mut self.function,
            &x.codes.tensor,
            Element::Integer(32),
            true,
            |body, x, signed| {
                let code = body.resize(x, signed, 32);
                body.with("arith.andi", &code, most)
            },
        );
        let indices = Codes { tensor: indices, fraction: 0, range: (0, most) };
        let codes = self.entries(&indices, entries, table.fixed);
        self.finish(layer, codes)
    }

    pub fn softmax(&mut self, layer: &Layer) -> Result<(), Error> {
        let x = self.only_operand(layer)?;
        let implementation = layer.text("implementation")?.to_lowercase();
        let stable = match implementation.as_str() {
            "latency" => false,
            "stable" => true,
            _ => {
                return Err(layer.error(format!(
                    "the implementation {} is not supported; supported: 'latency', 'stable'",
                    quote(&implementation)
                )));
            }
        };
        if layer.integer_or("n_inner", 1)? != 1 {
            return Err(
                layer.error("is over another dimension than the last, which is not supported")
            );
        }
        let shape = x.codes.tensor.shape.clone();
        let rank = shape.len();
        let n = shape[rank - 1];
        let outer = layer.integer_or("n_outer", 1)?;
        if i128::from(outer) != i128::from(shape[1..].iter().product::<u64>() / n) {
            return Err(
                layer.error(format!("has {outer} slices for a tensor of shape {:?}", &shape[1..]))
            );
        }
        let name = |attribute: &str| layer.type_name(attribute).unwrap_or_default();
        let exponential_type = layer.fixed("exp_table_t")?;
        let inverse_type = layer.fixed("inv_table_t")?;
        let accumulator = layer.fixed("accum_t")?;
        let sum_type = if name("inv_inp_t") == "model_default_t" {
            exponential_type
        } else {
            layer.fixed("inv_inp_t")?
        };
        let size = |attribute: &str| {
            let attribute = if layer.has(attribute) { attribute } else { "table_size" };
            self.table_size(layer, attribute)
        };
        let (mut exponentials, inverses) = (size("exp_table_size")?, size("inv_table_size")?);
        let scale = if layer.has("exp_scale") { layer.number("exp_scale")? as f32 } else { 1.0 };
        let refuse = |message: String| layer.error(message);

        // What exponentials are of: the input, or how far it is below the greatest.
        let (arguments, argument_type) = if stable {
            let argument_type = if layer.has("inp_norm_t") {
                layer.fixed("inp_norm_t")?
            } else {
                let sign = i64::from(x.fixed.signed);
                let width = i64::from(x.fixed.width) - sign;
                if x.fixed.signed {
                    exponentials = inverses.min(1 << width.clamp(0, 40));
                }
                Fixed::new(width, width - x.fixed.fraction, false, "TRN", "WRAP").map_err(refuse)?
            };
            let below = self.below_greatest(&x.codes).map_err(refuse)?;
            (cast::cast(&mut self.function, &below, argument_type).map_err(refuse)?, argument_type)
        } else {
            (x.codes.clone(), x.fixed)
        };
        let table = |size: u64, r#type: Fixed, value: &dyn Fn(f32) -> f32, result: Fixed| {
            let entry = |i: u64| {
                let code = top_bits(i, size, r#type)?;
                let real = code as f64 * 2f64.powi(-r#type.fraction as i32);
                Ok(result.of(value(real as f32).into()))
            };
            (0..size).map(entry).collect::<Result<Vec<i128>, String>>()
        };
        let sign = if stable { -1.0 } else { 1.0 };
        let entries =
            table(exponentials, argument_type, &|x| exp(sign * (x * scale)), exponential_type);
        let entries = entries.map_err(refuse)?;
        let indices = self.top_bits_of(&arguments, exponentials, argument_type);
        let exponential = self.entries(&indices, &entries, exponential_type);
        let exponential =
            cast::cast(&mut self.function, &exponential, accumulator).map_err(refuse)?;
        let sum = self.sum_of_last(&exponential, accumulator).map_err(refuse)?;
        let sum = cast::cast(&mut self.function, &sum, sum_type).map_err(refuse)?;
        let entries = table(inverses, sum_type, &|x| 1.0 / x, inverse_type).map_err(refuse)?;
        let indices = self.top_bits_of(&sum, inverses, sum_type);
        let inverse = self.entries(&indices, &entries, inverse_type);

        let (a, b) =
            (factor(exponential.range).map_err(refuse)?, factor(inverse.range).map_err(refuse)?);
        let ends = [a.0 * b.0, a.0 * b.1, a.1 * b.0, a.1 * b.1];
        let range = ends.iter().fold((0, 0), |range, &end| hull(range, (end, end)));
        let bits = bits_for(&[range, a, b]);
        if bits > 64 {
            return Err(layer.error(cast::TOO_WIDE));
        }
        let all: Vec<usize> = (0..rank).collect();
        let tensor = self.function.generic(
            &vec![false; rank],
            &[(&exponential.tensor, &all), (&inverse.tensor, &all[..rank - 1])],
            Init::Empty(shape, Element::Integer(bits)),
            &all,
            true,
            |body, scalars| {
                let a = body.resize(&scalars[0], exponential.tensor.signed, bits);
                let b = body.resize(&scalars[1], inverse.tensor.signed, bits);
                body.binary("arith.muli", &a, &b)
            },
        );
        let fraction = exponential.fraction + inverse.fraction;
        self.finish(layer, Codes { tensor, fraction, range })
    }

    /// The greatest element of the last dimension less each element.
    fn below_greatest(&mut self, x: &Codes) -> Result<Codes, String> {
        let shape = x.tensor.shape.clone();
        let rank = shape.len();
        let range = (0, x.range.1 - x.range.0);
        let bits = bits_for(&[x.range, range]);
        if bits > 64 {
            return Err(cast::TOO_WIDE.to_owned());
        }
        let greatest = self.over_last(x, x.range.0, bits, "arith.maxsi");
        let all: Vec<usize> = (0..rank).collect();
        let tensor = self.function.generic(
            &vec![false; rank],
            &[(&greatest, &all[..rank - 1]), (&x.tensor, &all)],
            Init::Empty(shape, Element::Integer(bits)),
            &all,
            true,
            |body, scalars| {
                let value = body.resize(&scalars[1], x.tensor.signed, bits);
                body.binary("arith.subi", &scalars[0], &value)
            },
        );
        Ok(Codes { tensor, fraction: x.fraction, range })
    }

    /// The sum over the last dimension, each sum on the way being of the accumulator's type.
    fn sum_of_last(&mut self, x: &Codes, accumulator: Fixed) -> Result<Codes, String> {
        let terms = i128::from(*x.tensor.shape.last().unwrap_or(&1));
        let end = |end: i128| end.checked_mul(terms).ok_or(cast::TOO_WIDE);
        let range = (end(x.range.0.min(0))?, end(x.range.1.max(0))?);
        let saturates = matches!(accumulator.overflow, Overflow::Saturate | Overflow::Symmetric);
        // What is not negative can be limited at the end as well as on the way.
        let at_the_end = accumulator.overflow == Overflow::Wrap || saturates && x.range.0 >= 0;
        if !accumulator.holds(range) && !at_the_end {
            return Err(format!(
                "adds up in {accumulator}, which can overflow on the way: make it wider"
            ));
        }
        if bits_for(&[range]) > 64 {
            return Err(cast::TOO_WIDE.to_owned());
        }
        let tensor = self.over_last(x, 0, 64, "arith.addi");
        cast::cast(&mut self.function, &Codes { tensor, fraction: x.fraction, range }, accumulator)
    }

    fn over_last(&mut self, x: &Codes, start: i128, bits: u32, op: &str) -> super::emit::Tensor {
        let rank = x.tensor.shape.len();
        let all: Vec<usize> = (0..rank).collect();
        let start = self.function.constant(&[start], &x.tensor.shape[..rank - 1], bits);
        let reductions: Vec<bool> = (0..rank).map(|d| d == rank - 1).collect();
        self.function.generic(
            &reductions,
            &[(&x.tensor, &all)],
            Init::Tensor(&start),
            &all[..rank - 1],
            true,
            |body, scalars| {
                let value = body.resize(&scalars[0], x.tensor.signed, bits);
                body.binary(op, &scalars[1], &value)
            },
        )
    }

    fn table_size(&self, layer: &Layer, attribute: &str) -> Result<u64, Error> {
        match layer.integer(attribute)? {
            size @ 2..=LARGEST if size.count_ones() == 1 => Ok(size as u64),
            size => Err(layer.error(format!(
                "has a table of {size} entries, which is not supported; supported: powers of two up to {LARGEST}"
            ))),
        }
    }

    /// The highest bits of codes, as an index into so many entries.
    fn top_bits_of(&mut self, x: &Codes, size: u64, r#type: Fixed) -> Codes {
        let drop = i128::from(r#type.width.saturating_sub(size.trailing_zeros()));
        let tensor =
            map(&mut self.function, &x.tensor, Element::Integer(32), true, |body, x, signed| {
                let code = body.resize(x, signed, 64);
                let top = body.with("arith.shrsi", &code, drop);
                let index = body.with("arith.andi", &top, i128::from(size) - 1);
                body.resize(&index, true, 32)
            });
        Codes { tensor, fraction: 0, range: (0, i128::from(size) - 1) }
    }

    /// Entries of a table, as a sum over the table of those whose place is the index: nothing is
    /// read that is not the table's, whatever the index.
    fn entries(&mut self, indices: &Codes, entries: &[i128], r#type: Fixed) -> Codes {
        let (bits, signed) = r#type.container();
        let size = entries.len() as u64;
        let table = self.function.constant(entries, &[size], bits);
        let shape = indices.tensor.shape.clone();
        let rank = shape.len();
        let start = self.function.constant(&[0], &shape, bits);
        let reductions: Vec<bool> = (0..=rank).map(|d| d == rank).collect();
        let all: Vec<usize> = (0..rank).collect();
        let tensor = self.function.generic(
            &reductions,
            &[(&indices.tensor, &all), (&table, &[rank])],
            Init::Tensor(&start),
            &all,
            signed,
            |body: &mut Body, scalars: &[Scalar]| {
                let place = body.index(rank, 32);
                let here = body.compare("eq", &place, &scalars[0]);
                let zero = body.integer(0, bits);
                let entry = body.select(&here, &scalars[1], &zero);
                body.binary("arith.addi", &scalars[2], &entry)
            },
        );
        let range = entries.iter().fold((0, 0), |range, &entry| hull(range, (entry, entry)));
        Codes { tensor, fraction: r#type.fraction, range }
    }
}

/// The code whose highest bits are an index, and the others zero.
fn top_bits(index: u64, size: u64, r#type: Fixed) -> Result<i128, String> {
    let places = size.trailing_zeros();
    let Some(below) = r#type.width.checked_sub(places) else {
        return Err(format!("has a table of {size} entries, more than {} has codes", r#type));
    };
    let code = i128::from(index) << below;
    let (_, most) = r#type.range();
    Ok(if code > most { code - (1i128 << r#type.width) } else { code })
}

/// The exponential in single precision, as C++ computes it to within a rounding.
fn exp(x: f32) -> f32 {
    f64::from(x).exp() as f32
}
