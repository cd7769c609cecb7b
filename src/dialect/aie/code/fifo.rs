//! Object FIFOs in a core: what it acquires, holds and releases.

use super::{
    super::{fifo::End, integer},
    Compiler, key,
};
use crate::{
    array::{
        LockAction, Reg, UseLock,
        code::{Binary, Instruction},
    },
    mlir::diagnostic::{Result, fail},
};
use melior::ir::{OperationRef, attribute::FlatSymbolRefAttribute, operation::OperationLike};

impl Compiler<'_> {
    /// `(a + b) % depth`
    pub(super) fn around(&mut self, a: Reg, b: Reg, depth: usize) -> Reg {
        let (sum, depth) = (self.binary(Binary::Add, a, b), self.number(depth as i64));
        self.binary(Binary::Rem, sum, depth)
    }

    /// The end of a FIFO that an op of a core is about: its objects, its locks and its state.
    pub(super) fn end<'c>(
        &mut self,
        op: OperationRef<'c, '_>,
    ) -> Result<'c, (End, bool, (Reg, Reg))> {
        let name = op
            .attribute("objFifo_name")
            .ok()
            .and_then(|attribute| FlatSymbolRefAttribute::try_from(attribute).ok())
            .map(|symbol| symbol.value().to_string())
            .unwrap_or_default();
        let produces = integer(op, "port") == Some(0);
        let end = self
            .reader
            .fifo_end(&name, produces)
            .ok_or_else(|| fail(&op, format_args!("uses an end of '{name}' that no core has")))?;
        let key = (name, produces);
        if !self.held.contains_key(&key) {
            let state = (self.register(), self.register());
            self.held.insert(key.clone(), state);
        }
        Ok((end, produces, self.held[&key]))
    }

    /// Waits for what is not held yet of the objects asked for.
    pub(super) fn acquire<'c>(&mut self, op: OperationRef<'c, '_>) -> Result<'c> {
        let (end, produces, (oldest, held)) = self.end(op)?;
        let size = integer(op, "size").unwrap_or(1);
        let wanted = self.number(size);
        let lacking = self.binary(Binary::Sub, wanted, held);
        let zero = self.number(0);
        let lacking = self.binary(Binary::Max, lacking, zero);
        if let Some((free, full)) = end.locks {
            let lock = if produces { free } else { full };
            let action = LockAction::AcquireGreaterEqual;
            self.emit(Instruction::UseLockBy(
                UseLock { lock, action, value: size as i32 },
                lacking,
            ));
        }
        let all = self.binary(Binary::Add, held, lacking);
        self.set(held, all);
        let begin = self.register();
        self.set(begin, oldest);
        if let Some(view) = op.results().next() {
            self.views.insert(key(view.into()), (begin, end.objects));
        }
        Ok(())
    }

    pub(super) fn release<'c>(&mut self, op: OperationRef<'c, '_>) -> Result<'c> {
        let (end, produces, (oldest, held)) = self.end(op)?;
        let size = integer(op, "size").unwrap_or(1);
        let given = self.number(size);
        let left = self.binary(Binary::Sub, held, given);
        self.set(held, left);
        let next = self.around(oldest, given, end.objects.len());
        self.set(oldest, next);
        if let Some((free, full)) = end.locks {
            let lock = if produces { full } else { free };
            let action = LockAction::Release;
            self.emit(Instruction::UseLock(UseLock { lock, action, value: size as i32 }));
        }
        Ok(())
    }
}
