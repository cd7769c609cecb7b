//! Convolution of images: any window, stride, dilation, padding and groups.
//!
//! | parameter | |
//! |---|---|
//! | `input` | channels, height, width of the input |
//! | `output` | channels, height, width of the output |
//! | `kernel` | height and width of the window |
//! | `stride`, `dilation` | down and to the right |
//! | `strides`, `offset` | features from one channel, row and column of the input to the next, and the first |
//! | `padding` | rows above and columns to the left |
//! | `expand` | how far elements of the input are apart; more than 1 for a transposed convolution |
//! | `groups` | into which channels fall |
//! | `outside` | the code that padding, and gaps of an expanded input, have |
//! | `product_shift` | bits that are cut off each product, downward; 0 if it is left out |
//!
//! Accumulators of hls4ml that have fewer fractional bits than products are what cuts them.
//!
//! `output[f, y, x] = bias[f] + sum over c, i, j of weights[f, c, i, j] * input[c of f's group, y * stride + i * dilation - padding, ...]`

use super::{BLOCK, Constant, LANES, Node, Operator, Share};
use crate::kernel::{Integer, stage};
use std::ops::Range;

pub struct Conv2d;

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
    pub expand: [usize; 2],
    pub groups: usize,
    pub outside: i64,
    pub product_shift: u32,
}

impl Shape {
    /// # Errors
    /// If a parameter is missing.
    pub fn of(node: &Node) -> Result<Shape, String> {
        let [offset] = node.sizes("offset")?;
        let [groups] = node.sizes("groups")?;
        let [outside] = node.numbers("outside")?;
        let [product_shift] = match node.parameters.contains_key("product_shift") {
            true => node.numbers("product_shift")?,
            false => [0],
        };
        let product_shift = u32::try_from(product_shift).ok().filter(|shift| *shift < 32);
        let product_shift = product_shift.ok_or("needs a 'product_shift' from 0 to 31")?;
        Ok(Shape {
            input: node.sizes("input")?,
            output: node.sizes("output")?,
            kernel: node.sizes("kernel")?,
            stride: node.sizes("stride")?,
            dilation: node.sizes("dilation")?,
            padding: node.sizes("padding")?,
            strides: node.sizes("strides")?,
            offset,
            expand: node.sizes("expand")?,
            groups,
            outside,
            product_shift,
        })
    }

    fn checked(node: &Node) -> Shape {
        Shape::of(node).expect("a node that was checked has its parameters")
    }

    /// Input channels of a group.
    pub fn depth(&self) -> usize {
        self.input[0] / self.groups
    }

    /// Output channels of a group.
    pub fn breadth(&self) -> usize {
        self.output[0] / self.groups
    }

    /// Where an element of the input lies.
    pub fn feature(&self, index: [usize; 3]) -> usize {
        self.offset + index.iter().zip(&self.strides).map(|(at, stride)| at * stride).sum::<usize>()
    }

    /// The input's row or column that a tap meets, along axis 0 or 1; `None` outside.
    pub fn at(&self, axis: usize, output: usize, tap: usize) -> Option<usize> {
        let position = output * self.stride[axis] + tap * self.dilation[axis];
        let position = position.checked_sub(self.padding[axis])?;
        let index = position / self.expand[axis];
        (position.is_multiple_of(self.expand[axis]) && index < self.input[axis + 1])
            .then_some(index)
    }

    /// Elements of a line of so many outputs as the kernel spreads it, per phase of the stride.
    fn line(&self, outputs: usize) -> usize {
        outputs + (self.kernel[1] - 1) * self.dilation[1] / self.stride[1] + 1
    }

    /// Rows of the input that a window reaches over.
    fn ring(&self) -> usize {
        (self.kernel[0] - 1) * self.dilation[0] + 1
    }

    /// Whether each output channel has an input channel of its own.
    fn is_diagonal(&self) -> bool {
        self.groups > 1 && self.depth() == 1 && self.breadth() == 1
    }

    /// Whether the matrix unit multiplies, in blocks of 8 channels: its shapes for codes and weights
    /// of 8 bits are the same on all devices.
    fn is_blocked(&self, node: &Node) -> bool {
        node.inputs[0].number.bits == 8
            && node.constants[0].number.bits == 8
            && node.accumulator == 32
            && self.product_shift == 0
            && (self.groups == 1 || self.is_diagonal())
    }

    /// Blocks of 8 input channels that are summed up, for one of output channels.
    fn depth_blocks(&self) -> usize {
        if self.is_diagonal() { 1 } else { self.input[0].div_ceil(BLOCK) }
    }

    /// Blocks of 8 input channels that a tile with so many output channels reads.
    fn blocks_read(&self, channels: usize) -> usize {
        if self.is_diagonal() { channels.div_ceil(BLOCK) } else { self.depth_blocks() }
    }

    /// Input channels that a tile with so many output channels reads.
    fn read(&self, channels: usize) -> usize {
        if self.groups == 1 {
            self.input[0]
        } else {
            channels.div_ceil(self.breadth()) * self.depth()
        }
    }
}

impl Operator for Conv2d {
    fn name(&self) -> &'static str {
        "conv2d"
    }

    fn template(&self, _node: &Node) -> &'static str {
        "Conv2d"
    }

    fn parameters(&self) -> &'static [&'static str] {
        &[
            "input", "output", "kernel", "stride", "dilation", "padding", "strides", "offset",
            "expand", "groups", "outside",
        ]
    }

    fn optional(&self) -> &'static [&'static str] {
        &["product_shift"]
    }

    fn has_sums(&self) -> bool {
        true
    }

    fn has_channels(&self) -> bool {
        true
    }

    fn check(&self, node: &Node) -> Result<(), String> {
        let shape = Shape::of(node)?;
        let Shape { input, output, kernel, stride, dilation, expand, groups, outside, .. } = shape;
        let positive = [&input[..], &output, &kernel, &stride, &dilation, &expand, &[groups]];
        if positive.iter().any(|list| list.contains(&0)) {
            return Err("has a zero among its parameters".into());
        }
        let (&[tensor], [weights, bias]) = (&node.inputs[..], &node.constants[..]) else {
            return Err("needs one input, weights and a bias".into());
        };
        let [c, h, w] = output;
        if c.checked_mul(h).and_then(|all| all.checked_mul(w)) != Some(node.output.features) {
            let features = node.output.features;
            return Err(format!("has {features} output features, not {c} x {h} x {w}"));
        }
        if super::last(&input, &shape.strides, shape.offset)
            .is_none_or(|last| last >= tensor.features)
        {
            let ([c, h, w], features) = (input, tensor.features);
            return Err(format!("reads {c} x {h} x {w} elements beyond its {features} features"));
        }
        if !input[0].is_multiple_of(groups) || !output[0].is_multiple_of(groups) {
            let [c, f] = [input[0], output[0]];
            return Err(format!("has {c} and {f} channels, which {groups} groups do not divide"));
        }
        let expected = vec![output[0], input[0] / groups, kernel[0], kernel[1]];
        if weights.shape != expected {
            return Err(format!("has weights of {:?}, needs {expected:?}", weights.shape));
        }
        if bias.shape != [output[0]] || bias.number != (Integer { bits: 32, signed: true }) {
            return Err(format!("needs a bias of {} numbers i32", output[0]));
        }
        if !weights.number.signed || !matches!(weights.number.bits, 8 | 16) {
            return Err("needs weights i8 or i16".into());
        }
        if !matches!(tensor.number.bits, 8 | 16) {
            return Err("needs an input of 8 or 16 bits".into());
        }
        if shape.product_shift > 0 && node.accumulator != 32 {
            return Err("cuts products, which needs an accumulator i32".into());
        }
        let (low, high) = crate::exact::range(tensor.number.bits.into(), tensor.number.signed);
        if !(low..=high).contains(&outside) {
            return Err(format!("has {outside} outside, which its input cannot hold"));
        }
        Ok(())
    }

    fn unit(&self, node: &Node) -> usize {
        let [_, height, width] = Shape::checked(node).output;
        height * width
    }

    fn together(&self, node: &Node) -> usize {
        let shape = Shape::checked(node);
        if shape.groups == 1 {
            1
        } else if shape.is_blocked(node) {
            BLOCK
        } else {
            shape.breadth()
        }
    }

    fn spread(&self, node: &Node) -> usize {
        if Shape::checked(node).is_blocked(node) { 1 } else { LANES }
    }

    fn sum_bits(&self, node: &Node) -> u32 {
        let shape = Shape::checked(node);
        let taps = shape.depth() * shape.kernel[0] * shape.kernel[1];
        let of = |number: Integer| (number.bits, number.signed);
        stage::sum_bits(taps, of(node.inputs[0].number), of(node.constants[0].number))
    }

    fn held(&self, node: &Node, channels: usize) -> Option<(Integer, usize)> {
        let Constant { shape: extents, number, .. } = &node.constants[0];
        let shape = Shape::checked(node);
        let taps = shape.kernel[0] * shape.kernel[1];
        let count = match shape.is_blocked(node) {
            true => channels.div_ceil(BLOCK) * taps * shape.depth_blocks() * BLOCK * BLOCK,
            false => channels * extents[1..].iter().product::<usize>(),
        };
        Some((*number, count))
    }

    fn elements(&self, node: &Node, channels: Range<usize>) -> Vec<i64> {
        let Constant { shape: extents, data, .. } = &node.constants[0];
        let of_channel = extents[1..].iter().product::<usize>();
        let own = data.get(channels.start * of_channel..channels.end * of_channel).unwrap_or(&[]);
        let shape = Shape::checked(node);
        if !shape.is_blocked(node) {
            return own.to_vec();
        }
        // [F/8][KH][KW][C/8][c][f], zero where there is no channel.
        let taps = shape.kernel[0] * shape.kernel[1];
        let mut all = Vec::new();
        for block in 0..channels.len().div_ceil(BLOCK) {
            for tap in 0..taps {
                for depth in 0..shape.depth_blocks() {
                    for c in 0..BLOCK {
                        for f in 0..BLOCK {
                            let (channel, input) = (block * BLOCK + f, depth * BLOCK + c);
                            let at = match shape.is_diagonal() {
                                true if c == f => Some(0),
                                true => None,
                                false => (input < shape.depth()).then_some(input),
                            };
                            let at = at.filter(|_| channel < channels.len());
                            let value =
                                at.and_then(|at| own.get(channel * of_channel + at * taps + tap));
                            all.push(value.copied().unwrap_or(0));
                        }
                    }
                }
            }
        }
        all
    }

    fn words(&self, _node: &Node) -> usize {
        1
    }

    fn word(&self, node: &Node, channel: usize) -> Vec<i32> {
        vec![node.constants[1].data.get(channel).copied().unwrap_or(0) as i32]
    }

    fn scratch(&self, node: &Node, share: &Share) -> usize {
        let shape = Shape::checked(node);
        let columns = shape.output[2];
        if shape.is_blocked(node) {
            let pixels = shape.line(columns.next_multiple_of(BLOCK)).next_multiple_of(4);
            let line = shape.stride[1] * pixels * BLOCK;
            // Beside the lines: squares on the way in, results on the way out.
            return shape.ring() * shape.blocks_read(share.channels) * line + 64 + 128 + 512;
        }
        let pitch = shape.line(columns.next_multiple_of(LANES)).next_multiple_of(LANES);
        2 * shape.ring() * shape.read(share.channels) * shape.stride[1] * pitch + 64
    }

    fn arguments(&self, node: &Node, share: &Share) -> Vec<String> {
        let shape = Shape::checked(node);
        let Shape { input, output, kernel, stride, dilation, padding, expand, .. } = shape;
        let list =
            |numbers: &[usize]| numbers.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
        vec![
            format!("StridedImage<{}, {}, {}>", list(&input), list(&shape.strides), shape.offset),
            format!("Image<{}, {}>", share.channels, list(&output[1..])),
            format!(
                "Window<{}, {}, {}, {}, {}>",
                list(&kernel),
                list(&stride),
                list(&dilation),
                list(&padding),
                list(&expand)
            ),
            list(&[shape.depth(), if shape.groups == 1 { 0 } else { shape.breadth() }]),
            shape.outside.to_string(),
            shape.product_shift.to_string(),
        ]
    }

    fn cycles(&self, node: &Node, share: &Share, rest: u64) -> u64 {
        let shape = Shape::checked(node);
        let [_, height, width] = shape.output;
        // Rows of the frame that are spread: all that a window meets, once.
        let rows = (height - 1) * shape.stride[0].min(shape.ring()) + shape.ring();
        let taps = shape.kernel[0] * shape.kernel[1];
        let cycles = if shape.is_blocked(node) {
            // A square of 8 x 8 elements: 16 words in, one transposition, 16 words out, and what
            // fills a line before.
            let squares = rows * shape.blocks_read(share.channels) * shape.input[2].div_ceil(BLOCK);
            // 8 pixels x 16 channels: two loads of weights and four of pixels, each of which is
            // two loads and a shift, for four products; then two loads at a time are five cycles.
            let groups = height * width.div_ceil(BLOCK);
            let pairs = share.channels.div_ceil(2 * BLOCK);
            let products = groups * pairs * (taps * shape.depth_blocks() * 5 + 30);
            // 64 results: requantization, one transposition, 16 words out.
            let blocks = (groups * share.channels.div_ceil(BLOCK)) as u64;
            let ragged = if width.is_multiple_of(BLOCK) { 0 } else { 32 };
            (squares * 40 + products) as u64 + blocks * (24 + ragged + 4 * rest)
        } else {
            let vectors = (share.channels * height * width.div_ceil(LANES)) as u64;
            // Four channels at a time: four products, and the loads of a line and of four weights,
            // each of which is spread over the lanes.
            let step = if shape.groups == 1 { 6 } else { 12 };
            // A cut product leaves its accumulator and is added to another one.
            let step = if shape.product_shift == 0 { step } else { step + 8 };
            let products = vectors * (taps * shape.depth()) as u64 * step / 4;
            // Lines are spread an element at a time: load, store and address.
            let spread = rows * shape.read(share.channels) * 2 * shape.input[2];
            // Sums begin with a bias, and results go out one by one.
            products + spread as u64 + vectors * (rest + 12 + LANES as u64)
        };
        share.rows as u64 * cycles
    }

    fn evaluate(&self, node: &Node, inputs: &[&[i64]]) -> Vec<i64> {
        let shape = Shape::checked(node);
        let [f_all, out_h, out_w] = shape.output;
        let (weights, bias) = (&node.constants[0].data, &node.constants[1].data);
        let mut sums = Vec::with_capacity(f_all * out_h * out_w);
        for (f, &start) in bias.iter().enumerate().take(f_all) {
            let first = f / shape.breadth() * shape.depth();
            for y in 0..out_h {
                for x in 0..out_w {
                    let mut sum = start;
                    for c in 0..shape.depth() {
                        for i in 0..shape.kernel[0] {
                            for j in 0..shape.kernel[1] {
                                let value = match (shape.at(0, y, i), shape.at(1, x, j)) {
                                    (Some(row), Some(column)) => {
                                        inputs[0][shape.feature([first + c, row, column])]
                                    }
                                    _ => shape.outside,
                                };
                                let tap = ((f * shape.depth() + c) * shape.kernel[0] + i)
                                    * shape.kernel[1]
                                    + j;
                                sum += (weights[tap] * value) >> shape.product_shift;
                            }
                        }
                    }
                    sums.push(sum);
                }
            }
        }
        sums
    }
}
