//! Compiles the bodies of cores, and the functions they call, to
//! [`Function`]s: structured control flow to jumps, vectors to lists of lanes.

use super::{
    element_of,
    fifo::End,
    integer, memref_of_any, op_name,
    read::{Reader, Thing, block_key, op_key},
};
use crate::{
    array::{
        BufferId, Element, LockAction, Reg, UseLock,
        code::{
            Basis, Binary, Block, Edge, Exit, Function, Index, Instruction, Lanes, Number,
            Ordering, Predicate, Unary, View,
        },
    },
    mlir::{
        constant,
        diagnostic::{Result, fail},
        rewrite,
    },
};
use melior::ir::{
    Attribute, BlockLike, BlockRef, OperationRef, RegionLike, Type, TypeLike, Value, ValueLike,
    attribute::{
        ArrayAttribute, DenseI64ArrayAttribute, FlatSymbolRefAttribute, FloatAttribute,
        IntegerAttribute,
    },
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

    /// `(a + b) % depth`
    fn around(&mut self, a: Reg, b: Reg, depth: usize) -> Reg {
        let (sum, depth) = (self.binary(Binary::Add, a, b), self.number(depth as i64));
        self.binary(Binary::Rem, sum, depth)
    }

    fn set(&mut self, to: Reg, value: Reg) {
        self.emit(Instruction::Unary(Unary::Convert, to, value, Number::Int(64), Number::Int(64)));
    }

    /// The end of a FIFO that an op of a core is about: its objects, its locks and its state.
    fn end<'c>(&mut self, op: OperationRef<'c, '_>) -> Result<'c, (End, bool, (Reg, Reg))> {
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
    fn acquire<'c>(&mut self, op: OperationRef<'c, '_>) -> Result<'c> {
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

    fn release<'c>(&mut self, op: OperationRef<'c, '_>) -> Result<'c> {
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

    fn arithmetic<'c>(&mut self, op: OperationRef<'c, '_>, name: &str) -> Result<'c> {
        if name == "arith.constant" {
            let value = op.attribute("value").ok();
            let lanes = value.and_then(constant_lanes);
            let lanes =
                lanes.ok_or_else(|| fail(&op, "has a type that is not supported in a core"))?;
            let to = self.results(op)[0];
            self.emit(Instruction::Constant(to, lanes));
            return Ok(());
        }
        if name == "arith.select" {
            let of = self.operands(op, 0)?;
            let to = self.results(op)[0];
            self.emit(Instruction::Select(to, of[0], of[1], of[2]));
            return Ok(());
        }
        if name == "math.fma" {
            let (_, number) = self.result_lanes(op)?;
            let of = self.operands(op, 0)?;
            let to = self.results(op)[0];
            self.emit(Instruction::Fma(to, [of[0], of[1], of[2]], number));
            return Ok(());
        }
        let unary = match name {
            "arith.extsi" | "arith.trunci" | "arith.index_cast" | "arith.sitofp"
            | "arith.fptosi" | "arith.extf" | "arith.truncf" => Some(Unary::Convert),
            "arith.extui" | "arith.index_castui" | "arith.uitofp" => Some(Unary::ConvertUnsigned),
            "arith.fptoui" => Some(Unary::ToUnsigned),
            "arith.negf" => Some(Unary::Neg),
            "math.absi" | "math.absf" => Some(Unary::Abs),
            "math.sqrt" => Some(Unary::Sqrt),
            "math.floor" => Some(Unary::Floor),
            "math.ceil" => Some(Unary::Ceil),
            "math.round" => Some(Unary::Round),
            "math.roundeven" => Some(Unary::RoundEven),
            "math.trunc" => Some(Unary::Trunc),
            "math.ctpop" => Some(Unary::CountOnes),
            "math.ctlz" => Some(Unary::LeadingZeros),
            "math.cttz" => Some(Unary::TrailingZeros),
            _ => None,
        };
        if let Some(unary) = unary {
            let ((_, from), (_, into)) = (self.operand_lanes(op, 0)?, self.result_lanes(op)?);
            let of = self.operand(op, 0)?;
            let to = self.results(op)[0];
            self.emit(Instruction::Unary(unary, to, of, from, into));
            return Ok(());
        }
        if name == "arith.bitcast" {
            let ((_, from), (_, into)) = (self.operand_lanes(op, 0)?, self.result_lanes(op)?);
            let of = self.operand(op, 0)?;
            let to = self.results(op)[0];
            self.emit(Instruction::Bitcast(to, of, from, into));
            return Ok(());
        }
        let binary = match name {
            "arith.cmpi" => integer(op, "predicate").and_then(compare_integers),
            "arith.cmpf" => integer(op, "predicate").and_then(compare_floats),
            _ => binary_of(name),
        };
        let Some(binary) = binary else {
            return Err(fail(&op, "is not supported in a core: the simulator does not execute it"));
        };
        let (_, number) = self.operand_lanes(op, 0)?;
        let (a, b) = (self.operand(op, 0)?, self.operand(op, 1)?);
        let to = self.results(op)[0];
        self.emit(Instruction::Binary(binary, to, a, b, number));
        Ok(())
    }

    fn element<'c>(
        &self,
        op: OperationRef<'c, '_>,
        index: usize,
    ) -> Result<'c, (Vec<i64>, Element)> {
        let r#type = op.operands().nth(index).map(|value| value.r#type());
        r#type.and_then(memref_of_any).ok_or_else(|| {
            fail(&op, "accesses memory of a type that is not i8, i16, i32, i64, bf16 or f32")
        })
    }

    fn memref<'c>(&mut self, op: OperationRef<'c, '_>, name: &str) -> Result<'c> {
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
                let source =
                    op.operands().next().and_then(|value| super::memref_of(value.r#type()));
                let result = op.results().next().and_then(|value| super::memref_of(value.r#type()));
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

    fn vector<'c>(&mut self, op: OperationRef<'c, '_>, name: &str) -> Result<'c> {
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

/// The number that a value is known to be.
fn known(value: Value) -> Option<i64> {
    let op = constant::defining_op(value)?;
    integer(op, "value").filter(|_| rewrite::is(&op, "arith.constant"))
}

/// The lanes of a constant.
fn constant_lanes(value: Attribute) -> Option<Vec<i64>> {
    let float = |value: f64| value.to_bits() as i64;
    if let Ok(integer) = IntegerAttribute::try_from(value) {
        let width =
            IntegerType::try_from(constant::type_of(value)).map_or(64, |r#type| r#type.width());
        return Some(vec![if width == 1 { integer.value() & 1 } else { integer.value() }]);
    }
    if let Ok(number) = FloatAttribute::try_from(value) {
        number_of(constant::type_of(value))?;
        return Some(vec![float(number.value())]);
    }
    let (extents, element) = constant::shaped(constant::type_of(value))?;
    let element = element_of(element)?;
    let bytes = constant::bytes(value)?;
    let count: usize = extents.iter().product();
    let width = element.bytes();
    let lane = |chunk: &[u8]| {
        let mut bits = [0; 8];
        bits[..width].copy_from_slice(chunk);
        let bits = u64::from_le_bytes(bits);
        match element {
            Element::Bf16 => float(f64::from(f32::from_bits((bits as u32) << 16))),
            Element::F32 => float(f64::from(f32::from_bits(bits as u32))),
            _ => (bits << (64 - 8 * width)) as i64 >> (64 - 8 * width),
        }
    };
    let lanes: Vec<i64> = bytes.chunks(width).map(lane).collect();
    (lanes.len() == count).then_some(lanes)
}

fn binary_of(name: &str) -> Option<Binary> {
    Some(match name {
        "arith.addi" | "arith.addf" => Binary::Add,
        "arith.subi" | "arith.subf" => Binary::Sub,
        "arith.muli" | "arith.mulf" => Binary::Mul,
        "arith.divsi" | "arith.divf" => Binary::Div,
        "arith.divui" => Binary::DivUnsigned,
        "arith.ceildivsi" => Binary::CeilDiv,
        "arith.ceildivui" => Binary::CeilDivUnsigned,
        "arith.floordivsi" => Binary::FloorDiv,
        "arith.remsi" | "arith.remf" => Binary::Rem,
        "arith.remui" => Binary::RemUnsigned,
        "arith.andi" => Binary::And,
        "arith.ori" => Binary::Or,
        "arith.xori" => Binary::Xor,
        "arith.shli" => Binary::Shl,
        "arith.shrsi" => Binary::Shr,
        "arith.shrui" => Binary::ShrUnsigned,
        "arith.maxsi" | "arith.maximumf" => Binary::Max,
        "arith.minsi" | "arith.minimumf" => Binary::Min,
        "arith.maxui" => Binary::MaxUnsigned,
        "arith.minui" => Binary::MinUnsigned,
        "arith.maxnumf" => Binary::MaxNumber,
        "arith.minnumf" => Binary::MinNumber,
        "math.copysign" => Binary::CopySign,
        _ => return None,
    })
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

/// By the numbers of `arith.cmpi`.
fn compare_integers(predicate: i64) -> Option<Binary> {
    use Predicate::{Eq, Ge, GeUnsigned, Gt, GtUnsigned, Le, LeUnsigned, Lt, LtUnsigned, Ne};
    let order = [Eq, Ne, Lt, Le, Gt, Ge, LtUnsigned, LeUnsigned, GtUnsigned, GeUnsigned];
    order.get(usize::try_from(predicate).ok()?).copied().map(Binary::Compare)
}

/// By the numbers of `arith.cmpf`.
fn compare_floats(predicate: i64) -> Option<Binary> {
    use Predicate::{Always, Eq, Ge, Gt, Le, Lt, Ne, Never, Ordered, Unordered, UnorderedOr};
    let order = [
        Never,
        Eq,
        Gt,
        Ge,
        Lt,
        Le,
        Ne,
        Ordered,
        UnorderedOr(Ordering::Eq),
        UnorderedOr(Ordering::Gt),
        UnorderedOr(Ordering::Ge),
        UnorderedOr(Ordering::Lt),
        UnorderedOr(Ordering::Le),
        UnorderedOr(Ordering::Ne),
        Unordered,
        Always,
    ];
    order.get(usize::try_from(predicate).ok()?).copied().map(Binary::Compare)
}
