//! A report for people.

use super::{Alternative, Choice, Layer, Rectangle, Report};
use std::fmt::{self, Display, Formatter};

/// Signs of layers in the floor plan, without that of memory tiles.
const SIGNS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklnopqrstuvwxyz0123456789";

/// What a layer is called in the floor plan: `A`, `B`... and when these are used up `AA`, `AB`...
pub(super) fn sign(index: usize) -> String {
    let last = char::from(SIGNS[index % SIGNS.len()]);
    match index / SIGNS.len() {
        0 => last.into(),
        before => sign(before - 1) + &String::from(last),
    }
}

/// Such as `1 tile` or `2 tiles`.
pub(super) fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// What another split has more, or less if it is negative.
pub(super) struct Difference {
    pub tiles: i64,
    /// Between two iterations.
    pub cycles: i64,
    pub latency: i64,
}

impl Difference {
    pub fn of(layer: &Layer, choice: &Choice, other: &Alternative) -> Difference {
        // A damaged report may have any number.
        let tiles = layer.cascade.saturating_mul(layer.chains);
        let tiles = i64::try_from(tiles).unwrap_or(i64::MAX);
        Difference {
            tiles: other.tiles.saturating_sub(tiles),
            cycles: other.interval_cycles.saturating_sub(layer.estimated_cycles.unwrap_or(0)),
            latency: other.latency_cycles.saturating_sub(choice.latency_cycles),
        }
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        let Report { model, device, tiles, memory_tiles, rows, iterations, .. } = self;
        let tiles = counted(*tiles, "tile");
        writeln!(f, "{model} on {device}: {tiles}, {}", counted(*memory_tiles, "memory tile"))?;
        let (times, block) = (counted(*iterations, "iteration"), counted(*rows, "row"));
        writeln!(f, "{times} of {block} per batch, optimized for {}\n", self.objective)?;
        self.map(f)?;
        writeln!(f)?;
        self.table(f)?;
        self.reasons(f)?;
        for (when, layers) in [("before", &self.host.before), ("after", &self.host.after)] {
            for (index, layer) in layers.iter().enumerate() {
                let when = if index == 0 {
                    format!("\non the host, {when} the array:\n")
                } else {
                    String::new()
                };
                writeln!(f, "{when}  {}", layer.text())?;
            }
        }
        for (index, remark) in self.remarks.iter().enumerate() {
            let start = if index == 0 { "\n" } else { "" };
            writeln!(f, "{start}remark: {remark}")?;
        }
        let super::Estimate { interval_cycles, latency_cycles, proof, .. } = &self.estimate;
        writeln!(
            f,
            "\nestimated: {interval_cycles} cycles between iterations, {latency_cycles} cycles latency"
        )?;
        if let Some(simulated) = &self.simulated {
            let super::Simulated { interval_cycles, latency_cycles, trials, .. } = simulated;
            writeln!(
                f,
                "simulated: {interval_cycles:.1} cycles between iterations, {latency_cycles} cycles latency; \
                 {} placed and simulated",
                counted(*trials as usize, "plan")
            )?;
        }
        writeln!(f, "splits: {proof}")?;
        let super::Placement { cost, lower_bound, optimal } = self.placement;
        let proof = match optimal {
            true => "proven optimal".into(),
            false => format!("at least {lower_bound:.2} is needed"),
        };
        writeln!(f, "placement: cost {cost:.2}, {proof}")?;
        let super::Routing { streams, rounds, longest, .. } = self.routing;
        if rounds > 0 {
            let [streams, rounds, tiles] =
                [(streams, "stream"), (rounds, "round"), (longest, "tile")].map(|(count, what)| {
                    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
                });
            writeln!(f, "routing: {streams} in {rounds}, the longest way crosses {tiles}")?;
        }
        let super::Resources { core_tile_bytes, memory_tile_bytes, layers, memory, .. } =
            &self.resources;
        let core = layers.iter().map(super::CoreMemory::total).max().unwrap_or(0);
        let tile = memory.iter().map(|tile| tile.bytes).max().unwrap_or(0);
        writeln!(
            f,
            "memory: up to {core} of {core_tile_bytes} bytes of a tile, \
             {tile} of {memory_tile_bytes} bytes of a memory tile"
        )
    }
}

impl super::HostLayer {
    /// Its name and what it is made of.
    pub(super) fn text(&self) -> String {
        let operations = self.operations.join(", ");
        if self.name.is_empty() { operations } else { format!("{}: {operations}", self.name) }
    }
}

impl Report {
    /// The array from above, north on top.
    fn map(&self, f: &mut Formatter) -> fmt::Result {
        // No array is larger than this, a damaged report may say anything.
        let (columns, rows) =
            (self.array.columns.min(128) as usize, self.array.rows.min(64) as usize);
        let mut grid = vec![vec![String::from("."); columns]; rows];
        let put = |grid: &mut Vec<Vec<String>>, column: usize, row: usize, sign: &str| {
            if let Some(cell) = grid.get_mut(row).and_then(|cells| cells.get_mut(column)) {
                *cell = sign.into();
            }
        };
        for (index, layer) in self.layers.iter().enumerate() {
            for &Rectangle { column, row, width, height } in &layer.rectangles {
                for y in (row..rows).take(height) {
                    (column..columns).take(width).for_each(|x| put(&mut grid, x, y, &sign(index)));
                }
            }
        }
        for edge in &self.edges {
            edge.memory_tiles.iter().for_each(|&[column, row]| put(&mut grid, column, row, "m"));
            let is_input = self.inputs.iter().any(|input| input.name == edge.from);
            for &[column, _] in &edge.ports {
                let there = grid.first().and_then(|row| row.get(column)).map(String::as_str);
                let arrow = match (is_input, there) {
                    (true, Some("v" | "x")) | (false, Some("^" | "x")) => "x",
                    (true, _) => "^",
                    (false, _) => "v",
                };
                put(&mut grid, column, 0, arrow);
            }
        }
        let width = grid.iter().flatten().map(String::len).max().unwrap_or(1) + 1;
        for (row, cells) in grid.iter().enumerate().rev() {
            write!(f, "{row:>4} ")?;
            cells.iter().try_for_each(|cell| write!(f, "{cell:>width$}"))?;
            writeln!(f)?;
        }
        write!(f, "     ")?;
        for column in (0..columns).step_by(5) {
            let width = if column == 0 { width } else { 5 * width };
            write!(f, "{column:>width$}")?;
        }
        writeln!(f, "\n      letters: layers   m: memory tile   ^ v x: streams in, out, both")
    }

    fn table(&self, f: &mut Formatter) -> fmt::Result {
        let head = [
            "",
            "layer",
            "shape",
            "types",
            "microtile",
            "cascade x chains",
            "tile",
            "at",
            "cycles",
        ];
        let mut table = vec![head.map(String::from)];
        table.extend(self.layers.iter().enumerate().map(|(index, layer)| row(index, layer)));
        let width = |column: usize| table.iter().map(|row| row[column].len()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..head.len()).map(width).collect();
        for row in &table {
            let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
            let line = cells.collect::<Vec<_>>().join("  ");
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }

    /// Why each layer is split as it is, against the next best.
    fn reasons(&self, f: &mut Formatter) -> fmt::Result {
        if self.layers.iter().any(|layer| layer.choice.is_some()) {
            writeln!(f)?;
        }
        for (index, layer) in self.layers.iter().enumerate() {
            let Some(choice) = &layer.choice else { continue };
            write!(f, "{}  {}, bound by its {}; ", sign(index), choice.reason, choice.limit)?;
            match &choice.next_best {
                None => writeln!(f, "nothing else fits")?,
                Some(next) => {
                    let Difference { tiles, cycles, latency } = Difference::of(layer, choice, next);
                    let s = if tiles.abs() == 1 { "" } else { "s" };
                    writeln!(
                        f,
                        "next best {} x {}: {tiles:+} tile{s}, {cycles:+} cycles, {latency:+} latency",
                        next.cascade, next.chains
                    )?;
                }
            }
        }
        Ok(())
    }
}

fn row(index: usize, layer: &Layer) -> [String; 9] {
    let [input, weight, accumulator, output] = &layer.types;
    let [m, k, n] = layer.microtile;
    let operator = if layer.operation == "add" { '+' } else { '*' };
    let corners = layer.rectangles.iter().map(|at| format!("({}, {})", at.column, at.row));
    [
        sign(index),
        layer.name.clone(),
        format!("{}x{}x{}", layer.rows, layer.inputs, layer.outputs),
        format!("{input}{operator}{weight} {accumulator} {output}"),
        format!("{m}x{k}x{n}"),
        format!("{} x {}", layer.cascade, layer.chains),
        format!("{}x{}", layer.tile_inputs, layer.tile_outputs),
        corners.collect::<Vec<_>>().join(" "),
        layer.estimated_cycles.map_or("?".into(), |cycles| cycles.to_string()),
    ]
}
