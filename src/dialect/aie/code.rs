//! Compiles the bodies of cores, and the functions they call, to
//! [`Function`]s: structured control flow to jumps, vectors to lists of lanes.

mod arith;
mod fifo;
mod memref;
mod vector;

use super::{
    integer, op_name,
    read::{Reader, Thing, block_key, op_key},
};
use crate::{
    array::{
        BufferId, Reg,
        code::{Binary, Block, Edge, Exit, Function, Instruction, Number, Predicate, Unary},
    },
    mlir::{
        constant,
        diagnostic::{Result, fail},
        rewrite,
    },
};
use melior::ir::{
    BlockLike, BlockRef, OperationRef, RegionLike, Type, TypeLike, Value, ValueLike,
    attribute::{ArrayAttribute, DenseI64ArrayAttribute, FlatSymbolRefAttribute, IntegerAttribute},
    operation::OperationLike,
    r#type::IntegerType,
};
use std::collections::HashMap;

/// Trips of a loop that count as without end: mlir-aie's way to say `while (true)`.
const ENDLESS: i64 = 1 << 31;

/// Compiles the body of `op`, a core or a function.
///
/// # Errors
///
/// At the first op that the interpreter does not execute.
pub(super) fn compile<'c>(
    reader: &mut Reader,
    op: OperationRef<'c, '_>,
    name: &str,
) -> Result<'c, Function> {
    let mut compiler = Compiler {
        reader,
        values: HashMap::new(),
        registers: 0,
        blocks: Vec::new(),
        current: 0,
        starts: HashMap::new(),
        endless: false,
        held: HashMap::new(),
        views: HashMap::new(),
        here: op_key(op),
        said: Vec::new(),
    };
    let entry = compiler.block(Vec::new());
    let Some(body) = rewrite::body(op) else { return Err(fail(&op, "needs a body")) };
    let parameters = (0..body.argument_count())
        .filter_map(|i| body.argument(i).ok())
        .map(|argument| compiler.define(argument.into()))
        .collect();
    compiler.current = entry;
    compiler.region(op, 0, entry)?;
    // Nothing is held at the begin.
    for (oldest, held) in compiler.held.into_values() {
        let zeros = [oldest, held].map(|reg| Instruction::Constant(reg, vec![0]));
        compiler.blocks[entry].1.splice(0..0, zeros);
        let moved = compiler.said.iter_mut().filter(|(block, ..)| *block == entry);
        moved.for_each(|(_, place, _)| *place += 2);
    }
    compiler.reader.compiled = compiler.said;
    Ok(Function {
        name: name.to_string(),
        parameters,
        registers: compiler.registers,
        blocks: compiler
            .blocks
            .into_iter()
            .map(|(parameters, instructions, exit)| Block {
                parameters,
                instructions,
                exit: exit.unwrap_or(Exit::Return(Vec::new())),
            })
            .collect(),
        endless: compiler.endless,
    })
}

type Open = (Vec<Reg>, Vec<Instruction>, Option<Exit>);

struct Compiler<'r> {
    reader: &'r mut Reader,
    /// By the address of the value in MLIR.
    values: HashMap<usize, Reg>,
    registers: usize,
    blocks: Vec<Open>,
    /// The block that instructions go to.
    current: usize,
    /// Blocks of MLIR, by their address.
    starts: HashMap<usize, usize>,
    endless: bool,
    /// Of each end of an object FIFO: the place of the oldest object held, and how many are.
    held: HashMap<(String, bool), (Reg, Reg)>,
    /// Objects acquired, by the view's address: where they begin, and what there is.
    views: HashMap<usize, (Reg, Vec<BufferId>)>,
    /// The op that is lowered, and those of instructions: block, place in it, and op.
    here: usize,
    said: Vec<(usize, usize, usize)>,
}

fn key(value: Value) -> usize {
    value.to_raw().ptr as usize
}

/// Extents and lane type of a scalar or vector.
fn lanes_of(r#type: Type) -> Option<(Vec<usize>, Number)> {
    if r#type.is_vector() {
        let (extents, element) = constant::shaped(r#type)?;
        return Some((extents, number_of(element)?));
    }
    Some((Vec::new(), number_of(r#type)?))
}

fn number_of(r#type: Type) -> Option<Number> {
    if r#type.is_index() {
        return Some(Number::Int(64));
    }
    match IntegerType::try_from(r#type).map(|integer| integer.width()) {
        Ok(width) if (1..=64).contains(&width) => Some(Number::Int(width)),
        Ok(_) => None,
        Err(_) if r#type.is_bf16() => Some(Number::Bf16),
        Err(_) if r#type.is_f32() => Some(Number::F32),
        Err(_) if r#type.is_f64() => Some(Number::F64),
        Err(_) => None,
    }
}

fn integers(op: OperationRef, name: &str) -> Vec<i64> {
    let Ok(attribute) = op.attribute(name) else { return Vec::new() };
    if let Ok(dense) = DenseI64ArrayAttribute::try_from(attribute) {
        return (0..dense.len()).filter_map(|i| dense.element(i).ok()).collect();
    }
    let Ok(array) = ArrayAttribute::try_from(attribute) else { return Vec::new() };
    (0..array.len())
        .filter_map(|i| Some(IntegerAttribute::try_from(array.element(i).ok()?).ok()?.value()))
        .collect()
}

/// Row-major strides of extents.
fn strides(extents: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; extents.len()];
    for i in (1..extents.len()).rev() {
        strides[i - 1] = strides[i] * extents[i];
    }
    strides
}

impl Compiler<'_> {
    fn block(&mut self, parameters: Vec<Reg>) -> usize {
        self.blocks.push((parameters, Vec::new(), None));
        self.blocks.len() - 1
    }

    fn register(&mut self) -> Reg {
        self.registers += 1;
        Reg(self.registers - 1)
    }

    fn define(&mut self, value: Value) -> Reg {
        let reg = self.register();
        self.values.insert(key(value), reg);
        reg
    }

    fn results(&mut self, op: OperationRef) -> Vec<Reg> {
        op.results().map(|value| self.define(value.into())).collect()
    }

    fn emit(&mut self, instruction: Instruction) {
        if self.reader.said.is_some() {
            self.said.push((self.current, self.blocks[self.current].1.len(), self.here));
        }
        self.blocks[self.current].1.push(instruction);
    }

    fn exit(&mut self, exit: Exit) {
        self.blocks[self.current].2 = Some(exit);
    }

    fn jump(&mut self, block: usize, arguments: Vec<Reg>) {
        self.exit(Exit::Jump(Edge { block, arguments }));
    }

    fn binary(&mut self, op: Binary, a: Reg, b: Reg) -> Reg {
        let to = self.register();
        self.emit(Instruction::Binary(op, to, a, b, Number::Int(64)));
        to
    }

    fn value<'c>(&mut self, op: OperationRef<'c, '_>, value: Value<'c, '_>) -> Result<'c, Reg> {
        if let Some(&reg) = self.values.get(&key(value)) {
            return Ok(reg);
        }
        let to = self.register();
        match self.reader.thing(value) {
            Some(Thing::Buffer(buffer)) => self.emit(Instruction::Buffer(to, buffer)),
            Some(Thing::Constant(constant)) => self.emit(Instruction::Constant(to, vec![constant])),
            _ => return Err(fail(&op, "uses a value that is not supported in a core")),
        }
        Ok(to)
    }

    fn operand<'c>(&mut self, op: OperationRef<'c, '_>, index: usize) -> Result<'c, Reg> {
        match op.operands().nth(index) {
            Some(value) => self.value(op, value),
            None => Err(fail(&op, format_args!("has no operand {index}"))),
        }
    }

    fn operands<'c>(&mut self, op: OperationRef<'c, '_>, from: usize) -> Result<'c, Vec<Reg>> {
        (from..op.operand_count()).map(|index| self.operand(op, index)).collect()
    }

    /// Lowers a region of `op` from the current block on, whose first block is `first`; the exits
    /// of its last are what its terminators say, and `yield`s are left to the caller.
    fn region<'c>(
        &mut self,
        op: OperationRef<'c, '_>,
        index: usize,
        first: usize,
    ) -> Result<'c, Option<Vec<Reg>>> {
        let mut blocks: Vec<BlockRef> = Vec::new();
        let mut next = op.regions().nth(index).and_then(|region| region.first_block());
        while let Some(block) = next {
            next = block.next_in_region();
            blocks.push(block);
        }
        for (place, &block) in blocks.iter().enumerate() {
            if place == 0 {
                self.starts.insert(block_key(block), first);
                continue;
            }
            let parameters = (0..block.argument_count())
                .filter_map(|i| block.argument(i).ok())
                .map(|argument| self.define(argument.into()))
                .collect();
            let start = self.block(parameters);
            self.starts.insert(block_key(block), start);
        }
        let mut yielded = None;
        for (place, &block) in blocks.iter().enumerate() {
            if place > 0 {
                self.current = self.starts[&block_key(block)];
            }
            for op in rewrite::ops(block) {
                if let Some(values) = self.op(op)? {
                    yielded = Some(values);
                }
            }
        }
        Ok(yielded)
    }

    /// Lowers an op; what it yields, if it ends a structured region.
    fn op<'c>(&mut self, op: OperationRef<'c, '_>) -> Result<'c, Option<Vec<Reg>>> {
        let name = op_name(op);
        self.here = op_key(op);
        match name.as_str() {
            "aie.end" => self.exit(Exit::Return(Vec::new())),
            "func.return" => {
                let values = self.operands(op, 0)?;
                self.exit(Exit::Return(values));
            }
            "scf.yield" | "scf.condition" => return Ok(Some(self.operands(op, 0)?)),
            "cf.br" => {
                let edge = self.edge(op, 0, 0)?;
                self.exit(Exit::Jump(edge));
            }
            "cf.cond_br" => {
                let condition = self.operand(op, 0)?;
                let yes = self.edge(op, 0, 1)?;
                let no = self.edge(op, 1, 1 + yes.arguments.len())?;
                self.exit(Exit::Branch(condition, yes, no));
            }
            "cf.assert" => return Err(fail(&op, "is not supported in a core")),
            "scf.for" => self.for_loop(op)?,
            "scf.while" => self.while_loop(op)?,
            "scf.if" => self.conditional(op)?,
            "scf.index_switch" => self.switch(op)?,
            "scf.execute_region" => return Err(fail(&op, "is not supported in a core")),
            "aie.use_lock" => {
                let action = self.reader.use_lock(op)?;
                self.emit(Instruction::UseLock(action));
            }
            "aie.put_cascade" => {
                let (_, number) =
                    self.lanes(op, op.operands().next().map(|value| value.r#type()))?;
                let value = self.operand(op, 0)?;
                self.emit(Instruction::PutCascade(value, number));
            }
            "aie.get_cascade" => {
                let (_, number) = self.result_lanes(op)?;
                let to = self.results(op)[0];
                self.emit(Instruction::GetCascade(to, number));
            }
            // What only a trace shows.
            "aie.event" | "aie.debug" => {}
            "func.call" => self.call(op)?,
            "aie.objectfifo.acquire" => self.acquire(op)?,
            "aie.objectfifo.release" => self.release(op)?,
            "aie.objectfifo.subview.access" => {
                let view = op.operands().next().and_then(|value| self.views.get(&key(value)));
                let Some((begin, objects)) = view.cloned() else {
                    return Err(fail(&op, "needs what 'aie.objectfifo.acquire' gives"));
                };
                let index = self.number(integer(op, "index").unwrap_or(0));
                let place = self.around(begin, index, objects.len());
                let to = self.results(op)[0];
                self.emit(Instruction::Choose(to, place, objects));
            }
            "aie.buffer" => self.reader.buffer(op)?,
            name if name.starts_with("memref.") => self.memref(op, name)?,
            name if name.starts_with("vector.") => self.vector(op, name)?,
            name => self.arithmetic(op, name)?,
        }
        Ok(None)
    }

    /// The way to a successor, whose arguments begin at an operand.
    fn edge<'c>(
        &mut self,
        op: OperationRef<'c, '_>,
        successor: usize,
        first: usize,
    ) -> Result<'c, Edge> {
        let Some(block) = op.successors().nth(successor) else {
            return Err(fail(&op, format_args!("has no successor {successor}")));
        };
        let count = block.argument_count();
        let arguments =
            (first..first + count).map(|i| self.operand(op, i)).collect::<Result<_>>()?;
        let target = self.starts.get(&block_key(block)).copied();
        let target = target.ok_or_else(|| fail(&op, "leads out of its region"))?;
        // Blocks come in order, so a way back closes a loop.
        self.endless |= target <= self.current;
        Ok(Edge { block: target, arguments })
    }

    fn for_loop<'c>(&mut self, op: OperationRef<'c, '_>) -> Result<'c> {
        let known = |index: usize| op.operands().nth(index).and_then(known);
        if let (Some(lower), Some(upper), Some(step)) = (known(0), known(1), known(2)) {
            self.endless |= step > 0 && upper.saturating_sub(lower) / step >= ENDLESS;
        }
        if known(2).is_some_and(|step| step <= 0) {
            return Err(fail(&op, "needs a step above 0"));
        }
        let (lower, upper, step) =
            (self.operand(op, 0)?, self.operand(op, 1)?, self.operand(op, 2)?);
        let initial = self.operands(op, 3)?;
        let body = rewrite::body(op).ok_or_else(|| fail(&op, "needs a body"))?;
        let state: Vec<Reg> = (0..body.argument_count())
            .filter_map(|i| body.argument(i).ok())
            .map(|argument| self.define(argument.into()))
            .collect();
        let head = self.block(state.clone());
        let first = self.block(Vec::new());
        let last = self.block(Vec::new());
        self.jump(head, [vec![lower], initial].concat());
        self.current = head;
        let unsigned = op.has_attribute("unsignedCmp");
        let less = if unsigned { Predicate::LtUnsigned } else { Predicate::Lt };
        let more = self.binary(Binary::Compare(less), state[0], upper);
        let edge = |block| Edge { block, arguments: Vec::new() };
        self.exit(Exit::Branch(more, edge(first), edge(last)));
        self.current = first;
        let yielded = self.region(op, 0, first)?.unwrap_or_default();
        let next = self.binary(Binary::Add, state[0], step);
        // A bound near the largest number must not wrap around to the smallest.
        let grows = self.binary(Binary::Compare(Predicate::Gt), next, state[0]);
        let again = |next| Edge { block: head, arguments: [vec![next], yielded.clone()].concat() };
        self.exit(Exit::Branch(grows, again(next), again(upper)));
        self.current = last;
        for (result, value) in op.results().zip(&state[1..]) {
            self.values.insert(key(result.into()), *value);
        }
        Ok(())
    }

    fn while_loop<'c>(&mut self, op: OperationRef<'c, '_>) -> Result<'c> {
        self.endless = true;
        let initial = self.operands(op, 0)?;
        let regions: Vec<_> = op.regions().collect();
        let mut states = Vec::new();
        for region in &regions {
            let block = region.first_block().ok_or_else(|| fail(&op, "needs a body"))?;
            let arguments: Vec<Reg> = (0..block.argument_count())
                .filter_map(|i| block.argument(i).ok())
                .map(|argument| self.define(argument.into()))
                .collect();
            states.push(self.block(arguments));
        }
        let &[before, after] = states.as_slice() else {
            return Err(fail(&op, "needs two regions"));
        };
        let results = self.results(op);
        let last = self.block(results);
        self.jump(before, initial);
        self.current = before;
        let condition = self.region(op, 0, before)?.unwrap_or_default();
        let Some((&condition, values)) = condition.split_first() else {
            return Err(fail(&op, "needs a condition"));
        };
        self.exit(Exit::Branch(
            condition,
            Edge { block: after, arguments: values.to_vec() },
            Edge { block: last, arguments: values.to_vec() },
        ));
        self.current = after;
        let values = self.region(op, 1, after)?.unwrap_or_default();
        self.jump(before, values);
        self.current = last;
        Ok(())
    }

    fn conditional<'c>(&mut self, op: OperationRef<'c, '_>) -> Result<'c> {
        let condition = self.operand(op, 0)?;
        let results = self.results(op);
        let (yes, no) = (self.block(Vec::new()), self.block(Vec::new()));
        let last = self.block(results);
        let edge = |block| Edge { block, arguments: Vec::new() };
        self.exit(Exit::Branch(condition, edge(yes), edge(no)));
        for (index, block) in [yes, no].into_iter().enumerate() {
            self.current = block;
            let values = self.region(op, index, block)?.unwrap_or_default();
            self.jump(last, values);
        }
        self.current = last;
        Ok(())
    }

    fn switch<'c>(&mut self, op: OperationRef<'c, '_>) -> Result<'c> {
        let value = self.operand(op, 0)?;
        let cases = integers(op, "cases");
        let results = self.results(op);
        let blocks: Vec<usize> = (0..=cases.len()).map(|_| self.block(Vec::new())).collect();
        let last = self.block(results);
        let edge = |block| Edge { block, arguments: Vec::new() };
        // The first region is the default.
        let ways =
            cases.iter().zip(&blocks[1..]).map(|(&case, &block)| (case, edge(block))).collect();
        self.exit(Exit::Switch(value, ways, edge(blocks[0])));
        for (index, &block) in blocks.iter().enumerate() {
            self.current = block;
            let values = self.region(op, index, block)?.unwrap_or_default();
            self.jump(last, values);
        }
        self.current = last;
        Ok(())
    }

    fn call<'c>(&mut self, op: OperationRef<'c, '_>) -> Result<'c> {
        let callee = op
            .attribute("callee")
            .ok()
            .and_then(|attribute| FlatSymbolRefAttribute::try_from(attribute).ok())
            .map(|symbol| symbol.value())
            .ok_or_else(|| fail(&op, "needs a callee"))?;
        let arguments = self.operands(op, 0)?;
        let results = self.results(op);
        let instruction = if let Some(kernel) = self.reader.kernel_named(callee) {
            Instruction::Kernel(kernel, arguments, results)
        } else {
            Instruction::Call(self.reader.function_named(op, callee)?, arguments, results)
        };
        self.emit(instruction);
        Ok(())
    }

    fn number(&mut self, value: i64) -> Reg {
        let to = self.register();
        self.emit(Instruction::Constant(to, vec![value]));
        to
    }

    fn set(&mut self, to: Reg, value: Reg) {
        self.emit(Instruction::Unary(Unary::Convert, to, value, Number::Int(64), Number::Int(64)));
    }

    fn lanes<'c>(
        &self,
        op: OperationRef<'c, '_>,
        r#type: Option<Type<'c>>,
    ) -> Result<'c, (Vec<usize>, Number)> {
        r#type
            .and_then(lanes_of)
            .ok_or_else(|| fail(&op, "has a type that is not supported in a core"))
    }

    fn result_lanes<'c>(&self, op: OperationRef<'c, '_>) -> Result<'c, (Vec<usize>, Number)> {
        self.lanes(op, op.results().next().map(|value| value.r#type()))
    }

    fn operand_lanes<'c>(
        &self,
        op: OperationRef<'c, '_>,
        index: usize,
    ) -> Result<'c, (Vec<usize>, Number)> {
        self.lanes(op, op.operands().nth(index).map(|value| value.r#type()))
    }
}

/// The number that a value is known to be.
fn known(value: Value) -> Option<i64> {
    let op = constant::defining_op(value)?;
    integer(op, "value").filter(|_| rewrite::is(&op, "arith.constant"))
}
