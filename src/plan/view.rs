//! Where the elements of a tensor lie that is held as rows of features.
//!
//! A tensor of any rank is a view of `rows x features`: each of its axes consists of *digits*,
//! outermost first, each of which counts rows or steps through the features. Transpositions,
//! reshapes, slices and repetitions are views again, so nothing has to move for them.
//!
//! **Invariant:** every index of the tensor is in a row and a feature that exist.

/// A part of an axis.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Digit {
    pub extent: usize,
    /// Rows or features from one index to the next; 0 repeats.
    pub stride: usize,
    pub of_rows: bool,
}

/// A tensor as a view of rows of features.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct View {
    pub axes: Vec<Vec<Digit>>,
    /// The feature of index 0.
    pub offset: usize,
}

impl View {
    /// A tensor of this shape whose rows are the outermost part of its first axis.
    ///
    /// `None` if the first extent is no multiple of `rows`.
    pub fn rows_of(rows: usize, shape: &[usize]) -> Option<View> {
        let total: usize = shape.iter().product();
        let first = shape.first().copied().unwrap_or(1);
        if rows == 0 || !first.is_multiple_of(rows) {
            return None;
        }
        let mut stride = total / rows;
        let mut axes = Vec::new();
        for (axis, &extent) in shape.iter().enumerate() {
            let mut digits = Vec::new();
            let mut extent = extent;
            if axis == 0 && rows > 1 {
                digits.push(Digit { extent: rows, stride: 1, of_rows: true });
                extent /= rows;
            }
            stride /= extent.max(1);
            digits.push(Digit { extent, stride, of_rows: false });
            axes.push(digits);
        }
        let mut view = View { axes, offset: 0 };
        view.simplify();
        Some(view)
    }

    pub fn shape(&self) -> Vec<usize> {
        self.axes.iter().map(|digits| digits.iter().map(|digit| digit.extent).product()).collect()
    }

    /// Takes out digits of one, and makes one of two that continue each other.
    pub fn simplify(&mut self) {
        for axis in &mut self.axes {
            *axis = merged(std::mem::take(axis));
        }
    }

    pub fn transposed(&self, permutation: &[usize]) -> View {
        let axes = permutation.iter().map(|&axis| self.axes[axis].clone()).collect();
        View { axes, offset: self.offset }
    }

    /// The same elements, in the same order, in another shape; `None` where an axis would have to
    /// begin within a digit.
    pub fn reshaped(&self, shape: &[usize]) -> Option<View> {
        let mut rest: Vec<Digit> = merged(self.axes.iter().flatten().copied().collect());
        let mut axes: Vec<Vec<Digit>> = Vec::new();
        for &extent in shape.iter().rev() {
            let mut axis = Vec::new();
            let mut open = extent;
            while open > 1 {
                let digit = rest.pop()?;
                if open.is_multiple_of(digit.extent) {
                    open /= digit.extent;
                    axis.insert(0, digit);
                } else if digit.extent.is_multiple_of(open) {
                    axis.insert(0, Digit { extent: open, ..digit });
                    let extent = digit.extent / open;
                    rest.push(Digit { extent, stride: digit.stride * open, ..digit });
                    open = 1;
                } else {
                    return None;
                }
            }
            axes.insert(0, axis);
        }
        rest.is_empty().then_some(View { axes, offset: self.offset })
    }

    /// Part of each axis; `None` if that is part of a digit among others, or of the rows.
    pub fn sliced(&self, start: &[usize], size: &[usize]) -> Option<View> {
        let mut view = self.clone();
        for (axis, digits) in view.axes.iter_mut().enumerate() {
            let extent: usize = digits.iter().map(|digit| digit.extent).product();
            if start[axis] + size[axis] > extent {
                return None;
            }
            if size[axis] == extent {
                continue;
            }
            let (at, whole) = match digits.as_mut_slice() {
                [] => continue,
                [digit] => (digit, 1),
                // Whole blocks of the inner digits.
                [digit, inner @ ..] => {
                    (digit, inner.iter().map(|digit| digit.extent).product::<usize>())
                }
            };
            if at.of_rows || !start[axis].is_multiple_of(whole) || !size[axis].is_multiple_of(whole)
            {
                return None;
            }
            view.offset += start[axis] / whole * at.stride;
            at.extent = size[axis] / whole;
        }
        view.simplify();
        Some(view)
    }

    /// Axes of one repeated as often as `shape` says; `None` if another axis differs.
    pub fn repeated(&self, shape: &[usize]) -> Option<View> {
        let missing = shape.len().checked_sub(self.axes.len())?;
        let mut axes = vec![Vec::new(); missing];
        axes.extend(self.axes.iter().cloned());
        for (digits, &extent) in axes.iter_mut().zip(shape) {
            let own: usize = digits.iter().map(|digit| digit.extent).product();
            if own == 1 && extent > 1 {
                *digits = vec![Digit { extent, stride: 0, of_rows: false }];
            } else if own != extent {
                return None;
            }
        }
        Some(View { axes, offset: self.offset })
    }

    /// An axis the other way round is no view; how often digits count rows, which is once for a
    /// tensor that has all of them.
    pub fn rows(&self) -> usize {
        let digits = self.axes.iter().flatten().filter(|digit| digit.of_rows);
        digits.map(|digit| digit.extent).product()
    }

    /// The digits of an axis that step through features.
    pub fn features_of(&self, axis: usize) -> Vec<Digit> {
        let digits = self.axes[axis].iter().copied();
        merged(digits.filter(|digit| !digit.of_rows).collect())
    }

    /// The shape without rows.
    pub fn sample(&self) -> Vec<usize> {
        (0..self.axes.len())
            .map(|axis| self.features_of(axis).iter().map(|digit| digit.extent).product())
            .collect()
    }

    /// The feature of each element of a row, in the order of the tensor.
    pub fn features(&self) -> Vec<usize> {
        let mut all = vec![self.offset];
        for digit in self.axes.iter().flatten().filter(|digit| !digit.of_rows) {
            let next = |&base: &usize| (0..digit.extent).map(move |i| base + i * digit.stride);
            all = all.iter().flat_map(next).collect();
        }
        all
    }

    /// The row and the feature of each element, in the order of the tensor.
    pub fn places(&self) -> Vec<(usize, usize)> {
        let mut all = vec![(0, self.offset)];
        for digit in self.axes.iter().flatten() {
            let next = |&(row, feature): &(usize, usize)| {
                (0..digit.extent).map(move |i| match digit.of_rows {
                    true => (row + i * digit.stride, feature),
                    false => (row, feature + i * digit.stride),
                })
            };
            all = all.iter().flat_map(next).collect();
        }
        all
    }

    /// Whether rows come first and each element is where the order of the tensor puts it.
    pub fn is_contiguous(&self) -> bool {
        let all: Vec<Digit> = self.axes.iter().flatten().copied().collect();
        let behind = all.iter().skip_while(|digit| digit.of_rows || digit.extent == 1);
        let rows_first = behind.filter(|digit| digit.of_rows && digit.extent > 1).count() == 0;
        rows_first && self.features().into_iter().eq(0..self.features().len())
    }
}

/// Digits without those of one, neighbors that continue each other as one.
pub fn merged(digits: Vec<Digit>) -> Vec<Digit> {
    let mut all: Vec<Digit> = Vec::new();
    for digit in digits {
        if digit.extent == 1 {
            continue;
        }
        match all.last_mut() {
            Some(last)
                if last.of_rows == digit.of_rows && last.stride == digit.stride * digit.extent =>
            {
                last.extent *= digit.extent;
                last.stride = digit.stride;
            }
            _ => all.push(digit),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_seen_in_any_order() {
        let view = View::rows_of(2, &[2, 3, 4, 5]).unwrap();
        assert_eq!(view.shape(), [2, 3, 4, 5]);
        assert_eq!((view.rows(), view.sample()), (2, vec![1, 3, 4, 5]));
        assert!(view.is_contiguous());
        let last = view.transposed(&[0, 2, 3, 1]);
        assert_eq!(last.features()[..4], [0, 20, 40, 1]);
        assert!(!last.is_contiguous());
        assert_eq!(last.transposed(&[0, 3, 1, 2]), view);
        // What is one axis in memory can be cut anywhere.
        let flat = view.reshaped(&[2, 60]).unwrap();
        assert_eq!(flat.reshaped(&[2, 6, 10]).unwrap().shape(), [2, 6, 10]);
        assert_eq!(last.reshaped(&[2, 20, 3]).unwrap().features(), last.features());
        assert_eq!(last.reshaped(&[2, 30, 2]), None);
    }

    #[test]
    fn rows_stay_rows() {
        let view = View::rows_of(8, &[8, 16, 4]).unwrap();
        let tokens = view.reshaped(&[128, 4]).unwrap();
        assert_eq!((tokens.rows(), tokens.sample()), (8, vec![16, 4]));
        assert_eq!(tokens.reshaped(&[1, 128, 4]).unwrap().rows(), 8);
        assert_eq!(view.sliced(&[1, 0, 0], &[2, 16, 4]), None);
        assert_eq!(View::rows_of(3, &[8, 16]), None);
    }

    #[test]
    fn slices_and_repetitions() {
        let view = View::rows_of(2, &[2, 6, 5]).unwrap();
        let part = view.sliced(&[0, 2, 1], &[2, 3, 4]).unwrap();
        assert_eq!(part.features(), [11, 12, 13, 14, 16, 17, 18, 19, 21, 22, 23, 24]);
        let one = view.sliced(&[0, 0, 0], &[2, 1, 5]).unwrap();
        let all = one.repeated(&[2, 3, 5]).unwrap();
        assert_eq!(all.features(), [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1, 2, 3, 4]);
        assert_eq!(view.repeated(&[2, 12, 5]), None);
    }
}
