//! Descriptors and pipelines of any shape.

use super::*;

prop_compose! {
    /// A descriptor and a buffer that holds it.
    fn descriptors()(
        element in prop::sample::select(vec![Element::I8, Element::I16, Element::I32, Element::I64]),
        offset in 0usize..9,
        dims in prop::collection::vec((1usize..6, 0usize..20), 1..=4),
        pad in prop::collection::vec((0usize..3, 0usize..3), 4),
        padded in any::<bool>(),
        contiguous in any::<bool>(),
    ) -> (Bd, Buffer) {
        let mut dims: Vec<Dim> = dims.into_iter().map(|(size, stride)| Dim { size, stride }).collect();
        if contiguous {
            dims.last_mut().unwrap().stride = 1;
        }
        let mut pad: Vec<Pad> = pad[..dims.len()].iter().map(|&(before, after)| Pad { before, after }).collect();
        if !padded {
            pad.clear();
        }
        // Whole words: make the outermost dimension a multiple of 4 elements.
        dims[0].size = 4;
        if let Some(pad) = pad.first_mut() {
            *pad = Pad { before: pad.before, after: 4 - pad.before };
        }
        let mut bd = bd(BufferId(0), 0);
        bd.offset = offset;
        let reach: usize = dims.iter().map(|dim| (dim.size - 1) * dim.stride).sum();
        (bd.dims, bd.pad) = (dims, pad);
        bd.len = naive(&bd).len();
        let mut b = Builder::default();
        b.typed(MEMORY, "m", offset + reach + 1, element);
        (bd, b.0.buffers.remove(0))
    }
}

/// The elements that `bd` visits, by the definition: an index per dimension, padding where it is outside.
fn naive(bd: &Bd) -> Vec<Option<usize>> {
    if bd.dims.is_empty() {
        return (bd.offset..bd.offset + bd.len).map(Some).collect();
    }
    let pad = |i: usize| bd.pad.get(i).copied().unwrap_or_default();
    let extent = |i: usize| pad(i).before + bd.dims[i].size + pad(i).after;
    let total: usize = (0..bd.dims.len()).map(extent).product();
    (0..total)
        .map(|mut linear| {
            let mut at = Some(bd.offset);
            for i in (0..bd.dims.len()).rev() {
                let index = (linear % extent(i))
                    .checked_sub(pad(i).before)
                    .filter(|&index| index < bd.dims[i].size);
                linear /= extent(i);
                at = at.zip(index).map(|(at, index)| at + index * bd.dims[i].stride);
            }
            at
        })
        .collect()
}

proptest! {
    #[test]
    fn runs_are_the_elements_in_order((bd, buffer) in descriptors()) {
        let width = buffer.element.bytes();
        let expected: Vec<Option<usize>> = naive(&bd)
            .into_iter()
            .flat_map(|element| (0..width).map(move |byte| element.map(|element| element * width + byte)))
            .collect();
        let runs = runs(&bd, &buffer).unwrap();
        let bytes: Vec<Option<usize>> = runs
            .iter()
            .flat_map(|&Run { at, bytes }| (0..bytes).map(move |byte| at.map(|at| at + byte)))
            .collect();
        prop_assert_eq!(bytes, expected);
        // And as few as there can be.
        for pair in runs.windows(2) {
            prop_assert_ne!(pair[0].at.map(|at| at + pair[0].bytes), pair[1].at);
        }
    }

    #[test]
    fn a_descriptor_sends_its_elements((mut bd, buffer) in descriptors()) {
        let mut b = Builder::default();
        let out = port(PLIO, Bundle::Plio, 0);
        let contents = ramp(buffer.bytes());
        b.0.buffers.push(Buffer { initial: Some(contents.clone()), ..buffer.clone() });
        let width = buffer.element.bytes();
        let expected: Vec<u8> = naive(&bd)
            .into_iter()
            .flat_map(|element| (0..width).map(move |byte| element.map(|element| element * width + byte)))
            .map(|at| at.map_or(0, |at| contents[at]))
            .collect();
        bd.next = None;
        b.channel(MEMORY, Direction::Mm2s, 0, vec![bd]);
        b.flow(dma(MEMORY, 0), &[out]);
        b.output(out, expected.len());
        prop_assert_eq!(b.engine().run(&[], 1).unwrap(), [expected]);
    }

    /// Data goes through any chain of memory tiles unchanged, whatever the sizes
    /// of the pieces and whichever permutation one stage applies and the next undoes.
    #[test]
    fn a_pipeline_of_copies_preserves_data(
        stages in prop::collection::vec((1usize..5, 1usize..4, any::<bool>()), 1..6),
        iterations in 1usize..4,
    ) {
        let bytes = 240;
        let mut b = Builder::default();
        let plio = port(PLIO, Bundle::Plio, 0);
        let mut before = plio;
        for (i, &(pieces, depth, transpose)) in stages.iter().enumerate() {
            let at = tile(i as u32, 1);
            let size = bytes / [1, 3, 5, 15][pieces - 1];
            // `depth` buffers in a ring.
            let free = b.lock(at, "free", depth as i32);
            let full = b.lock(at, "full", 0);
            let buffers: Vec<BufferId> = (0..depth).map(|j| b.buffer(at, &format!("m{i}_{j}"), size)).collect();
            let ring = |take, give, dims: Vec<Dim>| {
                buffers
                    .iter()
                    .enumerate()
                    .map(|(j, &buffer)| Bd {
                        acquire: Some(acquire(take, 1)),
                        release: Some(release(give, 1)),
                        dims: dims.clone(),
                        next: Some((j + 1) % depth),
                        ..bd(buffer, size)
                    })
                    .collect::<Vec<_>>()
            };
            // Rows of 4 words in, columns in memory, rows out: the identity by two transpositions.
            let permuted = if transpose { dims(&[(size / 16, 4), (4, size / 4), (4, 1)]) } else { Vec::new() };
            let (receive, send) = (ring(free, full, permuted.clone()), ring(full, free, permuted));
            b.channel(at, Direction::S2mm, 0, receive);
            b.channel(at, Direction::Mm2s, 0, send);
            b.flow(before, &[dma(at, 0)]);
            before = dma(at, 0);
        }
        b.flow(before, &[plio]);
        b.input(plio, bytes);
        b.output(plio, bytes);
        let input = ramp(bytes * iterations);
        prop_assert_eq!(b.engine().run(std::slice::from_ref(&input), iterations).unwrap(), [input]);
    }
}
