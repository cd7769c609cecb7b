//! Cores: a body of statements each, calling kernels.
//!
//! A core runs on a stack of its own and hands each request (a lock, a
//! cascade value) to the scheduler, which resumes it when the request is
//! served. So bodies are interpreted in a straight line, and a native kernel
//! may wait in the middle of a call.
//!
//! **Invariant:** a stack is never unwound from outside: a run that is given up
//! answers every request with [`Reply::Stop`] until the body has returned.

use std::cell;
use std::collections::HashMap;
use std::rc::Rc;

use corosensei::stack::DefaultStack;
use corosensei::{Coroutine, CoroutineResult, Yielder};

use super::cascade::{CASCADE_BYTES, Cascade};
use super::cell::Cell;
use super::clock::{Activity, Clock, Cycle, Log, Span};
use super::fabric::{ActorId, Fabric, Wait, place};
use super::memory::Memory;
use super::watch::Channel;
use crate::array::{
    Argument, BufferId, Element, Kernel, KernelId, LockAction, Part, Program, Reg, Stmt, Tile,
    Type, UseLock,
};
use crate::kernel::time::{KernelTime, Transfer};

/// In bytes, for the interpreter and a kernel's host build, whose frames are
/// larger than the core's own. Pages that are not touched cost nothing.
const STACK: usize = 1 << 20;

/// What runs when a core calls a function.
pub trait Kernels<C: Cell> {
    /// Run `call` and return its results.
    ///
    /// Calls of several cores may be under way at once, on one thread: a call
    /// that waits in its cascade lets others run.
    ///
    /// # Errors
    ///
    /// An [`Interrupt::Stop`] of the cascade is passed on; an
    /// [`Interrupt::Error`] ends the run with a [`Failure`](super::Failure).
    fn call(&self, call: &Call<'_, C>) -> Result<Vec<i64>, Interrupt>;
}

impl<C: Cell, F: Fn(&Call<'_, C>) -> Result<Vec<i64>, Interrupt>> Kernels<C> for F {
    fn call(&self, call: &Call<'_, C>) -> Result<Vec<i64>, Interrupt> {
        self(call)
    }
}

/// One call of a kernel.
pub struct Call<'a, C: Cell> {
    /// Where the calling core is, and its index in the program.
    pub tile: Tile,
    pub core: usize,
    pub id: KernelId,
    pub kernel: &'a Kernel,
    /// As many as the kernel declares, of the declared types.
    pub arguments: &'a [Value<'a, C>],
    pub cascade: &'a dyn Cascade<C>,
}

/// An argument of a kernel.
#[derive(Clone, Copy)]
pub enum Value<'a, C> {
    /// All of a buffer. No two arguments of a call are the same buffer.
    Memory {
        cells: &'a [cell::Cell<C>],
        name: &'a str,
        element: Element,
    },
    Integer(i64),
}

/// Why a kernel did not return.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Interrupt {
    /// The run was given up while the kernel waited.
    Stop,
    Error(String),
}

impl From<String> for Interrupt {
    fn from(message: String) -> Interrupt {
        Interrupt::Error(message)
    }
}

/// What a core asks of the scheduler.
pub(super) enum Request<C> {
    Lock(UseLock),
    /// To run a kernel: the place for its duration, and where cores take turns.
    Compute(KernelId),
    /// To let others go first, amid instructions.
    Turn,
    Put([C; CASCADE_BYTES]),
    Get,
}

pub(super) enum Reply<C> {
    Done,
    Bits([C; CASCADE_BYTES]),
    Stop,
}

type Thread<C> = Coroutine<Reply<C>, Request<C>, Result<(), Interrupt>>;

pub(super) struct Core<C: Cell> {
    pub tile: Tile,
    /// The kernel that runs or ran last.
    pub kernel: Option<KernelId>,
    /// Instructions that the core has computed by itself, kernels apart.
    pub instructions: Rc<cell::Cell<u64>>,
    thread: Thread<C>,
    request: Option<Request<C>>,
    wait: Option<Wait>,
    cascade_in: Option<usize>,
    cascade_out: Option<usize>,
    clock: Clock,
    /// The time of each kernel that the core calls. Empty without time.
    times: HashMap<KernelId, Rc<KernelTime>>,
    call: Option<Running>,
    /// Since when the core asks for a lock, or for a transfer that is no kernel's.
    asked: Option<Cycle>,
}

/// A call under way.
struct Running {
    kernel: KernelId,
    time: Rc<KernelTime>,
    begin: Cycle,
    /// Cascade transfers that it has begun.
    transfers: usize,
}

impl Running {
    /// Whether the transfer that it has begun passes on a sum that just came in, in the same
    /// cycle: it has yet to be added to.
    fn passes_on(&self) -> bool {
        let last = self.transfers.checked_sub(1).and_then(|last| self.time.before.get(last));
        matches!(last, Some((0, Transfer::Put)))
    }
}

impl<C: Cell> Core<C> {
    /// The core with index `core`, not yet started.
    pub(super) fn new(
        program: &Rc<Program>,
        core: usize,
        memory: &Rc<Memory<C>>,
        kernels: &Rc<dyn Kernels<C>>,
    ) -> Result<Core<C>, String> {
        let tile = program.cores[core].tile;
        let stack = DefaultStack::new(STACK)
            .map_err(|error| format!("no stack for core {}: {error}", place(tile)))?;
        let (program, memory, kernels) = (program.clone(), memory.clone(), kernels.clone());
        let instructions = Rc::new(cell::Cell::new(0));
        let work = instructions.clone();
        let thread = Coroutine::with_stack(stack, move |yielder, first| {
            if matches!(first, Reply::Stop) {
                return Ok(());
            }
            let port =
                Port { yielder, stopped: cell::Cell::new(false), work, turn: cell::Cell::new(0) };
            let mut body = Body {
                program: &program,
                core,
                memory: &memory,
                kernels: &*kernels,
                port: &port,
                registers: Vec::new(),
            };
            match program.cores[core].code {
                Some(function) => body.function(function, Vec::new(), 0).map(|_| ()),
                None => body.run(&program.cores[core].body, 0),
            }
        });
        Ok(Core {
            tile,
            kernel: None,
            instructions,
            thread,
            request: None,
            wait: None,
            cascade_in: None,
            cascade_out: None,
            clock: Clock::default(),
            times: HashMap::new(),
            call: None,
            asked: None,
        })
    }

    /// Tell the core which cascades enter and leave its tile.
    pub(super) fn connect(&mut self, cascade_in: Option<usize>, cascade_out: Option<usize>) {
        (self.cascade_in, self.cascade_out) = (cascade_in, cascade_out);
    }

    /// Let the core's kernels take these times.
    pub(super) fn set_times(&mut self, times: HashMap<KernelId, Rc<KernelTime>>) {
        self.times = times;
    }

    pub(super) fn wait(&self) -> Option<&Wait> {
        self.wait.as_ref()
    }

    /// Whether the core let others go first amid its own code.
    pub(super) fn is_taking_turns(&self) -> bool {
        matches!(self.request, Some(Request::Turn))
    }

    pub(super) fn has_ended(&self) -> bool {
        self.thread.done()
    }

    /// Go on until there is something to wait for, or to the next kernel.
    pub(super) fn step(&mut self, me: ActorId, fabric: &mut Fabric<C>) -> Result<(), String> {
        self.wait = None;
        while !self.thread.done() {
            let reply = match self.request.take() {
                None => Reply::Done,
                Some(request) => {
                    if self.is_early(&request, me, fabric) {
                        self.request = Some(request);
                        return Ok(());
                    }
                    match self.serve(&request, me, fabric)? {
                        Ok(reply) => reply,
                        Err(wait) => {
                            self.request = Some(request);
                            self.wait = Some(wait);
                            return Ok(());
                        }
                    }
                }
            };
            match self.thread.resume(reply) {
                CoroutineResult::Yield(request) => {
                    self.pass(&request, me, fabric);
                    let turn = matches!(request, Request::Compute(_) | Request::Turn);
                    if let Request::Compute(kernel) = request {
                        self.kernel = Some(kernel);
                    }
                    self.request = Some(request);
                    if turn {
                        // Others go first, so that a core that never waits keeps nobody waiting.
                        fabric.agenda.wake_at(me, self.clock.now);
                        return Ok(());
                    }
                }
                CoroutineResult::Return(Ok(()) | Err(Interrupt::Stop)) => {
                    self.end_call(me, fabric);
                    self.end_code(me, fabric);
                }
                CoroutineResult::Return(Err(Interrupt::Error(message))) => return Err(message),
            }
        }
        Ok(())
    }

    /// Spend the time that lies before `request`.
    fn pass(&mut self, request: &Request<C>, me: ActorId, fabric: &mut Fabric<C>) {
        if fabric.latency.is_none() {
            return;
        }
        self.end_code(me, fabric);
        match (request, &mut self.call) {
            (Request::Put(_) | Request::Get, Some(call)) => {
                let cycles = call.time.before.get(call.transfers).map_or(1, |(cycles, _)| *cycles);
                call.transfers += 1;
                self.clock.spend(cycles);
            }
            (Request::Put(_) | Request::Get, None) => {
                self.clock.begin();
                self.asked = Some(self.clock.now);
                self.clock.spend(1);
            }
            (Request::Lock(_) | Request::Turn, _) => self.end_call(me, fabric),
            (Request::Compute(kernel), _) => {
                self.end_call(me, fabric);
                let Some(time) = self.times.get(kernel).cloned() else { return };
                self.clock.begin();
                let (kernel, begin) = (*kernel, self.clock.now);
                if time.before.is_empty() {
                    self.clock.spend(time.after);
                }
                self.call = Some(Running { kernel, time, begin, transfers: 0 });
            }
        }
    }

    /// Log what the core has done by itself: an instruction takes a cycle.
    fn end_code(&mut self, me: ActorId, fabric: &mut Fabric<C>) {
        let own = self.instructions.take();
        if own == 0 || fabric.latency.is_none() {
            return;
        }
        self.end_call(me, fabric);
        let begin = self.clock.now;
        self.clock.spend(own);
        let activity = Activity::Code { waited: 0 };
        fabric.log.add(me, Span { begin, end: self.clock.now, activity, cause: None });
    }

    /// Log a transfer of a cascade that is no kernel's.
    fn end_transfer(&mut self, me: ActorId, log: &mut Log) {
        if self.call.is_none()
            && let Some(begin) = self.asked.take()
        {
            let activity = Activity::Code { waited: self.clock.waited };
            log.add(me, Span { begin, end: self.clock.now, activity, cause: self.clock.cause });
        }
    }

    fn end_call(&mut self, me: ActorId, fabric: &mut Fabric<C>) {
        let Some(call) = self.call.take() else { return };
        if !call.time.before.is_empty() {
            let left = call.time.before.get(call.transfers..).unwrap_or_default();
            self.clock
                .spend(left.iter().map(|(cycles, _)| cycles).sum::<Cycle>() + call.time.after);
        }
        let activity = Activity::Compute { kernel: call.kernel, waited: self.clock.waited };
        let (begin, end, cause) = (call.begin, self.clock.now, self.clock.cause);
        fabric.log.add(me, Span { begin, end, activity, cause });
    }

    /// Whether others come before `request`, which only its order in time decides.
    fn is_early(&mut self, request: &Request<C>, me: ActorId, fabric: &mut Fabric<C>) -> bool {
        matches!(request, Request::Lock(action) if action.action != LockAction::Release)
            && fabric.is_early(me, &self.clock)
    }

    /// Serve `request`, or say what it must wait for.
    fn serve(
        &mut self,
        request: &Request<C>,
        me: ActorId,
        fabric: &mut Fabric<C>,
    ) -> Result<Result<Reply<C>, Wait>, String> {
        let agenda = &mut fabric.agenda;
        Ok(match request {
            Request::Compute(_) | Request::Turn => Ok(Reply::Done),
            Request::Lock(action) if action.action == LockAction::Release => {
                fabric.spend_at_locks(me, &mut self.clock, |latency| latency.core_lock);
                fabric.memory.used(me, *action);
                fabric.release(*action, me, self.clock.now)?;
                Ok(Reply::Done)
            }
            Request::Lock(action) => {
                let asked = *self.asked.get_or_insert(self.clock.now);
                if !fabric.locks.apply(*action, Some(me), agenda)? {
                    return Ok(Err(Wait::Lock(*action)));
                }
                fabric.memory.used(me, *action);
                self.asked = None;
                self.clock.begin();
                self.clock.wait(agenda.now, fabric.locks.releaser(action.lock), agenda.now);
                let (end, cause) = (self.clock.now, self.clock.cause);
                let activity = Activity::WaitLock(action.lock);
                fabric.log.add(me, Span { begin: asked, end, activity, cause });
                fabric.spend_at_locks(me, &mut self.clock, |latency| latency.core_lock);
                Ok(Reply::Done)
            }
            Request::Put(value) => {
                let link = self.cascade_out.ok_or("puts to a cascade, but none leaves its tile")?;
                // A sum that came in has to be added to before it goes out.
                let received = self.call.as_ref().is_some_and(|call| call.passes_on());
                let (before, delay) = fabric.latency.map_or((0, 0), |latency| {
                    (if received { latency.cascade_read } else { 0 }, latency.cascade)
                });
                if fabric.cascades.put(link, value, (&mut self.clock, before, delay), agenda) {
                    fabric.memory.gave(me, Channel::Cascade(link));
                    self.end_transfer(me, &mut fabric.log);
                    Ok(Reply::Done)
                } else {
                    Err(Wait::CascadeRoom(link))
                }
            }
            Request::Get => {
                let link =
                    self.cascade_in.ok_or("gets from a cascade, but none enters its tile")?;
                let value = fabric.cascades.get(link, &mut self.clock, agenda);
                if value.is_some() {
                    fabric.memory.got(me, Channel::Cascade(link));
                    self.end_transfer(me, &mut fabric.log);
                }
                value.map(Reply::Bits).ok_or(Wait::CascadeData(link))
            }
        })
    }
}

impl<C: Cell> Drop for Core<C> {
    fn drop(&mut self) {
        // Frames of native code cannot be unwound, so the body runs to its end.
        while self.thread.started() && !self.thread.done() {
            self.thread.resume(Reply::Stop);
        }
    }
}

/// The core's side of its requests.
pub(super) struct Port<'a, C> {
    yielder: &'a Yielder<Reply<C>, Request<C>>,
    stopped: cell::Cell<bool>,
    /// Instructions that were executed.
    pub work: Rc<cell::Cell<u64>>,
    /// The same since others went first.
    pub turn: cell::Cell<u64>,
}

impl<C: Cell> Port<'_, C> {
    pub(super) fn ask(&self, request: Request<C>) -> Result<Option<[C; CASCADE_BYTES]>, Interrupt> {
        if self.stopped.get() {
            return Err(Interrupt::Stop);
        }
        match self.yielder.suspend(request) {
            Reply::Done => Ok(None),
            Reply::Bits(bits) => Ok(Some(bits)),
            Reply::Stop => {
                self.stopped.set(true);
                Err(Interrupt::Stop)
            }
        }
    }
}

impl<C: Cell> Cascade<C> for Port<'_, C> {
    fn put(&self, value: [C; CASCADE_BYTES]) -> Result<(), Interrupt> {
        self.ask(Request::Put(value)).map(|_| ())
    }

    fn get(&self) -> Result<[C; CASCADE_BYTES], Interrupt> {
        // The scheduler answers a get with bits or a stop.
        self.ask(Request::Get)?.ok_or(Interrupt::Stop)
    }
}

/// The interpreter of one core's statements.
pub(super) struct Body<'a, C: Cell> {
    pub program: &'a Program,
    pub core: usize,
    pub memory: &'a Memory<C>,
    kernels: &'a dyn Kernels<C>,
    pub port: &'a Port<'a, C>,
    registers: Vec<Option<i64>>,
}

impl<C: Cell> Body<'_, C> {
    /// Run statements, of which `number` is the first's in the core.
    fn run(&mut self, statements: &[Stmt], mut number: usize) -> Result<(), Interrupt> {
        for statement in statements {
            self.memory.stand(ActorId(self.core), Part::Statement(self.core, number));
            match statement {
                Stmt::UseLock(action) => _ = self.port.ask(Request::Lock(*action))?,
                Stmt::Call { kernel, arguments, results } => {
                    self.call(*kernel, arguments, results)?
                }
                Stmt::For { variable, lower, upper, step, body } => {
                    let (lower, upper) = (self.integer(*lower)?, self.integer(*upper)?);
                    let step = self.integer(*step)?;
                    if step <= 0 {
                        return Err(Interrupt::Error(format!(
                            "loops with step {step}, which must be positive"
                        )));
                    }
                    let mut at = if acts(body) { lower } else { upper };
                    while at < upper {
                        self.set(*variable, at);
                        self.run(body, number + 1)?;
                        let Some(next) = at.checked_add(step) else { break };
                        at = next;
                    }
                }
            }
            number += statements_in(statement);
        }
        Ok(())
    }

    fn call(
        &mut self,
        id: KernelId,
        arguments: &[Argument],
        results: &[Reg],
    ) -> Result<(), Interrupt> {
        self.port.ask(Request::Compute(id))?;
        let kernel = &self.program.kernels[id.0];
        let values = self.arguments(kernel, arguments)?;
        let spans = arguments.iter().filter_map(|argument| match *argument {
            Argument::Buffer(buffer) => Some((buffer, 0, self.program.buffers[buffer.0].bytes())),
            _ => None,
        });
        let returned = self.invoke(id, &values, &spans.collect::<Vec<_>>())?;
        if returned.len() != results.len() {
            return Err(Interrupt::Error(format!(
                "calls '{}' for {} results, but it returns {}",
                kernel.name,
                results.len(),
                returned.len()
            )));
        }
        for (&result, value) in results.iter().zip(returned) {
            self.set(result, value);
        }
        Ok(())
    }

    /// Run a kernel, whose memory is `spans`: buffers with a byte and a number of bytes.
    pub(super) fn invoke(
        &self,
        id: KernelId,
        arguments: &[Value<'_, C>],
        spans: &[(BufferId, usize, usize)],
    ) -> Result<Vec<i64>, Interrupt> {
        let me = ActorId(self.core);
        let cells = |&(buffer, at, bytes): &(BufferId, usize, usize)| {
            let cells = &self.memory.cells(buffer)[at..at + bytes];
            cells.iter().map(cell::Cell::get).collect::<Vec<C>>()
        };
        let watched = if self.memory.watch().is_some() { spans } else { &[] };
        let before: Vec<Vec<C>> = watched.iter().map(cells).collect();
        for &(buffer, at, bytes) in watched {
            self.memory.observe(me, buffer, at, bytes, false);
        }
        let kernel = &self.program.kernels[id.0];
        let call = Call {
            tile: self.program.cores[self.core].tile,
            core: self.core,
            id,
            kernel,
            arguments,
            cascade: self.port,
        };
        let outcome = self.kernels.call(&call);
        if self.port.stopped.get() {
            return Err(Interrupt::Stop);
        }
        // Which arguments a kernel writes shows in what has changed.
        for (span, before) in watched.iter().zip(before) {
            for (offset, _) in
                cells(span).iter().zip(&before).enumerate().filter(|(_, (now, then))| now != then)
            {
                self.memory.observe(me, span.0, span.1 + offset, 1, true);
            }
        }
        outcome.map_err(|interrupt| match interrupt {
            Interrupt::Stop => Interrupt::Stop,
            Interrupt::Error(message) => {
                Interrupt::Error(format!("calls '{}': {message}", kernel.name))
            }
        })
    }

    /// The values of `arguments`, checked against what `kernel` declares.
    fn arguments<'m>(
        &'m self,
        kernel: &Kernel,
        arguments: &[Argument],
    ) -> Result<Vec<Value<'m, C>>, Interrupt> {
        let fail = |message: String| Interrupt::Error(format!("calls '{}' {message}", kernel.name));
        if arguments.len() != kernel.arguments.len() {
            return Err(fail(format!(
                "with {} arguments, but it takes {}",
                arguments.len(),
                kernel.arguments.len()
            )));
        }
        let mut values = Vec::with_capacity(arguments.len());
        for (index, (argument, declared)) in arguments.iter().zip(&kernel.arguments).enumerate() {
            let Argument::Buffer(id) = *argument else {
                if matches!(declared, Type::MemRef(..) | Type::Vector(..)) {
                    return Err(fail(format!("with a number as argument {index}, which is none")));
                }
                values.push(Value::Integer(self.integer(*argument)?));
                continue;
            };
            let buffer = &self.program.buffers[id.0];
            let Type::MemRef(shape, element) = declared else {
                return Err(fail(format!(
                    "with buffer '{}' as argument {index}, which is no buffer",
                    buffer.name
                )));
            };
            if *element != buffer.element || *shape != buffer.shape {
                return Err(fail(format!(
                    "with buffer '{}' as argument {index}: {:?} x {:?}, but declared as {shape:?} x {element:?}",
                    buffer.name, buffer.shape, buffer.element
                )));
            }
            if buffer.external {
                return Err(fail(format!(
                    "with external buffer '{}', which no core can reach",
                    buffer.name
                )));
            }
            if arguments[..index].contains(argument) {
                return Err(fail(format!("with buffer '{}' twice", buffer.name)));
            }
            values.push(Value::Memory {
                cells: self.memory.cells(id),
                name: &buffer.name,
                element: *element,
            });
        }
        Ok(values)
    }

    fn integer(&self, argument: Argument) -> Result<i64, Interrupt> {
        match argument {
            Argument::Constant(value) => Ok(value),
            Argument::Reg(register) => {
                self.registers.get(register.0).copied().flatten().ok_or_else(|| {
                    Interrupt::Error(format!("uses value {} before it is computed", register.0))
                })
            }
            Argument::Buffer(buffer) => Err(Interrupt::Error(format!(
                "uses buffer '{}' as a number",
                self.program.buffers[buffer.0].name
            ))),
        }
    }

    fn set(&mut self, register: Reg, value: i64) {
        if self.registers.len() <= register.0 {
            self.registers.resize(register.0 + 1, None);
        }
        self.registers[register.0] = Some(value);
    }
}

/// A statement and those within it.
fn statements_in(statement: &Stmt) -> usize {
    match statement {
        Stmt::UseLock(_) | Stmt::Call { .. } => 1,
        Stmt::For { body, .. } => 1 + body.iter().map(statements_in).sum::<usize>(),
    }
}

/// Whether running `statements` does anything: a loop over nothing may be long.
fn acts(statements: &[Stmt]) -> bool {
    statements.iter().any(|statement| match statement {
        Stmt::UseLock(_) | Stmt::Call { .. } => true,
        Stmt::For { body, .. } => acts(body),
    })
}
