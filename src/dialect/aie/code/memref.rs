//! Memory: accesses, views and copies.

use super::{
    super::{memref_of, memref_of_any},
    Compiler, integers, key, strides,
};
use crate::{
    array::{
        Element,
        code::{Basis, Index, Instruction, Lanes, View},
    },
    mlir::diagnostic::{Result, fail},
};
use melior::ir::{OperationRef, ValueLike, operation::OperationLike};

impl Compiler<'_> {
    pub(super) fn element<'c>(
        &self,
        op: OperationRef<'c, '_>,
        index: usize,
    ) -> Result<'c, (Vec<i64>, Element)> {
        let r#type = op.operands().nth(index).map(|value| value.r#type());
        r#type.and_then(memref_of_any).ok_or_else(|| {
            fail(&op, "accesses memory of a type that is not i8, i16, i32, i64, bf16 or f32")
        })
    }

    pub(super) fn memref<'c>(&mut self, op: OperationRef<'c, '_>, name: &str) -> Result<'c> {
        match name {
            "memref.load" => {
                let (_, element) = self.element(op, 0)?;
                let (of, index) = (self.operand(op, 0)?, self.operands(op, 1)?);
                let to = self.results(op)[0];
                self.emit(Instruction::Load(to, of, index, element, Lanes::ONE));
            }
            "memref.store" => {
                let (_, element) = self.element(op, 1)?;
                let (value, of) = (self.operand(op, 0)?, self.operand(op, 1)?);
                let index = self.operands(op, 2)?;
                self.emit(Instruction::Store(value, of, index, element, Lanes::ONE));
            }
            "memref.copy" => {
                let (_, element) = self.element(op, 0)?;
                let (from, to) = (self.operand(op, 0)?, self.operand(op, 1)?);
                self.emit(Instruction::Copy(from, to, element));
            }
            "memref.dim" => {
                let (of, dimension) = (self.operand(op, 0)?, self.operand(op, 1)?);
                let to = self.results(op)[0];
                self.emit(Instruction::Extent(to, of, dimension));
            }
            "memref.cast" | "memref.memory_space_cast" | "memref.assume_alignment" => {
                let of = self.operand(op, 0)?;
                for result in op.results() {
                    self.values.insert(key(result.into()), of);
                }
            }
            "memref.get_global" | "memref.alloc" | "memref.alloca" => {
                let buffer = self.reader.local_buffer(op)?;
                let to = self.results(op)[0];
                self.emit(Instruction::Buffer(to, buffer));
            }
            "memref.dealloc" => {}
            "memref.subview" | "memref.reinterpret_cast" => {
                let whole = name == "memref.reinterpret_cast";
                let basis = if whole { Basis::Whole } else { Basis::Part };
                let of = self.operand(op, 0)?;
                let mut dynamic = self.operands(op, 1)?.into_iter();
                let mut list = |name: &str| -> Vec<Index> {
                    integers(op, name)
                        .into_iter()
                        .map(|value| match value {
                            i64::MIN => dynamic.next().map_or(Index::Static(0), Index::Dynamic),
                            value => Index::Static(value),
                        })
                        .collect()
                };
                let (offsets, sizes) = (list("static_offsets"), list("static_sizes"));
                let strides = list("static_strides");
                let kept = self.kept(op, &sizes)?;
                let to = self.results(op)[0];
                self.emit(Instruction::View(to, of, View { basis, offsets, sizes, strides, kept }));
            }
            "memref.collapse_shape" | "memref.expand_shape" => {
                // Of memory in one piece; the element's place stays.
                let source = op.operands().next().and_then(|value| memref_of(value.r#type()));
                let result = op.results().next().and_then(|value| memref_of(value.r#type()));
                let (Some(_), Some((shape, _))) = (source, result) else {
                    return Err(fail(&op, "is supported for static memory in one piece only"));
                };
                let of = self.operand(op, 0)?;
                let index = |&value: &usize| Index::Static(value as i64);
                let view = View {
                    basis: Basis::Reshape,
                    offsets: Vec::new(),
                    sizes: shape.iter().map(index).collect(),
                    strides: strides(&shape).iter().map(index).collect(),
                    kept: (0..shape.len()).collect(),
                };
                let to = self.results(op)[0];
                self.emit(Instruction::View(to, of, view));
            }
            _ => {
                return Err(fail(
                    &op,
                    "is not supported in a core: the simulator does not execute it",
                ));
            }
        }
        Ok(())
    }

    /// The dimensions of a subview that its type keeps: those of extent 1 may be dropped.
    fn kept<'c>(&self, op: OperationRef<'c, '_>, sizes: &[Index]) -> Result<'c, Vec<usize>> {
        let shape = op.results().next().and_then(|value| memref_of_any(value.r#type()));
        let Some((shape, _)) = shape else {
            return Err(fail(&op, "has a type that is not supported in a core"));
        };
        let mut drop = sizes.len().saturating_sub(shape.len());
        let mut kept = Vec::new();
        for (place, size) in sizes.iter().enumerate() {
            let expected = shape.get(kept.len()).copied();
            let same = match size {
                Index::Static(size) => expected == Some(*size),
                Index::Dynamic(_) => true,
            };
            if drop > 0
                && *size == Index::Static(1)
                && (!same || sizes.len() - place > shape.len() - kept.len())
            {
                drop -= 1;
            } else {
                kept.push(place);
            }
        }
        Ok(kept)
    }
}
