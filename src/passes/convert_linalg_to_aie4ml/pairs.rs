//! Sums of two codes that are rounded before they are added, as TFLite adds tensors of two scales.
//!
//! What comes out is a function of two codes of 8 bits. All pairs of them are looked at: a sum of
//! the codes times factors, rounded once, that gives the same for every pair is the same.

use super::{Conversion, Made};
use crate::{
    dialect::aie4ml::{self, Codes},
    exact::{Overflow, Requant, Rounding},
    mlir::pass,
    plan::scalar::{
        Id, Range, limits,
        stages::{Exists, Root, Unknown, holds},
    },
};
use melior::ir::{
    OperationRef, Type, ValueLike,
    attribute::{DenseI64ArrayAttribute, TypeAttribute},
    operation::OperationLike,
    r#type::IntegerType,
};

/// Codes of one side that are looked at, at the most.
const MOST: i128 = 256;

/// A function of two codes as a sum of them, rounded.
struct Fit {
    factors: [i64; 2],
    accumulator: u32,
    stage: Requant,
}

impl<'c, 'a> Conversion<'c, 'a> {
    /// Makes exist what is computed of sums in an expression that are none of codes.
    pub(super) fn meet_by_value(&mut self, at: OperationRef<'c, 'a>, id: Id) -> pass::Result<'c> {
        while let Err(Unknown::Meet(a, b)) = self.finder().find(id) {
            if !self.pair(at, id, a, b)? {
                break;
            }
        }
        Ok(())
    }

    /// Whether something that an expression is computed of was made of two others that meet in it.
    fn pair(&mut self, at: OperationRef<'c, 'a>, id: Id, a: Id, b: Id) -> pass::Result<'c, bool> {
        let mut finder = self.finder();
        let narrow = |range: Option<Range>| {
            range.is_some_and(|range| holds(range).is_some_and(|(bits, _)| bits <= 16))
        };
        let ranges = [finder.range(a), finder.range(b)];
        let linear = [a, b].iter().all(|&id| finder.linear(id).is_some());
        if linear || ranges.iter().all(|&range| narrow(range)) {
            return Ok(false);
        }
        let places = [a, b].map(|id| finder.narrowest(id).unwrap_or(id));
        let few = |range: Option<Range>| range.is_some_and(|(low, high)| high - low < MOST);
        if !places.iter().all(|&place| few(finder.range(place))) {
            return Ok(false);
        }
        let mut sides = Vec::new();
        for (of, place) in [a, b].into_iter().zip(places) {
            let root = self.exist(at, place, None)?;
            let (low, high) = self.roots[root].ranges[0];
            let codes: Option<Vec<i64>> = (low..=high).map(|x| i64::try_from(x).ok()).collect();
            let graph = &self.elements.graph;
            let Some(codes) = codes.filter(|_| graph.channels(of, place) == 1) else {
                return Ok(false);
            };
            let Some(values) = graph.evaluate(of, place, &codes, 0) else { return Ok(false) };
            sides.push((root, codes, values));
        }
        let graph = &self.elements.graph;
        for (sum, sign) in graph.sums(a, b) {
            let bits = graph.bits(sum);
            let mut sums = Vec::with_capacity(sides[0].1.len() * sides[1].1.len());
            for x in &sides[0].2 {
                sums.extend(sides[1].2.iter().map(|y| i128::from(*x) + i128::from(sign * y)));
            }
            let fits = |x: &i128| limits(bits).0 <= *x && *x <= limits(bits).1;
            let sums: Option<Vec<i64>> =
                sums.into_iter().map(|x| i64::try_from(x).ok().filter(|_| fits(&x))).collect();
            let Some(sums) = sums else { continue };
            let (Some(&least), Some(&most)) = (sums.iter().min(), sums.iter().max()) else {
                continue;
            };
            // The narrowest that is computed of the sum alone.
            let mut best: Option<(i64, Id)> = None;
            for place in self.finder().dominators(id).into_iter().chain([id]) {
                if graph.channels(place, sum) != 1 {
                    continue;
                }
                let Some(ends) = graph.evaluate(place, sum, &[least, most], 0) else { continue };
                let range = (ends[0].min(ends[1]).into(), ends[0].max(ends[1]).into());
                let Some((width, _)) = holds(range).filter(|(width, _)| *width <= 16) else {
                    continue;
                };
                if best.is_none_or(|(fewest, _)| width < fewest) {
                    best = Some((width, place));
                }
            }
            let Some((_, place)) = best else { continue };
            let function = |sums: &[i64]| graph.evaluate(place, sum, sums, 0);
            let codes = [0, 1].map(|side| {
                let Made::Codes(value) = self.values[sides[side].0] else { return 1 };
                let (low, high) = Codes::of(value.r#type()).map_or((0, 1), |codes| codes.range());
                i128::from(low.unsigned_abs().max(high.unsigned_abs()))
            });
            let tables = [0, 1].map(|side| (sides[side].1.as_slice(), sides[side].2.as_slice()));
            let Some(fit) = fit(tables, sign, &sums, &function, codes) else { continue };
            self.add(at, [sides[0].0, sides[1].0], (sum, place), fit);
            return Ok(true);
        }
        Ok(false)
    }

    fn add(
        &mut self,
        at: OperationRef<'c, 'a>,
        roots: [usize; 2],
        (sum, place): (Id, Id),
        fit: Fit,
    ) {
        let [Made::Codes(lhs), Made::Codes(rhs)] = roots.map(|root| self.values[root].clone())
        else {
            unreachable!("they were made to exist")
        };
        let Fit { factors, accumulator, stage } = fit;
        let columns = Codes::of(lhs.r#type()).map_or(0, |codes| codes.columns);
        let bits = stage.width as u32;
        let codes = Codes { rows: self.elements.rows, columns, bits, signed: stage.signed };
        let mut attributes =
            vec![("factors", DenseI64ArrayAttribute::new(self.context, &factors).into())];
        if accumulator == 64 {
            let r#type: Type = IntegerType::new(self.context, 64).into();
            attributes.push(("accumulator", TypeAttribute::new(r#type).into()));
        }
        let range = (stage.min.into(), stage.max.into());
        attributes.push(("requant", aie4ml::list(self.context, &[stage])));
        let location = self.elements.places.get(&sum).map_or(at.location(), |op| op.location());
        let value = self.build(at, aie4ml::ADD, location, &[lhs, rhs], &attributes, codes);
        let root = self.root(Root { ranges: vec![range], summed: false }, Made::Codes(value));
        self.exist.insert(place, Exists { root, offset: 0 });
    }
}

/// Factors of codes, and a rounding of their sum, that give what a function gives of the sum of two
/// tables; `None` if none are found.
fn fit(
    [(xs, of_x), (ys, of_y)]: [(&[i64], &[i64]); 2],
    sign: i64,
    sums: &[i64],
    function: &dyn Fn(&[i64]) -> Option<Vec<i64>>,
    magnitude: [i128; 2],
) -> Option<Fit> {
    let results = function(sums)?;
    let (least, most) = (*sums.iter().min()?, *sums.iter().max()?);
    let (low, high) = (*results.iter().min()?, *results.iter().max()?);
    // The first sum with a result, which tells how steep the function is.
    let first = |result: i64| -> Option<i64> {
        let (mut below, mut at) = (least, most);
        while at - below > 1 {
            let middle = below + (at - below) / 2;
            match *function(&[middle])?.first()? >= result {
                true => at = middle,
                false => below = middle,
            }
        }
        Some(at)
    };
    if high - low < 2 {
        return None;
    }
    let (from, to) = (first(low + 1)?, first(high)?);
    let slope = (high - low - 1) as f64 / to.checked_sub(from).filter(|&steps| steps > 0)? as f64;
    let step = |codes: &[i64], of: &[i64]| {
        let codes = codes.last()? - codes.first()?;
        (codes > 0).then(|| Some((of.last()? - of.first()?) as f64 / codes as f64)).flatten()
    };
    let slopes = [step(xs, of_x)? * slope, step(ys, of_y)? * slope * sign as f64];
    for accumulator in [32, 64] {
        let limit =
            if accumulator == 32 { i128::from(i32::MAX) } else { i128::from(i64::MAX >> 2) };
        let factors = |shift: u32| slopes.map(|slope| (slope * (1u64 << shift) as f64).round());
        let holds = |shift: &u32| {
            let factors = factors(*shift);
            let most: i128 = (0..2).map(|i| magnitude[i] * factors[i].abs() as i128).sum();
            most < limit / 2 && factors.iter().all(|factor| factor.abs() < f64::from(i32::MAX))
        };
        let Some(shift) = (1..=40).rev().find(holds) else { continue };
        let factors = factors(shift).map(|factor| factor as i64);
        let unit = 1i128 << shift;
        let (mut least, mut most) = (i128::MIN, i128::MAX);
        let mut results = results.iter();
        for x in xs {
            for y in ys {
                let result = *results.next()?;
                let sum = i128::from(factors[0]) * i128::from(*x)
                    + i128::from(factors[1]) * i128::from(*y);
                if result > low {
                    least = least.max(i128::from(result) * unit - sum);
                }
                if result < high {
                    most = most.min((i128::from(result) + 1) * unit - 1 - sum);
                }
            }
        }
        if least > most {
            continue;
        }
        // Without a rest, if there is such a number.
        let half = unit / 2;
        let whole = (least - half).div_euclid(unit) + i128::from((least - half) % unit != 0);
        let (zero_point, rest) = match whole * unit + half <= most {
            true => (whole, 0),
            false => {
                let addend = least + (most - least) / 2;
                (addend.div_euclid(unit), addend.rem_euclid(unit) - half)
            }
        };
        let (width, signed) = holds_range(low, high)?;
        let stage = Requant {
            multiplier: vec![1],
            addend: vec![i64::try_from(rest).ok()?],
            shift: shift.into(),
            rounding: Rounding::NearestUp,
            overflow: Overflow::Saturate,
            width,
            signed,
            zero_point: i64::try_from(zero_point).ok()?,
            min: low,
            max: high,
        };
        return Some(Fit { factors, accumulator, stage });
    }
    None
}

fn holds_range(low: i64, high: i64) -> Option<(i64, bool)> {
    holds((low.into(), high.into()))
}
