//! What a stream of programmable logic carries, as the text that AMD's simulators read and write.
//!
//! A line is a beat: as many numbers as fit its bits (UG1076, TXT File Format).

use super::graph::Plio;
use crate::array::Interface;

/// Numbers of a stream in order, of a tensor of whole iterations in row-major order; what pads
/// it, or a row, is `None`.
pub fn streamed(tensor: &Interface, plio: &Plio, codes: &[Option<i64>]) -> Vec<Option<i64>> {
    let mut all = Vec::new();
    let Some(stream) = tensor.streams.get(plio.stream) else { return all };
    for block in codes.chunks(tensor.rows * tensor.columns) {
        for slice in &stream.slices {
            for row in block.chunks(tensor.columns) {
                let own = row.get(slice.begin..slice.end.min(row.len())).unwrap_or_default();
                let padding = slice.pitch.saturating_sub(own.len());
                all.extend(own);
                all.extend(std::iter::repeat_n(None, padding));
            }
        }
    }
    all
}

/// The tensor of which streams carried these numbers; `None` if they are too few.
pub fn gathered(
    tensor: &Interface,
    plios: &[(&Plio, Vec<i64>)],
    iterations: usize,
) -> Option<Vec<i64>> {
    let block = tensor.rows * tensor.columns;
    let mut codes = vec![0; iterations * block];
    for (plio, numbers) in plios {
        let stream = tensor.streams.get(plio.stream)?;
        let mut next = 0;
        for iteration in 0..iterations {
            for slice in &stream.slices {
                for row in 0..tensor.rows {
                    let own = slice.end.min(tensor.columns).saturating_sub(slice.begin);
                    let begin = iteration * block + row * tensor.columns + slice.begin;
                    let from = numbers.get(next..next + own)?;
                    codes.get_mut(begin..begin + own)?.copy_from_slice(from);
                    next += slice.pitch;
                }
            }
        }
    }
    Some(codes)
}

/// Text of a stream; a number that nothing depends on is `padding`.
pub fn text(plio: &Plio, numbers: &[Option<i64>], padding: &str) -> String {
    let line = (plio.width as usize / 8 / plio.element.bytes()).max(1);
    let word = |number: &Option<i64>| number.map_or_else(|| padding.to_owned(), |n| n.to_string());
    let lines = numbers.chunks(line).map(|beat| {
        let words: Vec<String> = beat.iter().map(word).collect();
        words.join(" ") + "\n"
    });
    lines.collect()
}

/// Numbers of a text that the emulation wrote.
pub fn parse(text: &str) -> Option<Vec<i64>> {
    text.split_ascii_whitespace().map(|word| word.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::array::{Bundle, Element, Port, Stream, StreamSlice, Tile};

    #[test]
    fn streams_carry_slices_block_by_block() {
        let port = Port { tile: Tile { column: 5, row: 0 }, bundle: Bundle::Plio, channel: 0 };
        let slice = |begin, end, pitch| StreamSlice { begin, end, pitch };
        let streams = vec![
            Stream { port, slices: vec![slice(0, 2, 4), slice(2, 3, 4)] },
            Stream { port, slices: vec![slice(3, 5, 4)] },
        ];
        let tensor = Interface {
            name: "x".into(),
            rows: 2,
            columns: 5,
            batch: 4,
            element: Element::I8,
            signed: true,
            scale: 1.0,
            zero_point: 0,
            range: (-128, 127),
            streams,
            memory: None,
        };
        let plio = |stream| Plio {
            name: String::new(),
            tensor: 0,
            stream,
            column: 5,
            channel: 0,
            width: 32,
            element: Element::I8,
            signed: true,
            len: 0,
        };
        let codes: Vec<i64> = (0..20).collect();
        let (first, second) = (plio(0), plio(1));
        let some: Vec<Option<i64>> = codes.iter().copied().map(Some).collect();
        let one = streamed(&tensor, &first, &some);
        let lines =
            "0 1 - -\n5 6 - -\n2 - - -\n7 - - -\n10 11 - -\n15 16 - -\n12 - - -\n17 - - -\n";
        assert_eq!(text(&first, &one, "-"), lines);
        let read = |plio: &Plio| parse(&text(plio, &streamed(&tensor, plio, &some), "0")).unwrap();
        let all = [(&first, read(&first)), (&second, read(&second))];
        assert_eq!(gathered(&tensor, &all, 2), Some(codes));
        assert_eq!(gathered(&tensor, &all, 3), None);
        assert_eq!(parse("1 x"), None);
    }
}
