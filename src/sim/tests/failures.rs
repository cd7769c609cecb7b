//! Runs that fail, and what is said about them.

use super::*;

fn texts(sentences: &[Sentence]) -> Vec<&str> {
    sentences.iter().map(|sentence| sentence.text.as_str()).collect()
}

#[test]
fn a_missing_release_is_explained() {
    let mut b = pipeline(64);
    for bd in &mut b.0.dmas[2].bds {
        bd.release = None;
    }
    let text = b.fault(&[ramp(64)], 1);
    assert!(
        text.starts_with("deadlock:\n  output 'y' at PLIO 0 of tile (4,0) has 0 of 16 words"),
        "{text}"
    );
    let expected = "these keep the others waiting:\n  core (4,3) waits to acquire lock 'x_full' (value 0, needs 1), \
                    which nothing else releases";
    assert!(text.contains(expected), "{text}");
    let expected = "S2MM 1 of tile (4,1), BD 0 on 'out0', waits for data (0 of 16 words moved), \
                    sent by MM2S 0 of tile (4,3)";
    assert!(text.contains(expected), "{text}");
}

#[test]
fn a_cross_wait_is_a_cycle() {
    let mut b = Builder::default();
    let (left, right) = (tile(4, 3), tile(5, 3));
    let (p, q) = (b.lock(left, "p", 0), b.lock(left, "q", 0));
    b.core(left, vec![Stmt::UseLock(acquire(p, 1)), Stmt::UseLock(release(q, 1))]);
    let y = b.buffer(right, "y", 4);
    let full = b.lock(right, "y_full", 0);
    let body = [acquire(q, 1), release(p, 1), release(full, 1)].map(Stmt::UseLock);
    b.core(right, body.into());
    b.channel(right, Direction::Mm2s, 0, vec![Bd { acquire: Some(acquire(full, 1)), ..bd(y, 4) }]);
    b.flow(dma(right, 0), &[port(PLIO, Bundle::Plio, 1)]);
    b.output(port(PLIO, Bundle::Plio, 1), 4);
    let failure = b.engine().run(&[], 1).unwrap_err();
    let Failure::Deadlock(deadlock) = &failure else { panic!("{failure}") };
    let expected = [
        "core (5,3) waits to acquire lock 'q' (value 0, needs 1), released by core (4,3)",
        "core (4,3) waits to acquire lock 'p' (value 0, needs 1), released by core (5,3)",
    ];
    assert_eq!(texts(&deadlock.cycle), expected, "{failure}");
    assert!(deadlock.roots.is_empty(), "{failure}");
    let places = deadlock.cycle.iter().map(|each| each.at).collect::<Vec<_>>();
    assert_eq!(places, [Some(Part::Statement(1, 0)), Some(Part::Statement(0, 0))]);
    let [diagnostic] = failure.diagnostics().try_into().unwrap();
    assert_eq!(diagnostic.at, places[0]);
    assert_eq!(diagnostic.text, "deadlock: core (5,3) and core (4,3) wait for each other");
    let given =
        Note { at: Some(Part::Statement(0, 1)), text: "core (4,3) would release it here".into() };
    assert_eq!(diagnostic.notes[1], given);
    let expected = [
        "output 'y' at PLIO 1 of tile (4,0) waits for data (0 of 1 words arrived), sent by MM2S 0 of tile (5,3)",
        "MM2S 0 of tile (5,3), BD 0 on 'y', waits to acquire lock 'y_full' (value 0, needs 1), released by core (5,3)",
    ];
    assert_eq!(texts(&deadlock.waits), expected, "{failure}");
}

#[test]
fn a_cascade_that_is_not_read_is_explained() {
    let mut b = cascade(16 * CASCADE_BYTES);
    // The last core does not begin, for its lock has the wrong name.
    let never = b.lock(tile(6, 3), "never", 0);
    let Stmt::For { body, .. } = &mut b.0.cores[2].body[0] else { unreachable!() };
    body[0] = Stmt::UseLock(acquire(never, 1));
    let failure = b.engine().run(&vec![ramp(1024); 3], 1).unwrap_err();
    let Failure::Deadlock(deadlock) = &failure else { panic!("{failure}") };
    let expected =
        "core (6,3) waits to acquire lock 'never' (value 0, needs 1), which nothing else releases";
    assert_eq!(texts(&deadlock.roots), [expected], "{failure}");

    // Nobody reads at all: the reader's core is gone.
    let mut b = cascade(16 * CASCADE_BYTES);
    b.0.cores.pop();
    let y_full = b.0.locks.iter().position(|lock| lock.name == "y_full").unwrap();
    b.0.cores[0].body.insert(0, Stmt::UseLock(release(LockId(y_full), 0)));
    let text = b.fault(&vec![ramp(1024); 3], 1);
    let expected = "core (4,3), in kernel 'first', waits to put to the cascade of tile (5,3), got by core (5,3)";
    assert!(text.contains(expected), "{text}");
    let expected = "core (5,3), in kernel 'middle', waits to put to the cascade of tile (6,3), where no core gets";
    assert!(text.contains(expected), "{text}");
}

#[test]
fn a_broadcast_stalls_with_its_slowest_reader() {
    let mut b = turn(256, 256, |_| {});
    // A second destination that nothing reads.
    b.0.flows[0].destinations.push(dma(CORE, 1));
    let text = b.fault(&[ramp(256)], 1);
    let expected = "input 'x' at PLIO 0 of tile (4,0) waits for room at DMA 1 of tile (4,3) (48 words left), \
                    which nothing makes, for nothing reads there";
    assert!(text.contains(expected), "{text}");
}

#[test]
fn a_missing_flow_is_explained() {
    let mut b = turn(64, 64, |_| {});
    b.0.flows.remove(1);
    let text = b.fault(&[ramp(64)], 1);
    let expected = "output 'y' at PLIO 0 of tile (4,0) waits for a stream, but no flow connects it";
    assert!(text.contains(expected), "{text}");
}

#[test]
fn too_few_words_leave_a_descriptor_unfinished() {
    // 64 of 80 bytes arrive; the other half of the pair carries the output.
    let mut b = turn(64, 64, |_| {});
    let extra = b.buffer(CORE, "extra", 80);
    b.channel(CORE, Direction::S2mm, 0, vec![bd(extra, 80)]);
    b.0.flows[0].destinations.push(dma(CORE, 0));
    let failure = b.engine().run(&[ramp(64)], 1).unwrap_err();
    let expected = ["S2MM 0 of tile (4,3), BD 0 on 'extra', got only 16 of 20 words"];
    let Failure::Leftover(lines) = &failure else { panic!("{failure}") };
    assert_eq!(texts(lines), expected);
    // The program's only channel with one descriptor.
    assert_eq!(lines[0].at, Some(Part::Bd(2, 0)));
}

#[test]
fn too_many_words_are_left_over() {
    let b = turn(64, 60, |_| {});
    let text = b.fault(&[ramp(64)], 1);
    assert!(
        text.contains("output 'y' at PLIO 0 of tile (4,0) has 1 words beyond its 15"),
        "{text}"
    );

    let mut b = turn(64, 64, |_| {});
    b.0.flows[0].destinations.push(dma(CORE, 0));
    let text = b.fault(&[ramp(64)], 1);
    assert!(text.contains("DMA 0 of tile (4,3) has 16 words that nothing reads"), "{text}");
}

#[test]
fn a_cascade_value_too_many_is_left_over() {
    let mut b = turn(64, 64, |_| {});
    let (one, two) = (tile(8, 3), tile(9, 3));
    b.0.cascades = vec![(one, two)];
    let x = b.buffer(one, "x", 64);
    let kernel = b.kernel("first", &[64]);
    b.core(one, vec![call(kernel, &[x])]);
    let text = b.fault(&[ramp(64)], 1);
    assert!(text.contains("the cascade from tile (8,3) to tile (9,3) holds 1 values"), "{text}");
}

#[test]
fn locks_stay_within_their_range() {
    let mut b = turn(64, 64, |_| {});
    b.0.dmas[0].bds[0].release = Some(release(LockId(1), 63));
    b.0.dmas[0].bds[1].release = Some(release(LockId(1), 63));
    b.0.dmas[1].bds[0].acquire = Some(acquire(LockId(1), 2));
    let text = b.fault(&[ramp(128)], 2);
    let expected =
        "S2MM 0 of tile (4,1): lock 'm_full' of tile (4,1) overflows: 60 plus 63 is above 63";
    assert_eq!(text, expected);

    b.0.dmas[0].bds[0].release = Some(release(LockId(1), -1));
    let text = b.fault(&[ramp(128)], 2);
    assert!(
        text.contains("lock 'm_full' of tile (4,1) is used with value -1, but holds 0 to 63"),
        "{text}"
    );

    b.0.locks[0].initial = 64;
    assert_eq!(b.refusal(), "lock 'm_free' of tile (4,1) begins at 64, but holds 0 to 63");
}
