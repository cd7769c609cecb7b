//! Vectors, as lists of lanes.

use super::{Compiler, integers, strides};
use crate::{
    array::code::{Binary, Instruction, Lanes},
    mlir::diagnostic::{Result, fail},
};
use melior::ir::{OperationRef, TypeLike, ValueLike, operation::OperationLike};

impl Compiler<'_> {
    pub(super) fn vector<'c>(&mut self, op: OperationRef<'c, '_>, name: &str) -> Result<'c> {
        let unsupported =
            || fail(&op, "is not supported in a core: the simulator does not execute it");
        match name {
            "vector.load" | "vector.transfer_read" => {
                let (extents, _) = self.result_lanes(op)?;
                let (shape, element) = self.element(op, 0)?;
                let of = self.operand(op, 0)?;
                let index =
                    (1..=shape.len()).map(|i| self.operand(op, i)).collect::<Result<_>>()?;
                let mut padding = None;
                if name == "vector.transfer_read" {
                    self.plain_transfer(op, shape.len() + 2)?;
                    padding = Some(self.operand(op, shape.len() + 1)?);
                }
                let to = self.results(op)[0];
                let lanes = Lanes { extents, padding, bounded: false };
                self.emit(Instruction::Load(to, of, index, element, lanes));
            }
            "vector.store" | "vector.transfer_write" => {
                let (extents, _) = self.operand_lanes(op, 0)?;
                let (shape, element) = self.element(op, 1)?;
                let bounded = name == "vector.transfer_write";
                if bounded {
                    self.plain_transfer(op, shape.len() + 2)?;
                }
                let (value, of) = (self.operand(op, 0)?, self.operand(op, 1)?);
                let index =
                    (2..shape.len() + 2).map(|i| self.operand(op, i)).collect::<Result<_>>()?;
                let lanes = Lanes { extents, padding: None, bounded };
                self.emit(Instruction::Store(value, of, index, element, lanes));
            }
            "vector.fma" => {
                let (_, number) = self.result_lanes(op)?;
                let of = self.operands(op, 0)?;
                let to = self.results(op)[0];
                self.emit(Instruction::Fma(to, [of[0], of[1], of[2]], number));
            }
            "vector.bitcast" => {
                let ((_, from), (_, into)) = (self.operand_lanes(op, 0)?, self.result_lanes(op)?);
                if from.bits() % into.bits() != 0 && into.bits() % from.bits() != 0 {
                    return Err(unsupported());
                }
                let of = self.operand(op, 0)?;
                let to = self.results(op)[0];
                self.emit(Instruction::Bitcast(to, of, from, into));
            }
            "vector.reduction" => {
                let (_, number) = self.operand_lanes(op, 0)?;
                let kind = op.attribute("kind").map(|kind| kind.to_string()).unwrap_or_default();
                let kind =
                    kind.trim_start_matches("#vector.kind<").trim_end_matches('>').to_string();
                let binary = reduction(&kind).ok_or_else(unsupported)?;
                let of = self.operand(op, 0)?;
                let start = if op.operand_count() > 1 { Some(self.operand(op, 1)?) } else { None };
                let to = self.results(op)[0];
                self.emit(Instruction::Reduce(binary, to, of, start, number));
            }
            "vector.extract"
            | "vector.extractelement"
            | "vector.insert"
            | "vector.insertelement"
                if self.dynamic_position(op, name) =>
            {
                let (shape, _) = if name.contains("insert") {
                    self.result_lanes(op)?
                } else {
                    self.operand_lanes(op, 0)?
                };
                if shape.len() != 1 {
                    return Err(unsupported());
                }
                let of = self.operands(op, 0)?;
                let to = self.results(op)[0];
                self.emit(match *of.as_slice() {
                    [vector, index] => Instruction::Extract(to, vector, index),
                    [value, vector, index] => Instruction::Insert(to, vector, index, value),
                    _ => return Err(unsupported()),
                });
            }
            _ => {
                let picks = self.picks(op, name)?.ok_or_else(unsupported)?;
                let scalar = op.results().next().is_some_and(|value| !value.r#type().is_vector());
                let of = self.operands(op, 0)?;
                let to = self.results(op)[0];
                self.emit(Instruction::Pick(to, of, picks, scalar));
            }
        }
        Ok(())
    }

    /// Refuses a transfer with a mask, or with a map that is not the identity of the last dimensions.
    fn plain_transfer<'c>(&self, op: OperationRef<'c, '_>, operands: usize) -> Result<'c> {
        let map = op.attribute("permutation_map").map(|map| map.to_string()).unwrap_or_default();
        let map = map.trim_start_matches("affine_map<").trim_end_matches('>').to_string();
        let sides = map.split_once("->");
        let names = |side: &str| -> Vec<String> {
            side.trim()
                .trim_matches(['(', ')'])
                .split(',')
                .map(|name| name.trim().to_string())
                .collect()
        };
        let plain = sides.is_some_and(|(from, to)| names(from).ends_with(&names(to)));
        if !plain || op.operand_count() > operands {
            return Err(fail(&op, "has a mask or a permutation, which is not supported in a core"));
        }
        Ok(())
    }

    fn dynamic_position(&self, op: OperationRef, name: &str) -> bool {
        let vectors = if name.contains("insert") { 2 } else { 1 };
        op.operand_count() > vectors
    }

    /// Where each lane of a result comes from: the operand and its lane; `None` if it is computed.
    fn picks<'c>(
        &self,
        op: OperationRef<'c, '_>,
        name: &str,
    ) -> Result<'c, Option<Vec<(usize, usize)>>> {
        let (shape, _) = self.result_lanes(op)?;
        let count: usize = shape.iter().product();
        let own = strides(&shape);
        let position = integers(op, "static_position");
        let begin = |extents: &[usize]| -> usize {
            position.iter().zip(strides(extents)).map(|(&at, stride)| at as usize * stride).sum()
        };
        // The place of a lane in each dimension.
        let at = |lane: usize| -> Vec<usize> {
            own.iter().zip(&shape).map(|(&stride, &extent)| lane / stride % extent).collect()
        };
        Ok(Some(match name {
            "vector.broadcast" | "vector.splat" => {
                let (source, _) = self.operand_lanes(op, 0)?;
                let missing = shape.len() - source.len();
                let lane = |lane: usize| {
                    at(lane)[missing..]
                        .iter()
                        .zip(source.iter().zip(strides(&source)))
                        .map(|(&at, (&extent, stride))| if extent == 1 { 0 } else { at * stride })
                        .sum()
                };
                (0..count).map(|i| (0, lane(i))).collect()
            }
            "vector.shape_cast" => (0..count).map(|lane| (0, lane)).collect(),
            "vector.extract" => {
                let (source, _) = self.operand_lanes(op, 0)?;
                let begin = begin(&source);
                (0..count).map(|lane| (0, begin + lane)).collect()
            }
            "vector.insert" => {
                let (value, _) = self.operand_lanes(op, 0)?;
                let (begin, size) = (begin(&shape), value.iter().product::<usize>());
                let lane = |lane: usize| match lane.checked_sub(begin) {
                    Some(place) if place < size => (0, place),
                    _ => (1, lane),
                };
                (0..count).map(lane).collect()
            }
            "vector.from_elements" => (0..count).map(|operand| (operand, 0)).collect(),
            "vector.shuffle" => {
                let (first, _) = self.operand_lanes(op, 0)?;
                let (&[width], &[_]) = (first.as_slice(), shape.as_slice()) else {
                    return Ok(None);
                };
                let lane = |lane: i64| match usize::try_from(lane).unwrap_or(0) {
                    lane if lane < width => (0, lane),
                    lane => (1, lane - width),
                };
                integers(op, "mask").into_iter().map(lane).collect()
            }
            "vector.transpose" => {
                let (source, _) = self.operand_lanes(op, 0)?;
                let (permutation, steps) = (integers(op, "permutation"), strides(&source));
                let lane = |lane: usize| {
                    let places = at(lane).into_iter().zip(&permutation);
                    places.map(|(at, &of)| at * steps.get(of as usize).copied().unwrap_or(0)).sum()
                };
                (0..count).map(|i| (0, lane(i))).collect()
            }
            "vector.extract_strided_slice" => {
                let (source, _) = self.operand_lanes(op, 0)?;
                let offsets = integers(op, "offsets");
                let steps = strides(&source);
                let lane = |lane: usize| {
                    let places = at(lane).into_iter().enumerate();
                    places
                        .map(|(i, at)| {
                            (at + offsets.get(i).copied().unwrap_or(0) as usize) * steps[i]
                        })
                        .sum()
                };
                (0..count).map(|i| (0, lane(i))).collect()
            }
            "vector.insert_strided_slice" => {
                let (value, _) = self.operand_lanes(op, 0)?;
                let offsets = integers(op, "offsets");
                let missing = shape.len() - value.len();
                let steps = strides(&value);
                let lane = |lane: usize| {
                    let mut place = 0;
                    for (i, at) in at(lane).into_iter().enumerate() {
                        let within = at.checked_sub(offsets.get(i).copied().unwrap_or(0) as usize);
                        let extent = if i < missing { 1 } else { value[i - missing] };
                        let Some(within) = within.filter(|&within| within < extent) else {
                            return (1, lane);
                        };
                        place += if i < missing { 0 } else { within * steps[i - missing] };
                    }
                    (0, place)
                };
                (0..count).map(lane).collect()
            }
            _ => return Ok(None),
        }))
    }
}

fn reduction(kind: &str) -> Option<Binary> {
    Some(match kind {
        "add" => Binary::Add,
        "mul" => Binary::Mul,
        "and" => Binary::And,
        "or" => Binary::Or,
        "xor" => Binary::Xor,
        "maxsi" | "maximumf" => Binary::Max,
        "minsi" | "minimumf" => Binary::Min,
        "maxui" => Binary::MaxUnsigned,
        "minui" => Binary::MinUnsigned,
        "maxnumf" => Binary::MaxNumber,
        "minnumf" => Binary::MinNumber,
        _ => return None,
    })
}
