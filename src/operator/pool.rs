//! Windows of images, as pools have them.

use super::{Node, Share};

/// What the parameters are called.
pub const PARAMETERS: &[&str] =
    &["input", "output", "kernel", "stride", "dilation", "padding", "strides", "offset"];

/// The numbers of a node.
pub struct Shape {
    pub input: [usize; 3],
    pub output: [usize; 3],
    pub kernel: [usize; 2],
    pub stride: [usize; 2],
    pub dilation: [usize; 2],
    pub padding: [usize; 2],
    pub strides: [usize; 3],
    pub offset: usize,
}

impl Shape {
    /// # Errors
    /// If a parameter is missing.
    pub fn of(node: &Node) -> Result<Shape, String> {
        let [offset] = node.sizes("offset")?;
        Ok(Shape {
            input: node.sizes("input")?,
            output: node.sizes("output")?,
            kernel: node.sizes("kernel")?,
            stride: node.sizes("stride")?,
            dilation: node.sizes("dilation")?,
            padding: node.sizes("padding")?,
            strides: node.sizes("strides")?,
            offset,
        })
    }

    pub(super) fn checked(node: &Node) -> Shape {
        Shape::of(node).expect("a node that was checked has its parameters")
    }

    /// Where an element of the input lies.
    pub fn feature(&self, index: [usize; 3]) -> usize {
        self.offset + index.iter().zip(&self.strides).map(|(at, stride)| at * stride).sum::<usize>()
    }

    /// The input's row or column that a tap meets, along axis 0 or 1; `None` outside.
    pub fn at(&self, axis: usize, output: usize, tap: usize) -> Option<usize> {
        let position = output * self.stride[axis] + tap * self.dilation[axis];
        let position = position.checked_sub(self.padding[axis])?;
        (position < self.input[axis + 1]).then_some(position)
    }

    /// The codes of a row that are in the window of an output.
    pub fn window<'a>(
        &'a self,
        codes: &'a [i64],
        [c, y, x]: [usize; 3],
    ) -> impl Iterator<Item = i64> + 'a {
        let rows = (0..self.kernel[0]).filter_map(move |tap| self.at(0, y, tap));
        rows.flat_map(move |row| {
            let columns = (0..self.kernel[1]).filter_map(move |tap| self.at(1, x, tap));
            columns.map(move |column| codes[self.feature([c, row, column])])
        })
    }

    /// Whether images of these many features lie as the numbers say, and every window has something.
    ///
    /// # Errors
    /// If not, what is wrong.
    pub fn check(&self, from: usize, to: usize) -> Result<(), String> {
        let Shape { input, output, kernel, stride, dilation, .. } = self;
        let positive = [&input[..], output, kernel, stride, dilation];
        if positive.iter().any(|list| list.contains(&0)) {
            return Err("has a zero among its parameters".into());
        }
        let [c, h, w] = *output;
        if c.checked_mul(h).and_then(|all| all.checked_mul(w)) != Some(to) {
            return Err(format!("has {to} output features, not {c} x {h} x {w}"));
        }
        if super::last(input, &self.strides, self.offset).is_none_or(|last| last >= from) {
            let [c, h, w] = *input;
            return Err(format!("reads {c} x {h} x {w} elements beyond its {from} features"));
        }
        if input[0] != output[0] {
            return Err("needs an output with the input's channels".into());
        }
        for axis in [0, 1] {
            let empty = |&y: &usize| (0..kernel[axis]).all(|tap| self.at(axis, y, tap).is_none());
            if (0..output[axis + 1]).any(|y| empty(&y)) {
                return Err("has a window with nothing in it".into());
            }
        }
        Ok(())
    }

    /// Whether the kernel compares whole vectors.
    pub(super) fn has_vectors(&self, node: &Node) -> bool {
        self.strides[2] == 1 && self.stride[1] <= 2 && node.inputs[0].number.bits <= 16
    }

    /// Elements of a line that it compares, with what is outside.
    pub(super) fn length(&self) -> usize {
        let outputs = self.output[2].next_multiple_of(32);
        let reach = (outputs - 1) * self.stride[1] + (self.kernel[1] - 1) * self.dilation[1] + 33;
        (reach.max(self.padding[1] + self.input[2]) + 63) / 32 * 32
    }

    /// The template arguments that say so.
    pub fn arguments(&self, share: &Share) -> Vec<String> {
        let Shape { input, output, kernel, stride, dilation, padding, strides, offset } = self;
        let list =
            |numbers: &[usize]| numbers.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
        vec![
            format!("StridedImage<{}, {}, {offset}>", list(input), list(strides)),
            format!("Image<{}, {}>", share.channels, list(&output[1..])),
            format!(
                "Window<{}, {}, {}, {}, 1, 1>",
                list(kernel),
                list(stride),
                list(dilation),
                list(padding)
            ),
        ]
    }
}
