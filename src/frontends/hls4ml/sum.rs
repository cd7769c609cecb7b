//! Sums of products in an accumulator.
//!
//! hls4ml casts every product to the type of the accumulator, and every sum of the accumulator and
//! a product too. Mostly that changes nothing, or nothing but what one cast of the whole sum
//! changes as well; then the sum is written without casts, which is what hardware other than an
//! FPGA computes.

use super::{
    cast::{self, Cast, Codes, bits_for, shifted},
    emit::{Element, Function, Init, Tensor},
    fixed::{Fixed, Overflow},
};

/// A sum over some dimensions of an iteration.
pub struct Sum<'a> {
    /// Of each dimension of the iteration, whether it is summed over.
    pub reductions: Vec<bool>,
    /// The factors, each with the dimensions that index it.
    pub factors: [(&'a Tensor, Vec<usize>); 2],
    /// The result and the dimensions that index it.
    pub shape: Vec<u64>,
    pub indices: Vec<usize>,
    /// Of a product.
    pub fraction: i64,
    /// The least and the greatest product.
    pub product: (i128, i128),
    /// The least and the greatest that products can add up to on the way, nothing among them: of
    /// each channel, which is the last dimension of the result, or of all.
    pub sums: Vec<(i128, i128)>,
    /// Products per sum.
    pub terms: u64,
    /// What the sum of each channel starts with, as codes of the accumulator.
    pub bias: Vec<i128>,
    pub accumulator: Fixed,
    /// Whether products are added in the order of the summed dimension.
    pub ordered: bool,
}

impl Sum<'_> {
    /// Writes the sum.
    ///
    /// # Errors
    ///
    /// It needs numbers that are too wide, or an order of additions that is not known.
    pub fn write(&self, function: &mut Function) -> Result<Codes, String> {
        let accumulator = self.accumulator;
        let finer = accumulator.fraction - self.fraction;
        if finer >= 0 {
            let mut reach = (0, 0);
            for ((low, high), bias) in self.channels() {
                reach = hull(reach, (shifted(low, finer)? + bias, shifted(high, finer)? + bias));
            }
            let fits = accumulator.holds(reach);
            if fits || accumulator.overflow == Overflow::Wrap {
                return self.exact(function, finer, reach, fits);
            }
        }
        self.each_product(function)
    }

    fn channels(&self) -> impl Iterator<Item = ((i128, i128), i128)> {
        let bias = self.bias.iter().copied().chain(std::iter::repeat(0));
        let channels = self.sums.len().max(self.bias.len());
        self.sums.iter().copied().cycle().zip(bias).take(channels)
    }

    /// The exact sum, then at most one cast: wrapping at the end is wrapping all along.
    fn exact(
        &self,
        function: &mut Function,
        finer: i64,
        reach: (i128, i128),
        fits: bool,
    ) -> Result<Codes, String> {
        // The bias is part of the sum if products are as fine as it is.
        let part =
            self.bias.iter().all(|bias| finer == 0 || i64::from(bias.trailing_zeros()) >= finer);
        let start: Vec<i128> =
            self.bias.iter().map(|bias| if part { bias >> finer } else { 0 }).collect();
        let mut range = (0, 0);
        for ((low, high), bias) in self.channels() {
            let bias = if part { bias >> finer } else { 0 };
            range = hull(range, (low + bias, high + bias));
        }
        let bits = accumulator_bits(range)?;
        let tensor = self.generic(
            function,
            &start,
            bits,
            |body, a, b, sum| {
                let product = body.binary("arith.muli", a, b);
                body.binary("arith.addi", sum, &product)
            },
            bits,
        );
        let mut codes = Codes { tensor, fraction: self.fraction, range };
        if !part {
            codes = self.add_bias(function, &codes, finer, reach)?;
        }
        if fits {
            return Ok(codes);
        }
        let wrapped =
            if part { self.accumulator.without_low_bits(finer) } else { Some(self.accumulator) };
        let wrapped = wrapped.ok_or_else(|| {
            format!("has the accumulator {}, which keeps nothing of a product", self.accumulator)
        })?;
        cast::cast(function, &codes, wrapped)
    }

    /// The sums and a bias that is finer than they are.
    fn add_bias(
        &self,
        function: &mut Function,
        sums: &Codes,
        finer: i64,
        range: (i128, i128),
    ) -> Result<Codes, String> {
        let bits = accumulator_bits(hull(range, sums.range))?;
        let bias = self.bias(function, &self.bias, bits);
        let all: Vec<usize> = (0..self.shape.len()).collect();
        let last = [self.shape.len() - 1];
        let tensor = function.generic(
            &vec![false; self.shape.len()],
            &[(&sums.tensor, &all), (&bias, &last)],
            Init::Empty(self.shape.clone(), Element::Integer(bits)),
            &all,
            true,
            |body, scalars| {
                let sum = body.resize(&scalars[0], true, bits);
                let sum = body.with("arith.shli", &sum, i128::from(finer));
                body.binary("arith.addi", &sum, &scalars[1])
            },
        );
        Ok(Codes { tensor, fraction: self.accumulator.fraction, range })
    }

    /// Each product cast before it is added, and each sum if one can overflow.
    fn each_product(&self, function: &mut Function) -> Result<Codes, String> {
        let accumulator = self.accumulator;
        let wraps = accumulator.overflow == Overflow::Wrap;
        // Overflow is looked at below: here it is only about rounding.
        let (fraction, rounding) = (accumulator.fraction, accumulator.rounding);
        let roomy = Fixed { fraction, rounding, ..Fixed::SIGNED_64 };
        let rounded = Cast::new(self.product, self.fraction, roomy)?;
        if rounded.overflows() {
            return Err(cast::TOO_WIDE.to_owned());
        }
        let terms = i128::from(self.terms);
        let many = |end: i128| end.checked_mul(terms).ok_or_else(|| cast::TOO_WIDE.to_owned());
        // Both are bounds: of so many rounded products, and of rounding so many products.
        let (least, most) = (many(rounded.range.0.min(0))?, many(rounded.range.1.max(0))?);
        let mut range = (0, 0);
        for ((low, high), bias) in self.channels() {
            let shift = self.fraction - accumulator.fraction;
            let (low, high) = if shift >= 0 {
                let shift = shift.min(100);
                (((low >> shift) - terms).max(least), ((high >> shift) + 1 + terms).min(most))
            } else {
                (least, most)
            };
            range = hull(range, (low + bias, high + bias));
        }
        let fits = accumulator.holds(range);
        if fits || wraps {
            let bits = accumulator_bits(range)?;
            let product_bits = bits.max(bits_for(&[self.product]));
            let tensor = self.generic(
                function,
                &self.bias,
                bits,
                |body, a, b, sum| {
                    let product = body.binary("arith.muli", a, b);
                    let rounded = rounded.write(body, &product, true);
                    let rounded = body.resize(&rounded, true, bits);
                    body.binary("arith.addi", sum, &rounded)
                },
                product_bits,
            );
            let codes = Codes { tensor, fraction: accumulator.fraction, range };
            return if fits { Ok(codes) } else { cast::cast(function, &codes, accumulator) };
        }
        if !self.ordered {
            return Err(format!(
                "adds up in {}, which can saturate on the way, in an order that depends on its strategy; supported: the strategy 'latency', or a wider accumulator",
                accumulator
            ));
        }
        let product = Cast::new(self.product, self.fraction, accumulator)?;
        let (low, high) = accumulator.range();
        let sums = (low + product.range.0.min(0), high + product.range.1.max(0));
        let step = Cast::new(sums, accumulator.fraction, accumulator)?;
        let bits = accumulator_bits(sums)?;
        let product_bits = bits.max(bits_for(&[self.product]));
        let tensor = self.generic(
            function,
            &self.bias,
            bits,
            |body, a, b, sum| {
                let exact = body.binary("arith.muli", a, b);
                let exact = product.write(body, &exact, true);
                let exact = body.resize(&exact, true, bits);
                let sum = body.binary("arith.addi", sum, &exact);
                let sum = step.write(body, &sum, true);
                body.resize(&sum, true, bits)
            },
            product_bits,
        );
        Ok(Codes { tensor, fraction: accumulator.fraction, range: accumulator.range() })
    }

    /// The `linalg.generic` of products, whose body is given both factors and the sum so far.
    fn generic(
        &self,
        function: &mut Function,
        start: &[i128],
        bits: u32,
        body: impl FnOnce(
            &mut super::emit::Body,
            &super::emit::Scalar,
            &super::emit::Scalar,
            &super::emit::Scalar,
        ) -> super::emit::Scalar,
        product_bits: u32,
    ) -> Tensor {
        let init = self.start(function, start, bits);
        let [(a, a_indices), (b, b_indices)] = &self.factors;
        function.generic(
            &self.reductions,
            &[(a, a_indices), (b, b_indices)],
            Init::Tensor(&init),
            &self.indices,
            true,
            |builder, scalars| {
                let first = builder.resize(&scalars[0], a.signed, product_bits);
                let second = builder.resize(&scalars[1], b.signed, product_bits);
                body(builder, &first, &second, &scalars[2])
            },
        )
    }

    /// What the sums start with, as a tensor.
    fn start(&self, function: &mut Function, start: &[i128], bits: u32) -> Tensor {
        if start.iter().all(|code| *code == 0) {
            return function.constant(&[0], &self.shape, bits);
        }
        let bias = self.bias(function, start, bits);
        let all: Vec<usize> = (0..self.shape.len()).collect();
        let last = [self.shape.len() - 1];
        let element = Element::Integer(bits);
        function.generic(
            &vec![false; self.shape.len()],
            &[(&bias, &last)],
            Init::Empty(self.shape.clone(), element),
            &all,
            true,
            |_, scalars| scalars[0].clone(),
        )
    }

    fn bias(&self, function: &mut Function, codes: &[i128], bits: u32) -> Tensor {
        function.constant(codes, &[codes.len() as u64], bits)
    }
}

/// The least interval with all of two in it.
pub fn hull(a: (i128, i128), b: (i128, i128)) -> (i128, i128) {
    (a.0.min(b.0), a.1.max(b.1))
}

/// Bits of an accumulator: 32 or 64.
fn accumulator_bits(range: (i128, i128)) -> Result<u32, String> {
    match bits_for(&[range]) {
        128 => Err("adds up to more than 64 bits, which is not supported: make its types narrower"
            .to_owned()),
        bits => Ok(bits),
    }
}
