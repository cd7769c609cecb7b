//! Names of layers, where they fit.

use super::{
    Floor,
    shapes::{Area, px},
};
use crate::report::{Layer, Rectangle, text::sign};
use maud::{Markup, html};

/// About the width of a character of a name, as there are in most.
const CHARACTER: f64 = 6.7;
/// What the letter before a name takes.
const LETTER: f64 = 22.0;
/// Longer names are cut, in characters.
pub const LONGEST: usize = 28;
/// What is left of a name is not worth showing if it is shorter.
const SHORTEST: usize = 7;

impl Floor<'_> {
    /// Letter and name of a layer, where they fit.
    pub fn label(&self, index: usize, layer: &Layer) -> Markup {
        let letter = sign(index);
        let color = self.colors[index];
        html! { @for (number, rectangle) in layer.rectangles.iter().enumerate() {
            @if let Some(area) = self.rectangle(rectangle) {
                @let (x, y) = area.middle();
                @let (place, name) = self.place(number, rectangle, area, &layer.name);
                @let both = length(&name) + LETTER;
                @match place {
                    Label::Along | Label::Up => {
                        g transform={ "translate(" (px(x)) " " (px(y)) ")" @if place == Label::Up { " rotate(-90)" } } {
                            rect.plate x=(px(-both / 2.0 - 4.0)) y="-10" width=(px(both + 8.0)) height="20" rx="3" fill=(color.fill) {}
                            text.letter x=(px(-both / 2.0 + 7.0)) y="0" { (letter) }
                            text.name x=(px(-both / 2.0 + 20.0)) y="0.5" { (name) }
                        }
                    }
                    Label::Below => {
                        text.letter x=(px(x)) y=(px(y - 10.0)) { (letter) }
                        text.name x=(px(x)) y=(px(y + 8.0)) text-anchor="middle" { (name) }
                    }
                    Label::Above | Label::Letter => {
                        @if rectangle.width > 1 || rectangle.height > 1 {
                            circle.plate cx=(px(x)) cy=(px(y)) r="9" fill=(color.fill) {}
                        }
                        text.letter x=(px(x)) y=(px(y - if area.height > self.cell { 0.0 } else { 1.5 })) { (letter) }
                        @if place == Label::Above {
                            text.name transform={ "translate(" (px(x)) " " (px(area.y - 6.0)) ") rotate(-90)" } fill=(color.dark) { (name) }
                        }
                    }
                }
            }
        } }
    }

    /// Where the name of a layer goes in its rectangle `number`, and as much of it as there is room for.
    fn place(
        &self,
        number: usize,
        rectangle: &Rectangle,
        area: Area,
        name: &str,
    ) -> (Label, String) {
        let whole = cut(name, LONGEST);
        let room = |extent: f64| extent - LETTER - 8.0;
        let along = area.height >= 22.0;
        let up = area.width >= 22.0;
        if number > 0 {
            return (Label::Letter, whole);
        }
        for (fits, label) in [
            (along && length(&whole) < room(area.width), Label::Along),
            (area.height > 50.0 && length(&whole) < area.width - 6.0, Label::Below),
            (up && length(&whole) < room(area.height), Label::Up),
            (self.is_free_above(rectangle, length(&whole) + 6.0), Label::Above),
        ] {
            if fits {
                return (label, whole);
            }
        }
        let (most, label) = match area.width >= area.height {
            true => (room(area.width), Label::Along),
            false => (room(area.height), Label::Up),
        };
        match (most / CHARACTER) as usize {
            0..SHORTEST => (Label::Letter, whole),
            count => (label, cut(name, count)),
        }
    }

    /// Whether no layer is in the way of a name above the middle of a rectangle.
    fn is_free_above(&self, rectangle: &Rectangle, length: f64) -> bool {
        let (columns, rows) = self.clipped(rectangle);
        let needed = (length / self.cell).ceil() as usize;
        let middle = (columns.start + columns.end) as f64 / 2.0;
        let touched = (middle - 0.3).floor() as usize..(middle + 0.3).ceil() as usize;
        let mut others = self.report.layers.iter().flat_map(|layer| &layer.rectangles);
        rows.end + needed <= self.rows
            && !others.any(|other| {
                let (across, up) = self.clipped(other);
                touched.clone().any(|column| across.contains(&column))
                    && up.start < rows.end + needed
                    && rows.end < up.end
            })
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Label {
    /// Inside, to be read from west to east.
    Along,
    /// Inside, to be read from south to north.
    Up,
    /// Inside, the name below the letter.
    Below,
    /// The name outside, to be read from south to north.
    Above,
    /// The letter only.
    Letter,
}

/// About, in pixels: sans serif fonts differ little.
pub fn length(name: &str) -> f64 {
    let width = |c: char| match c {
        'i' | 'j' | 'l' | 'f' | 't' | 'r' | 'I' | ' ' | '.' | ',' | ':' | '/' | '(' | ')' => 0.55,
        'm' | 'w' | 'M' | 'W' | '▲' | '▼' => 1.45,
        'A'..='Z' => 1.2,
        _ => 1.0,
    };
    name.chars().map(width).sum::<f64>() * CHARACTER
}

/// At most so many characters of a name, the first and the last.
pub fn cut(name: &str, most: usize) -> String {
    let count = name.chars().count();
    if count <= most {
        return name.into();
    }
    let first = most.saturating_sub(1) / 3;
    let last = most.saturating_sub(1 + first);
    name.chars().take(first).chain(['…']).chain(name.chars().skip(count - last)).collect()
}
