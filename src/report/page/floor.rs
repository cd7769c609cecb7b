//! The floor plan: the array from above, north on top, as SVG.

mod labels;
mod links;
mod shapes;

use super::{Page, fraction, grouped, palette::Color, percent};
use crate::{
    array::{Bundle, Tile},
    device::{Device, PortSide},
    report::{Edge, Layer, Rectangle, Report, TileMemory, text::counted},
};
use maud::{Markup, PreEscaped, html};
use shapes::{Area, Way, head, px};
use std::ops::Range;

const STYLE: &str = include_str!("floor.css");

/// Sides of a cell in pixels: small arrays have larger ones.
const CELLS: (f64, f64) = (28.0, 64.0);
/// What the cells of a row share.
const WIDTH: f64 = 1110.0;
/// Left of the cells, for the numbers of rows and what they hold.
const LEFT: f64 = 58.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 6.0;
/// Below the cells, for the numbers of columns; the names of tensors come below that.
const BOTTOM: f64 = 26.0;

/// The array with everything that is placed in it.
pub fn plan(page: &Page) -> Markup {
    let report = page.report;
    let floor = Floor::new(page);
    let (width, height) = (floor.width(), floor.height());
    let links = floor.links();
    html! {
        svg.floor xmlns="http://www.w3.org/2000/svg" role="img" width=(width) height=(height)
            viewBox={ "0 0 " (width) " " (height) } {
            title { "Floor plan of " (report.model) " on " (report.device) }
            style { (PreEscaped(STYLE)) }
            (floor.axes())
            (floor.cells())
            (floor.memory_tiles())
            @for (index, layer) in report.layers.iter().enumerate() { (floor.layer(index, layer)) }
            // Names stay readable below long lines, short lines above names.
            @for link in links.iter().filter(|link| !link.is_direct()) { (floor.link(link)) }
            @for (index, layer) in report.layers.iter().enumerate() { (floor.label(index, layer)) }
            @for link in links.iter().filter(|link| link.is_direct()) { (floor.link(link)) }
            (floor.ports())
        }
    }
}

/// What the signs in the floor plan mean.
pub fn legend(color: &Color) -> Markup {
    let sample = |content: Markup| html! { svg.floor width="26" height="22" viewBox="0 0 26 22" { (content) } };
    let items = [
        (
            html! {
                rect x="2" y="0" width="22" height="22" fill=(color.fill) {}
                rect.track x="5" y="17" width="16" height="3" {}
                rect.used x="5" y="17" width="7" height="3" {}
            },
            "core tile of a layer; bar: memory in use",
        ),
        (
            html! {
                rect x="0" y="2" width="26" height="18" fill=(color.fill) {}
                path.cascade d="M3 11 H23" {}
                path.used d=(head(16.0, 11.0, Way::East, 4.0)) {}
            },
            "cascade",
        ),
        (
            html! {
                rect.mem x="3" y="1" width="20" height="20" {}
                rect.level x="3" y="13" width="20" height="8" {}
            },
            "memory tile, filled as far as in use",
        ),
        (
            html! {
                path.port d=(head(8.0, 11.0, Way::North, 6.0)) {}
                path.port d=(head(20.0, 11.0, Way::South, 6.0)) {}
            },
            "ports in, out",
        ),
        (
            html! {
                path.link d="M13 21 V4" stroke=(color.dark) stroke-width="1.5" {}
                path d=(head(13.0, 4.0, Way::North, 4.0)) fill=(color.dark) {}
            },
            "streams, in the sender's color",
        ),
    ];
    html! { ul.legend { @for (picture, words) in items { li { (sample(picture)) (words) } } } }
}

struct Floor<'a> {
    report: &'a Report,
    colors: &'a [&'static Color],
    device: Option<Device>,
    cell: f64,
    // No array is larger than this; a damaged report may say anything.
    columns: usize,
    rows: usize,
    first_core_row: usize,
}

impl<'a> Floor<'a> {
    fn new(page: &'a Page) -> Self {
        let report = page.report;
        let columns = report.array.columns.clamp(1, 128) as usize;
        let rows = report.array.rows.clamp(1, 64) as usize;
        Floor {
            report,
            colors: &page.colors,
            device: Device::by_name(&report.device),
            cell: (WIDTH / columns as f64).floor().clamp(CELLS.0, CELLS.1),
            columns,
            rows,
            first_core_row: (report.array.first_core_row as usize).min(rows),
        }
    }

    /// Between cores and memory tiles, where most links are.
    fn wide_gap(&self) -> f64 {
        (self.cell * 1.25).min(56.0)
    }

    fn narrow_gap(&self) -> f64 {
        (self.cell * 0.8).min(36.0)
    }

    fn width(&self) -> f64 {
        LEFT + self.columns as f64 * self.cell + RIGHT
    }

    fn height(&self) -> f64 {
        self.bottom() + BOTTOM + links::LINE * self.tensor_lines() as f64
    }

    /// Below the shim.
    fn bottom(&self) -> f64 {
        self.y(0) + self.cell
    }

    /// The west edge of a column.
    fn x(&self, column: usize) -> f64 {
        LEFT + column as f64 * self.cell
    }

    /// The north edge of a row.
    fn y(&self, row: usize) -> f64 {
        let above = self.rows.saturating_sub(1 + row) as f64 * self.cell;
        let cores = if row < self.first_core_row { self.wide_gap() } else { 0.0 };
        let memory = if row == 0 && self.first_core_row > 1 { self.narrow_gap() } else { 0.0 };
        TOP + above + cores + memory
    }

    fn area(&self, column: usize, row: usize) -> Area {
        Area { x: self.x(column), y: self.y(row), width: self.cell, height: self.cell }
    }

    /// Tiles of a rectangle that are in the array: columns from west, rows from south.
    fn clipped(&self, rectangle: &Rectangle) -> (Range<usize>, Range<usize>) {
        let Rectangle { column, row, width, height } = *rectangle;
        let end = |from: usize, extent: usize, most: usize| from.saturating_add(extent).min(most);
        (column..end(column, width, self.columns), row..end(row, height, self.rows))
    }

    /// Of the tiles of a rectangle; `None` if it has none.
    fn rectangle(&self, rectangle: &Rectangle) -> Option<Area> {
        let (columns, rows) = self.clipped(rectangle);
        if columns.is_empty() || rows.is_empty() {
            return None;
        }
        let (x, y) = (self.x(columns.start), self.y(rows.end - 1));
        let height = self.y(rows.start) + self.cell - y;
        Some(Area { x, y, width: columns.len() as f64 * self.cell, height })
    }

    /// Numbers of columns and rows, and what the rows are.
    fn axes(&self) -> Markup {
        let x = LEFT - 14.0;
        let kinds = [
            (self.first_core_row..self.rows, "cores"),
            (1..self.first_core_row.max(1), "memory"),
            (0..1, "shim"),
        ];
        html! {
            @for row in 0..self.rows { text.axis x=(x) y=(px(self.y(row) + self.cell / 2.0)) { (row) } }
            @for column in 0..self.columns {
                text.axis x=(px(self.x(column) + self.cell / 2.0)) y=(px(self.bottom() + 12.0)) { (column) }
            }
            @for (rows, what) in kinds { @if !rows.is_empty() {
                @let middle = px((self.y(rows.start) + self.cell + self.y(rows.end - 1)) / 2.0);
                text.kind transform={ "translate(" (14) " " (middle) ") rotate(-90)" } dominant-baseline="central" { (what) }
            } }
        }
    }

    /// The empty array.
    fn cells(&self) -> Markup {
        html! {
            @for row in 0..self.rows { @for column in 0..self.columns {
                @let Area { x, y, width, .. } = self.area(column, row);
                @if row >= self.first_core_row { rect.core x=(x) y=(y) width=(width) height=(width) {} }
                @else if row > 0 { rect.mem x=(px(x + 2.0)) y=(px(y + 2.0)) width=(px(width - 4.0)) height=(px(width - 4.0)) {} }
                @else if self.has_ports(column) { rect.shim x=(x) y=(y) width=(width) height=(width) {} }
            } }
        }
    }

    fn has_ports(&self, column: usize) -> bool {
        let Some(device) = &self.device else { return true };
        let tile = Tile { column: column as u32, row: 0 };
        [Bundle::Plio, Bundle::Noc]
            .iter()
            .any(|bundle| device.stream_ports(tile, *bundle, PortSide::In) > 0)
    }

    fn memory_tiles(&self) -> Markup {
        let most = self.report.resources.memory_tile_bytes;
        html! { @for tile in &self.report.resources.memory { @if self.shows(tile) {
            @let Area { x, y, width, .. } = self.area(tile.column as usize, tile.row as usize);
            @let side = width - 4.0;
            @let share = fraction(tile.bytes as f64, most as f64);
            // What is in use is seen.
            @let level = (share * side).max(2.0);
            g {
                title {
                    "memory tile (" (tile.column) ", " (tile.row) ")\n"
                    (grouped(tile.bytes)) " of " (grouped(most)) " bytes, " (percent(share)) "\n"
                    (counted(tile.channels[0], "DMA channel")) " in, " (tile.channels[1]) " out"
                    @for edge in self.served(tile) { "\n" (edge.from) " → " (edge.to) }
                }
                rect.mem x=(px(x + 2.0)) y=(px(y + 2.0)) width=(px(side)) height=(px(side)) style="stroke: #5f6b78" {}
                rect.level x=(px(x + 2.0)) y=(px(y + 2.0 + side - level)) width=(px(side)) height=(px(level)) {}
            }
        } } }
    }

    fn shows(&self, tile: &TileMemory) -> bool {
        (tile.column as usize) < self.columns
            && (1..self.first_core_row).contains(&(tile.row as usize))
    }

    fn served(&self, tile: &TileMemory) -> impl Iterator<Item = &'a Edge> + use<'a> {
        let place = [tile.column as usize, tile.row as usize];
        self.report.edges.iter().filter(move |edge| edge.memory_tiles.contains(&place))
    }

    /// The tiles of a layer and its cascades.
    fn layer(&self, index: usize, layer: &Layer) -> Markup {
        let color = self.colors[index];
        let firsts = layer.rectangles.iter().scan(0, |next: &mut usize, rectangle| {
            let first = *next;
            *next += self.clipped(rectangle).1.len();
            Some(first)
        });
        let memory = self.report.resources.layers.get(index).copied().unwrap_or_default();
        let most = self.report.resources.core_tile_bytes;
        let bytes = memory.total();
        let used = fraction(bytes as f64, most as f64);
        html! { @for (rectangle, first_chain) in layer.rectangles.iter().zip(firsts) { @if let Some(area) = self.rectangle(rectangle) {
            @let (columns, rows) = self.clipped(rectangle);
            rect x=(px(area.x)) y=(px(area.y)) width=(px(area.width)) height=(px(area.height)) fill=(color.fill) {}
            @for (up, row) in rows.clone().enumerate() {
                @for (position, column) in columns.clone().enumerate() {
                    @let Area { x, y, width, .. } = self.area(column, row);
                    g {
                        title { (slice(layer, first_chain + up, position)) "\n" (tile_words(layer, column, row)) "\n"
                            "up to " (grouped(bytes)) " of " (grouped(most)) " bytes, " (percent(used)) }
                        rect.tile x=(px(x)) y=(px(y)) width=(width) height=(width) {}
                        rect.track x=(px(x + 3.0)) y=(px(y + width - 6.0)) width=(px(width - 6.0)) height="3" {}
                        rect.used x=(px(x + 3.0)) y=(px(y + width - 6.0)) width=(px((width - 6.0) * used)) height="3" {}
                    }
                }
                @if columns.len() > 1 { (self.cascade(columns.clone(), row)) }
            }
            rect x=(px(area.x)) y=(px(area.y)) width=(px(area.width)) height=(px(area.height)) fill="none"
                stroke=(color.dark) stroke-width="1.6" {}
        } } }
    }

    /// Partial sums along a row of tiles.
    fn cascade(&self, columns: Range<usize>, row: usize) -> Markup {
        let y = self.y(row) + self.cell * 0.5;
        let (from, to) =
            (self.x(columns.start) + self.cell / 2.0, self.x(columns.end) - self.cell / 2.0);
        let heads: Vec<String> = (columns.start + 1..columns.end)
            .map(|column| head(self.x(column), y, Way::East, 4.5))
            .collect();
        html! {
            path.cascade d={ "M" (px(from)) " " (px(y)) " H" (px(to)) } {}
            path.used d=(heads.join(" ")) {}
        }
    }
}

/// What a tile of a layer computes.
fn slice(layer: &Layer, chain: usize, position: usize) -> String {
    let part = |index: usize, width: usize, extent: usize| {
        let begin = index.saturating_mul(width).min(extent);
        format!("{begin} to {}", begin.saturating_add(width).min(extent))
    };
    // An add reads what it writes.
    let inputs = if layer.operation == "dense" {
        part(position, layer.tile_inputs, layer.inputs)
    } else {
        part(chain, layer.tile_outputs, layer.outputs)
    };
    format!(
        "{}: inputs {inputs}, outputs {}\nchain {} of {}, cascade position {} of {}",
        layer.name,
        part(chain, layer.tile_outputs, layer.outputs),
        chain + 1,
        layer.chains,
        position + 1,
        layer.cascade
    )
}

fn tile_words(layer: &Layer, column: usize, row: usize) -> String {
    let [m, k, n] = layer.microtile;
    format!("tile ({column}, {row}), microtile {m} × {k} × {n}")
}
