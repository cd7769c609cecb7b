//! Whether a graph that was built is the one of an array program.
//!
//! The emulation of ADF writes down what a project's graph consists of: kernels, shared buffers,
//! streams, what connects them, where they are and how they are walked. Here this is held
//! against the program, without a look at how one was made of the other:
//!
//! * every core is a kernel at its place, with its stack, its constants and the places of its buffers;
//! * every cascade and every stream of programmable logic is there, and no other;
//! * every element that a kernel reads, and every one that leaves, is the same element of the same
//!   kernel or stream, followed back through all descriptors on one side and all access
//!   patterns on the other;
//! * shared buffers are in the memory tiles of the program, twice, within them and beside each other;
//! * every stream of programmable logic has a data mover in the system ([`super::system`]).

use super::system::{self, Plio};
use crate::{
    array::{
        Argument, Bd, BufferId, Bundle, Core, Direction, DmaChannel, Port as StreamPort, Program,
        Stmt, Tile,
    },
    device::{Device, TileKind},
};
use serde::Deserialize;
use std::{collections::BTreeMap, fmt};

/// What the emulation wrote down.
#[derive(Deserialize)]
struct Dump {
    nodes: Vec<Node>,
    edges: Vec<Edge>,
}

#[derive(Deserialize)]
struct Node {
    kind: String,
    name: String,
    places: Vec<[i64; 3]>,
    width: u32,
    stack: i64,
    stack_places: Vec<[i64; 3]>,
    buffers: i64,
    parameters: Vec<Parameter>,
    #[serde(rename = "in")]
    inputs: Vec<Port>,
    #[serde(rename = "out")]
    outputs: Vec<Port>,
}

#[derive(Deserialize)]
struct Parameter {
    bytes: usize,
    hash: u64,
    places: Vec<[i64; 3]>,
}

#[derive(Deserialize)]
struct Port {
    cascade: bool,
    bytes: usize,
    dimensions: Vec<usize>,
    places: Vec<[i64; 3]>,
    access: Vec<Access>,
}

#[derive(Deserialize)]
struct Access {
    buffer: Vec<usize>,
    tile: Vec<usize>,
    offset: Vec<i64>,
    traversal: Vec<[usize; 3]>,
}

#[derive(Deserialize)]
struct Edge {
    from: [usize; 2],
    to: [usize; 2],
    cascade: bool,
}

/// How much of a graph was found to be as in the program.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Agreed {
    pub kernels: usize,
    pub memories: usize,
    pub connections: usize,
    pub places: usize,
    pub patterns: usize,
    pub constants: usize,
    /// Elements that were followed from where they are read to where they are made.
    pub elements: usize,
    /// Data movers of the system.
    pub movers: usize,
}

impl fmt::Display for Agreed {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(
            f,
            "{} kernels, {} shared buffers, {} connections, {} places, {} access patterns, {} constants, {} elements, {} data movers",
            self.kernels,
            self.memories,
            self.connections,
            self.places,
            self.patterns,
            self.constants,
            self.elements,
            self.movers
        )
    }
}

/// Who makes an element.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Maker {
    Core(Tile),
    /// Column and channel.
    Input(u32, u32),
}

/// Who takes elements.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Taker {
    /// A core and the number of its input.
    Core(Tile, usize),
    Output(u32, u32),
}

impl fmt::Display for Maker {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Maker::Core(tile) => write!(f, "of {tile}"),
            Maker::Input(column, channel) => write!(f, "of stream {channel} into column {column}"),
        }
    }
}

impl fmt::Display for Taker {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Taker::Core(tile, input) => write!(f, "input {input} of {tile}"),
            Taker::Output(column, channel) => {
                write!(f, "stream {channel} out of column {column}")
            }
        }
    }
}

/// Where an element comes from; `None` if nobody makes it.
type Origin = Option<(Maker, usize)>;

/// Elements in order; those of a stream from outside go on for ever.
#[derive(Clone)]
enum Stream {
    Known(Vec<Origin>),
    Input(u32, u32),
}

impl Stream {
    fn at(&self, index: usize) -> Origin {
        match self {
            Stream::Known(all) => all.get(index).copied().flatten(),
            &Stream::Input(column, channel) => Some((Maker::Input(column, channel), index)),
        }
    }
}

/// What every taker takes.
type Origins = BTreeMap<Taker, Vec<Origin>>;

/// Holds a graph, as the emulation wrote it down, against the program that it was made of, and
/// `system`, the configuration of the system, against the graph.
///
/// # Errors
///
/// All differences, in words.
pub fn check(
    program: &Program,
    device: &Device,
    dump: &str,
    system: &str,
) -> Result<Agreed, Vec<String>> {
    let dump: Dump = serde_json::from_str(dump)
        .map_err(|error| vec![format!("what the emulation wrote cannot be read: {error}")])?;
    let mut differences = Vec::new();
    let graph = match Built::new(&dump, device) {
        Ok(graph) => graph,
        Err(message) => return Err(vec![message]),
    };
    let design = Design { program, device };
    let mut agreed = Agreed::default();
    design.kernels(&graph, &mut differences, &mut agreed);
    design.cascades(&graph, &mut differences, &mut agreed);
    design.memories(&graph, &mut differences, &mut agreed);
    let (expected, found) = match (design.origins(), graph.origins()) {
        (Ok(expected), Ok(found)) => (expected, found),
        (Err(message), _) | (_, Err(message)) => {
            differences.push(message);
            return Err(differences);
        }
    };
    compare(&expected, &found, &mut differences, &mut agreed);
    let streams: Vec<Plio> = (dump.nodes.iter())
        .filter(|node| matches!(node.kind.as_str(), "input" | "output"))
        .map(|node| Plio { name: &node.name, into: node.kind == "input", width: node.width })
        .collect();
    match system::check(system, &streams) {
        Ok(movers) => agreed.movers = movers,
        Err(more) => differences.extend(more.into_iter().map(|text| format!("system.cfg: {text}"))),
    }
    agreed.connections += dump.edges.iter().filter(|edge| !edge.cascade).count();
    for port in dump.nodes.iter().flat_map(|node| node.inputs.iter().chain(&node.outputs)) {
        agreed.patterns += port.access.len();
    }
    if differences.is_empty() { Ok(agreed) } else { Err(differences) }
}

fn compare(
    expected: &Origins,
    found: &Origins,
    differences: &mut Vec<String>,
    agreed: &mut Agreed,
) {
    for taker in found.keys().filter(|taker| !expected.contains_key(taker)) {
        differences.push(format!("{taker} is not in the design"));
    }
    for (taker, expected) in expected {
        let Some(found) = found.get(taker) else {
            differences.push(format!("{taker} is missing"));
            continue;
        };
        if expected.len() != found.len() {
            differences.push(format!(
                "{taker} has {} elements, {} in the design",
                found.len(),
                expected.len()
            ));
            continue;
        }
        let say = |origin: &Origin| match origin {
            Some((maker, index)) => format!("element {index} {maker}"),
            None => "nobody's".into(),
        };
        let mut differing = expected.iter().zip(found).enumerate().filter(|(_, (e, f))| e != f);
        match differing.next() {
            None => agreed.elements += expected.len(),
            Some((index, (expected, found))) => differences.push(format!(
                "{taker}: element {index} is {}, in the design {}, and {} more differ",
                say(found),
                say(expected),
                differing.count()
            )),
        }
    }
}

/// The elements that loops visit, outermost first, from a begin.
fn walk(begin: usize, loops: impl IntoIterator<Item = (usize, usize)>) -> Vec<usize> {
    let mut all = vec![begin];
    for (count, stride) in loops {
        all = all.iter().flat_map(|at| (0..count).map(move |i| at + i * stride)).collect();
    }
    all
}

fn descriptor(bd: &Bd) -> Vec<usize> {
    match bd.dims.as_slice() {
        [] => (bd.offset..bd.offset + bd.len).collect(),
        dims => walk(bd.offset, dims.iter().map(|dim| (dim.size, dim.stride))),
    }
}

/// The graph that was built.
struct Built<'a> {
    dump: &'a Dump,
    /// The tile of each node that has one.
    tiles: Vec<Option<Tile>>,
}

impl<'a> Built<'a> {
    fn new(dump: &'a Dump, device: &Device) -> Result<Built<'a>, String> {
        let mut tiles = Vec::new();
        for node in &dump.nodes {
            let first = match node.kind.as_str() {
                "kernel" => device.core_rows().start,
                "memory" => device.mem_rows().start,
                "input" | "output" => 0,
                other => return Err(format!("a node is a '{other}'")),
            };
            let place = node.places.first().and_then(|&[column, row, _]| {
                let column = u32::try_from(column).ok()?;
                Some(Tile { column, row: first.checked_add(u32::try_from(row).ok()?)? })
            });
            tiles.push(place);
        }
        let exists = |&[node, port]: &[usize; 2], out: bool| {
            dump.nodes
                .get(node)
                .is_some_and(|node| port < if out { node.outputs.len() } else { node.inputs.len() })
        };
        match dump.edges.iter().all(|edge| exists(&edge.from, true) && exists(&edge.to, false)) {
            true => Ok(Built { dump, tiles }),
            false => Err("a connection ends at a port that does not exist".into()),
        }
    }

    fn nodes<'b>(&'b self, kind: &'b str) -> impl Iterator<Item = (usize, &'a Node)> + 'b {
        self.dump.nodes.iter().enumerate().filter(move |(_, node)| node.kind == kind)
    }

    /// What moves through a port, in order.
    fn visited(port: &Port, who: &str) -> Result<Vec<usize>, String> {
        let size: usize = port.dimensions.iter().product();
        if port.access.is_empty() {
            return Ok((0..size).collect());
        }
        let mut all = Vec::new();
        for access in &port.access {
            let mut strides = Vec::new();
            let mut below = 1;
            for &extent in &access.buffer {
                strides.push(below);
                below *= extent;
            }
            let begin: i64 =
                access.offset.iter().zip(&strides).map(|(&at, &s)| at * s as i64).sum();
            let outer = access.traversal.iter().rev().map(|&[dimension, stride, wrap]| {
                (wrap, stride * strides.get(dimension).copied().unwrap_or(0))
            });
            let inner = access.tile.iter().copied().zip(strides.iter().copied()).rev();
            let begin =
                usize::try_from(begin).map_err(|_| format!("{who} begins before its buffer"))?;
            all.extend(walk(begin, outer.chain(inner)));
        }
        match all.iter().all(|&at| at < size) {
            true => Ok(all),
            false => Err(format!("{who} is walked beyond its end")),
        }
    }

    /// What leaves a port.
    fn stream(&self, [node, port]: [usize; 2]) -> Result<Stream, String> {
        let which = &self.dump.nodes[node];
        let at = self.tiles[node].ok_or_else(|| format!("'{}' has no place", which.name))?;
        let output = &which.outputs[port];
        match which.kind.as_str() {
            "input" => Ok(Stream::Input(at.column, at.row)),
            "kernel" => {
                let all = Self::visited(output, &format!("the output of {at}"))?;
                Ok(Stream::Known(all.into_iter().map(|i| Some((Maker::Core(at), i))).collect()))
            }
            _ => {
                let who = format!("the shared buffer of {at}");
                let mut memory = vec![None; output.dimensions.iter().product()];
                for edge in self.dump.edges.iter().filter(|edge| edge.to[0] == node) {
                    // A shared buffer that another one feeds would be one more step.
                    if self.dump.nodes[edge.from[0]].kind == "memory" {
                        return Err(format!("{who} is fed by another"));
                    }
                    let source = self.stream(edge.from)?;
                    let into = Self::visited(&which.inputs[edge.to[1]], &who)?;
                    for (index, at) in into.into_iter().enumerate() {
                        memory[at] = source.at(index);
                    }
                }
                let all = Self::visited(output, &who)?;
                Ok(Stream::Known(all.into_iter().map(|at| memory[at]).collect()))
            }
        }
    }

    fn origins(&self) -> Result<Origins, String> {
        let mut origins = Origins::new();
        for edge in self.dump.edges.iter().filter(|edge| !edge.cascade) {
            let node = &self.dump.nodes[edge.to[0]];
            if node.kind == "memory" {
                continue;
            }
            let at =
                self.tiles[edge.to[0]].ok_or_else(|| format!("'{}' has no place", node.name))?;
            let source = self.stream(edge.from)?;
            let (taker, taken) = if node.kind == "kernel" {
                let taker = Taker::Core(at, edge.to[1]);
                let port = &node.inputs[edge.to[1]];
                let mut taken = vec![None; port.dimensions.iter().product()];
                for (index, at) in Self::visited(port, &taker.to_string())?.into_iter().enumerate()
                {
                    taken[at] = source.at(index);
                }
                (taker, taken)
            } else {
                let Stream::Known(all) = source else {
                    return Err("an input leaves as it entered".into());
                };
                (Taker::Output(at.column, at.row), all)
            };
            if origins.insert(taker, taken).is_some() {
                return Err(format!("{taker} is filled twice"));
            }
        }
        Ok(origins)
    }
}

/// The program.
struct Design<'a> {
    program: &'a Program,
    device: &'a Device,
}

impl Design<'_> {
    /// Buffers that a core passes to its kernel, each with its other half.
    fn passed(core: &Core) -> Vec<[BufferId; 2]> {
        let mut calls = core.body.iter().flat_map(|statement| match statement {
            Stmt::For { body, .. } => body.as_slice(),
            _ => &[],
        });
        let mut next = || {
            calls.find_map(|statement| match statement {
                Stmt::Call { arguments, .. } => {
                    Some(arguments.iter().filter_map(|argument| match argument {
                        Argument::Buffer(id) => Some(*id),
                        _ => None,
                    }))
                }
                _ => None,
            })
        };
        let (Some(first), Some(second)) = (next(), next()) else { return Vec::new() };
        first.zip(second).map(|(one, other)| [one, other]).collect()
    }

    fn is_constant(&self, halves: &[BufferId; 2]) -> bool {
        self.program.buffers[halves[0].0].initial.is_some()
    }

    /// Inputs of a core in order, and its output.
    fn ports(&self, core: &Core) -> (Vec<[BufferId; 2]>, Option<[BufferId; 2]>) {
        let passes_on = self.program.cascades.iter().any(|(from, _)| *from == core.tile);
        let all = Self::passed(core);
        let output = all.last().filter(|halves| !passes_on && !self.is_constant(halves)).copied();
        let inputs = all.into_iter().filter(|halves| !self.is_constant(halves));
        (inputs.filter(|halves| Some(*halves) != output).collect(), output)
    }

    fn kernels(&self, graph: &Built, differences: &mut Vec<String>, agreed: &mut Agreed) {
        let mut found: BTreeMap<Tile, Vec<&Node>> = BTreeMap::new();
        for (index, node) in graph.nodes("kernel") {
            match graph.tiles[index] {
                Some(tile) => found.entry(tile).or_default().push(node),
                None => differences.push(format!("kernel '{}' has no place", node.name)),
            }
        }
        for tile in found.keys() {
            if !self.program.cores.iter().any(|core| core.tile == *tile) {
                differences.push(format!("a kernel is on {tile}, where the design has no core"));
            }
        }
        for core in &self.program.cores {
            match found.get(&core.tile).map(Vec::as_slice) {
                Some([node]) => self.kernel(core, node, graph, differences, agreed),
                Some(_) => differences.push(format!("{} has several kernels", core.tile)),
                None => differences.push(format!("{} has no kernel", core.tile)),
            }
        }
    }

    fn kernel(
        &self,
        core: &Core,
        node: &Node,
        graph: &Built,
        differences: &mut Vec<String>,
        agreed: &mut Agreed,
    ) {
        agreed.kernels += 1;
        let tile = core.tile;
        let mut differ = |what: String| differences.push(format!("{tile}: {what}"));
        if node.stack != i64::from(core.stack_size) {
            differ(format!(
                "the stack has {} bytes, {} in the design",
                node.stack, core.stack_size
            ));
        }
        let own = self.place(tile, Some(0));
        if node.stack_places != [own] {
            differ("the stack is not at the begin of its tile".into());
        }
        let (inputs, output) = self.ports(core);
        let buffers = |ports: &'_ [Port]| ports.iter().filter(|port| !port.cascade).count();
        let counts = (buffers(&node.inputs), buffers(&node.outputs));
        if counts != (inputs.len(), usize::from(output.is_some())) {
            differ(format!(
                "has {} inputs and {} outputs, other than the design",
                counts.0, counts.1
            ));
            return;
        }
        let ports = node.inputs.iter().zip(&inputs).chain(node.outputs.iter().zip(&output));
        for (port, halves) in ports {
            let buffer = &self.program.buffers[halves[0].0];
            let size = (port.dimensions.iter().product::<usize>(), port.bytes);
            if size != (buffer.len(), buffer.element.bytes()) {
                differ(format!("'{}' has another size or type", buffer.name));
            }
            let expected = halves.map(|half| {
                let buffer = &self.program.buffers[half.0];
                self.place(buffer.tile, buffer.address)
            });
            agreed.places += 1;
            // One that several read is copied to each of them, wherever the tools find room.
            let copied = || {
                let maker = self.program.cores.iter().find(|maker| {
                    maker.tile != tile && self.ports(maker).1.as_ref() == Some(halves)
                });
                maker.is_some_and(|maker| {
                    let edges = graph.dump.edges.iter();
                    let from = edges.filter(|edge| graph.tiles[edge.from[0]] == Some(maker.tile));
                    from.filter(|edge| graph.dump.nodes[edge.from[0]].kind == "kernel").count() > 1
                })
            };
            if port.places != expected && !(port.places.is_empty() && copied()) {
                differ(format!("'{}' is not where the design has it", buffer.name));
            }
        }
        let constants: Vec<BufferId> = (Self::passed(core).into_iter())
            .filter(|halves| self.is_constant(halves))
            .map(|halves| halves[0])
            .collect();
        if constants.len() != node.parameters.len() {
            differ(format!(
                "has {} constants, {} in the design",
                node.parameters.len(),
                constants.len()
            ));
        }
        for (id, parameter) in constants.iter().zip(&node.parameters) {
            let buffer = &self.program.buffers[id.0];
            let bytes = buffer.initial.as_deref().unwrap_or_default();
            if (parameter.bytes, parameter.hash) != (bytes.len(), hash(bytes)) {
                differ(format!("the constant '{}' has other values", buffer.name));
            }
            if parameter.places != [self.place(buffer.tile, buffer.address)] {
                differ(format!("the constant '{}' is not where the design has it", buffer.name));
            }
            agreed.constants += 1;
        }
        agreed.places += 2;
    }

    /// As ADF counts.
    fn place(&self, tile: Tile, address: Option<u32>) -> [i64; 3] {
        let first = match self.device.tile_kind(tile) {
            Some(TileKind::Core) => self.device.core_rows().start,
            Some(TileKind::Mem) => self.device.mem_rows().start,
            _ => 0,
        };
        [
            i64::from(tile.column),
            i64::from(tile.row) - i64::from(first),
            address.map_or(-1, i64::from),
        ]
    }

    fn cascades(&self, graph: &Built, differences: &mut Vec<String>, agreed: &mut Agreed) {
        let mut found: Vec<(Option<Tile>, Option<Tile>)> = (graph.dump.edges.iter())
            .filter(|edge| edge.cascade)
            .map(|edge| (graph.tiles[edge.from[0]], graph.tiles[edge.to[0]]))
            .collect();
        for &(from, to) in &self.program.cascades {
            match found.iter().position(|found| *found == (Some(from), Some(to))) {
                Some(index) => {
                    found.swap_remove(index);
                    agreed.connections += 1;
                }
                None => differences.push(format!("there is no cascade from {from} to {to}")),
            }
        }
        if !found.is_empty() {
            differences.push(format!("{} cascades are not in the design", found.len()));
        }
    }

    fn memories(&self, graph: &Built, differences: &mut Vec<String>, agreed: &mut Agreed) {
        let has = i64::from(self.device.resources(TileKind::Mem).memory_bytes);
        let mut used: BTreeMap<(i64, i64), Vec<(i64, i64)>> = BTreeMap::new();
        for (index, node) in graph.nodes("memory") {
            agreed.memories += 1;
            let Some(tile) = graph.tiles[index] else {
                differences.push("a shared buffer has no place".into());
                continue;
            };
            if node.buffers != 2 || node.places.len() != 2 {
                differences.push(format!("the shared buffer of {tile} is not a pair"));
            }
            let port = node.outputs.first();
            let bytes =
                port.map_or(0, |port| port.dimensions.iter().product::<usize>() * port.bytes);
            for &[column, row, offset] in &node.places {
                let range = (offset, offset + bytes as i64);
                if self.place(tile, None)[..2] != [column, row] || offset < 0 || range.1 > has {
                    differences.push(format!("a shared buffer leaves {tile}"));
                }
                let others = used.entry((column, row)).or_default();
                if others.iter().any(|other| range.0 < other.1 && other.0 < range.1) {
                    differences.push(format!("two shared buffers of {tile} overlap"));
                }
                others.push(range);
                agreed.places += 1;
            }
            // Whoever reads of it does so of this tile in the design.
            for edge in graph.dump.edges.iter().filter(|edge| edge.from[0] == index) {
                let reader = graph.tiles[edge.to[0]];
                let is_core = graph.dump.nodes[edge.to[0]].kind == "kernel";
                let fits = self.program.flows.iter().any(|flow| {
                    flow.source.tile == tile
                        && flow.destinations.iter().any(|port| match is_core {
                            true => Some(port.tile) == reader,
                            false => {
                                reader == Some(Tile { column: port.tile.column, row: port.channel })
                            }
                        })
                });
                if !fits {
                    differences.push(format!(
                        "the shared buffer of {tile} is read where the design reads of another tile"
                    ));
                }
            }
        }
        let tiles = self.program.buffers.iter().map(|buffer| buffer.tile);
        let stored = tiles.filter(|tile| self.device.tile_kind(*tile) == Some(TileKind::Mem));
        for tile in stored {
            if !graph.nodes("memory").any(|(index, _)| graph.tiles[index] == Some(tile)) {
                differences.push(format!("{tile} has no shared buffer"));
            }
        }
        differences.dedup();
    }

    fn channel(&self, port: StreamPort, direction: Direction) -> Result<&DmaChannel, String> {
        let mut all = self.program.dmas.iter();
        all.find(|dma| {
            (dma.tile, dma.channel, dma.direction) == (port.tile, port.channel, direction)
        })
        .ok_or_else(|| format!("the design has a stream without DMA at {}", port.tile))
    }

    /// What leaves a port in an iteration.
    fn stream(&self, port: StreamPort) -> Result<Stream, String> {
        if port.bundle == Bundle::Plio {
            return Ok(Stream::Input(port.tile.column, port.channel));
        }
        let channel = self.channel(port, Direction::Mm2s)?;
        let mut all = Vec::new();
        for bd in &channel.bds[..channel.bds.len() / 2] {
            match self.device.tile_kind(channel.tile) {
                Some(TileKind::Mem) => {
                    let memory = self.stored(bd.buffer)?;
                    all.extend(
                        descriptor(bd).into_iter().map(|at| memory.get(at).copied().flatten()),
                    );
                }
                _ => {
                    let maker = Maker::Core(channel.tile);
                    all.extend(descriptor(bd).into_iter().map(|at| Some((maker, at))));
                }
            }
        }
        Ok(Stream::Known(all))
    }

    /// What is in a region of a memory tile.
    fn stored(&self, buffer: BufferId) -> Result<Vec<Origin>, String> {
        let mut memory = vec![None; self.program.buffers[buffer.0].len()];
        for flow in &self.program.flows {
            for &destination in &flow.destinations {
                if self.device.tile_kind(destination.tile) != Some(TileKind::Mem) {
                    continue;
                }
                let channel = self.channel(destination, Direction::S2mm)?;
                let first = &channel.bds[..channel.bds.len() / 2];
                if !first.iter().any(|bd| bd.buffer == buffer) {
                    continue;
                }
                if self.device.tile_kind(flow.source.tile) == Some(TileKind::Mem) {
                    return Err("the design feeds a memory tile by another".into());
                }
                let source = self.stream(flow.source)?;
                let mut next = 0;
                for bd in first {
                    for at in descriptor(bd) {
                        if bd.buffer == buffer
                            && let Some(place) = memory.get_mut(at)
                        {
                            *place = source.at(next);
                        }
                        next += 1;
                    }
                }
            }
        }
        Ok(memory)
    }

    fn origins(&self) -> Result<Origins, String> {
        let mut origins = Origins::new();
        for core in &self.program.cores {
            for (index, halves) in self.ports(core).0.into_iter().enumerate() {
                let len = self.program.buffers[halves[0].0].len();
                let maker =
                    self.program.cores.iter().find(|maker| {
                        maker.tile != core.tile && self.ports(maker).1 == Some(halves)
                    });
                let taken = match maker {
                    Some(maker) => (0..len).map(|at| Some((Maker::Core(maker.tile), at))).collect(),
                    None => vec![None; len],
                };
                origins.insert(Taker::Core(core.tile, index), taken);
            }
        }
        for flow in &self.program.flows {
            for &destination in &flow.destinations {
                if destination.bundle == Bundle::Plio {
                    let Stream::Known(all) = self.stream(flow.source)? else {
                        return Err("an input of the design leaves as it entered".into());
                    };
                    let taker = Taker::Output(destination.tile.column, destination.channel);
                    origins.insert(taker, all);
                    continue;
                }
                if self.device.tile_kind(destination.tile) != Some(TileKind::Core) {
                    continue;
                }
                let channel = self.channel(destination, Direction::S2mm)?;
                let source = self.stream(flow.source)?;
                let core = self.program.cores.iter().find(|core| core.tile == destination.tile);
                let inputs = core.map(|core| self.ports(core).0).unwrap_or_default();
                let mut next = 0;
                for bd in &channel.bds[..channel.bds.len() / 2] {
                    let index = inputs.iter().position(|halves| halves[0] == bd.buffer);
                    let taken = index
                        .and_then(|index| origins.get_mut(&Taker::Core(destination.tile, index)));
                    let Some(taken) = taken else {
                        return Err(format!(
                            "{} of the design receives what it does not read",
                            destination.tile
                        ));
                    };
                    for at in descriptor(bd) {
                        if let Some(place) = taken.get_mut(at) {
                            *place = source.at(next);
                        }
                        next += 1;
                    }
                }
            }
        }
        Ok(origins)
    }
}

/// FNV-1a of 64 bits.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
