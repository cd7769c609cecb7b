//! The engine: builds actors and fabric from a program, and schedules them.
//!
//! **Invariant:** after a failure the engine refuses to run again.

use std::cell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use super::boundary::{Collector, Feeder};
use super::cascade::Cascades;
use super::cell::Cell;
use super::clock::Log;
use super::core::{Core, Kernels};
use super::dma::Channel;
use super::edge::Edge;
use super::explain::explain;
use super::fabric::{ActorId, Agenda, Event, Fabric, Wait, place, port};
use super::failure::{Failure, Fault};
use super::invocation::{self, Invocation};
use super::lock::Locks;
use super::memory::Memory;
use super::remains::{leftovers, races};
use super::sequence::{self, Host};
use super::stream::Network;
use super::watch::Watch;
use crate::array::{
    Argument, BufferId, Bundle, Direction, KernelId, LockAction, LockId, Part, Port, Program, Step,
    Stmt, UseLock, Write,
};
use crate::device::{Device, Latency, TileKind};
use crate::kernel::time::{KernelTime, KernelVersion, kernel_time};

/// Steps without a word over the edge of the array, after which the array is
/// held to be busy with itself for ever: seconds of this machine.
const MOST_IDLE_STEPS: u64 = 1 << 24;

/// What a turn of a core's own code counts: thousands of instructions.
const STEPS_OF_A_TURN: u64 = 64;

/// Trips of a loop that count as without end.
const ENDLESS: i64 = 1 << 31;

/// Steps after the last output, after which the array is not going to rest:
/// it computes something that no output depends on.
const MOST_LATE_STEPS: u64 = 1 << 22;

/// An array with its program and memory.
pub struct Engine<C: Cell> {
    pub(super) program: Rc<Program>,
    pub(super) fabric: Fabric<C>,
    pub(super) actors: Vec<Actor<C>>,
    pub(super) invocation: Option<Invocation>,
    failed: bool,
    /// Steps that a run may still take.
    steps_left: Option<u64>,
    most_idle_steps: u64,
}

/// What things cost in a run with time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Costs {
    /// The version whose time dense kernels take.
    pub kernels: KernelVersion,
    /// `None`: the device's own.
    pub latency: Option<Latency>,
}

/// What [`Engine::state`] returns. Memory is not part of it, and the calls that a
/// core has made are for the caller to count.
#[derive(Clone, PartialEq, Debug)]
pub struct State {
    locks: Vec<i32>,
    actors: Vec<(usize, Option<Wait>)>,
}

/// Who acts in an array; each with its own state, meeting in the fabric.
pub(super) enum Actor<C: Cell> {
    Core(Core<C>),
    Channel(Channel<C>),
    /// With the index of the interface and of its stream.
    Feeder(Feeder<C>, usize, usize),
    Collector(Collector<C>, usize, usize),
    /// The host, if the program says what it does.
    Host(Host),
}

impl<C: Cell> Engine<C> {
    /// An array about to start `program`, in which calls go to `kernels`.
    ///
    /// # Errors
    ///
    /// [`Failure::Invalid`] if the program says something that no hardware
    /// could do, such as a descriptor that leaves its buffer.
    pub fn new(program: &Program, kernels: Rc<dyn Kernels<C>>) -> Result<Engine<C>, Failure> {
        Engine::build(Rc::new(program.clone()), kernels, None).map_err(Failure::Invalid)
    }

    /// The same with time: what happens, happens in the order of time, and
    /// [`Engine::timing`] tells when it did.
    ///
    /// # Errors
    ///
    /// As [`Engine::new`].
    pub fn timed(
        program: &Program,
        kernels: Rc<dyn Kernels<C>>,
        costs: Costs,
    ) -> Result<Engine<C>, Failure> {
        Engine::build(Rc::new(program.clone()), kernels, Some(costs)).map_err(Failure::Invalid)
    }

    fn build(
        program: Rc<Program>,
        kernels: Rc<dyn Kernels<C>>,
        timed: Option<Costs>,
    ) -> Result<Engine<C>, Fault> {
        check_indices(&program)?;
        let mut device = Device::by_name(&program.device)
            .ok_or_else(|| format!("device '{}' is not known", program.device))?;
        if let Some(latency) = timed.and_then(|costs| costs.latency) {
            device.latency = latency;
        }
        let memory = Rc::new(Memory::new(&program)?);
        let latency = timed.map(|_| device.latency);
        let mut network = Network::new(&program.flows, latency.as_ref(), &device.timing)?;
        let mut actors = Vec::new();
        let mut tiles = HashSet::new();
        for (index, core) in program.cores.iter().enumerate() {
            if !tiles.insert(core.tile) {
                let message = format!("tile {} has two cores", place(core.tile));
                return Err(Fault::at(Part::Core(index))(message));
            }
            let actor = Core::new(&program, index, &memory, &kernels);
            let mut actor = actor.map_err(Fault::at(Part::Core(index)))?;
            if let Some(Costs { kernels, .. }) = timed {
                actor.set_times(times(&program, index, &device, kernels));
            }
            actors.push(Actor::Core(actor));
        }
        let (mut receivers, mut senders) = (HashSet::new(), HashSet::new());
        for (index, dma) in program.dmas.iter().enumerate() {
            let part = |bd| Part::Bd(index, bd);
            let channel = Channel::new(dma, &part, &program, &device, &network)?;
            let ends = match dma.direction {
                Direction::S2mm => &mut receivers,
                Direction::Mm2s => &mut senders,
            };
            if !ends.insert(Port { tile: dma.tile, bundle: Bundle::Dma, channel: dma.channel }) {
                let message = format!("{} has two programs", channel.name());
                return Err(Fault::at(Part::Channel(index))(message));
            }
            actors.push(Actor::Channel(channel));
        }
        let queues =
            sequence::actors(&program, &device, &network, &mut actors, |port, is_source| {
                (if is_source { &mut senders } else { &mut receivers }).insert(port)
            })?;
        for (index, interface) in program.inputs.iter().enumerate() {
            for (number, stream) in interface.streams.iter().enumerate() {
                let feeder = Feeder::new(interface, stream, &network)?;
                if !senders.insert(stream.port) {
                    return Err(format!("{} is fed twice", feeder.name).into());
                }
                actors.push(Actor::Feeder(feeder, index, number));
            }
        }
        for (index, interface) in program.outputs.iter().enumerate() {
            for (number, stream) in interface.streams.iter().enumerate() {
                let collector = Collector::new(interface, stream, &network)?;
                if !receivers.insert(stream.port) {
                    return Err(format!("{} is read twice", collector.name).into());
                }
                actors.push(Actor::Collector(collector, index, number));
            }
        }
        for source in network.sources() {
            if source.bundle == Bundle::Core {
                let message = format!("{} sends a stream, which is not supported", port(source));
                let flow = program.flows.iter().position(|flow| flow.source == source);
                return Err(Fault { at: flow.map(Part::Flow), message });
            }
        }
        let cascades = Cascades::new(&program.cascades, &device, |tile| {
            program.cores.iter().position(|core| core.tile == tile).map(ActorId)
        })?;
        for (index, actor) in actors.iter_mut().enumerate() {
            let me = ActorId(index);
            match actor {
                Actor::Core(core) => {
                    core.connect(cascades.entering(core.tile), cascades.leaving(core.tile))
                }
                Actor::Channel(channel) => channel.connect(me, &mut network),
                Actor::Feeder(feeder, ..) => feeder.connect(me, &mut network),
                Actor::Collector(collector, ..) => collector.connect(me, &mut network),
                Actor::Host(_) => {}
            }
        }
        let mut agenda = Agenda::new(actors.len(), timed.is_some());
        (0..actors.len()).for_each(|index| agenda.wake(ActorId(index)));
        let locks = Locks::new(&program.locks, &device)?;
        let invocation = Invocation::of(&program)?;
        if let Some(latency) = &latency {
            let words = invocation::words_of_iterations(&program, invocation.as_ref());
            for channel in actors.iter_mut().filter_map(Actor::channel_mut) {
                let place = (channel.tile, channel.direction, channel.number);
                let access = match channel.direction {
                    Direction::Mm2s => latency.host_read,
                    Direction::S2mm => latency.host_write,
                };
                channel.edge = words.get(&place).map(|&each| Edge::new(each, access));
            }
        }
        let log = Log::new(if timed.is_some() { actors.len() } else { 0 });
        let fabric = Fabric {
            memory,
            locks,
            network,
            cascades,
            queues,
            agenda,
            latency,
            log,
            crossed: 0,
            lacking: 0,
        };
        let most_idle_steps = MOST_IDLE_STEPS;
        let (failed, steps_left) = (false, None);
        Ok(Engine { program, fabric, actors, invocation, failed, steps_left, most_idle_steps })
    }

    /// Look from now on for accesses to the same bytes that nothing orders; a run fails if there are.
    ///
    /// Which arguments a kernel writes shows in what it changes.
    pub fn watch(&mut self) {
        let locks = (0..self.program.locks.len()).map(|lock| self.fabric.locks.value(LockId(lock)));
        self.fabric.memory.watch_with(Watch::new(self.actors.len(), locks));
    }

    /// Let a run fail that takes more than so many steps of actors.
    pub fn limit(&mut self, steps: u64) {
        self.steps_left = Some(steps);
    }

    /// Give a run up after that many steps of cores and DMA channels without a word over the edge
    /// of the array; 4096 instructions of a core's own code count as 64.
    pub fn give_up_after(&mut self, steps: u64) {
        self.most_idle_steps = steps;
    }

    /// Run `iterations` of the program, back to back.
    ///
    /// `inputs` has one tensor for each of the program's inputs: row-major
    /// codes in little endian, `columns` elements a row, as many rows as the
    /// iterations have or fewer in the last (which zeros then fill up). The
    /// result has one tensor for each output, with the full `iterations * rows`
    /// rows. State stays: the next run goes on where this one ended. Tensors in
    /// the host's memory pass in as many invocations as that takes; a program
    /// with other external buffers runs with no inputs.
    ///
    /// # Errors
    ///
    /// [`Failure::Invalid`] for inputs of a wrong size, [`Failure::Fault`] for
    /// an illegal action, [`Failure::Deadlock`] if not all outputs arrive, and
    /// [`Failure::Leftover`] if they do but data is left under way.
    pub fn run(&mut self, inputs: &[Vec<C>], iterations: usize) -> Result<Vec<Vec<C>>, Failure> {
        if self.failed {
            return Err(invalid("the array has failed before".into()));
        }
        let sizes = self.check_inputs(inputs, iterations).map_err(invalid)?;
        self.failed = true;
        self.begin(inputs, iterations);
        let mut outputs: Vec<Vec<C>> = sizes.iter().map(|&size| vec![C::ZERO; size]).collect();
        let times = self.invocation.as_ref().map_or(1, |one| iterations / one.iterations);
        for time in 0..times {
            self.start(inputs, time)?;
            self.settle()?;
            for edge in self.actors.iter_mut().filter_map(Actor::edge_mut) {
                edge.end_invocation();
            }
            let stuck = self.fabric.lacking > 0
                || self.actors.iter().any(|actor| {
                    lacks_external(actor, &self.program) || is_stranded(actor, &self.program)
                });
            if stuck || !self.end()? {
                return Err(Failure::Deadlock(Box::new(explain(self))));
            }
            let races = races(self);
            if !races.is_empty() {
                return Err(Failure::Race(races));
            }
            // What a host does not wait for is its own business, unless it is known what it wants.
            let known = self.program.sequences.is_empty() || !self.program.outputs.is_empty();
            let left = if known { leftovers(self) } else { Vec::new() };
            if !left.is_empty() && self.fabric.agenda.is_empty() {
                return Err(Failure::Leftover(left));
            }
            for (interface, output) in self.program.outputs.iter().zip(&mut outputs) {
                let Some(memory) = interface.memory else { continue };
                let buffer = &self.program.buffers[memory.0];
                invocation::take(interface, buffer, self.fabric.memory.cells(memory), output, time);
            }
        }
        self.failed = false;
        for actor in &self.actors {
            if let Actor::Collector(collector, index, stream) = actor {
                let interface = &self.program.outputs[*index];
                collector.deliver(interface, &interface.streams[*stream], &mut outputs[*index]);
            }
        }
        Ok(outputs)
    }

    /// Invoke the program the `time`th time in this run.
    fn start(&mut self, inputs: &[Vec<C>], time: usize) -> Result<(), Failure> {
        for (interface, tensor) in self.program.inputs.iter().zip(inputs) {
            let Some(memory) = interface.memory else { continue };
            let buffer = &self.program.buffers[memory.0];
            invocation::fill(interface, buffer, self.fabric.memory.cells(memory), tensor, time);
        }
        let starts = self.invocation.iter().flat_map(|invocation| &invocation.starts);
        for action in starts.copied().collect::<Vec<_>>() {
            self.release(action.lock, action.value)?;
        }
        for (index, actor) in self.actors.iter_mut().enumerate() {
            if let Actor::Host(host) = actor
                && host.begin()
            {
                self.fabric.lacking += 1;
                self.fabric.agenda.wake(ActorId(index));
            }
        }
        Ok(())
    }

    /// Take note that the shim channels are done; false if they are not.
    fn end(&mut self) -> Result<bool, Failure> {
        let mut done = true;
        for &action in self.invocation.iter().flat_map(|invocation| &invocation.ends) {
            let agenda = &mut self.fabric.agenda;
            let taken = self.fabric.locks.apply(action, None, agenda);
            done &= taken.map_err(|message| host_fault(message, action.lock))?;
        }
        Ok(done)
    }

    /// Check the inputs and return the size in bytes of each output.
    fn check_inputs(&self, inputs: &[Vec<C>], iterations: usize) -> Result<Vec<usize>, String> {
        if let Some(invocation) = &self.invocation
            && !iterations.is_multiple_of(invocation.iterations)
        {
            return Err(format!(
                "{iterations} iterations are not whole invocations of {}",
                invocation.iterations
            ));
        }
        if inputs.len() != self.program.inputs.len() {
            return Err(format!(
                "{} inputs given, but the program has {}",
                inputs.len(),
                self.program.inputs.len()
            ));
        }
        for (interface, tensor) in self.program.inputs.iter().zip(inputs) {
            let row = interface.columns * interface.element.bytes();
            let full =
                interface.rows.checked_mul(iterations).and_then(|rows| rows.checked_mul(row));
            let last =
                interface.rows.saturating_mul(iterations.saturating_sub(1)).saturating_mul(row);
            if full.is_none_or(|full| tensor.len() > full)
                || (iterations > 0 && tensor.len() <= last)
                || row == 0
                || !tensor.len().is_multiple_of(row)
            {
                return Err(format!(
                    "input '{}' has {} bytes, but {iterations} iterations of {} rows of {} elements have {}",
                    interface.name,
                    tensor.len(),
                    interface.rows,
                    interface.columns,
                    full.map_or_else(|| "too many".into(), |full| full.to_string()),
                ));
            }
        }
        let size = |interface: &crate::array::Interface| {
            let row = interface.columns.checked_mul(interface.element.bytes())?;
            row.checked_mul(interface.rows)?.checked_mul(iterations)
        };
        self.program
            .outputs
            .iter()
            .map(|interface| {
                size(interface).ok_or_else(|| format!("output '{}' is too large", interface.name))
            })
            .collect()
    }

    fn begin(&mut self, inputs: &[Vec<C>], iterations: usize) {
        self.fabric.lacking = 0;
        for (index, actor) in self.actors.iter_mut().enumerate() {
            match actor {
                Actor::Feeder(feeder, input, stream) => {
                    let interface = &self.program.inputs[*input];
                    feeder.feed(
                        interface,
                        &interface.streams[*stream],
                        &inputs[*input],
                        iterations,
                    );
                }
                Actor::Collector(collector, output, stream) => {
                    let interface = &self.program.outputs[*output];
                    collector.expect(interface, &interface.streams[*stream], iterations);
                    self.fabric.lacking += usize::from(!collector.is_complete());
                }
                _ => continue,
            }
            self.fabric.agenda.wake(ActorId(index));
        }
    }

    /// Where an actor is in the program; its begin, if it has not begun.
    pub(super) fn place(&self, actor: ActorId) -> Option<Part> {
        let place = self.fabric.memory.place(actor);
        match &self.actors[actor.0] {
            Actor::Core(core) if core.has_ended() => Some(Part::Core(actor.0)),
            Actor::Core(_) => place.or(Some(Part::Core(actor.0))),
            Actor::Channel(channel) => place.or(Some(channel.part())),
            Actor::Feeder(..) | Actor::Collector(..) | Actor::Host(_) => place,
        }
    }

    fn fault(&self, actor: ActorId, message: String) -> Failure {
        // A core has ended by its fault.
        let at = self.fabric.memory.place(actor).or_else(|| self.place(actor));
        let fault = Fault { at, message };
        Failure::Fault { actor: self.actors[actor.0].name(), fault }
    }

    /// Let everyone act until nobody can, or nobody needs to.
    fn settle(&mut self) -> Result<(), Failure> {
        let (mut idle, mut late) = (0, 0);
        while let Some(event) = self.fabric.agenda.next() {
            let id = match event {
                Event::Act(id) => id,
                Event::Release(id, action) => {
                    let fabric = &mut self.fabric;
                    let released = fabric.locks.release(action, id, &mut fabric.agenda);
                    released.map_err(|message| self.fault(id, message))?;
                    continue;
                }
            };
            if let Some(steps) = &mut self.steps_left {
                *steps = steps.checked_sub(1).ok_or_else(|| {
                    Failure::Invalid("the run takes more steps than it may".to_string().into())
                })?;
            }
            let crossed = self.fabric.crossed;
            let actor = &mut self.actors[id.0];
            let stepped = match actor {
                Actor::Core(core) => core.step(id, &mut self.fabric),
                Actor::Channel(channel) => channel.step(id, &mut self.fabric),
                Actor::Feeder(feeder, ..) => {
                    feeder.step(id, &mut self.fabric);
                    Ok(())
                }
                Actor::Collector(collector, ..) => {
                    collector.step(id, &mut self.fabric);
                    Ok(())
                }
                Actor::Host(host) => host.step(id, &mut self.fabric),
            };
            stepped.map_err(|message| self.fault(id, message))?;
            let steps = match &self.actors[id.0] {
                Actor::Core(core) if core.is_taking_turns() => STEPS_OF_A_TURN,
                _ => 1,
            };
            idle = if self.fabric.crossed == crossed { idle + steps } else { 0 };
            late = if self.fabric.lacking == 0 { late + steps } else { 0 };
            if idle > self.most_idle_steps || late.min(idle) > MOST_LATE_STEPS {
                self.fabric.agenda.wake(id);
                break;
            }
        }
        Ok(())
    }

    /// The cells of buffer `name`, external or not; `None` if there is none.
    pub fn read(&self, name: &str) -> Option<Vec<C>> {
        Some(self.cells(name)?.iter().map(cell::Cell::get).collect())
    }

    /// Set the cells of buffer `name`.
    ///
    /// # Errors
    ///
    /// [`Failure::Invalid`] if there is no such buffer, or it has another size.
    pub fn write(&mut self, name: &str, cells: &[C]) -> Result<(), Failure> {
        let Some(buffer) = self.cells(name) else {
            return Err(invalid(format!("the program has no buffer '{name}'")));
        };
        if buffer.len() != cells.len() {
            return Err(invalid(format!(
                "buffer '{name}' has {} bytes, but {} are given",
                buffer.len(),
                cells.len()
            )));
        }
        for (cell, &value) in buffer.iter().zip(cells) {
            cell.set(value);
        }
        Ok(())
    }

    fn cells(&self, name: &str) -> Option<&[cell::Cell<C>]> {
        let index = self.program.buffers.iter().position(|buffer| buffer.name == name)?;
        Some(self.fabric.memory.cells(BufferId(index)))
    }

    /// The value of a lock.
    pub fn lock(&self, lock: LockId) -> Option<i32> {
        (lock.0 < self.program.locks.len()).then(|| self.fabric.locks.value(lock))
    }

    /// Where the array stands. An array that rests in the same state twice
    /// goes on in the same way twice.
    pub fn state(&self) -> State {
        let position = |actor: &Actor<C>| match actor {
            Actor::Core(core) => usize::from(core.has_ended()),
            Actor::Channel(channel) => channel.place(),
            Actor::Feeder(..) | Actor::Collector(..) | Actor::Host(_) => 0,
        };
        State {
            locks: (0..self.program.locks.len())
                .map(|lock| self.fabric.locks.value(LockId(lock)))
                .collect(),
            actors: self
                .actors
                .iter()
                .map(|actor| (position(actor), actor.wait().cloned()))
                .collect(),
        }
    }

    /// The name of each actor whose state, or the state of whose lock, differs.
    pub fn differences(&self, one: &State, other: &State) -> Vec<String> {
        let locks = one.locks.iter().zip(&other.locks).zip(&self.program.locks);
        let locks = locks
            .filter(|((a, b), _)| a != b)
            .map(|((a, b), lock)| format!("lock '{}' ({a}, then {b})", lock.name));
        let actors = one.actors.iter().zip(&other.actors).zip(&self.actors);
        let actors = actors.filter(|((a, b), _)| a != b).map(|(_, actor)| actor.name());
        locks.chain(actors).collect()
    }

    /// Release a lock from outside, as a host does to start a shim channel again.
    ///
    /// # Errors
    ///
    /// [`Failure::Fault`] if the lock does not exist or overflows.
    pub fn release(&mut self, lock: LockId, value: i32) -> Result<(), Failure> {
        if lock.0 >= self.program.locks.len() {
            let message = format!("releases lock {}, which does not exist", lock.0);
            return Err(Failure::Fault { actor: "the host".into(), fault: message.into() });
        }
        let action = UseLock { lock, action: LockAction::Release, value };
        let released = self.fabric.locks.apply(action, None, &mut self.fabric.agenda);
        released.map(|_| ()).map_err(|message| host_fault(message, lock))
    }
}

impl<C: Cell> Actor<C> {
    /// Whether it does nothing any more.
    pub(super) fn has_ended(&self) -> bool {
        match self {
            Actor::Core(core) => core.has_ended(),
            Actor::Channel(channel) => channel.has_ended(),
            Actor::Host(host) => host.is_done(),
            Actor::Feeder(..) | Actor::Collector(..) => false,
        }
    }

    fn channel_mut(&mut self) -> Option<&mut Channel<C>> {
        match self {
            Actor::Channel(channel) => Some(channel),
            _ => None,
        }
    }

    fn edge_mut(&mut self) -> Option<&mut Edge> {
        self.channel_mut()?.edge.as_mut()
    }

    pub(super) fn name(&self) -> String {
        match self {
            Actor::Core(core) => format!("core {}", place(core.tile)),
            Actor::Channel(channel) => channel.name(),
            Actor::Feeder(feeder, ..) => feeder.name.clone(),
            Actor::Collector(collector, ..) => collector.name.clone(),
            Actor::Host(_) => "the runtime sequence".to_string(),
        }
    }

    pub(super) fn wait(&self) -> Option<&Wait> {
        match self {
            Actor::Core(core) => core.wait(),
            Actor::Channel(channel) => channel.wait(),
            Actor::Feeder(feeder, ..) => feeder.wait(),
            Actor::Collector(collector, ..) => collector.wait(),
            Actor::Host(host) => host.wait(),
        }
    }
}

fn invalid(message: String) -> Failure {
    Failure::Invalid(message.into())
}

fn host_fault(message: String, lock: LockId) -> Failure {
    Failure::Fault { actor: "the host".into(), fault: Fault::at(Part::Lock(lock))(message) }
}

/// The time of every kernel that a core calls.
fn times(
    program: &Program,
    core: usize,
    device: &Device,
    version: KernelVersion,
) -> HashMap<KernelId, Rc<KernelTime>> {
    // Banks as a core sees them; without an address, a buffer is taken to be alone.
    let bank_bytes = device.resources(TileKind::Core).bank_bytes().max(1);
    let bank = |argument: Option<&Argument>| match argument {
        Some(Argument::Buffer(id)) => {
            let buffer = &program.buffers[id.0];
            Some((buffer.tile, buffer.address? / bank_bytes))
        }
        _ => None,
    };
    let mut times: HashMap<KernelId, Rc<KernelTime>> = HashMap::new();
    let mut pending: Vec<&Stmt> = program.cores[core].body.iter().collect();
    while let Some(statement) = pending.pop() {
        match statement {
            Stmt::UseLock(_) => {}
            Stmt::For { body, .. } => pending.extend(body),
            Stmt::Call { kernel, arguments, .. } => {
                let banks = [bank(arguments.first()), bank(arguments.get(1))];
                let conflict = banks[0].is_some() && banks[0] == banks[1];
                let time = kernel_time(&program.kernels[kernel.0], conflict, device, version);
                // Of calls that differ in their banks, the slowest.
                let slower = times.get(kernel).is_none_or(|other| other.total() < time.total());
                if slower {
                    times.insert(*kernel, Rc::new(time));
                }
            }
        }
    }
    times
}

/// Whether `actor` should have filled external memory, but has not.
pub(super) fn lacks_external<C: Cell>(actor: &Actor<C>, program: &Program) -> bool {
    let Actor::Channel(channel) = actor else { return false };
    let memory = || program.outputs.iter().any(|output| output.memory.is_some());
    // One that runs for ever, and that the host holds up, rests at a lock.
    let began = || memory() && matches!(channel.wait(), Some(Wait::Data(_)));
    channel.direction == Direction::S2mm
        && !channel.has_ended()
        && channel.buffers().any(|buffer| program.buffers[buffer.0].external)
        && (channel.finite || began())
}

/// Whether `actor` is a core whose program has an end that it does not come to,
/// of an array that gives nothing else by which to tell that it stands still.
pub(super) fn is_stranded<C: Cell>(actor: &Actor<C>, program: &Program) -> bool {
    let Actor::Core(core) = actor else { return false };
    if core.wait().is_none() || !program.outputs.is_empty() || !program.sequences.is_empty() {
        return false;
    }
    let mut cores = program.cores.iter().filter(|other| other.tile == core.tile);
    cores.any(|core| {
        !program.code_of(core).iter().any(|(_, function)| function.endless) && !endless(&core.body)
    })
}

/// Whether statements hold a loop that stands for one without end.
fn endless(statements: &[Stmt]) -> bool {
    statements.iter().any(|statement| match statement {
        Stmt::For { lower, upper, step, body, .. } => {
            let known = match (lower, upper, step) {
                (
                    Argument::Constant(lower),
                    Argument::Constant(upper),
                    Argument::Constant(step),
                ) => upper.saturating_sub(*lower) / (*step).max(1),
                _ => 0,
            };
            known >= ENDLESS || endless(body)
        }
        _ => false,
    })
}

/// Check what [`Program`] promises, so that nothing below needs to.
fn check_indices(program: &Program) -> Result<(), String> {
    let lock = |action: &UseLock| match action.lock.0 < program.locks.len() {
        true => Ok(()),
        false => Err(format!("lock {} does not exist", action.lock.0)),
    };
    let buffer = |id: BufferId| match id.0 < program.buffers.len() {
        true => Ok(()),
        false => Err(format!("buffer {} does not exist", id.0)),
    };
    for bd in program.dmas.iter().flat_map(|dma| &dma.bds) {
        buffer(bd.buffer)?;
        bd.acquire.iter().chain(&bd.release).try_for_each(lock)?;
    }
    for sequence in &program.sequences {
        for step in &sequence.steps {
            match step {
                Step::Copy(copy) => buffer(copy.buffer)?,
                Step::Write(Write::Bytes { buffer: id, .. } | Write::Bits { buffer: id, .. }) => {
                    buffer(*id)?
                }
                Step::Start(task) => {
                    for bd in &task.chain {
                        buffer(bd.buffer)?;
                        bd.acquire.iter().chain(&bd.release).try_for_each(lock)?;
                    }
                    let links = task.chain.iter().filter_map(|bd| bd.next);
                    if let Some(next) = links.into_iter().find(|&next| next >= task.chain.len()) {
                        return Err(format!("buffer descriptor {next} does not exist"));
                    }
                }
                Step::Write(Write::Lock { lock: id, .. }) => {
                    let (action, value) = (LockAction::Release, 0);
                    lock(&UseLock { lock: *id, action, value })?;
                }
                Step::Wait { .. } | Step::Sync(_) => {}
            }
        }
    }
    for dma in &program.dmas {
        for next in dma.bds.iter().filter_map(|bd| bd.next) {
            if next >= dma.bds.len() {
                return Err(format!("buffer descriptor {next} does not exist"));
            }
        }
    }
    let mut pending: Vec<&Stmt> = program.cores.iter().flat_map(|core| &core.body).collect();
    while let Some(statement) = pending.pop() {
        match statement {
            Stmt::UseLock(action) => lock(action)?,
            Stmt::Call { kernel, arguments, .. } => {
                if kernel.0 >= program.kernels.len() {
                    return Err(format!("kernel {} does not exist", kernel.0));
                }
                for argument in arguments {
                    if let Argument::Buffer(id) = argument {
                        buffer(*id)?;
                    }
                }
            }
            Stmt::For { lower, upper, step, body, .. } => {
                for argument in [lower, upper, step] {
                    if let Argument::Buffer(id) = argument {
                        buffer(*id)?;
                    }
                }
                pending.extend(body);
            }
        }
    }
    Ok(())
}
