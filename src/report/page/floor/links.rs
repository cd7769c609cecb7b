//! Streams: lines between layers, memory tiles and ports.

use super::{
    Floor,
    labels::{LONGEST, cut, length},
    shapes::{Area, Way, between, curve, head, px},
};
use crate::report::{Link, Node, page::palette::NEUTRAL, text::counted};
use maud::{Markup, html};
use std::collections::BTreeMap;

impl Floor<'_> {
    /// All streams, and edges of the network that need none: where a core reads what its
    /// neighbor wrote.
    pub fn links(&self) -> Vec<Link> {
        let mut links = self.report.resources.links.clone();
        let layer = |name: &str| self.report.layers.iter().position(|layer| layer.name == name);
        for edge in self.report.edges.iter().filter(|edge| edge.memory_tiles.is_empty()) {
            if let (Some(from), Some(to)) = (layer(&edge.from), layer(&edge.to)) {
                let (from, to) = (Node::Layer(from), Node::Layer(to));
                if !links.iter().any(|link| (link.from, link.to) == (from, to)) {
                    links.push(Link { from, to, streams: 0 });
                }
            }
        }
        links
    }

    /// Streams between two places.
    pub fn link(&self, link: &Link) -> Markup {
        let color =
            self.sender(link).and_then(|index| self.colors.get(index)).map_or(NEUTRAL, |c| c.dark);
        let Some((from, to)) = self.ends(link) else { return html! {} };
        let width = px(1.1 + 0.35 * (link.streams.max(1) as f64).log2()).min(3.0);
        let (d, way) = curve(from, to);
        let shown = head(to.0, to.1, way, 5.0 + width / 2.0);
        html! { g {
            title { (self.words(link.from)) " → " (self.words(link.to)) ": "
                @if link.streams == 0 { "shared memory" } @else { (counted(link.streams, "stream")) } }
            path.link d=(d) stroke=(color) stroke-width=(width) {}
            path d=(shown) fill=(color) {}
        } }
    }

    /// The layer whose features a link carries.
    fn sender(&self, link: &Link) -> Option<usize> {
        let Node::MemoryTile([column, row]) = link.from else {
            let Node::Layer(index) = link.from else { return None };
            return Some(index);
        };
        let place = [column as usize, row as usize];
        let layers = &self.report.layers;
        let edge = self.report.edges.iter().find(|edge| {
            edge.memory_tiles.contains(&place)
                && match link.to {
                    Node::Layer(index) => layers.get(index).is_some_and(|l| l.name == edge.to),
                    Node::Port(column) => edge.ports.iter().any(|port| port[0] == column as usize),
                    Node::MemoryTile(_) => true,
                }
        })?;
        layers.iter().position(|layer| layer.name == edge.from)
    }

    fn words(&self, node: Node) -> String {
        match node {
            Node::Layer(index) => {
                self.report.layers.get(index).map_or("?".into(), |l| l.name.clone())
            }
            Node::MemoryTile([column, row]) => format!("memory tile ({column}, {row})"),
            Node::Port(column) => format!("shim of column {column}"),
        }
    }

    /// Two points, at the sides of the places that look at each other.
    fn ends(&self, link: &Link) -> Option<((f64, f64), (f64, f64))> {
        let from = self.reach(link.from, link.to)?;
        let to = self.reach(link.to, link.from)?;
        // What comes and what goes stay apart.
        let shift = self.cell * 0.2;
        let x = |area: Area, other: Area, node: Node, shift: f64| match node {
            Node::Layer(_) => between(other.middle().0, area.x + 5.0, area.right() - 5.0),
            _ => area.middle().0 + shift,
        };
        let (mut start, mut end) = (x(from, to, link.from, shift), x(to, from, link.to, -shift));
        // Layers that touch hand over across their border, where a line is seen.
        let inside = if link.is_direct() { 9.0 } else { 0.0 };
        let (low, high) = if to.y >= from.below() {
            (from.below() - inside, to.y + inside)
        } else if from.y >= to.below() {
            (from.y + inside, to.below() - inside)
        } else {
            let y = (from.y.max(to.y) + from.below().min(to.below()) + self.cell / 2.0) / 2.0;
            (start, end) = if to.x > from.x {
                (from.right() - inside, to.x + inside)
            } else {
                (from.x + inside, to.right() - inside)
            };
            (y, y)
        };
        Some(((start, low), (end, high)))
    }

    /// The part of a place that is nearest to another.
    fn reach(&self, node: Node, other: Node) -> Option<Area> {
        match node {
            Node::Port(column) => Some(self.area((column as usize).min(self.columns), 0)),
            Node::MemoryTile([column, row]) => {
                let Area { x, y, width, height } = self.area(column as usize, row as usize);
                Some(Area { x: x + 2.0, y: y + 2.0, width: width - 4.0, height: height - 4.0 })
            }
            Node::Layer(index) => {
                let target = match other {
                    Node::Layer(other) => {
                        self.rectangle(self.report.layers.get(other)?.rectangles.first()?)?
                            .middle()
                            .0
                    }
                    _ => self.reach(other, node)?.middle().0,
                };
                let away =
                    |area: &Area| (area.x - target).max(target - area.x - area.width).max(0.0);
                let areas = self.report.layers.get(index)?.rectangles.iter();
                areas.filter_map(|r| self.rectangle(r)).min_by(|a, b| away(a).total_cmp(&away(b)))
            }
        }
    }

    /// The streams of each column into the array, or out of it, and where tensors cross its edge.
    fn tensors(&self) -> (Columns<'_>, Vec<Crossing<'_>>) {
        let report = self.report;
        let mut columns = Columns::new();
        let mut tensors: Vec<Crossing> = Vec::new();
        for edge in report.edges.iter().filter(|edge| !edge.ports.is_empty()) {
            let into = report.inputs.iter().any(|input| input.name == edge.from);
            let name = if into { &edge.from } else { &edge.to };
            let mut sum = 0;
            for &[column, channel] in edge.ports.iter().filter(|port| port[0] < self.columns) {
                columns.entry((column, into)).or_default().push((name, channel));
                sum += column;
            }
            let mean = self.x(0) + self.cell * (sum as f64 / edge.ports.len() as f64 + 0.5);
            tensors.push(Crossing { name, into, mean, streams: edge.ports.len() });
        }
        (columns, tensors)
    }

    /// Streams at the edge of the array, and what they carry.
    pub fn ports(&self) -> Markup {
        let (columns, tensors) = self.tensors();
        html! {
            @for ((column, into), streams) in &columns {
                @let Area { x, y, width, height } = self.area(*column, 0);
                @let center = x + width * if *into { 0.7 } else { 0.3 };
                @let way = if *into { Way::North } else { Way::South };
                g {
                    title {
                        "column " (column) ": " (counted(streams.len(), "stream")) @if *into { " into the array" } @else { " out of the array" }
                        @for (name, channel) in streams { "\n" (name) ", channel " (channel) }
                    }
                    path.port d=(head(center, y + height * 0.38, way, width * 0.34)) {}
                    text.axis x=(px(center)) y=(px(y + height * 0.78)) { (streams.len()) }
                }
            }
            @for (words, x, line) in names(&tensors, self.width()) {
                text.tensor x=(px(x)) y=(px(self.bottom() + 34.0 + LINE * line as f64)) { (words) }
            }
        }
    }

    /// Lines that the names of tensors take below the array.
    pub fn tensor_lines(&self) -> usize {
        let lines = names(&self.tensors().1, self.width()).into_iter().map(|(_, _, line)| line + 1);
        lines.max().unwrap_or(1)
    }
}

/// For columns and whether it is into the array: names and channels.
type Columns<'a> = BTreeMap<(usize, bool), Vec<(&'a str, usize)>>;

/// A tensor at the edge of the array.
struct Crossing<'a> {
    name: &'a str,
    into: bool,
    /// The middle of its ports.
    mean: f64,
    streams: usize,
}

/// Height of a line of names.
pub const LINE: f64 = 18.0;
/// More names than these lines hold are left to the table.
const LINES: usize = 6;

/// Words for each tensor that there is room for, their middle and their line: inputs above outputs.
fn names(tensors: &[Crossing], width: f64) -> Vec<(String, f64, usize)> {
    let mut taken: Vec<Vec<(f64, f64)>> = Vec::new();
    let mut found = Vec::new();
    for into in [true, false] {
        let first = taken.len();
        for Crossing { name, mean, streams, .. } in tensors.iter().filter(|t| t.into == into) {
            let sign = if into { '▲' } else { '▼' };
            let words = format!("{sign} {}: {}", cut(name, LONGEST), counted(*streams, "stream"));
            let half = length(&words) / 2.0;
            let x = between(*mean, half, width - half);
            let (west, east) = (x - half - 6.0, x + half + 6.0);
            let free = |line: &Vec<(f64, f64)>| line.iter().all(|&(w, e)| east <= w || e <= west);
            let line = (first..taken.len()).find(|&line| free(&taken[line]));
            let line = line.unwrap_or(taken.len());
            if line >= LINES {
                continue;
            }
            if line == taken.len() {
                taken.push(Vec::new());
            }
            taken[line].push((west, east));
            found.push((words, x, line));
        }
    }
    found
}
