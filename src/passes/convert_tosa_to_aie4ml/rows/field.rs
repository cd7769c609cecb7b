//! Numbers of the elements of a tensor, as few as there are different ones.

/// A number for each index of a tensor; an extent of one stands for all indices of its axis.
#[derive(Clone, PartialEq, Debug)]
pub struct Field<T> {
    shape: Vec<usize>,
    values: Vec<T>,
}

impl<T: Clone + PartialEq> Field<T> {
    /// The same for all.
    pub fn all(rank: usize, value: T) -> Field<T> {
        Field { shape: vec![1; rank], values: vec![value] }
    }

    /// One for each index of an axis.
    pub fn along(rank: usize, axis: usize, values: Vec<T>) -> Field<T> {
        let mut shape = vec![1; rank];
        shape[axis] = values.len();
        Field { shape, values }
    }

    /// Row-major; `None` if there are not as many as `shape` says.
    pub fn of(shape: Vec<usize>, values: Vec<T>) -> Option<Field<T>> {
        (shape.iter().product::<usize>() == values.len()).then_some(Field { shape, values })
    }

    /// The number that all indices share.
    pub fn shared(&self) -> Option<&T> {
        let (first, rest) = self.values.split_first()?;
        rest.iter().all(|other| other == first).then_some(first)
    }

    /// Whether one of the numbers is such.
    pub fn has(&self, such: impl Fn(&T) -> bool) -> bool {
        self.values.iter().any(such)
    }

    /// For each index of an axis; `None` if they differ along another.
    pub fn of_axis(&self, axis: usize, extent: usize) -> Option<Vec<&T>> {
        let others = self.shape.iter().enumerate().all(|(a, &own)| a == axis || own == 1);
        let value = |index: usize| &self.values[if self.shape[axis] == 1 { 0 } else { index }];
        others.then(|| (0..extent).map(value).collect())
    }

    pub fn map<U>(&self, f: impl Fn(&T) -> U) -> Field<U> {
        Field { shape: self.shape.clone(), values: self.values.iter().map(f).collect() }
    }

    fn strides(&self) -> Vec<usize> {
        let mut strides = vec![0; self.shape.len()];
        let mut next = 1;
        for axis in (0..self.shape.len()).rev() {
            strides[axis] = if self.shape[axis] == 1 { 0 } else { next };
            next *= self.shape[axis];
        }
        strides
    }

    /// For every index of a tensor of `shape`, row-major.
    pub fn each(&self, shape: &[usize]) -> Vec<&T> {
        let mut all = vec![0];
        for (extent, stride) in shape.iter().zip(self.strides()) {
            all = all.iter().flat_map(|&at| (0..*extent).map(move |i| at + i * stride)).collect();
        }
        all.into_iter().map(|at| &self.values[at]).collect()
    }

    /// Of two fields of one tensor.
    pub fn with<U: Clone + PartialEq, V>(
        &self,
        other: &Field<U>,
        f: impl Fn(&T, &U) -> V,
    ) -> Field<V> {
        let shape: Vec<usize> =
            self.shape.iter().zip(&other.shape).map(|(a, b)| *a.max(b)).collect();
        let (a, b) = (self.each(&shape), other.each(&shape));
        let values = a.into_iter().zip(b).map(|(a, b)| f(a, b)).collect();
        Field { shape, values }
    }

    pub fn transposed(&self, permutation: &[usize]) -> Field<T> {
        if let Some(value) = self.shared() {
            return Field::all(permutation.len(), value.clone());
        }
        let shape: Vec<usize> = permutation.iter().map(|&axis| self.shape[axis]).collect();
        let strides = self.strides();
        let mut all = vec![0];
        for (&extent, &axis) in shape.iter().zip(permutation) {
            let stride = strides[axis];
            all = all.iter().flat_map(|&at| (0..extent).map(move |i| at + i * stride)).collect();
        }
        let values = all.into_iter().map(|at| self.values[at].clone()).collect();
        Field { shape, values }
    }

    /// Of a tensor of shape `from` that becomes one of shape `to`.
    pub fn reshaped(&self, from: &[usize], to: &[usize]) -> Field<T> {
        if let Some(value) = self.shared() {
            return Field::all(to.len(), value.clone());
        }
        // An axis that stays one keeps its numbers.
        let mut varying = (0..from.len()).filter(|&axis| self.shape[axis] > 1);
        if let (Some(axis), None) = (varying.next(), varying.next()) {
            let inner: usize = from[axis + 1..].iter().product();
            let kept = (0..to.len()).find(|&other| {
                to[other] == from[axis] && to[other + 1..].iter().product::<usize>() == inner
            });
            if let Some(kept) = kept {
                return Field::along(to.len(), kept, self.values.clone());
            }
        }
        let values = self.each(from).into_iter().cloned().collect();
        Field { shape: to.to_vec(), values }
    }

    /// Of a part of the tensor.
    pub fn sliced(&self, start: &[usize], size: &[usize]) -> Field<T> {
        let mut all = vec![0];
        let mut shape = Vec::new();
        for (axis, stride) in self.strides().into_iter().enumerate() {
            let (first, extent) =
                if self.shape[axis] == 1 { (0, 1) } else { (start[axis], size[axis]) };
            shape.push(extent);
            let next = move |&at: &usize| (first..first + extent).map(move |i| at + i * stride);
            all = all.iter().flat_map(next).collect();
        }
        let values = all.into_iter().map(|at| self.values[at].clone()).collect();
        Field { shape, values }
    }

    /// Of a tensor that gets leading axes and repeats axes of one.
    pub fn repeated(&self, rank: usize) -> Field<T> {
        let mut shape = vec![1; rank - self.shape.len()];
        shape.extend_from_slice(&self.shape);
        Field { shape, values: self.values.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_follow_their_axis() {
        let field = Field::along(4, 3, vec![1, 2, 3]);
        assert_eq!(field.transposed(&[0, 3, 1, 2]), Field::along(4, 1, vec![1, 2, 3]));
        let shape = [2, 1, 2, 3];
        assert_eq!(field.reshaped(&shape, &[4, 3]), Field::along(2, 1, vec![1, 2, 3]));
        let flat = field.reshaped(&shape, &[2, 6]);
        assert_eq!(flat.each(&[2, 6]), [&1, &2, &3, &1, &2, &3, &1, &2, &3, &1, &2, &3]);
        assert_eq!(field.sliced(&[0, 0, 0, 1], &[2, 1, 2, 2]), Field::along(4, 3, vec![2, 3]));
        let sum = field.with(&Field::along(4, 2, vec![10, 20]), |a, b| a + b);
        assert_eq!(sum.each(&[1, 1, 2, 3]), [&11, &12, &13, &21, &22, &23]);
        assert_eq!(Field::all(2, 7).shared(), Some(&7));
    }
}
