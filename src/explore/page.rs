//! An exploration as a web page: plots and a table, each point a link to its own page.

use super::{Exploration, Point};
use crate::report::page::{
    STYLE as COMMON, cycles, duration, grouped,
    palette::{Color, color},
};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use std::collections::BTreeSet;

const STYLE: &str = include_str!("page/style.css");

/// Of a plot, in pixels, and what its axes take.
const WIDTH: f64 = 590.0;
const HEIGHT: f64 = 430.0;
const LEFT: f64 = 62.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 46.0;

/// As `explore.html`.
pub fn page(found: &Exploration) -> String {
    let page = Page::new(found);
    let version = env!("CARGO_PKG_VERSION");
    let name = found.model.rsplit('/').next().unwrap_or_default();
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="generator" content={ "aie4ml " (version) };
                title { (name) ": tiles, latency, interval" }
                style { (PreEscaped(COMMON)) (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { (name) }
                    p { (page.subtitle()) }
                }
                div.plots {
                    (page.plot(&Axes {
                        title: "Latency of a batch",
                        x: ("core tiles", |p| p.tiles as f64),
                        y: ("µs", |p| p.latency_ns / 1000.0),
                    }))
                    (page.plot(&Axes {
                        title: "Interval between batches",
                        x: ("core tiles", |p| p.tiles as f64),
                        y: ("µs", |p| p.interval_ns / 1000.0),
                    }))
                    (page.plot(&Axes {
                        title: "Latency against interval",
                        x: ("interval, µs", |p| p.interval_ns / 1000.0),
                        y: ("latency, µs", |p| p.latency_ns / 1000.0),
                    }))
                    (page.legend())
                }
                (page.table())
                (page.refused())
                footer { "Times are simulated, calibrated on published figures. Written by aie4ml " (version) "." }
            }
        }
    };
    markup.into_string()
}

struct Axes {
    title: &'static str,
    x: (&'static str, fn(&Point) -> f64),
    y: (&'static str, fn(&Point) -> f64),
}

struct Page<'a> {
    found: &'a Exploration,
    /// Devices and batches, each a shape; and objectives, each a color.
    series: Vec<(&'a str, usize)>,
    objectives: Vec<&'a str>,
}

impl<'a> Page<'a> {
    fn new(found: &'a Exploration) -> Self {
        let points = || found.points.iter();
        let series: BTreeSet<_> = points().map(|p| (p.device.as_str(), p.batch)).collect();
        let objectives: BTreeSet<_> = points().map(|p| p.objective.as_str()).collect();
        let (series, objectives) = (series.into_iter().collect(), objectives.into_iter().collect());
        Page { found, series, objectives }
    }

    fn subtitle(&self) -> String {
        let front = self.found.points.iter().filter(|point| point.front).count();
        let part = match self.found.shard {
            Some(shard) if shard.of > 1 => format!(" Part {} of {}.", shard.index, shard.of),
            _ => String::new(),
        };
        format!(
            "{} designs, {front} of them on the Pareto front of tiles, latency and interval. A point leads to its floor plan.{part}",
            self.found.points.len()
        )
    }

    fn color(&self, point: &Point) -> &'static Color {
        color(self.objectives.iter().position(|o| *o == point.objective).unwrap_or(0))
    }

    fn shape(&self, point: &Point) -> usize {
        let own = (point.device.as_str(), point.batch);
        self.series.iter().position(|series| *series == own).unwrap_or(0)
    }

    /// Both axes logarithmic.
    fn plot(&self, axes: &Axes) -> Markup {
        let points = &self.found.points;
        let x = Scale::of(points.iter().map(axes.x.1), (LEFT, WIDTH - RIGHT));
        let y = Scale::of(points.iter().map(axes.y.1), (HEIGHT - BOTTOM, TOP));
        let at = |point: &Point| (x.at((axes.x.1)(point)), y.at((axes.y.1)(point)));
        // Best points last, so that they lie on top.
        let (best, others): (Vec<&Point>, Vec<&Point>) =
            points.iter().partition(|point| point.front);
        html! {
            figure {
                figcaption { (axes.title) }
                svg.plot xmlns="http://www.w3.org/2000/svg" role="img" width=(WIDTH) height=(HEIGHT)
                    viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } {
                    title { (axes.title) }
                    @for tick in x.ticks() {
                        line.grid x1=(px(x.at(tick))) x2=(px(x.at(tick))) y1=(TOP) y2=(HEIGHT - BOTTOM) {}
                        text.tick x=(px(x.at(tick))) y=(HEIGHT - BOTTOM + 16.0) text-anchor="middle" { (number(tick)) }
                    }
                    @for tick in y.ticks() {
                        line.grid x1=(LEFT) x2=(WIDTH - RIGHT) y1=(px(y.at(tick))) y2=(px(y.at(tick))) {}
                        text.tick x=(LEFT - 8.0) y=(px(y.at(tick) + 4.0)) text-anchor="end" { (number(tick)) }
                    }
                    line.axis x1=(LEFT) x2=(WIDTH - RIGHT) y1=(HEIGHT - BOTTOM) y2=(HEIGHT - BOTTOM) {}
                    line.axis x1=(LEFT) x2=(LEFT) y1=(TOP) y2=(HEIGHT - BOTTOM) {}
                    text.name x=(px((LEFT + WIDTH - RIGHT) / 2.0)) y=(HEIGHT - 8.0) text-anchor="middle" { (axes.x.0) }
                    text.name x="14" y=(px((TOP + HEIGHT - BOTTOM) / 2.0)) text-anchor="middle"
                        transform={ "rotate(-90 14 " (px((TOP + HEIGHT - BOTTOM) / 2.0)) ")" } { (axes.y.0) }
                    @for &series in &self.series { (self.edge(series, axes, &x, &y)) }
                    @for point in others.into_iter().chain(best) {
                        a href=(point.page) {
                            title { (said(point)) }
                            (self.mark(point, at(point)))
                        }
                    }
                }
            }
        }
    }

    /// The staircase of what is best by the two axes alone.
    fn edge(&self, series: (&str, usize), axes: &Axes, x: &Scale, y: &Scale) -> Markup {
        let own = self.found.points.iter().filter(|p| (p.device.as_str(), p.batch) == series);
        let mut all: Vec<(f64, f64)> = own.map(|p| ((axes.x.1)(p), (axes.y.1)(p))).collect();
        all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let mut path = String::new();
        let mut least = f64::INFINITY;
        for (at, value) in all {
            if value < least {
                let (px, py) = (px(x.at(at)), px(y.at(value)));
                path.push_str(&match path.is_empty() {
                    true => format!("M{px} {py}"),
                    false => format!("H{px}V{py}"),
                });
                least = value;
            }
        }
        html! { @if !path.is_empty() { path.edge d=(path) {} } }
    }

    fn mark(&self, point: &Point, (x, y): (f64, f64)) -> Markup {
        let color = self.color(point);
        let fill = if point.front { color.fill } else { "#fff" };
        shape(self.shape(point), x, y, fill, color.dark)
    }

    fn legend(&self) -> Markup {
        let mark = |index: usize, fill: &str, line: &str| {
            html! { svg width="18" height="18" viewBox="0 0 18 18" { (shape(index, 9.0, 9.0, fill, line)) } }
        };
        html! {
            ul.legend {
                @for (index, objective) in self.objectives.iter().enumerate() {
                    li { (mark(0, color(index).fill, color(index).dark)) "optimized for " (objective) }
                }
                @if self.series.len() > 1 {
                    @for (index, (device, batch)) in self.series.iter().enumerate() {
                        li { (mark(index, "#ddd", "#555")) (device) ", batch " (batch) }
                    }
                }
                li { (mark(0, "#fff", "#555")) "not on the front" }
            }
        }
    }

    fn table(&self) -> Markup {
        html! {
            h2 { "Designs" }
            div.wide { table {
                thead { tr {
                    th { "" }
                    th { "Device" }
                    th.n { "Batch" }
                    th { "Optimized for" }
                    th.n { "Tiles" }
                    th.n { "Of at most" }
                    th.n { "Latency" }
                    th.n { "cycles" }
                    th.n { "Interval" }
                    th.n { "cycles" }
                    th.n { "Rows/s" }
                    th { "Made by" }
                } }
                tbody { @for point in &self.found.points {
                    tr.front[point.front] {
                        td { svg width="16" height="16" viewBox="0 0 18 18" { (self.mark(point, (9.0, 9.0))) } }
                        td { a href=(point.page) { (point.device) } }
                        td.n { (grouped(point.batch)) }
                        td { (point.objective) }
                        td.n { (grouped(point.tiles)) }
                        td.n { (grouped(point.max_tiles)) }
                        td.n { (duration(point.latency_ns / 1000.0)) }
                        td.n { (cycles(point.latency_cycles)) }
                        td.n { (duration(point.interval_ns / 1000.0)) }
                        td.n { (format!("{:.1}", point.interval_cycles)) }
                        td.n { (millions(point.rows_per_second)) }
                        td { code { (point.command) } }
                    }
                } }
            } }
        }
    }

    fn refused(&self) -> Markup {
        html! {
            @if !self.found.refused.is_empty() {
                h2 { "No design" }
                ul.refused { @for refused in &self.found.refused {
                    li {
                        (refused.objective) ", at most " (grouped(refused.max_tiles)) " tiles"
                        @if !refused.device.is_empty() { ", " (refused.device) }
                        @if let Some(batch) = refused.batch { ", batch " (batch) }
                        ": " (refused.message)
                    }
                } }
            }
        }
    }
}

/// What a point says when pointed at.
fn said(point: &Point) -> String {
    format!(
        "{} tiles of {}, batch {}, for {}: latency {} ({} cycles), interval {} ({:.1} cycles)",
        point.tiles,
        point.device,
        point.batch,
        point.objective,
        duration(point.latency_ns / 1000.0),
        cycles(point.latency_cycles),
        duration(point.interval_ns / 1000.0),
        point.interval_cycles
    )
}

/// One of six shapes around a point.
fn shape(index: usize, x: f64, y: f64, fill: &str, line: &str) -> Markup {
    let polygon = |corners: &[(f64, f64)]| {
        let corners: Vec<String> =
            corners.iter().map(|(dx, dy)| format!("{},{}", px(x + dx), px(y + dy))).collect();
        html! { polygon.mark points=(corners.join(" ")) fill=(fill) stroke=(line) {} }
    };
    match index % 6 {
        0 => html! { circle.mark cx=(px(x)) cy=(px(y)) r="5" fill=(fill) stroke=(line) {} },
        1 => polygon(&[(-4.5, -4.5), (4.5, -4.5), (4.5, 4.5), (-4.5, 4.5)]),
        2 => polygon(&[(0.0, -6.0), (5.5, 4.5), (-5.5, 4.5)]),
        3 => polygon(&[(0.0, -6.5), (6.5, 0.0), (0.0, 6.5), (-6.5, 0.0)]),
        4 => polygon(&[(-5.5, -4.5), (5.5, -4.5), (0.0, 6.0)]),
        _ => {
            polygon(&[(-2.5, -5.0), (2.5, -5.0), (5.5, 0.0), (2.5, 5.0), (-2.5, 5.0), (-5.5, 0.0)])
        }
    }
}

/// A logarithmic axis.
struct Scale {
    /// Logarithms to the base 10.
    low: f64,
    high: f64,
    pixels: (f64, f64),
}

impl Scale {
    /// With a little room around the values.
    fn of(values: impl Iterator<Item = f64>, pixels: (f64, f64)) -> Scale {
        let logs = values.filter(|value| *value > 0.0).map(f64::log10);
        let range = logs.fold(None, |range: Option<(f64, f64)>, log| {
            Some(range.map_or((log, log), |(low, high)| (low.min(log), high.max(log))))
        });
        let (low, high) = range.unwrap_or((0.0, 1.0));
        let room = (0.06 * (high - low)).max(0.03);
        Scale { low: low - room, high: high + room, pixels }
    }

    fn at(&self, value: f64) -> f64 {
        let share = (value.max(1e-12).log10() - self.low) / (self.high - self.low);
        self.pixels.0 + share * (self.pixels.1 - self.pixels.0)
    }

    /// Round numbers, about as many as there is room for.
    fn ticks(&self) -> Vec<f64> {
        let fine: &[f64] =
            &[1.0, 1.2, 1.4, 1.6, 1.8, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0];
        let steps: [&[f64]; 4] =
            [fine, &[1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0], &[1.0, 2.0, 5.0], &[1.0]];
        let all = |digits: &[f64]| -> Vec<f64> {
            let decades = self.low.floor() as i32..=self.high.ceil() as i32;
            let ticks = decades.flat_map(|decade| {
                digits.iter().map(move |digit| digit * 10f64.powi(decade)).collect::<Vec<_>>()
            });
            ticks.filter(|tick| (self.low..=self.high).contains(&tick.log10())).collect()
        };
        steps.into_iter().map(all).find(|ticks| ticks.len() <= 9).unwrap_or_default()
    }
}

/// As short as it can be said.
fn number(value: f64) -> String {
    let rounded = format!("{value:.4}");
    rounded.trim_end_matches('0').trim_end_matches('.').to_string()
}

fn millions(rows: f64) -> String {
    match rows {
        rows if rows >= 1e6 => format!("{:.1} M", rows / 1e6),
        rows if rows >= 1e3 => format!("{:.1} k", rows / 1e3),
        rows => format!("{rows:.0}"),
    }
}

/// To a tenth of a pixel.
fn px(value: f64) -> f64 {
    (10.0 * value).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_few() {
        for (values, expected) in [
            ([1.0, 304.0], vec![1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0]),
            ([2.6, 4.2], vec![2.5, 3.0, 3.5, 4.0]),
            ([7.0, 7.0], vec![7.0]),
            ([0.001, 1e6], vec![]),
        ] {
            let ticks = Scale::of(values.into_iter(), (0.0, 100.0)).ticks();
            let round: Vec<f64> = ticks.iter().map(|t| (t * 1e4).round() / 1e4).collect();
            assert_eq!(round, expected, "{values:?}");
        }
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!([0.5, 20.0, 1.25, 0.0].map(number), ["0.5", "20", "1.25", "0"]);
    }
}
