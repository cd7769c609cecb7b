//! The interpreter of [`Function`](crate::array::code::Function)s: bodies of
//! cores that compute by themselves.
//!
//! It runs on the core's stack, so that locks and cascades wait in a straight
//! line. Instructions are counted, for who wants to know what they take.
//!
//! **Invariant:** a region of memory lies in its buffer where it is accessed;
//! elsewhere it may be anything.

use std::rc::Rc;

use super::cascade::Cascade;
use super::cell::Cell;
use super::core::{Body, Interrupt, Request, Value};
use super::fabric::ActorId;
use super::number;
use crate::array::code::{Basis, Edge, Exit, Index, Instruction, Lanes, Number, View};
use crate::array::{BufferId, Element, Part, Reg, Type, UseLock};

/// Instructions after which others go first.
const TURN: u64 = 1 << 12;

/// Calls within calls.
const MOST_CALLS: usize = 64;

/// What a register holds.
#[derive(Clone, Debug)]
pub(super) enum Datum {
    Nothing,
    Scalar(i64),
    Vector(Rc<[i64]>),
    Region(Rc<Region>),
}

/// Part of a buffer, in elements.
#[derive(Clone, Debug)]
pub(super) struct Region {
    pub buffer: BufferId,
    pub offset: i64,
    pub sizes: Vec<i64>,
    pub strides: Vec<i64>,
}

type Result<T> = std::result::Result<T, Interrupt>;

fn fail<T>(message: impl Into<String>) -> Result<T> {
    Err(Interrupt::Error(message.into()))
}

impl<C: Cell> Body<'_, C> {
    /// Run a function of the program.
    pub(super) fn function(
        &self,
        index: usize,
        arguments: Vec<Datum>,
        depth: usize,
    ) -> Result<Vec<Datum>> {
        let function = &self.program.functions[index];
        if depth > MOST_CALLS {
            return fail(format!("calls '{}' more than {MOST_CALLS} deep", function.name));
        }
        let mut frame = Frame { registers: vec![Datum::Nothing; function.registers] };
        for (&parameter, argument) in function.parameters.iter().zip(arguments) {
            frame.set(parameter, argument);
        }
        let mut at = 0;
        loop {
            let block = &function.blocks[at];
            for (place, instruction) in block.instructions.iter().enumerate() {
                self.memory.stand(ActorId(self.core), Part::Instruction(index, at, place));
                self.instruction(instruction, &mut frame, depth)?;
            }
            self.work(1)?;
            let edge = match &block.exit {
                Exit::Return(values) => {
                    return Ok(values.iter().map(|&value| frame.get(value).clone()).collect());
                }
                Exit::Jump(edge) => edge,
                Exit::Branch(condition, yes, no) => {
                    if frame.scalar(*condition)? != 0 {
                        yes
                    } else {
                        no
                    }
                }
                Exit::Switch(value, cases, other) => {
                    let value = frame.scalar(*value)?;
                    cases.iter().find(|case| case.0 == value).map_or(other, |case| &case.1)
                }
            };
            at = self.follow(edge, &function.blocks[edge.block].parameters, &mut frame);
        }
    }

    fn follow(&self, edge: &Edge, parameters: &[Reg], frame: &mut Frame) -> usize {
        match (parameters, edge.arguments.as_slice()) {
            ([], _) => {}
            (&[parameter], &[argument]) => frame.set(parameter, frame.get(argument).clone()),
            _ => {
                // All at once: a parameter may be another's argument.
                let values: Vec<Datum> =
                    edge.arguments.iter().map(|&argument| frame.get(argument).clone()).collect();
                for (&parameter, value) in parameters.iter().zip(values) {
                    frame.set(parameter, value);
                }
            }
        }
        edge.block
    }

    /// Count instructions, and let others go first now and then.
    fn work(&self, instructions: u64) -> Result<()> {
        let port = self.port;
        port.work.set(port.work.get() + instructions);
        port.turn.set(port.turn.get() + instructions);
        if port.turn.get() >= TURN {
            port.turn.set(0);
            port.ask(Request::Turn)?;
        }
        Ok(())
    }

    fn instruction(
        &self,
        instruction: &Instruction,
        frame: &mut Frame,
        depth: usize,
    ) -> Result<()> {
        match instruction {
            Instruction::Constant(to, lanes) => {
                frame.set(*to, datum(lanes.clone(), lanes.len() == 1));
                return Ok(());
            }
            Instruction::Buffer(to, buffer) => {
                self.buffer(frame, *to, *buffer);
                return Ok(());
            }
            Instruction::Unary(op, to, of, from, into) => {
                frame.map(*to, *of, |value| number::unary(*op, value, *from, *into))?;
            }
            Instruction::Binary(op, to, a, b, kind) => {
                let value = match (frame.get(*a), frame.get(*b)) {
                    (Datum::Scalar(a), Datum::Scalar(b)) => {
                        Datum::Scalar(number::binary(*op, *a, *b, *kind).or_else(fail)?)
                    }
                    (Datum::Region(_), _) | (_, Datum::Region(_)) => {
                        return fail("computes with what is no number");
                    }
                    _ => {
                        let lanes = frame.lanes(*a)?.iter().zip(frame.lanes(*b)?);
                        let lanes = lanes.map(|(&a, &b)| number::binary(*op, a, b, *kind));
                        Datum::Vector(lanes.collect::<std::result::Result<_, _>>().or_else(fail)?)
                    }
                };
                frame.set(*to, value);
            }
            Instruction::Select(to, condition, yes, no) => {
                let value = match frame.get(*condition) {
                    Datum::Vector(conditions) => {
                        let (yes, no) = (frame.lanes(*yes)?, frame.lanes(*no)?);
                        let lanes = conditions.iter().zip(yes.iter().zip(no));
                        datum(
                            lanes.map(|(&c, (&y, &n))| if c != 0 { y } else { n }).collect(),
                            false,
                        )
                    }
                    Datum::Scalar(0) => frame.get(*no).clone(),
                    _ => frame.get(*yes).clone(),
                };
                frame.set(*to, value);
            }
            Instruction::Fma(to, of, kind) => {
                let [a, b, c] = [frame.lanes(of[0])?, frame.lanes(of[1])?, frame.lanes(of[2])?];
                let lanes =
                    a.iter().zip(b).zip(c).map(|((&a, &b), &c)| number::fma([a, b, c], *kind));
                let value = datum(lanes.collect(), frame.is_scalar(of[0]));
                frame.set(*to, value);
            }
            Instruction::Pick(to, of, picks, scalar) => {
                let mut lanes = Vec::with_capacity(picks.len());
                for &(operand, lane) in picks {
                    match frame.lanes(of[operand])?.get(lane) {
                        Some(&value) => lanes.push(value),
                        None => return fail("uses a lane that does not exist"),
                    }
                }
                frame.set(*to, datum(lanes, *scalar));
            }
            Instruction::Extract(to, of, index) => {
                let index = frame.scalar(*index)?;
                match usize::try_from(index)
                    .ok()
                    .and_then(|i| Some(*frame.lanes(*of).ok()?.get(i)?))
                {
                    Some(value) => frame.set(*to, Datum::Scalar(value)),
                    None => {
                        return fail(format!(
                            "uses lane {index} of a vector, which does not exist"
                        ));
                    }
                }
            }
            Instruction::Insert(to, of, index, value) => {
                let (index, value) = (frame.scalar(*index)?, frame.scalar(*value)?);
                let mut lanes = frame.lanes(*of)?.to_vec();
                match usize::try_from(index).ok().and_then(|i| lanes.get_mut(i)) {
                    Some(lane) => *lane = value,
                    None => {
                        return fail(format!(
                            "uses lane {index} of a vector, which does not exist"
                        ));
                    }
                }
                frame.set(*to, datum(lanes, false));
            }
            Instruction::Reduce(op, to, of, start, kind) => {
                let start = start.map(|start| frame.scalar(start)).transpose()?;
                let mut lanes = frame.lanes(*of)?.iter().copied();
                let Some(first) = start.or_else(|| lanes.next()) else {
                    return fail("reduces nothing");
                };
                let mut sum = first;
                for lane in lanes {
                    sum = number::binary(*op, sum, lane, *kind).or_else(fail)?;
                }
                frame.set(*to, Datum::Scalar(sum));
            }
            Instruction::Bitcast(to, of, from, into) => {
                let scalar = frame.is_scalar(*of) && from.bits() == into.bits();
                let lanes = bitcast(frame.lanes(*of)?, *from, *into);
                frame.set(*to, datum(lanes, scalar));
            }
            Instruction::View(to, of, view) => {
                let region = self.view(frame, *of, view)?;
                frame.set(*to, Datum::Region(Rc::new(region)));
            }
            Instruction::Extent(to, of, dimension) => {
                let dimension = frame.scalar(*dimension)?;
                let extent = usize::try_from(dimension)
                    .ok()
                    .and_then(|dimension| frame.region(*of).ok()?.sizes.get(dimension).copied());
                match extent {
                    Some(extent) => frame.set(*to, Datum::Scalar(extent)),
                    None => {
                        return fail(format!(
                            "asks for dimension {dimension}, which does not exist"
                        ));
                    }
                }
            }
            Instruction::Load(to, of, index, element, lanes) => {
                let value = self.load(frame, *of, index, *element, lanes)?;
                frame.set(*to, value);
            }
            Instruction::Store(value, of, index, element, lanes) => {
                self.store(frame, *value, *of, index, *element, lanes)?;
            }
            Instruction::Copy(from, to, element) => {
                let (from, to) = (frame.region(*from)?.clone(), frame.region(*to)?.clone());
                self.copy(&from, &to, *element)?;
            }
            Instruction::UseLock(action) => {
                self.port.ask(Request::Lock(*action))?;
            }
            Instruction::UseLockBy(action, value) => match frame.scalar(*value)? {
                0 => {}
                value => {
                    let value = i32::try_from(value).unwrap_or(i32::MAX);
                    self.port.ask(Request::Lock(UseLock { value, ..*action }))?;
                }
            },
            Instruction::Choose(to, place, buffers) => {
                let place = frame.scalar(*place)?;
                match usize::try_from(place).ok().and_then(|place| buffers.get(place)) {
                    Some(&buffer) => self.buffer(frame, *to, buffer),
                    None => return fail(format!("uses object {place} of {}", buffers.len())),
                }
            }
            Instruction::Call(function, arguments, results) => {
                let arguments = arguments.iter().map(|&reg| frame.get(reg).clone()).collect();
                let values = self.function(*function, arguments, depth + 1)?;
                for (&result, value) in results.iter().zip(values) {
                    frame.set(result, value);
                }
            }
            Instruction::Kernel(kernel, arguments, results) => {
                let declared = &self.program.kernels[kernel.0];
                self.port.ask(Request::Compute(*kernel))?;
                let (values, spans) = self.kernel_arguments(frame, declared, arguments)?;
                for (&result, value) in results.iter().zip(self.invoke(*kernel, &values, &spans)?) {
                    frame.set(result, Datum::Scalar(value));
                }
            }
            Instruction::PutCascade(value, kind) => {
                let bytes = kind.bits() as usize / 8;
                let mut cells = [C::ZERO; super::CASCADE_BYTES];
                for (chunk, &lane) in cells.chunks_mut(bytes.max(1)).zip(frame.lanes(*value)?) {
                    let bits = number::to_bits(lane, *kind).to_le_bytes();
                    chunk.iter_mut().zip(bits).for_each(|(cell, byte)| *cell = C::constant(byte));
                }
                self.port.put(cells)?;
            }
            Instruction::GetCascade(to, kind) => {
                let cells = self.port.get()?;
                let bytes = kind.bits() as usize / 8;
                let lanes =
                    cells.chunks(bytes.max(1)).map(|chunk| read(chunk.iter().copied(), *kind));
                let lanes = lanes.collect::<Result<Vec<i64>>>()?;
                frame.set(*to, datum(lanes, false));
            }
        }
        self.work(1)
    }

    /// All of a buffer.
    fn buffer(&self, frame: &mut Frame, to: Reg, buffer: BufferId) {
        let shape = &self.program.buffers[buffer.0].shape;
        let sizes: Vec<i64> = shape.iter().map(|&extent| extent as i64).collect();
        let mut strides = vec![1; sizes.len()];
        for i in (1..sizes.len()).rev() {
            strides[i - 1] = strides[i] * sizes[i];
        }
        let region = Region { buffer, offset: 0, sizes, strides };
        frame.set(to, Datum::Region(Rc::new(region)));
    }

    fn view(&self, frame: &Frame, of: Reg, view: &View) -> Result<Region> {
        let base = frame.region(of)?;
        let index = |index: &Index| match index {
            Index::Static(value) => Ok(*value),
            Index::Dynamic(reg) => frame.scalar(*reg),
        };
        let overflow = || Interrupt::Error("views memory beyond all bounds".into());
        let (mut offset, mut sizes, mut strides) = (base.offset, Vec::new(), Vec::new());
        if view.basis == Basis::Whole {
            offset = 0;
            for part in &view.offsets {
                offset = offset.checked_add(index(part)?).ok_or_else(overflow)?;
            }
        }
        for (place, (size, stride)) in view.sizes.iter().zip(&view.strides).enumerate() {
            let (size, mut stride) = (index(size)?, index(stride)?);
            if view.basis == Basis::Part {
                let (Some(own), Some(start)) = (base.strides.get(place), view.offsets.get(place))
                else {
                    return fail("views memory of another rank");
                };
                let distance = index(start)?.checked_mul(*own);
                offset = distance.and_then(|d| offset.checked_add(d)).ok_or_else(overflow)?;
                stride = stride.checked_mul(*own).ok_or_else(overflow)?;
            }
            if view.kept.contains(&place) {
                sizes.push(size);
                strides.push(stride);
            }
        }
        Ok(Region { buffer: base.buffer, offset, sizes, strides })
    }

    /// The element of a region at an index; `None` if a bounded lane is beyond.
    fn place(&self, region: &Region, index: &[i64], bounded: bool) -> Result<Option<usize>> {
        let buffer = &self.program.buffers[region.buffer.0];
        let mut at = region.offset;
        for (dimension, &i) in index.iter().enumerate() {
            let size = region.sizes.get(dimension).copied().unwrap_or(0);
            if !(0..size).contains(&i) {
                return match bounded {
                    true => Ok(None),
                    false => fail(format!(
                        "accesses element {i} of dimension {dimension} of '{}', which has {size}",
                        buffer.name
                    )),
                };
            }
            let distance = i.wrapping_mul(region.strides.get(dimension).copied().unwrap_or(0));
            at = at.wrapping_add(distance);
        }
        match usize::try_from(at) {
            Ok(at) if at < buffer.len() => Ok(Some(at)),
            _ => fail(format!(
                "accesses element {at} of '{}', which has {}",
                buffer.name,
                buffer.len()
            )),
        }
    }

    fn load(
        &self,
        frame: &Frame,
        of: Reg,
        index: &[Reg],
        element: Element,
        lanes: &Lanes,
    ) -> Result<Datum> {
        let region = frame.region(of)?;
        let mut at: Vec<i64> = index.iter().map(|&reg| frame.scalar(reg)).collect::<Result<_>>()?;
        let padding = lanes.padding.map(|reg| frame.scalar(reg)).transpose()?;
        let one = |at: &[i64]| match self.place(region, at, padding.is_some())? {
            Some(place) => self.read(region.buffer, place, element),
            None => Ok(padding.unwrap_or_default()),
        };
        if lanes.extents.is_empty() {
            return Ok(Datum::Scalar(one(&at)?));
        }
        let mut values = Vec::new();
        let start = at.clone();
        each(&lanes.extents, |offsets| {
            shift(&mut at, &start, offsets);
            values.push(one(&at)?);
            Ok(())
        })?;
        Ok(datum(values, false))
    }

    fn store(
        &self,
        frame: &Frame,
        value: Reg,
        of: Reg,
        index: &[Reg],
        element: Element,
        lanes: &Lanes,
    ) -> Result<()> {
        let region = frame.region(of)?;
        let start: Vec<i64> = index.iter().map(|&reg| frame.scalar(reg)).collect::<Result<_>>()?;
        let mut values = frame.lanes(value)?.iter().copied();
        let mut at = start.clone();
        each(&lanes.extents, |offsets| {
            shift(&mut at, &start, offsets);
            let value = values.next().unwrap_or_default();
            if let Some(place) = self.place(region, &at, lanes.bounded)? {
                self.write(region.buffer, place, element, value);
            }
            Ok(())
        })
    }

    fn copy(&self, from: &Region, to: &Region, element: Element) -> Result<()> {
        if from.sizes != to.sizes {
            return fail("copies between regions of different shapes");
        }
        let extents: Vec<usize> =
            from.sizes.iter().map(|&size| usize::try_from(size).unwrap_or(0)).collect();
        let mut values = Vec::new();
        let start = vec![0; extents.len()];
        let mut at = start.clone();
        each(&extents, |offsets| {
            shift(&mut at, &start, offsets);
            let place = self.place(from, &at, false)?.unwrap_or_default();
            values.push(self.read(from.buffer, place, element)?);
            Ok(())
        })?;
        self.work(values.len() as u64)?;
        let mut values = values.into_iter();
        each(&extents, |offsets| {
            shift(&mut at, &start, offsets);
            if let (Some(place), Some(value)) = (self.place(to, &at, false)?, values.next()) {
                self.write(to.buffer, place, element, value);
            }
            Ok(())
        })
    }

    fn read(&self, buffer: BufferId, place: usize, element: Element) -> Result<i64> {
        let bytes = element.bytes();
        self.observe(buffer, place * bytes, bytes, false);
        let cells = &self.memory.cells(buffer)[place * bytes..(place + 1) * bytes];
        read(cells.iter().map(std::cell::Cell::get), element.into())
    }

    fn write(&self, buffer: BufferId, place: usize, element: Element, value: i64) {
        let bytes = element.bytes();
        self.observe(buffer, place * bytes, bytes, true);
        let bits = number::to_bits(value, element.into()).to_le_bytes();
        let cells = &self.memory.cells(buffer)[place * bytes..(place + 1) * bytes];
        cells.iter().zip(bits).for_each(|(cell, byte)| cell.set(C::constant(byte)));
    }

    fn observe(&self, buffer: BufferId, at: usize, bytes: usize, writes: bool) {
        self.memory.observe(ActorId(self.core), buffer, at, bytes, writes);
    }

    /// The arguments of a kernel, checked against what it declares.
    fn kernel_arguments<'m>(
        &'m self,
        frame: &Frame,
        kernel: &'m crate::array::Kernel,
        arguments: &[Reg],
    ) -> Result<(Vec<Value<'m, C>>, Vec<Span>)> {
        let mut values = Vec::new();
        let mut spans: Vec<Span> = Vec::new();
        for (number, (&argument, declared)) in arguments.iter().zip(&kernel.arguments).enumerate() {
            match (frame.get(argument), declared) {
                (Datum::Scalar(value), Type::Scalar(element))
                    if !Number::from(*element).is_float() =>
                {
                    values.push(Value::Integer(*value));
                }
                (Datum::Scalar(value), Type::Index | Type::I1) => {
                    values.push(Value::Integer(*value))
                }
                (Datum::Region(region), Type::MemRef(shape, element)) => {
                    let buffer = &self.program.buffers[region.buffer.0];
                    let bytes = element.bytes();
                    let count: usize = shape.iter().product();
                    let mut expected = 1;
                    let dense =
                        region.sizes.iter().zip(&region.strides).rev().all(|(&size, &stride)| {
                            let fits = size == 1 || stride == expected;
                            expected *= size;
                            fits
                        });
                    let start = usize::try_from(region.offset).ok().filter(|start| {
                        dense && *element == buffer.element && start + count <= buffer.len()
                    });
                    let Some(start) = start else {
                        return fail(format!(
                            "calls '{}' with a part of '{}' as argument {number} that does not lie in one piece",
                            kernel.name, buffer.name
                        ));
                    };
                    let span = (region.buffer, start * bytes, count * bytes);
                    if spans.iter().any(|other| {
                        other.0 == span.0 && other.1 < span.1 + span.2 && span.1 < other.1 + other.2
                    }) {
                        return fail(format!(
                            "calls '{}' with buffer '{}' twice",
                            kernel.name, buffer.name
                        ));
                    }
                    spans.push(span);
                    values.push(Value::Memory {
                        cells: &self.memory.cells(region.buffer)
                            [start * bytes..(start + count) * bytes],
                        name: &buffer.name,
                        element: *element,
                    });
                }
                _ => {
                    return fail(format!(
                        "calls '{}' with argument {number} of a type that is not supported",
                        kernel.name
                    ));
                }
            }
        }
        Ok((values, spans))
    }
}

/// Bytes of a buffer: where they begin, and how many.
type Span = (BufferId, usize, usize);

/// Adds offsets to the last of the indices in `start`.
fn shift(at: &mut [i64], start: &[i64], offsets: &[usize]) {
    at.copy_from_slice(start);
    let first = at.len().saturating_sub(offsets.len());
    at[first..].iter_mut().zip(offsets).for_each(|(at, &offset)| *at += offset as i64);
}

/// Visits all places of a shape, row-major.
fn each(extents: &[usize], mut visit: impl FnMut(&[usize]) -> Result<()>) -> Result<()> {
    let count: usize = extents.iter().product();
    let mut at = vec![0; extents.len()];
    for _ in 0..count {
        visit(&at)?;
        for (place, &extent) in at.iter_mut().zip(extents).rev() {
            *place += 1;
            if *place < extent {
                break;
            }
            *place = 0;
        }
    }
    Ok(())
}

/// The number in cells, least significant byte first.
fn read<C: Cell>(cells: impl Iterator<Item = C>, kind: Number) -> Result<i64> {
    let mut bits = 0u64;
    for (place, cell) in cells.enumerate() {
        match cell.byte() {
            Some(byte) => bits |= u64::from(byte) << (8 * place),
            None => return fail("computes with data, of which only the way is followed here"),
        }
    }
    Ok(number::from_bits(bits, kind))
}

fn bitcast(lanes: &[i64], from: Number, into: Number) -> Vec<i64> {
    let (have, want) = (from.bits(), into.bits());
    let bits = |lane: &i64| number::to_bits(*lane, from);
    if have >= want {
        let parts = have / want;
        let part = |bits: u64, part: u32| number::from_bits(bits >> (part * want), into);
        lanes.iter().map(bits).flat_map(|bits| (0..parts).map(move |i| part(bits, i))).collect()
    } else {
        let join =
            |group: &[i64]| group.iter().rev().fold(0u64, |all, lane| all << have | bits(lane));
        lanes
            .chunks((want / have) as usize)
            .map(|group| number::from_bits(join(group), into))
            .collect()
    }
}

fn datum(lanes: Vec<i64>, scalar: bool) -> Datum {
    match lanes.as_slice() {
        &[lane] if scalar => Datum::Scalar(lane),
        _ => Datum::Vector(lanes.into()),
    }
}

/// The registers of a function that runs.
struct Frame {
    registers: Vec<Datum>,
}

impl Frame {
    fn get(&self, reg: Reg) -> &Datum {
        self.registers.get(reg.0).unwrap_or(&Datum::Nothing)
    }

    fn set(&mut self, reg: Reg, value: Datum) {
        if let Some(place) = self.registers.get_mut(reg.0) {
            *place = value;
        }
    }

    fn scalar(&self, reg: Reg) -> Result<i64> {
        match self.get(reg) {
            Datum::Scalar(value) => Ok(*value),
            Datum::Vector(lanes) if lanes.len() == 1 => Ok(lanes[0]),
            _ => fail("uses a value that was not computed"),
        }
    }

    fn is_scalar(&self, reg: Reg) -> bool {
        matches!(self.get(reg), Datum::Scalar(_))
    }

    fn lanes(&self, reg: Reg) -> Result<&[i64]> {
        match self.get(reg) {
            Datum::Scalar(value) => Ok(std::slice::from_ref(value)),
            Datum::Vector(lanes) => Ok(lanes),
            _ => fail("uses a value that was not computed"),
        }
    }

    fn region(&self, reg: Reg) -> Result<&Region> {
        match self.get(reg) {
            Datum::Region(region) => Ok(region),
            _ => fail("accesses what is no memory"),
        }
    }

    fn map(&mut self, to: Reg, of: Reg, change: impl Fn(i64) -> i64) -> Result<()> {
        let value = match self.get(of) {
            Datum::Scalar(value) => Datum::Scalar(change(*value)),
            Datum::Vector(lanes) => Datum::Vector(lanes.iter().map(|&lane| change(lane)).collect()),
            _ => return fail("computes with what is no number"),
        };
        self.set(to, value);
        Ok(())
    }
}
