//! A report as a web page: one file that needs no other, the same for the same report.

mod floor;
pub(crate) mod palette;
#[cfg(test)]
mod tests;

use super::{
    Boundary, Layer, Report, Share,
    text::{Difference, counted, sign},
};
use crate::device::Device;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use palette::{Color, colors};
use std::fmt::Display;

pub(crate) const STYLE: &str = include_str!("page/style.css");

impl Report {
    /// As `report.html`.
    pub fn page(&self) -> String {
        Page::new(self).html().into_string()
    }

    /// The floor plan alone, as an SVG file.
    pub fn floor_plan(&self) -> String {
        floor::plan(&Page::new(self)).into_string() + "\n"
    }
}

/// A report with what is shown of it in more than one place.
struct Page<'a> {
    report: &'a Report,
    /// Of each layer.
    colors: Vec<&'static Color>,
}

impl<'a> Page<'a> {
    fn new(report: &'a Report) -> Self {
        Page { report, colors: colors(&report.layers) }
    }

    fn html(&self) -> Markup {
        let Report { model, device, .. } = self.report;
        let version = env!("CARGO_PKG_VERSION");
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="generator" content={ "aie4ml " (version) };
                    title { (model) " on " (device) }
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    header {
                        h1 { (model) }
                        p { (self.subtitle()) }
                        (self.figures())
                    }
                    figure {
                        (floor::plan(self))
                        @if let Some(color) = self.colors.first() { (floor::legend(color)) }
                    }
                    (self.layer_table())
                    (self.host_work())
                (self.remarks())
                    (self.splits())
                    (self.usage())
                    (self.core_memory())
                    (self.memory_tile_list())
                    (self.edge_table())
                    footer { "Cycles of layers are the planner's estimates. Written by aie4ml " (version) "." }
                }
            }
        }
    }

    fn subtitle(&self) -> String {
        let cores = self.report.array.rows.saturating_sub(self.report.array.first_core_row);
        // The last iteration may be filled up.
        let rows = self.report.inputs.iter().map(|input| input.rows).max();
        let all = self.report.rows.saturating_mul(self.report.iterations);
        let batch = counted(rows.unwrap_or(all), "row");
        let io = match self.report.io.as_str() {
            "plio" => " Tensors cross the boundary by PLIO.",
            "ddr" => " Tensors cross the boundary by DMA, from and to memory.",
            _ => "",
        };
        let blocks = match self.report.iterations {
            1 => "at once".into(),
            count => format!("in {} iterations of {}", grouped(count), self.report.rows),
        };
        format!(
            "{}, {} x {cores} cores. {batch} per batch, {blocks}. Optimized for {}.{io}",
            self.report.device, self.report.array.columns, self.report.objective
        )
    }

    /// The numbers that matter most.
    fn figures(&self) -> Markup {
        let clock = Device::by_name(&self.report.device).map(|device| device.timing.clock_mhz);
        let time = |cycles: i64| match clock {
            Some(mhz) => format!("{} at {mhz} MHz", duration(cycles as f64 / f64::from(mhz))),
            None => String::new(),
        };
        let resources = &self.report.resources;
        let (estimate, placement) = (&self.report.estimate, &self.report.placement);
        let proof = match placement.optimal {
            true => "no placement costs less".to_string(),
            false => format!("at least {:.2} is needed", placement.lower_bound),
        };
        let figure = |what: &str, value: String, unit: &str, more: String| {
            html! { div { dt { (what) } dd { (value) small { " " (unit) } } dd.small { (more) } } }
        };
        html! {
            dl.figures {
                (figure("Core tiles", grouped(self.report.tiles), "", of(resources.core_tiles)))
                (figure("Memory tiles", grouped(self.report.memory_tiles), "", of(resources.memory_tiles)))
                @if let Some(simulated) = &self.report.simulated {
                    @let (interval, latency) = (simulated.interval_cycles.round() as i64, simulated.latency_cycles);
                    (figure("Interval, simulated", cycles(interval), "cycles", time(interval)))
                    (figure("Latency, simulated", cycles(latency), "cycles", time(latency)))
                } @else {
                    (figure("Interval, estimated", cycles(estimate.interval_cycles), "cycles", time(estimate.interval_cycles)))
                    (figure("Latency, estimated", cycles(estimate.latency_cycles), "cycles", time(estimate.latency_cycles)))
                }
                (figure("Placement cost", format!("{:.2}", placement.cost), "", proof))
            }
        }
    }

    /// What passes remark.
    fn remarks(&self) -> Markup {
        let remarks = &self.report.remarks;
        html! {
            @if !remarks.is_empty() {
                h2 { "Remarks" }
                ul { @for remark in remarks { li { (remark) } } }
            }
        }
    }

    /// Layers of the model that the array does not compute.
    fn host_work(&self) -> Markup {
        let host = &self.report.host;
        let parts = [("Before the array", &host.before), ("After the array", &host.after)];
        html! {
            @if parts.iter().any(|(_, layers)| !layers.is_empty()) {
                h2 { "On the host" }
                div.wide { table {
                    thead { tr { th { "When" } th { "Layer" } th { "Made of" } } }
                    tbody {
                        @for (when, layers) in parts {
                            @for layer in layers {
                                tr { td { (when) } td { (layer.name) } td { (layer.operations.join(", ")) } }
                            }
                        }
                    }
                } }
            }
        }
    }

    fn layer_table(&self) -> Markup {
        let device = Device::by_name(&self.report.device);
        html! {
            h2 { "Layers" }
            div.wide { table {
                thead { tr {
                    th { "Layer" }
                    th { "Inputs × outputs" }
                    th { "Types" }
                    th { "Microtile" }
                    th { "Cascade × chains × rows" }
                    th.n { "Tiles" }
                    th { "Per tile" }
                    th.n { "Weights, bytes" }
                    th { "At" }
                    th.n { "Cycles" }
                    th { "Of the interval" }
                    th.n { "Of peak" }
                } }
                tbody { @for (index, layer) in self.report.layers.iter().enumerate() {
                    tr {
                        td.name { (self.key(index)) (layer.name) }
                        td { (layer.inputs) " × " (layer.outputs) }
                        td { (types(layer)) }
                        td { (layer.microtile.map(|side| side.to_string()).join(" × ")) }
                        td { (layer.cascade) " × " (layer.chains) " × " (self.report.rows) }
                        td.n { (grouped(layer.cascade.saturating_mul(layer.chains))) }
                        td { (layer.tile_inputs) " × " (layer.tile_outputs) }
                        td.n { (weights(layer).map_or("–".into(), grouped)) }
                        td { (corners(layer)) }
                        td.n { (layer.estimated_cycles.map_or("?".into(), cycles)) }
                        td { (bar(layer.estimated_cycles.unwrap_or(0) as f64, self.report.estimate.interval_cycles as f64)) }
                        td.n { (self.of_peak(layer, device.as_ref()).map_or("–".into(), percent)) }
                    }
                } }
            } }
            p.note {
                "Per tile: inputs and outputs, padding included. Of the interval: the layer that fills it is the one \
                 that limits the throughput. Of peak: multiplications of the layer, over those that its tiles could do in \
                 these cycles."
            }
        }
    }

    /// Multiplications of a layer over those that its tiles could do meanwhile.
    fn of_peak(&self, layer: &Layer, device: Option<&Device>) -> Option<f64> {
        let bits = |index: usize| layer.types[index].trim_start_matches(['u', 'i']).parse().ok();
        let rate = device?.macs_per_cycle(bits(0)?, bits(1)?);
        let cycles = layer.estimated_cycles.filter(|cycles| *cycles > 0)?;
        if layer.operation != "dense" || rate == 0 {
            return None;
        }
        let macs = self.report.rows as f64 * layer.inputs as f64 * layer.outputs as f64;
        Some(macs / (layer.cascade as f64 * layer.chains as f64 * f64::from(rate) * cycles as f64))
    }

    /// What is used of what the device has.
    fn usage(&self) -> Markup {
        let resources = &self.report.resources;
        let rows = [
            ("Core tiles", resources.core_tiles, ""),
            ("Memory of core tiles", resources.core_memory, "bytes"),
            ("Memory tiles", resources.memory_tiles, ""),
            ("Memory of memory tiles", resources.memory_tile_memory, "bytes"),
            ("Ports into the array", resources.input_ports, ""),
            ("Ports out of the array", resources.output_ports, ""),
        ];
        html! {
            h2 { "Use of the device" }
            table { tbody { @for (what, share, unit) in rows {
                tr {
                    td { (what) }
                    td style="width: 55%" { (bar(share.used as f64, share.available as f64)) }
                    td.n { (grouped(share.used)) " of " (grouped(share.available)) " " (unit) }
                    td.n { (percent(ratio(share))) }
                }
            } } }
        }
    }

    /// The fullest tile of each layer.
    fn core_memory(&self) -> Markup {
        let most = self.report.resources.core_tile_bytes;
        let width =
            |bytes: usize| format!("width: {:.2}%", 100.0 * fraction(bytes as f64, most as f64));
        html! {
            h2 { "Memory of a core tile" }
            div.wide { table {
                thead { tr {
                    th { "Layer" }
                    th style="width: 40%" {
                        "Of " (grouped(most)) " bytes: "
                        @for (class, what) in [("#0072b2", "weights and biases"), ("#e69f00", "activations"), ("#777", "stack")] {
                            span.swatch style={ "background: " (class) } {} " " (what) " "
                        }
                    }
                    th.n { "Weights and biases" }
                    th.n { "Activations" }
                    th.n { "Stack" }
                    th.n { "Bytes" }
                    th.n { "Used" }
                } }
                tbody { @for (index, (layer, memory)) in self.report.layers.iter().zip(&self.report.resources.layers).enumerate() {
                    tr {
                        td.name { (self.key(index)) (layer.name) }
                        td { span.bar {
                            i.constants style=(width(memory.constants)) {}
                            i.activations style=(width(memory.activations)) {}
                            i.stack style=(width(memory.stack)) {}
                        } }
                        td.n { (grouped(memory.constants)) }
                        td.n { (grouped(memory.activations)) }
                        td.n { (grouped(memory.stack)) }
                        td.n { (grouped(memory.total())) }
                        td.n { (percent(fraction(memory.total() as f64, most as f64))) }
                    }
                } }
            } }
            p.note { "The fullest tile of each layer. Activations count both halves of each pair of buffers." }
        }
    }

    fn memory_tile_list(&self) -> Markup {
        let most = self.report.resources.memory_tile_bytes as f64;
        html! {
            h2 { "Memory tiles" }
            div.tiles { @for tile in &self.report.resources.memory {
                div title={ (percent(fraction(tile.bytes as f64, most))) " in use" } {
                    span { "(" (tile.column) ", " (tile.row) ")" }
                    (bar(tile.bytes as f64, most))
                    span.n { (grouped(tile.bytes)) }
                }
            } }
            p.note { "Bytes in use of " (grouped(self.report.resources.memory_tile_bytes)) " each, by column and row." }
        }
    }

    /// Why the layers are cut as they are, against the next best way.
    fn splits(&self) -> Markup {
        let estimate = &self.report.estimate;
        let split = |cascade: &dyn Display, chains: &dyn Display| format!("{cascade} × {chains}");
        let reasons = self.report.layers.iter().enumerate();
        let reasons =
            reasons.filter_map(|(index, layer)| Some((index, layer, layer.choice.as_ref()?)));
        html! {
            h2 { "Why these splits" }
            p {
                "The splits of all layers are chosen together, for " (self.report.objective) ": "
                @if estimate.proof.is_empty() { "no choice has less than " (cycles(estimate.lower_bound)) "." }
                @else { (estimate.proof) "." }
            }
            div.wide { table {
                thead { tr {
                    th { "Layer" }
                    th { "Cascade × chains" }
                    th { "Because" }
                    th { "Bound by" }
                    th.n { "Possible splits" }
                    th { "Next best" }
                    th.n { "Tiles" }
                    th.n { "Cycles" }
                    th.n { "Latency" }
                } }
                tbody { @for (index, layer, choice) in reasons { tr {
                    td.name { (self.key(index)) (layer.name) }
                    td { (split(&layer.cascade, &layer.chains)) }
                    td.list { (choice.reason) }
                    td { (choice.limit) }
                    td.n { (cycles(choice.candidates)) }
                    @match &choice.next_best {
                        Some(next) => {
                            @let difference = Difference::of(layer, choice, next);
                            td { (split(&next.cascade, &next.chains)) }
                            @for more in [difference.tiles, difference.cycles, difference.latency] { td.n { (signed(more)) } }
                        }
                        None => { td colspan="4" { "nothing else fits" } }
                    }
                } } }
            } }
            p.note {
                "Bound by: what the cycles of the layer are spent on. Next best: the best other split of this layer with all other \
                 layers as they are, and what it would have more or less."
            }
        }
    }

    fn edge_table(&self) -> Markup {
        let place = |[x, y]: &[usize; 2]| format!("({x}, {y})");
        let end = |name: &str| match self.report.layers.iter().position(|layer| layer.name == name)
        {
            Some(index) => html! { (self.key(index)) (name) },
            None => html! { (name) },
        };
        html! {
            h2 { "Transfers" }
            div.wide { table {
                thead { tr {
                    th { "From" } th { "To" } th.n { "Features" } th.n { "Regions" } th { "Memory tiles" } th { "Ports" }
                } }
                tbody { @for edge in &self.report.edges {
                    tr {
                        td.name { (end(&edge.from)) }
                        td.name { (end(&edge.to)) }
                        td.n { (grouped(edge.features)) }
                        td.n { (grouped(edge.regions)) }
                        td.list {
                            @if edge.memory_tiles.is_empty() { "none: by " (edge.via.replace('_', " ")) }
                            (edge.memory_tiles.iter().map(place).collect::<Vec<_>>().join(" "))
                        }
                        td.list { (edge.ports.iter().map(|[column, channel]| format!("{column}:{channel}")).collect::<Vec<_>>().join(" ")) }
                    }
                } }
            } }
            p.note {
                "Regions: slices of features that one producer hands to one consumer. Memory tiles are at (column, row), ports \
                 column:channel."
            }
            h2 { "Tensors" }
            div.wide { table {
                thead { tr {
                    th { "Tensor" } th.n { "Rows" } th.n { "Features" } th { "Type" } th.n { "Scale" } th.n { "Zero point" }
                } }
                tbody {
                    @for tensor in &self.report.inputs { (boundary(tensor, "in")) }
                    @for tensor in &self.report.outputs { (boundary(tensor, "out")) }
                }
            } }
            p.note {
                "A code c stands for scale × (c − zero point)."
            }
        }
    }

    /// The letter and color of a layer.
    fn key(&self, index: usize) -> Markup {
        html! { span.key style={ "background: " (self.colors[index].fill) } { (sign(index)) } }
    }
}

fn boundary(tensor: &Boundary, way: &str) -> Markup {
    html! { tr {
        td.name { (tensor.name) " (" (way) ")" }
        td.n { (grouped(tensor.rows)) }
        td.n { (grouped(tensor.features)) }
        td { (tensor.r#type) }
        td.n { (tensor.scale) }
        td.n { (tensor.zero_point) }
    } }
}

fn bar(used: f64, available: f64) -> Markup {
    let width = 100.0 * fraction(used, available);
    html! { span.bar { i style={ "width: " (format!("{width:.2}%")) } {} } }
}

fn types(layer: &Layer) -> String {
    let [input, weight, accumulator, output] = &layer.types;
    let operator = if layer.operation == "add" { '+' } else { '×' };
    format!("{input} {operator} {weight} → {accumulator} → {output}")
}

fn corners(layer: &Layer) -> String {
    let corners = layer.rectangles.iter().map(|at| format!("({}, {})", at.column, at.row));
    corners.collect::<Vec<_>>().join(" ")
}

/// Bytes of the weights in the model.
fn weights(layer: &Layer) -> Option<usize> {
    let bits: usize = layer.types[1].trim_start_matches(['u', 'i']).parse().ok()?;
    let count = layer.inputs.checked_mul(layer.outputs)?.checked_mul(bits)?;
    (layer.operation == "dense").then_some(count.div_ceil(8))
}

/// Within 0 and 1, whatever a damaged report says.
fn fraction(used: f64, available: f64) -> f64 {
    if available > 0.0 { (used / available).clamp(0.0, 1.0) } else { 0.0 }
}

fn ratio(share: Share) -> f64 {
    fraction(share.used as f64, share.available as f64)
}

fn of(share: Share) -> String {
    format!("of {}, {}", grouped(share.available), percent(ratio(share)))
}

fn percent(ratio: f64) -> String {
    let percent = 100.0 * ratio;
    if percent > 0.0 && percent < 0.05 { "< 0.1 %".into() } else { format!("{percent:.1} %") }
}

pub(crate) fn cycles(count: i64) -> String {
    let sign = if count < 0 { "-" } else { "" };
    format!("{sign}{}", grouped(count.unsigned_abs()))
}

/// A time in microseconds, with three digits.
pub(crate) fn duration(microseconds: f64) -> String {
    match microseconds {
        t if t < 1.0 => format!("{:.0} ns", t * 1000.0),
        t if t < 10.0 => format!("{t:.2} µs"),
        t if t < 100.0 => format!("{t:.1} µs"),
        t if t < 1000.0 => format!("{t:.0} µs"),
        t => format!("{:.2} ms", t / 1000.0),
    }
}

/// With its sign.
fn signed(count: i64) -> String {
    match count {
        0 => "±0".into(),
        1.. => format!("+{}", cycles(count)),
        _ => cycles(count).replace('-', "−"),
    }
}

/// With a comma every three digits.
pub(crate) fn grouped(count: impl Display) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
