//! Array programs with mistakes in them, into the simulator.

mod common;

use aie4ml::{
    design::{self, Wishes},
    ir::Error,
    run::Timed,
    tensor::Tensor,
};
use common::{Scratch, files, root};
use std::{fs, panic, path::Path};

/// Numbers that fields, loops and counters may not expect.
const NUMBERS: [&str; 15] = [
    "0",
    "1",
    "-1",
    "2",
    "3",
    "5",
    "63",
    "64",
    "127",
    "255",
    "1023",
    "4096",
    "65536",
    "9223372036854775807",
    "-9223372036854775808",
];

/// Knuth's MMIX generator; its high bits are the good ones.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((self.0 >> 33) as usize) % end.max(1)
    }
}

/// The designs of the simulator's own tests, part by part.
fn designs() -> Vec<String> {
    let mut found = Vec::new();
    for file in files(&root().join("lit-tests/sim"), &["mlir"]) {
        let text = fs::read_to_string(&file).unwrap();
        let parts: Vec<&str> = text.split("\n//--- ").collect();
        // What comes before the first part has no device, or is all.
        let parts = if parts.len() > 1 { &parts[1..] } else { &parts };
        found.extend(parts.iter().map(|part| format!("// {part}")));
    }
    found
}

/// A number replaced, or a line removed, doubled or moved that names nothing, so that the text still
/// parses.
fn mutate(text: &str, random: &mut Random) -> String {
    if random.below(3) > 0 {
        let bytes = text.as_bytes();
        let begins = |&at: &usize| {
            let before = bytes[at.saturating_sub(1)];
            bytes[at].is_ascii_digit()
                && !(before.is_ascii_alphanumeric() || b"%@_.#".contains(&before))
        };
        let all: Vec<usize> = (0..bytes.len()).filter(begins).collect();
        if !all.is_empty() {
            let at = all[random.below(all.len())];
            let digits = bytes[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
            let number = NUMBERS[random.below(NUMBERS.len())];
            return format!("{}{number}{}", &text[..at], &text[at + digits..]);
        }
    }
    let mut lines: Vec<&str> = text.lines().collect();
    let names = |line: &str| {
        line.trim_start().starts_with(['%', '^', '/']) || line.contains(['{', '}', '@', '^'])
    };
    let free: Vec<usize> = (0..lines.len()).filter(|&line| !names(lines[line])).collect();
    if free.is_empty() {
        return text.to_string();
    }
    let (one, other) = (free[random.below(free.len())], free[random.below(free.len())]);
    match random.below(3) {
        0 => _ = lines.remove(one),
        1 => lines.insert(other, lines[one]),
        _ => lines.swap(one, other),
    }
    lines.join("\n")
}

fn run(path: &Path, how: usize) -> Result<(), Error> {
    let wishes = Wishes { check_races: how == 1, max_steps: Some(1 << 14), ..Wishes::default() };
    let runner = design::open_with(path, &wishes)?;
    let zeros = |input: &aie4ml::run::Interface| {
        let count: usize = input.shape.iter().product();
        Tensor::new(input.shape.clone(), input.native, vec![0; count * input.native.bytes()])
    };
    let inputs = runner.inputs.iter().map(zeros).collect::<Result<Vec<_>, _>>()?;
    match how {
        2 => runner.run_timed(&inputs, None, &Timed::default()).map(|_| ()),
        _ => runner.run(&inputs, None).map(|_| ()),
    }
}

/// No mistake in a design makes the simulator panic or run for ever, and every refusal has a line.
/// `AIE4ML_CASES` many cases, by default a few.
#[test]
fn designs_with_mistakes_run_or_are_refused_at_a_place() {
    let variable = |name: &str| std::env::var(name).ok().and_then(|value| value.parse().ok());
    let first: u64 = variable("AIE4ML_SEED").unwrap_or(0);
    let count: u64 = variable("AIE4ML_CASES").unwrap_or(100);
    let scratch = Scratch::new();
    let designs = designs();
    assert!(designs.len() > 20, "{}", designs.len());
    let (mut ran, mut refused, mut failed) = (0, 0, Vec::new());
    for seed in first..first + count {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0xa1e4);
        let mut text = designs[random.below(designs.len())].clone();
        for _ in 0..=random.below(2) {
            text = mutate(&text, &mut random);
        }
        let path = scratch.path("design.mlir");
        fs::write(&path, &text).unwrap();
        let how = random.below(3);
        match panic::catch_unwind(|| run(&path, how)) {
            Ok(Ok(())) => ran += 1,
            Ok(Err(error)) if has_place(&error) => refused += 1,
            Ok(Err(error)) => failed.push(format!("case {seed}: {error}\n{text}")),
            Err(_) => failed.push(format!("case {seed} panics\n{text}")),
        }
    }
    println!("{ran} ran, {refused} refused");
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert!(ran > 0 && refused > 0, "{ran} {refused}");
}

/// Whether each message has a line of the file, or is about all of it.
fn has_place(error: &Error) -> bool {
    let whole = [
        "single top-level operation",
        "'aie.device'",
        "nothing takes time",
        "no layer",
        "public functions",
    ];
    error.messages().iter().all(|message| {
        let mut place = message.place.rsplit(':');
        let number = |part: Option<&str>| part.is_some_and(|part| part.parse::<u32>().is_ok());
        number(place.next()) && number(place.next())
            || whole.iter().any(|text| message.text.contains(text))
    })
}
