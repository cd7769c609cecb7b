//! Areas, arrows and lines, in pixels: x to the east, y to the south.

#[derive(Clone, Copy, PartialEq)]
pub enum Way {
    North,
    South,
    East,
    West,
}

impl Way {
    /// To the right and down.
    pub fn step(self) -> (f64, f64) {
        match self {
            Way::North => (0.0, -1.0),
            Way::South => (0.0, 1.0),
            Way::East => (1.0, 0.0),
            Way::West => (-1.0, 0.0),
        }
    }
}

/// An arrowhead that ends at a point, as a path.
pub fn head(x: f64, y: f64, way: Way, size: f64) -> String {
    let (dx, dy) = way.step();
    let (tip_x, tip_y) = (x + dx * size / 2.0, y + dy * size / 2.0);
    let (base_x, base_y) = (x - dx * size / 2.0, y - dy * size / 2.0);
    let half = size * 0.55;
    format!(
        "M{} {} L{} {} L{} {} Z",
        px(tip_x),
        px(tip_y),
        px(base_x - dy * half),
        px(base_y + dx * half),
        px(base_x + dy * half),
        px(base_y - dx * half)
    )
}

/// To a tenth of a pixel.
pub fn px(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

/// A box in pixels.
#[derive(Clone, Copy)]
pub struct Area {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

impl Area {
    pub fn right(&self) -> f64 {
        self.x + self.width
    }
    pub fn below(&self) -> f64 {
        self.y + self.height
    }
    pub fn middle(&self) -> (f64, f64) {
        (self.x + self.width / 2.0, self.y + self.height / 2.0)
    }
}

/// `value`, or what is nearest to it from `low` to `high`; `low` if there is nothing.
pub fn between(value: f64, low: f64, high: f64) -> f64 {
    value.min(high).max(low)
}

/// A line from one point to another that leaves and arrives straight, and where it goes at last.
pub fn curve(from: (f64, f64), to: (f64, f64)) -> (String, Way) {
    let ((x1, y1), (x2, y2)) = ((px(from.0), px(from.1)), (px(to.0), px(to.1)));
    if (y2 - y1).abs() < 2.0 {
        return (format!("M{x1} {y1} H{x2}"), if x2 > x1 { Way::East } else { Way::West });
    }
    let bend = px(((y2 - y1) * 0.5).clamp(-60.0, 60.0));
    let way = if y2 > y1 { Way::South } else { Way::North };
    (format!("M{x1} {y1} C{x1} {} {x2} {} {x2} {y2}", px(y1 + bend), px(y2 - bend)), way)
}
