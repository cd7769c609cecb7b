//! What a core tile's memory holds, and at which addresses.
//!
//! A tile that computes a slice needs its stack, two input buffers and two
//! output buffers (one is filled or drained by the DMA while the core works on
//! the other), weights and parameters: bias, multipliers and addends of its outputs. [`allocate`] gives each an address such that
//! operands that are loaded in the same cycle lie in different banks where
//! that is possible: two accesses to one bank in a cycle cost a cycle.
//!
//! Addresses and sizes are in bytes from the start of the tile's memory.

use super::cost::{BufferBytes, Role};
use crate::device::{Device, TileKind};
use std::fmt;

/// Default stack of a core, in bytes. A function that spills every vector
/// register (24 x 32 bytes) and every accumulator (9 x 128 bytes) of an
/// AIE-ML core needs 1920; Peano's default of 1024 does not hold that.
pub const STACK: usize = 2048;

/// What a buffer is for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Use {
    Stack,
    /// Ping-pong half 0 or 1 of input port `port`.
    Input {
        port: usize,
        half: usize,
    },
    Weights,
    /// With multipliers and addends of outputs.
    Bias,
    /// Ping-pong half 0 or 1.
    Output {
        half: usize,
    },
}

impl fmt::Display for Use {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let half = |half: &usize| ["ping", "pong"][half % 2];
        match self {
            Use::Stack => f.write_str("stack"),
            Use::Input { port: 0, half: h } => write!(f, "input {}", half(h)),
            Use::Input { port, half: h } => write!(f, "input {port} {}", half(h)),
            Use::Weights => f.write_str("weights"),
            Use::Bias => f.write_str("bias"),
            Use::Output { half: h } => write!(f, "output {}", half(h)),
        }
    }
}

/// A range of a tile's memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Region {
    pub used_for: Use,
    pub address: usize,
    pub bytes: usize,
}

impl Region {
    /// One past the last byte.
    pub fn end(&self) -> usize {
        self.address + self.bytes
    }
}

/// Who takes what of a tile's memory, by address.
///
/// **Invariant:** regions of one tile do not overlap, the stack is at address
/// 0, every other address is a multiple of the device's vector alignment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MemoryMap {
    pub regions: Vec<Region>,
    pub capacity: usize,
    pub bank_bytes: usize,
}

impl MemoryMap {
    /// Bytes in use, gaps for alignment not included.
    pub fn used(&self) -> usize {
        let (mut used, mut end) = (0, 0);
        for region in &self.regions {
            used += region.end().saturating_sub(end.max(region.address));
            end = end.max(region.end());
        }
        used
    }

    /// Address of a buffer, if the tile has it.
    pub fn address(&self, used_for: Use) -> Option<usize> {
        self.regions.iter().find(|r| r.used_for == used_for).map(|r| r.address)
    }

    /// Whether weights and inputs share a bank, so that loading both in one
    /// cycle stalls.
    pub fn operands_conflict(&self) -> bool {
        let mut inputs = 0;
        let mut weights = 0;
        for region in &self.regions {
            match region.used_for {
                Use::Input { .. } => inputs |= banks(region.address, region.bytes, self.bank_bytes),
                Use::Weights => weights |= banks(region.address, region.bytes, self.bank_bytes),
                _ => {}
            }
        }
        inputs & weights != 0
    }
}

impl fmt::Display for MemoryMap {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        for region in &self.regions {
            let (first, last) =
                (region.address / self.bank_bytes, (region.end().max(1) - 1) / self.bank_bytes);
            let banks = if first == last {
                format!("bank {first}")
            } else {
                format!("banks {first}-{last}")
            };
            writeln!(
                f,
                "  {:#07x}..{:#07x} {:>6} bytes  {} ({banks})",
                region.address,
                region.end(),
                region.bytes,
                region.used_for
            )?;
        }
        write!(f, "  {} of {} bytes in use", self.used(), self.capacity)
    }
}

/// A tile's buffers do not fit its memory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DoesNotFit {
    /// Buffers, in the order they were asked for.
    pub buffers: Vec<(Use, usize)>,
    /// With alignment.
    pub needed: usize,
    pub capacity: usize,
}

impl DoesNotFit {
    /// `needs 70144 bytes on one tile, its memory holds 65536`.
    pub fn summary(&self) -> String {
        format!("needs {} bytes on one tile, its memory holds {}", self.needed, self.capacity)
    }

    /// Who takes what, one line each.
    pub fn map(&self) -> String {
        self.buffers
            .iter()
            .map(|(used_for, bytes)| format!("\n  {bytes:>7} bytes  {used_for}"))
            .collect()
    }
}

impl fmt::Display for DoesNotFit {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}{}", self.summary(), self.map())
    }
}

impl std::error::Error for DoesNotFit {}

/// Buffers of a tile: what it needs beside the stack, for a layer with so
/// many input ports. Bias is on the first tile of a cascade only, output, multipliers and addends
/// on the last only.
pub fn buffers(bytes: BufferBytes, role: Role, ports: usize) -> Vec<(Use, usize)> {
    let mut all = vec![(Use::Weights, bytes.weights)];
    for port in 0..ports {
        let input = bytes.input.get(port).copied().unwrap_or(0);
        all.extend([0, 1].map(|half| (Use::Input { port, half }, input)));
    }
    if role.has_output() {
        all.extend([0, 1].map(|half| (Use::Output { half }, bytes.output)));
    }
    let bias = if role.has_bias() { bytes.bias } else { 0 };
    let scales = if role.has_output() { bytes.scales } else { 0 };
    all.push((Use::Bias, bias + scales));
    all.retain(|(_, bytes)| *bytes > 0);
    all
}

/// Give the buffers of a layer addresses that serve all tiles of its cascades.
///
/// In a cascade of two tiles or more, bias is on the first and output on the
/// last, so the two share addresses; unless the last has multipliers or addends, where the first has
/// its bias.
///
/// # Errors
/// If the buffers exceed the tile's memory.
pub fn allocate_layer(
    bytes: BufferBytes,
    cascade: usize,
    ports: usize,
    stack: usize,
    device: &Device,
) -> Result<MemoryMap, DoesNotFit> {
    let mut map = allocate(&layer_buffers(bytes, cascade, ports), stack, device)?;
    if cascade > 1 && bytes.scales == 0 {
        let ping = map.regions.iter_mut().find(|r| r.used_for == Use::Output { half: 0 });
        if let Some(ping) = ping {
            ping.bytes = bytes.output;
            let bias = Region { used_for: Use::Bias, address: ping.address, bytes: bytes.bias };
            if bytes.bias > 0 {
                map.regions.push(bias);
                map.regions.sort_by_key(|r| (r.address, r.used_for));
            }
        }
    }
    Ok(map)
}

/// Bytes that the tiles of a layer need, with the stack.
pub fn layer_bytes(
    bytes: BufferBytes,
    cascade: usize,
    ports: usize,
    stack: usize,
    device: &Device,
) -> usize {
    needed(&layer_buffers(bytes, cascade, ports), stack, device)
}

/// Buffers of a layer, the bias of a cascade within the output or the multipliers.
pub fn layer_buffers(bytes: BufferBytes, cascade: usize, ports: usize) -> Vec<(Use, usize)> {
    if cascade < 2 {
        return buffers(bytes, Role::Single, ports);
    }
    let mut all = buffers(bytes, Role::Last, ports);
    let with = if bytes.scales > 0 { Use::Bias } else { Use::Output { half: 0 } };
    for (used_for, size) in &mut all {
        if *used_for == with {
            *size = (*size).max(bytes.bias);
        }
    }
    all
}

/// Bytes that `buffers` and the stack take, with alignment.
pub fn needed(buffers: &[(Use, usize)], stack: usize, device: &Device) -> usize {
    let align = device.vector_alignment as usize;
    stack.next_multiple_of(align)
        + buffers.iter().map(|(_, b)| b.next_multiple_of(align)).sum::<usize>()
}

/// Give every buffer of a core tile an address; the stack, of `stack` bytes,
/// takes the lowest.
///
/// Buffers are placed one after the other, each against a neighbor, a bank
/// border or the end of memory, and the assignment with the fewest shared
/// banks is kept: first weights with inputs, then weights with outputs, then
/// the rest. A buffer larger than a bank takes consecutive banks. Above all buffers [`DATA`]
/// bytes are left to the program, if there are so many and it costs no bank.
///
/// # Errors
/// If the buffers exceed the tile's memory.
pub fn allocate(
    buffers: &[(Use, usize)],
    stack: usize,
    device: &Device,
) -> Result<MemoryMap, DoesNotFit> {
    let resources = device.resources(TileKind::Core);
    let align = device.vector_alignment as usize;
    let capacity = resources.memory_bytes as usize;
    let needed = needed(buffers, stack, device);
    if needed > capacity {
        let mut all = vec![(Use::Stack, stack)];
        all.extend_from_slice(buffers);
        return Err(DoesNotFit { buffers: all, needed, capacity });
    }
    let mut order: Vec<_> = buffers
        .iter()
        .map(|&(used_for, bytes)| (used_for, bytes.next_multiple_of(align)))
        .collect();
    // Weights first, then large before small: the large have fewer places.
    order.sort_by_key(|&(used_for, bytes)| {
        (used_for != Use::Weights, std::cmp::Reverse(bytes), used_for)
    });
    let search = |end: usize| {
        let mut search = Search {
            order: &order,
            capacity,
            end,
            bank_bytes: resources.bank_bytes() as usize,
            placed: vec![(Use::Stack, 0, stack.next_multiple_of(align))],
            best: None,
            steps: STEPS,
        };
        search.place(0);
        search.best
    };
    let below = Some(capacity.saturating_sub(DATA)).filter(|end| needed <= *end);
    let best = match (below.and_then(search), search(capacity)) {
        // Not at the price of operands in one bank.
        (Some(below), Some(all)) if below.0 < all.0 + OPERANDS => Some(below),
        (below, all) => all.or(below),
    };
    let best = match best {
        Some((_, best)) => best,
        // One after the other always fits.
        None => {
            let mut end = stack.next_multiple_of(align);
            let mut packed = vec![(Use::Stack, 0, end)];
            for &(used_for, bytes) in &order {
                packed.push((used_for, end, bytes));
                end += bytes;
            }
            packed
        }
    };
    let real = |used_for: Use| match used_for {
        Use::Stack => stack,
        _ => buffers.iter().find(|(u, _)| *u == used_for).map_or(0, |(_, b)| *b),
    };
    let mut regions: Vec<_> = best
        .into_iter()
        .map(|(used_for, address, _)| Region { used_for, address, bytes: real(used_for) })
        .collect();
    regions.sort_by_key(|r| (r.address, r.bytes));
    Ok(MemoryMap { regions, capacity, bank_bytes: resources.bank_bytes() as usize })
}

/// Bytes above the highest buffer in which a linker can put the constants of a program. The linker
/// scripts of mlir-aie (`aie-translate --aie-generate-ldscript`) give `.data`, `.rodata` and `.bss`
/// nothing else of a tile's memory.
pub const DATA: usize = 1024;

/// Placements that one search tries at most. Far more than a tile with one
/// input needs; a bound for elementwise layers with many inputs.
const STEPS: usize = 4_000;

/// Set of banks that a range touches, as bits.
fn banks(address: usize, bytes: usize, bank_bytes: usize) -> u64 {
    if bytes == 0 || bank_bytes == 0 {
        return 0;
    }
    let (first, last) = (address / bank_bytes, (address + bytes - 1) / bank_bytes);
    (first..=last).fold(0, |set, bank| set | 1 << bank.min(63))
}

/// How much two operands in one bank hurt.
const OPERANDS: u64 = 1000;

/// How much two buffers in one bank hurt.
fn conflict(a: Use, b: Use) -> u64 {
    use Use::*;
    match (a.min(b), a.max(b)) {
        // Loaded in the same cycle, in the inner loop.
        (Input { .. }, Weights) => OPERANDS,
        (Input { port: a, .. }, Input { port: b, .. }) if a != b => OPERANDS,
        // Stored while the next block loads.
        (Weights, Output { .. }) => 100,
        (Input { .. }, Output { .. }) => 30,
        // The DMA fills one half while the core reads the other.
        (Input { .. }, Input { .. }) => 10,
        (Output { .. }, Output { .. }) => 5,
        // Spills.
        (Stack, Weights) => 3,
        (Stack, Input { .. } | Output { .. }) => 1,
        _ => 0,
    }
}

/// `(use, address, aligned bytes)`.
type Placed = (Use, usize, usize);

struct Search<'a> {
    order: &'a [(Use, usize)],
    capacity: usize,
    /// Where buffers have to end.
    end: usize,
    bank_bytes: usize,
    placed: Vec<Placed>,
    best: Option<(u64, Vec<Placed>)>,
    steps: usize,
}

impl Search<'_> {
    fn place(&mut self, cost: u64) {
        if self.best.as_ref().is_some_and(|(best, _)| cost >= *best) {
            return;
        }
        // The stack comes before the buffers.
        let Some(&(used_for, bytes)) = self.order.get(self.placed.len() - 1) else {
            self.best = Some((cost, self.placed.clone()));
            return;
        };
        let mut choices: Vec<(u64, usize)> = self
            .starts(bytes)
            .into_iter()
            .map(|address| {
                let mine = banks(address, bytes, self.bank_bytes);
                let added = self.placed.iter().map(|&(other, start, size)| {
                    let shared = mine & banks(start, size, self.bank_bytes);
                    conflict(used_for, other) * u64::from(shared.count_ones())
                });
                (added.sum(), address)
            })
            .collect();
        choices.sort_unstable();
        for (added, address) in choices {
            if self.steps == 0 {
                return;
            }
            self.steps -= 1;
            self.placed.push((used_for, address, bytes));
            self.place(cost + added);
            self.placed.pop();
        }
    }

    /// Free addresses at which a buffer touches something.
    fn starts(&self, bytes: usize) -> Vec<usize> {
        let mut starts: Vec<usize> = Vec::new();
        let borders = (0..self.capacity).step_by(self.bank_bytes.max(1));
        for border in borders.chain([self.end]) {
            starts.extend([Some(border), border.checked_sub(bytes)].into_iter().flatten());
        }
        for &(_, address, size) in &self.placed {
            starts.extend([Some(address + size), address.checked_sub(bytes)].into_iter().flatten());
        }
        starts.sort_unstable();
        starts.dedup();
        starts.retain(|&start| {
            start + bytes <= self.end
                && self
                    .placed
                    .iter()
                    .all(|&(_, other, size)| start + bytes <= other || other + size <= start)
        });
        starts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn device() -> Device {
        Device::by_name("xcve2802").unwrap()
    }

    fn single(input: usize, weights: usize, bias: usize, output: usize) -> Vec<(Use, usize)> {
        buffers(
            BufferBytes { input: [input; 2], weights, bias, scales: 0, output },
            Role::Single,
            1,
        )
    }

    #[test]
    fn separates_weights_from_activations() {
        let map = allocate(&single(1024, 16384, 512, 1024), STACK, &device()).unwrap();
        assert_eq!(map.address(Use::Stack), Some(0));
        assert!(!map.operands_conflict(), "{map}");
        assert_eq!(map.regions.len(), 7);
    }

    #[test]
    fn weights_larger_than_a_bank_take_consecutive_banks() {
        let map = allocate(&single(2048, 40960, 512, 1024), STACK, &device()).unwrap();
        let weights = map.regions.iter().find(|r| r.used_for == Use::Weights).unwrap();
        assert_eq!(weights.bytes, 40960);
        assert!(!map.operands_conflict(), "{map}");
    }

    #[test]
    fn leaves_room_for_constants_of_the_program() {
        let room = |buffers: &[(Use, usize)]| {
            let map = allocate(buffers, STACK, &device()).unwrap();
            assert!(!map.operands_conflict(), "{map}");
            65536 - map.regions.iter().map(Region::end).max().unwrap_or(0)
        };
        assert!(room(&single(1024, 16384, 512, 1024)) >= DATA);
        assert!(room(&single(2048, 40960, 512, 1024)) >= DATA);
        // Three banks of weights leave one for inputs.
        assert_eq!(room(&single(1024, 3 * 16384, 512, 1024)), 0);
    }

    #[test]
    fn fills_memory_to_the_last_byte() {
        let rest = 65536 - STACK - 2 * 1024 - 2 * 512 - 256;
        let map = allocate(&single(1024, rest, 256, 512), STACK, &device()).unwrap();
        assert_eq!(map.used(), 65536);
        let error = allocate(&single(1024, rest + 1, 256, 512), STACK, &device()).unwrap_err();
        assert_eq!(error.needed, 65536 + 32);
        assert_eq!(error.summary(), "needs 65568 bytes on one tile, its memory holds 65536");
        assert!(error.to_string().contains("  60161 bytes  weights\n"), "{error}");
        assert!(error.to_string().contains("1024 bytes  input ping"), "{error}");
    }

    #[test]
    fn roles_drop_what_they_do_not_use() {
        let bytes = BufferBytes { input: [64; 2], weights: 128, bias: 32, scales: 0, output: 64 };
        let count = |role| buffers(bytes, role, 1).len();
        assert_eq!([Role::Single, Role::First, Role::Middle, Role::Last].map(count), [6, 4, 3, 5]);
        assert_eq!(buffers(BufferBytes { weights: 0, bias: 0, ..bytes }, Role::Single, 2).len(), 6);
        let scaled = BufferBytes { scales: 96, ..bytes };
        let parameters = |role| -> usize {
            let all = buffers(scaled, role, 1).into_iter();
            all.filter(|(used_for, _)| *used_for == Use::Bias).map(|(_, bytes)| bytes).sum()
        };
        let roles = [Role::Single, Role::First, Role::Middle, Role::Last];
        assert_eq!(roles.map(parameters), [128, 32, 0, 96]);
    }

    #[test]
    fn bias_of_a_cascade_shares_the_output() {
        let bytes =
            BufferBytes { input: [832; 2], weights: 53248, bias: 2048, scales: 0, output: 4096 };
        assert!(allocate_layer(bytes, 1, 1, STACK, &device()).is_err());
        let map = allocate_layer(bytes, 2, 1, STACK, &device()).unwrap();
        assert_eq!(map.address(Use::Bias), map.address(Use::Output { half: 0 }));
        assert_eq!(map.used(), STACK + 2 * 832 + 53248 + 2 * 4096);
        // A bias larger than the output takes its own size.
        let map = allocate_layer(
            BufferBytes { bias: 4096, output: 1024, ..bytes },
            3,
            1,
            STACK,
            &device(),
        )
        .unwrap();
        let bias = map.address(Use::Bias).unwrap()..map.address(Use::Bias).unwrap() + 4096;
        let others = map
            .regions
            .iter()
            .filter(|r| !matches!(r.used_for, Use::Bias | Use::Output { half: 0 }));
        for other in others {
            assert!(other.end() <= bias.start || bias.end <= other.address, "{map}");
        }
    }

    #[test]
    fn bias_of_a_cascade_shares_the_multipliers() {
        for scales in [1024, 4096] {
            let bytes =
                BufferBytes { input: [832; 2], weights: 8192, bias: 2048, scales, output: 4096 };
            let map = allocate_layer(bytes, 2, 1, STACK, &device()).unwrap();
            let of = |used_for| map.regions.iter().filter(move |r| r.used_for == used_for);
            assert_eq!(of(Use::Bias).map(|r| r.bytes).collect::<Vec<_>>(), [scales.max(2048)]);
            for pair in map.regions.windows(2) {
                assert!(pair[0].end() <= pair[1].address, "{map}");
            }
        }
    }

    #[test]
    fn prints_addresses_and_banks() {
        let map = allocate(&single(64, 20000, 0, 64), 1024, &device()).unwrap();
        let text = map.to_string();
        assert!(text.starts_with("  0x00000..0x00400   1024 bytes  stack (bank 0)\n"), "{text}");
        assert!(text.contains("weights (banks "), "{text}");
        assert!(text.ends_with("21280 of 65536 bytes in use"), "{text}");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 60, ..ProptestConfig::default() })]
        #[test]
        fn regions_are_disjoint_aligned_and_complete(
            input in 1usize..12000, weights in 1usize..50000, bias in 0usize..2048, output in 1usize..12000,
            ports in 1usize..3, stack in 0usize..4096,
        ) {
            let wanted = buffers(BufferBytes { input: [input; 2], weights, bias, scales: 0, output }, Role::Single, ports);
            match allocate(&wanted, stack, &device()) {
                Ok(map) => {
                    prop_assert_eq!(map.regions.len(), wanted.len() + 1);
                    for pair in map.regions.windows(2) {
                        prop_assert!(pair[0].end() <= pair[1].address);
                    }
                    for region in &map.regions {
                        prop_assert_eq!(region.address % 32, 0);
                        prop_assert!(region.end() <= 65536);
                    }
                    for (used_for, bytes) in &wanted {
                        let region = map.regions.iter().find(|r| r.used_for == *used_for).unwrap();
                        prop_assert_eq!(region.bytes, *bytes);
                    }
                }
                Err(error) => prop_assert!(error.needed > 65536),
            }
        }
    }
}
