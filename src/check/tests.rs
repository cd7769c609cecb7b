//! A small program is valid; whatever breaks it is caught.

use super::{Violation, dataflow, limits};
use crate::{
    array::*,
    device::Device,
    exact::{Requant, Rounding},
    kernel::Integer,
    plan::{
        hand_over::{self, Transport},
        mapped::{Boundary, End, Layer, Mapped, Operation, Transfer},
        mapping::{Packing, Place, Port as PlacedPort, Split, Via},
        microtile::Microtile,
        program, slices,
    },
};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

const I8: Integer = Integer { bits: 8, signed: true };

/// A chain of layers `(k, n, cascade, chains)` with a microtile of 4 x 8 x 8,
/// one layer above the other, memory tiles between them.
fn lowered(layers: &[(usize, usize, usize, usize)], rows: usize) -> Program {
    carried(layers, rows, &vec![Via::MemoryTile; layers.len() - 1])
}

/// The same where `vias` carry what is between the layers. A layer that shares
/// memory is beside the last tile of the one before, above it otherwise.
fn carried(layers: &[(usize, usize, usize, usize)], rows: usize, vias: &[Via]) -> Program {
    let device = Device::by_name("xcve2802").unwrap();
    let mut mapped = Mapped::default();
    let (mut column, mut row) = (2, device.core_rows().start as usize);
    for (index, &(k, n, cascade, chains)) in layers.iter().enumerate() {
        let split = Split {
            cascade,
            chains,
            k: slices::slice_units(k, 8, cascade) * 8,
            n: slices::slice_units(n, 8, chains) * 8,
            rows,
        };
        mapped.layers.push(Layer {
            name: format!("fc{index}"),
            k,
            n,
            input: I8,
            output: I8,
            operation: Operation::Dense {
                weight: I8,
                accumulator: 32,
                weights: (0..k * n).map(|i| i as i64 * 7 % 127 + 1).collect(),
                bias: vec![5; n],
            },
            sum_bits: 32,
            // Otherwise two layers of the same shape would share kernels.
            stages: vec![Requant::shift(1 + index as i64, Rounding::NearestEven, 8, true)],
            microtile: Microtile { m: 4, k: 8, n: 8 },
            split,
            packing: Packing {
                stack: 1024,
                weights: 0x4000,
                bias: 0x8000,
                input: vec![0x8400, 0xa000],
                output: vec![0xc000, 0xe000],
            },
            places: vec![Place { column, row }],
        });
        if vias.get(index) == Some(&Via::SharedMemory) {
            column += cascade;
        } else {
            (column, row) = (2, row + chains);
        }
    }
    let boundary = |name: &str, features| Boundary {
        name: name.into(),
        batch: rows,
        features,
        element: I8,
        scale: 1.0,
        zero_point: 0,
        range: (-128, 127),
    };
    let last = layers.len() - 1;
    mapped.inputs.push(boundary("x", layers[0].0));
    mapped.outputs.push(boundary("y", layers[last].1));
    let mut ports = BTreeMap::new();
    for index in 0..=layers.len() {
        let (from, to) = (
            if index == 0 { End::Boundary(0) } else { End::Layer(index - 1) },
            if index > last { End::Boundary(0) } else { End::Layer(index) },
        );
        let features = if index > last { layers[last].1 } else { layers[index].0 };
        let transfer = Transfer {
            from,
            to,
            port: 0,
            features,
            element: I8,
            regions: Vec::new(),
            via: Via::MemoryTile,
            memory_tiles: Vec::new(),
            ports: Vec::new(),
        };
        mapped.transfers.push(transfer);
    }
    let vias: Vec<_> = [Via::MemoryTile].iter().chain(vias).copied().map(Some).collect();
    hand_over::plan(&mut mapped, Transport::Auto, &vias, &device).unwrap();
    for (index, transfer) in mapped.transfers.iter_mut().enumerate() {
        let groups = match transfer.via {
            Via::MemoryTile => transfer.regions.iter().map(|r| r.group + 1).max().unwrap_or(0),
            _ => 0,
        };
        transfer.memory_tiles =
            (0..groups).map(|g| Place { column: 2 + 2 * index + g, row: 1 }).collect();
        let streams =
            transfer.regions.iter().map(|r| r.producer.max(r.consumer) + 1).max().unwrap_or(0);
        if index == 0 || index > last {
            transfer.ports = (0..streams)
                .map(|_| {
                    let channel = ports.entry((index == 0, 2)).or_insert(0);
                    *channel += 1;
                    PlacedPort { column: 2, channel: *channel - 1 }
                })
                .collect();
        }
    }
    program::lower(&mapped, &device).unwrap()
}

/// Two layers with a cascade of two and two chains each; nothing is a multiple
/// of anything.
fn small() -> Program {
    lowered(&[(13, 37, 2, 2), (37, 21, 2, 2)], 5)
}

fn violations(program: &Program) -> Vec<Violation> {
    let found = limits::check(program, false);
    if found.is_empty() { dataflow::check(program) } else { found }
}

#[test]
fn lowered_programs_are_valid() {
    for layers in [
        &[(13, 37, 2, 2), (37, 21, 2, 2)][..],
        &[(16, 32, 1, 1)],
        &[(40, 48, 3, 2), (48, 64, 2, 4), (64, 10, 4, 1)],
        &[(100, 9, 5, 2), (9, 100, 1, 3), (100, 100, 4, 1)],
    ] {
        for rows in [1, 4, 5, 16] {
            let program = lowered(layers, rows);
            assert_eq!(violations(&program), [], "{layers:?} with {rows} rows");
        }
    }
}

#[test]
fn hand_overs_are_valid() {
    use Via::{MemoryTile, SharedMemory, Stream};
    for (layers, vias) in [
        (&[(13, 37, 2, 2), (37, 21, 2, 2)][..], &[Stream][..]),
        // Two chains to a column, a chain to two columns, regions between both.
        (&[(13, 37, 2, 2), (37, 30, 1, 1), (30, 20, 2, 3)], &[Stream, Stream]),
        (&[(13, 45, 1, 2), (45, 9, 2, 1)], &[Stream]),
        (&[(13, 13, 2, 1), (13, 29, 1, 1), (29, 5, 1, 1)], &[SharedMemory, SharedMemory]),
        (&[(8, 40, 1, 5), (40, 8, 5, 1), (8, 8, 1, 1)], &[Stream, MemoryTile]),
    ] {
        for rows in [1, 4, 5, 16] {
            let program = carried(layers, rows, vias);
            assert_eq!(violations(&program), [], "{layers:?} with {rows} rows");
        }
    }
}

/// Every single change of a kind, with its name.
fn mutants(program: &Program) -> Vec<(String, Program)> {
    let mut made: Vec<(String, Program)> = Vec::new();
    let device = Device::by_name(&program.device).unwrap();
    let mut add = |name: String, change: &dyn Fn(&mut Program)| {
        let mut mutant = program.clone();
        change(&mut mutant);
        if mutant != *program {
            made.push((name, mutant));
        }
    };
    let names = |id: BufferId| &program.buffers[id.0].name;
    for (c, channel) in program.dmas.iter().enumerate() {
        let who = super::channel_name(channel);
        for b in 0..channel.bds.len() {
            let bd = &channel.bds[b];
            let who = format!("{who} BD {b} on '{}'", names(bd.buffer));
            for delta in [4isize, -4, 8, 32, -32] {
                add(format!("{who}: offset {delta:+}"), &|p| {
                    let offset = &mut p.dmas[c].bds[b].offset;
                    *offset = offset.saturating_add_signed(delta);
                });
                add(format!("{who}: len {delta:+}"), &|p| {
                    let len = &mut p.dmas[c].bds[b].len;
                    *len = len.saturating_add_signed(delta);
                });
            }
            for d in 0..bd.dims.len() {
                for delta in [4isize, -4, 8, -8] {
                    add(format!("{who}: dim {d} stride {delta:+}"), &|p| {
                        let stride = &mut p.dmas[c].bds[b].dims[d].stride;
                        *stride = stride.saturating_add_signed(delta).max(1);
                    });
                }
                for delta in [1isize, -1, 4] {
                    add(format!("{who}: dim {d} size {delta:+}"), &|p| {
                        let size = &mut p.dmas[c].bds[b].dims[d].size;
                        *size = size.saturating_add_signed(delta).max(1);
                    });
                }
                for e in 0..d {
                    add(format!("{who}: dims {e} and {d} swapped"), &|p| {
                        p.dmas[c].bds[b].dims.swap(d, e)
                    });
                }
            }
            add(format!("{who}: no dims"), &|p| p.dmas[c].bds[b].dims.clear());
            for (other, buffer) in program.buffers.iter().enumerate() {
                let mine = &program.buffers[bd.buffer.0];
                if buffer.tile == mine.tile && buffer.bytes() >= mine.bytes() {
                    add(format!("{who}: buffer '{}'", buffer.name), &|p| {
                        p.dmas[c].bds[b].buffer = BufferId(other)
                    });
                }
            }
            add(format!("{who}: no acquire"), &|p| p.dmas[c].bds[b].acquire = None);
            add(format!("{who}: no release"), &|p| p.dmas[c].bds[b].release = None);
            add(format!("{who}: no locks"), &|p| {
                (p.dmas[c].bds[b].acquire, p.dmas[c].bds[b].release) = (None, None);
            });
            for (l, lock) in program.locks.iter().enumerate() {
                if lock.tile != channel.tile {
                    continue;
                }
                add(format!("{who}: acquires '{}'", lock.name), &|p| {
                    p.dmas[c].bds[b].acquire.as_mut().unwrap().lock = LockId(l);
                });
                add(format!("{who}: releases '{}'", lock.name), &|p| {
                    p.dmas[c].bds[b].release.as_mut().unwrap().lock = LockId(l);
                });
            }
            for value in [0, 2] {
                add(format!("{who}: acquires {value}"), &|p| {
                    p.dmas[c].bds[b].acquire.as_mut().unwrap().value = value
                });
                add(format!("{who}: releases {value}"), &|p| {
                    p.dmas[c].bds[b].release.as_mut().unwrap().value = value
                });
            }
            add(format!("{who}: exact acquire"), &|p| {
                p.dmas[c].bds[b].acquire.as_mut().unwrap().action = LockAction::AcquireEqual;
            });
            for next in (0..channel.bds.len()).map(Some).chain([None]) {
                add(format!("{who}: next {next:?}"), &|p| p.dmas[c].bds[b].next = next);
            }
            add(format!("{who}: packet"), &|p| {
                p.dmas[c].bds[b].packet = Some(Packet { kind: 0, id: 1 })
            });
            for e in 0..b {
                add(format!("{who}: swapped with BD {e}"), &|p| {
                    p.dmas[c].bds.swap(b, e);
                    let next = p.dmas[c].bds[b].next;
                    p.dmas[c].bds[b].next = p.dmas[c].bds[e].next;
                    p.dmas[c].bds[e].next = next;
                });
            }
        }
        add(format!("{who}: other direction"), &|p| {
            let direction = &mut p.dmas[c].direction;
            *direction =
                if *direction == Direction::S2mm { Direction::Mm2s } else { Direction::S2mm };
        });
        add(format!("{who}: channel + 1"), &|p| p.dmas[c].channel += 1);
        add(format!("{who}: gone"), &|p| _ = p.dmas.remove(c));
    }
    for f in 0..program.flows.len() {
        for g in 0..f {
            add(format!("flows {g} and {f} exchange sources"), &|p| {
                let source = p.flows[f].source;
                p.flows[f].source = p.flows[g].source;
                p.flows[g].source = source;
            });
        }
        add(format!("flow {f}: gone"), &|p| _ = p.flows.remove(f));
        for d in 0..program.flows[f].destinations.len() {
            add(format!("flow {f}: without destination {d}"), &|p| {
                _ = p.flows[f].destinations.remove(d)
            });
        }
        add(format!("flow {f}: packets"), &|p| p.flows[f].packet = Some(3));
    }
    for a in 0..program.cascades.len() {
        for b in 0..a {
            add(format!("cascades {b} and {a} exchange"), &|p| {
                let end = p.cascades[a].1;
                p.cascades[a].1 = p.cascades[b].1;
                p.cascades[b].1 = end;
            });
        }
        add(format!("cascade {a}: gone"), &|p| _ = p.cascades.remove(a));
        add(format!("cascade {a}: reversed"), &|p| {
            p.cascades[a] = (p.cascades[a].1, p.cascades[a].0)
        });
    }
    for (l, lock) in program.locks.iter().enumerate() {
        for delta in [1, -1, 2, 64] {
            add(format!("lock '{}': init {delta:+}", lock.name), &|p| {
                p.locks[l].initial = (p.locks[l].initial + delta).max(0);
            });
        }
    }
    for (index, buffer) in program.buffers.iter().enumerate() {
        if buffer.initial.is_some() {
            add(format!("buffer '{}': no initial contents", buffer.name), &|p| {
                p.buffers[index].initial = None
            });
        }
        for delta in [2, 32, 0x1000, 0x8000] {
            if let Some(address) = buffer.address {
                add(format!("buffer '{}': address + {delta}", buffer.name), &|p| {
                    p.buffers[index].address = Some(address + delta);
                });
            }
        }
    }
    for (c, core) in program.cores.iter().enumerate() {
        let Some(Stmt::For { body, .. }) = core.body.first() else { panic!("a core loops") };
        let who = format!("core of {}", core.tile);
        let inside = |p: &mut Program, change: &dyn Fn(&mut Vec<Stmt>)| {
            let Some(Stmt::For { body, .. }) = p.cores[c].body.first_mut() else {
                panic!("a core loops")
            };
            change(body);
        };
        for s in 0..body.len() {
            add(format!("{who}: statement {s} gone"), &|p| inside(p, &|body| _ = body.remove(s)));
            add(format!("{who}: statement {s} twice"), &|p| {
                inside(p, &|body| body.insert(s, body[s].clone()));
            });
            for t in 0..s {
                add(format!("{who}: statements {t} and {s} swapped"), &|p| {
                    inside(p, &|body| body.swap(s, t))
                });
            }
            match &body[s] {
                Stmt::UseLock(_) => {
                    for delta in [-1, 1] {
                        add(format!("{who}: statement {s} value {delta:+}"), &|p| {
                            inside(p, &|body| {
                                if let Stmt::UseLock(action) = &mut body[s] {
                                    action.value += delta;
                                }
                            });
                        });
                    }
                    add(format!("{who}: statement {s} exact"), &|p| {
                        inside(p, &|body| {
                            if let Stmt::UseLock(action) = &mut body[s]
                                && action.action == LockAction::AcquireGreaterEqual
                            {
                                action.action = LockAction::AcquireEqual;
                            }
                        });
                    });
                    for (l, lock) in program.locks.iter().enumerate() {
                        if device.memory_reachable(core.tile, lock.tile) {
                            add(format!("{who}: statement {s} on '{}'", lock.name), &|p| {
                                inside(p, &|body| {
                                    if let Stmt::UseLock(action) = &mut body[s] {
                                        action.lock = LockId(l);
                                    }
                                });
                            });
                        }
                    }
                }
                Stmt::Call { arguments, .. } => {
                    for a in 0..arguments.len() {
                        for (other, buffer) in program.buffers.iter().enumerate() {
                            if device.memory_reachable(core.tile, buffer.tile) {
                                add(
                                    format!("{who}: statement {s} argument {a} '{}'", buffer.name),
                                    &|p| {
                                        inside(p, &|body| {
                                            if let Stmt::Call { arguments, .. } = &mut body[s] {
                                                arguments[a] = Argument::Buffer(BufferId(other));
                                            }
                                        });
                                    },
                                );
                            }
                        }
                    }
                    for k in 0..program.kernels.len() {
                        add(
                            format!("{who}: statement {s} calls '{}'", program.kernels[k].name),
                            &|p| {
                                inside(p, &|body| {
                                    if let Stmt::Call { kernel, .. } = &mut body[s] {
                                        *kernel = KernelId(k);
                                    }
                                });
                            },
                        );
                    }
                }
                Stmt::For { .. } => {}
            }
        }
        for other in 0..c {
            add(format!("{who}: slice of core {other}"), &|p| {
                p.cores[c].slice = p.cores[other].slice.clone()
            });
        }
        add(format!("{who}: loops twice"), &|p| {
            if let Some(Stmt::For { upper, .. }) = p.cores[c].body.first_mut() {
                *upper = Argument::Constant(1);
            }
        });
        add(format!("{who}: gone"), &|p| _ = p.cores.remove(c));
    }
    for inputs in [true, false] {
        let list = if inputs { &program.inputs } else { &program.outputs };
        for (i, interface) in list.iter().enumerate() {
            let change = |p: &mut Program, change: &dyn Fn(&mut Interface)| {
                change(&mut (if inputs { &mut p.inputs } else { &mut p.outputs })[i]);
            };
            let who = &interface.name;
            for s in 0..interface.streams.len() {
                for t in 0..s {
                    add(format!("'{who}': ports {t} and {s} exchanged"), &|p| {
                        change(p, &|interface| {
                            let port = interface.streams[s].port;
                            interface.streams[s].port = interface.streams[t].port;
                            interface.streams[t].port = port;
                        });
                    });
                }
                for n in 0..interface.streams[s].slices.len() {
                    add(format!("'{who}': stream {s} slice {n} begins later"), &|p| {
                        change(p, &|interface| interface.streams[s].slices[n].begin += 1);
                    });
                    add(format!("'{who}': stream {s} slice {n} ends earlier"), &|p| {
                        change(p, &|interface| interface.streams[s].slices[n].end -= 1);
                    });
                    add(format!("'{who}': stream {s} slice {n} pitch + 4"), &|p| {
                        change(p, &|interface| interface.streams[s].slices[n].pitch += 4);
                    });
                    for o in 0..n {
                        add(format!("'{who}': stream {s} slices {o} and {n} swapped"), &|p| {
                            change(p, &|interface| interface.streams[s].slices.swap(o, n));
                        });
                    }
                }
                add(format!("'{who}': stream {s} gone"), &|p| {
                    change(p, &|interface| _ = interface.streams.remove(s));
                });
            }
            add(format!("'{who}': rows + 1"), &|p| change(p, &|interface| interface.rows += 1));
            add(format!("'{who}': columns + 1"), &|p| {
                change(p, &|interface| interface.columns += 1)
            });
        }
    }
    made
}

/// Why a program with this change is as good as the one without.
fn equivalence(name: &str) -> Option<&'static str> {
    let is = |part: &str| name.contains(part);
    if is("S2MM") && name.ends_with(": packet") {
        return Some("a receiving channel puts no header on anything");
    }
    if is(": address + ") {
        return Some("the buffer moves to where nothing else is");
    }
    if is("_free': init -1") {
        return Some("one half fewer is free at the start: slower");
    }
    if is("_r") && name.ends_with(": no initial contents") {
        return Some("what the padding holds meets weights of zero only");
    }
    if name.starts_with("core") && name.ends_with(" swapped") {
        return Some("an acquire earlier or a release later than needed: slower");
    }
    None
}

/// All mutants of a program are caught or as good, but for those listed.
fn check_mutants(program: &Program, listed: &[&str]) {
    let start = Instant::now();
    let mutants = mutants(program);
    let (mut equivalent, mut survivors) = (BTreeMap::new(), BTreeSet::new());
    for (name, mutant) in &mutants {
        match equivalence(name) {
            _ if !violations(mutant).is_empty() => {}
            Some(why) => *equivalent.entry(why).or_insert(0) += 1,
            None => _ = survivors.insert(name.as_str()),
        }
    }
    println!(
        "{} mutants in {:?}; as good as before: {equivalent:#?}",
        mutants.len(),
        start.elapsed()
    );
    assert_eq!(survivors, BTreeSet::from_iter(listed.iter().copied()));
}

#[test]
fn single_mistakes_are_caught() {
    // The first chain's blocks go straight to the column that wants just these,
    // and the memory tile between waits for itself, unheeded.
    check_mutants(&small(), &["flows 4 and 6 exchange sources"]);
}

#[test]
fn single_mistakes_among_regions_are_caught() {
    // The two chains and three columns between the layers share four regions.
    check_mutants(&lowered(&[(16, 48, 1, 2), (48, 24, 3, 1)], 5), &[]);
}

#[test]
fn single_mistakes_among_streams_are_caught() {
    use Via::Stream;
    // A chain to two columns, two chains to one.
    check_mutants(&carried(&[(13, 30, 1, 1), (30, 13, 2, 2), (13, 5, 1, 1)], 5, &[Stream; 2]), &[]);
}

#[test]
fn single_mistakes_in_shared_memory_are_caught() {
    check_mutants(&carried(&[(13, 13, 2, 1), (13, 5, 1, 1)], 5, &[Via::SharedMemory]), &[]);
}
