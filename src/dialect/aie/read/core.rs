//! Cores: statements around calls, or code of their own.

use super::{
    super::{SLICE, code, interface, op_name},
    Reader, Thing, key, natural,
};
use crate::{
    array::{Argument, Core, Part, Reg, Slice, Stmt},
    mlir::{
        diagnostic::{Result, fail},
        rewrite,
    },
};
use melior::ir::{
    Attribute, BlockLike, OperationRef, RegionLike, Value, attribute::FlatSymbolRefAttribute,
    operation::OperationLike,
};

impl Reader {
    pub(super) fn core<'c>(&mut self, op: OperationRef<'c, '_>) -> Result<'c> {
        if op.has_attribute("elf_file") && !self.lenient {
            return Err(fail(&op, "has a compiled program, which is not supported"));
        }
        let slice = |attribute: Attribute<'c>| -> Result<'c, Slice> {
            interface::read_slice(attribute)
                .map_err(|missing| fail(&op, format_args!("needs {missing} in '{SLICE}'")))
        };
        let tile = self.tile(op, 0)?;
        let mut core = Core {
            tile,
            stack_size: natural(op, "stack_size")?,
            slice: op.attribute(SLICE).ok().map(slice).transpose()?,
            body: Vec::new(),
            code: None,
        };
        (self.regs, self.statements) = (0, 0);
        if self.lenient {
            core.body = self.lock_uses(op);
        } else if let Ok(body) = self.statements(op) {
            core.body = body;
        } else {
            self.tile = Some(tile);
            let name = format!("core_{}_{}", tile.column, tile.row);
            let function = code::compile(self, op, &name)?;
            core.code = Some(self.program.functions.len());
            self.note_instructions(self.program.functions.len());
            self.program.functions.push(function);
        }
        self.program.cores.push(core);
        Ok(())
    }

    /// The uses of locks anywhere below `parent`.
    fn lock_uses(&self, parent: OperationRef) -> Vec<Stmt> {
        let mut uses = Vec::new();
        for region in parent.regions() {
            let mut next = region.first_block();
            while let Some(block) = next {
                next = block.next_in_region();
                for op in rewrite::ops(block) {
                    if rewrite::is(&op, "aie.use_lock") {
                        uses.extend(self.use_lock(op).map(Stmt::UseLock));
                    }
                    uses.extend(self.lock_uses(op));
                }
            }
        }
        uses
    }

    fn reg(&mut self, value: Value) -> Reg {
        let reg = Reg(self.regs);
        self.regs += 1;
        self.things.insert(key(value), Thing::Reg(reg));
        reg
    }

    fn argument<'c>(&self, op: OperationRef<'c, '_>, index: usize) -> Result<'c, Argument> {
        match self.operand(op, index)? {
            Thing::Buffer(buffer) => Ok(Argument::Buffer(buffer)),
            Thing::Constant(value) => Ok(Argument::Constant(value)),
            Thing::Reg(reg) => Ok(Argument::Reg(reg)),
            Thing::Tile(_) | Thing::Lock(_) | Thing::Task(_) => {
                Err(fail(&op, format_args!("has a tile or lock as operand {index}")))
            }
        }
    }

    /// The statements of the only block of `parent`.
    fn statements<'c>(&mut self, parent: OperationRef<'c, '_>) -> Result<'c, Vec<Stmt>> {
        let Some(body) = rewrite::body(parent) else { return Ok(Vec::new()) };
        if body.next_in_region().is_some() {
            return Err(fail(&parent, "has branches, which are not supported: only 'scf.for' is"));
        }
        let mut statements = Vec::new();
        for op in rewrite::ops(body) {
            let name = op_name(op);
            if ["aie.use_lock", "func.call", "scf.for"].contains(&name.as_str()) {
                self.note(Part::Statement(self.program.cores.len(), self.statements), op);
                self.statements += 1;
            }
            match name.as_str() {
                "aie.use_lock" => statements.push(Stmt::UseLock(self.use_lock(op)?)),
                "func.call" => statements.push(self.call(op)?),
                "scf.for" => statements.push(self.for_loop(op)?),
                "arith.constant" => self.constant(op)?,
                "aie.end" | "scf.yield" => {}
                _ => {
                    return Err(fail(
                        &op,
                        "is not supported in a core: only locks, calls, constants and 'scf.for' are",
                    ));
                }
            }
        }
        Ok(statements)
    }

    fn call<'c>(&mut self, op: OperationRef<'c, '_>) -> Result<'c, Stmt> {
        let kernel = op
            .attribute("callee")
            .ok()
            .and_then(|attribute| FlatSymbolRefAttribute::try_from(attribute).ok())
            .and_then(|symbol| self.kernels.get(symbol.value()).copied())
            .ok_or_else(|| fail(&op, "calls what is not declared in the device"))?;
        let arguments =
            (0..op.operand_count()).map(|i| self.argument(op, i)).collect::<Result<_>>()?;
        let results = op.results().map(|value| self.reg(value.into())).collect();
        Ok(Stmt::Call { kernel, arguments, results })
    }

    fn for_loop<'c>(&mut self, op: OperationRef<'c, '_>) -> Result<'c, Stmt> {
        if op.result_count() > 0 {
            return Err(fail(
                &op,
                "carries values from one iteration to the next, which is not supported",
            ));
        }
        let [lower, upper, step] =
            [self.argument(op, 0)?, self.argument(op, 1)?, self.argument(op, 2)?];
        let variable = rewrite::body(op)
            .and_then(|body| body.argument(0).ok())
            .ok_or_else(|| fail(&op, "needs a body"))?;
        let variable = self.reg(variable.into());
        Ok(Stmt::For { variable, lower, upper, step, body: self.statements(op)? })
    }
}
