//! Flows of a routed device: traced back from the connections of its switch boxes.
//!
//! A stream comes into a switch at a port and leaves it at others, which are ports into its
//! neighbors' switches, up to a DMA or a core. Below the switch of a shim tile is its mux. Each
//! packet id has a way of its own.

use super::{
    super::{flag, integer, op_name},
    Reader, natural,
};
use crate::{
    array::{Bundle, Flow, Port, Tile},
    mlir::{
        diagnostic::{Result, fail},
        rewrite,
    },
};
use melior::ir::{OperationRef, Value, ValueLike, operation::OperationLike};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Where a stream is: at a port into the switch of a tile, or into the mux below it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Entry {
    port: Port,
    mux: bool,
}

/// What becomes of the packets of some ids: ids whose bits of a mask are a value.
struct Rule {
    mask: u8,
    value: u8,
    /// The selection, by its place in memory.
    selection: usize,
}

#[derive(Default)]
struct Switches {
    circuits: HashMap<Entry, Vec<Port>>,
    rules: HashMap<Entry, Vec<Rule>>,
    /// Ports out of a switch that take a selection, and whether headers stay.
    takers: HashMap<usize, Vec<(Port, bool)>>,
    entries: BTreeSet<Entry>,
}

/// What a source feeds: for circuits, or for each id, the ends and whether headers stay.
type Ends = BTreeMap<Option<u8>, Vec<(Port, bool)>>;

fn key(value: Value) -> usize {
    value.to_raw().ptr as usize
}

impl Reader {
    /// Adds the flows and cascades that a routed device says by its switches.
    pub(super) fn routed<'c>(&mut self, ops: &[OperationRef<'c, '_>]) -> Result<'c> {
        let mut switches = Switches::default();
        for &op in ops {
            match op_name(op).as_str() {
                "aie.switchbox" => self.switch(op, false, &mut switches)?,
                "aie.shim_mux" => self.switch(op, true, &mut switches)?,
                _ => {}
            }
        }
        let is_source = |entry: &Entry| {
            matches!(entry.port.bundle, Bundle::Dma | Bundle::Core)
                || entry.mux && entry.port.bundle == Bundle::Plio
        };
        for entry in switches.entries.iter().copied().filter(is_source) {
            let mut ends = Ends::new();
            switches.follow(entry, None, &mut ends, 0);
            for (packet, ends) in ends {
                let keep_packet_header = ends.iter().any(|end| end.1);
                let destinations: Vec<Port> = ends.into_iter().map(|end| end.0).collect();
                let mut flows = self.program.flows.iter_mut();
                let same = |flow: &&mut Flow| (flow.source, flow.packet) == (entry.port, packet);
                match flows.find(same) {
                    // A flow that is still there may be what is left of a broadcast: the switches
                    // are what counts. It stays where others refer to it.
                    Some(flow) => {
                        let same = |port| flow.destinations.contains(port);
                        if destinations.len() != flow.destinations.len()
                            || !destinations.iter().all(same)
                        {
                            flow.destinations = destinations;
                        }
                    }
                    None => self.program.flows.push(Flow {
                        source: entry.port,
                        keep_packet_header,
                        destinations,
                        packet,
                    }),
                }
            }
        }
        if self.program.cascades.is_empty() {
            self.cascades(ops)?;
        }
        Ok(())
    }

    fn switch<'c>(
        &self,
        op: OperationRef<'c, '_>,
        mux: bool,
        switches: &mut Switches,
    ) -> Result<'c> {
        let tile = self.tile(op, 0)?;
        let port = |op: OperationRef<'c, '_>, side: &str| -> Result<'c, Port> {
            let bundle = integer(op, &format!("{side}_bundle"))
                .and_then(|number| Bundle::ALL.get(usize::try_from(number).ok()?).copied())
                .ok_or_else(|| fail(&op, "needs a known port"))?;
            Ok(Port { tile, bundle, channel: natural(op, &format!("{side}_channel"))? })
        };
        for inner in rewrite::body(op).map(rewrite::ops).unwrap_or_default() {
            match op_name(inner).as_str() {
                "aie.connect" => {
                    let entry = Entry { port: port(inner, "source")?, mux };
                    switches.entries.insert(entry);
                    switches.circuits.entry(entry).or_default().push(port(inner, "dest")?);
                }
                "aie.masterset" => {
                    let end = (port(inner, "dest")?, flag(inner, "keep_pkt_header") == Some(true));
                    for selection in inner.operands() {
                        switches.takers.entry(key(selection)).or_default().push(end);
                    }
                }
                "aie.packet_rules" => {
                    let entry = Entry { port: port(inner, "source")?, mux };
                    switches.entries.insert(entry);
                    let list = rewrite::body(inner).map(rewrite::ops).unwrap_or_default();
                    for rule in list.into_iter().filter(|op| rewrite::is(op, "aie.rule")) {
                        let byte = |name| integer(rule, name).unwrap_or(0) as u8;
                        let selection = rule.operands().next().map(key).unwrap_or_default();
                        let rule = Rule { mask: byte("mask"), value: byte("value"), selection };
                        switches.rules.entry(entry).or_default().push(rule);
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Neighbors whose cascade ports face each other.
    fn cascades<'c>(&mut self, ops: &[OperationRef<'c, '_>]) -> Result<'c> {
        let mut sides: HashMap<Tile, (Option<i64>, Option<i64>)> = HashMap::new();
        for &op in ops.iter().filter(|op| rewrite::is(op, "aie.configure_cascade")) {
            let tile = self.tile(op, 0)?;
            sides.insert(tile, (integer(op, "inputDir"), integer(op, "outputDir")));
        }
        let bundle = |side: Option<i64>| {
            side.and_then(|side| Bundle::ALL.get(usize::try_from(side).ok()?).copied())
        };
        let mut found = Vec::new();
        for (&tile, &(_, output)) in &sides {
            let Some((next, side)) = bundle(output).and_then(|side| beyond(tile, side)) else {
                continue;
            };
            if sides.get(&next).is_some_and(|&(input, _)| bundle(input) == Some(side)) {
                found.push((tile, next));
            }
        }
        found.sort_unstable();
        self.program.cascades = found;
        Ok(())
    }
}

impl Switches {
    /// Follows what comes in at `entry`, packets of an id if one is given.
    fn follow(&self, entry: Entry, packet: Option<u8>, ends: &mut Ends, depth: usize) {
        // Longer than any way without a circle.
        if depth > self.entries.len() {
            return;
        }
        for &port in self.circuits.get(&entry).into_iter().flatten() {
            self.leave(entry, port, (packet, false), ends, depth);
        }
        let Some(rules) = self.rules.get(&entry) else { return };
        let ids = match packet {
            Some(id) => id..id + 1,
            None => 0..32,
        };
        for id in ids {
            let Some(rule) = rules.iter().find(|rule| id & rule.mask == rule.value) else {
                continue;
            };
            for &(port, keeps) in self.takers.get(&rule.selection).into_iter().flatten() {
                self.leave(entry, port, (Some(id), keeps), ends, depth);
            }
        }
    }

    /// Goes on at a port out of a switch or a mux.
    fn leave(
        &self,
        from: Entry,
        port: Port,
        (packet, keeps): (Option<u8>, bool),
        ends: &mut Ends,
        depth: usize,
    ) {
        let next = match port.bundle {
            // Between a shim tile's mux and its switch.
            Bundle::North if from.mux => {
                Some(Entry { port: Port { bundle: Bundle::South, ..port }, mux: false })
            }
            Bundle::South if port.tile.row == 0 => {
                Some(Entry { port: Port { bundle: Bundle::North, ..port }, mux: true })
            }
            side => beyond(port.tile, side).map(|(tile, bundle)| Entry {
                port: Port { tile, bundle, channel: port.channel },
                mux: false,
            }),
        };
        match next {
            Some(entry) => self.follow(entry, packet, ends, depth + 1),
            None => ends.entry(packet).or_default().push((port, keeps)),
        }
    }
}

/// The tile on a side, and the side at which it is entered; `None` if the bundle is no side.
fn beyond(tile: Tile, side: Bundle) -> Option<(Tile, Bundle)> {
    let Tile { column, row } = tile;
    Some(match side {
        Bundle::North => (Tile { column, row: row + 1 }, Bundle::South),
        Bundle::South => (Tile { column, row: row.checked_sub(1)? }, Bundle::North),
        Bundle::East => (Tile { column: column + 1, row }, Bundle::West),
        Bundle::West => (Tile { column: column.checked_sub(1)?, row }, Bundle::East),
        _ => return None,
    })
}
