//! Colors of layers: Paul Tol's light scheme, which people with any kind of
//! color vision tell apart, each with a dark shade for lines and text on white.
//! (P. Tol, Colour Schemes, SRON/EPS/TN/09-002, 2021.)

use crate::report::{Layer, Rectangle};

pub struct Color {
    pub fill: &'static str,
    pub dark: &'static str,
}

const COLORS: [Color; 8] = [
    Color { fill: "#77aadd", dark: "#2a5f96" },
    Color { fill: "#ee8866", dark: "#a3401f" },
    Color { fill: "#eedd88", dark: "#75650f" },
    Color { fill: "#44bb99", dark: "#17684f" },
    Color { fill: "#ffaabb", dark: "#a33a57" },
    Color { fill: "#bbcc33", dark: "#5c6808" },
    Color { fill: "#99ddff", dark: "#1c6a8c" },
    Color { fill: "#aaaa00", dark: "#565600" },
];

/// What is no layer's.
pub const NEUTRAL: &str = "#555";

/// One of the colors, by number.
pub fn color(index: usize) -> &'static Color {
    &COLORS[index % COLORS.len()]
}

/// A color for each layer: other than that of the layer before it and of those that it touches,
/// as far as there are colors.
pub fn colors(layers: &[Layer]) -> Vec<&'static Color> {
    let mut chosen: Vec<usize> = Vec::new();
    for (index, layer) in layers.iter().enumerate() {
        let taken: Vec<usize> = (chosen.iter().zip(layers).enumerate())
            .filter(|(other, (_, at))| other + 1 == index || touch(layer, at))
            .map(|(_, (color, _))| *color)
            .collect();
        let wanted = index % COLORS.len();
        let turn = (0..COLORS.len()).map(|turn| (wanted + turn) % COLORS.len());
        chosen.push(turn.clone().find(|color| !taken.contains(color)).unwrap_or(wanted));
    }
    chosen.into_iter().map(|color| &COLORS[color]).collect()
}

fn touch(one: &Layer, other: &Layer) -> bool {
    let near = |a: usize, a_length: usize, b: usize, b_length: usize| {
        a <= b.saturating_add(b_length) && b <= a.saturating_add(a_length)
    };
    let touch = |a: &Rectangle, b: &Rectangle| {
        near(a.column, a.width, b.column, b.width) && near(a.row, a.height, b.row, b.height)
    };
    one.rectangles.iter().any(|a| other.rectangles.iter().any(|b| touch(a, b)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(column: usize, row: usize, width: usize, height: usize) -> Layer {
        let rectangles = vec![Rectangle { column, row, width, height }];
        Layer { rectangles, ..Layer::default() }
    }

    #[test]
    fn what_touches_has_another_color() {
        // A wide layer with nine on top of it: the last would have the color of the first.
        let mut layers = vec![layer(0, 3, 18, 1)];
        layers.extend((0..9).map(|index| layer(2 * index, 4, 2, 1)));
        let colors = colors(&layers);
        for (one, a) in layers.iter().zip(&colors) {
            for (other, b) in layers.iter().zip(&colors).filter(|(other, _)| *other != one) {
                assert!(!touch(one, other) || a.fill != b.fill, "{one:?} {other:?}");
            }
        }
    }

    #[test]
    fn more_neighbors_than_colors_share_one() {
        let layers: Vec<Layer> = (0..20).map(|_| layer(0, 3, 1, 1)).collect();
        assert_eq!(colors(&layers).len(), 20);
    }
}
