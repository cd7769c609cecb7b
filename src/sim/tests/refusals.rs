//! Programs and inputs that are wrong in themselves.

use super::*;

#[test]
fn descriptors_that_hardware_cannot_run_are_refused() {
    let refusal = |shape: &dyn Fn(&mut Bd)| turn(64, 64, shape).refusal();
    let place = "BD 0 of MM2S 0 of tile (4,1) on 'm0' ";
    for (shape, expected) in [
        (
            &(|bd: &mut Bd| bd.len = 66) as &dyn Fn(&mut Bd),
            "moves 66 elements of 1 bytes, not a multiple of 4 bytes",
        ),
        (&|bd: &mut Bd| bd.len = 68, "reaches element 67 of a buffer of 64"),
        (&|bd: &mut Bd| bd.offset = 4, "reaches element 67 of a buffer of 64"),
        (&|bd: &mut Bd| bd.len = 0, "moves no data"),
        (
            &|bd: &mut Bd| bd.dims = dims(&[(4, 4), (4, 1)]),
            "has dimensions of 16 elements, but moves 64",
        ),
        (
            &|bd: &mut Bd| bd.dims = dims(&[(128, 4), (4, 1)]),
            "has dimensions of more than its 64 elements",
        ),
        (&|bd: &mut Bd| bd.dims = dims(&[(0, 4), (4, 1)]), "has a dimension of size 0"),
        (
            &|bd: &mut Bd| bd.dims = dims(&[(64, usize::MAX)]),
            "reaches beyond a buffer of 64 elements",
        ),
        (&|bd: &mut Bd| bd.pad = vec![Pad::default()], "pads 1 dimensions, but has 0"),
    ] {
        assert_eq!(refusal(shape), format!("{place}{expected}"));
    }
    let mut b = turn(64, 64, |_| {});
    b.0.dmas[0].bds[0].dims = dims(&[(64, 1)]);
    b.0.dmas[0].bds[0].pad = vec![Pad { before: 0, after: 0 }];
    b.engine();
    b.0.dmas[0].bds[0].pad = vec![Pad { before: 0, after: 1 }];
    assert!(b.refusal().contains("pads, which only MM2S channels of memory tiles can"));
}

#[test]
fn wrong_structure_is_refused() {
    let change = |edit: &dyn Fn(&mut Program)| {
        let mut b = pipeline(64);
        edit(&mut b.0);
        b.refusal()
    };
    for (edit, expected) in [
        (
            &(|p: &mut Program| p.dmas.push(p.dmas[0].clone())) as &dyn Fn(&mut Program),
            "S2MM 0 of tile (4,1) has two programs",
        ),
        (&|p| p.cores.push(p.cores[0].clone()), "tile (4,3) has two cores"),
        (
            &|p| p.flows[1].destinations = vec![dma(MEMORY, 0)],
            "two flows lead to DMA 0 of tile (4,1)",
        ),
        (&|p| p.dmas[0].bds.clear(), "S2MM 0 of tile (4,1) has no buffer descriptor"),
        (&|p| p.dmas[0].bds[0].next = Some(7), "buffer descriptor 7 does not exist"),
        (&|p| p.dmas[0].bds[0].buffer = BufferId(99), "buffer 99 does not exist"),
        (&|p| p.dmas[0].bds[0].acquire = Some(acquire(LockId(99), 1)), "lock 99 does not exist"),
        (&|p| p.cores[0].body = vec![call(KernelId(9), &[])], "kernel 9 does not exist"),
        (
            &|p| p.buffers[0].initial = Some(vec![1]),
            "buffer 'in0' has 64 bytes, but 1 bytes of initial contents",
        ),
        (&|p| p.buffers[0].shape = vec![usize::MAX, 2], "buffer 'in0' is too large to simulate"),
        (&|p| p.device = "nothing".into(), "device 'nothing' is not known"),
        (
            &|p| p.dmas[0].tile = tile(38, 1),
            "S2MM 0 of tile (38,1) is outside of device 'xcve2802'",
        ),
        (
            &|p| p.locks[0].tile = tile(0, 11),
            "lock 'in_free' of tile (0,11) is outside of device 'xcve2802'",
        ),
        (&|p| p.cascades = vec![(CORE, MEMORY), (CORE, PLIO)], "two cascades leave tile (4,3)"),
        (&|p| p.cascades = vec![(CORE, MEMORY), (PLIO, MEMORY)], "two cascades enter tile (4,1)"),
        (
            &|p| p.inputs[0].columns = 62,
            "input 'x' at PLIO 0 of tile (4,0) has a slice of columns 0 to 64 at pitch 64, of 62 columns",
        ),
        (
            &|p| p.inputs[0].streams[0].slices[0].pitch = 65,
            "input 'x' at PLIO 0 of tile (4,0) moves 65 bytes per iteration, not a multiple of 4",
        ),
    ] {
        assert_eq!(change(edit), expected);
    }
}

#[test]
fn wrong_calls_are_faults() {
    let change = |edit: &dyn Fn(&mut Builder, &mut Vec<Stmt>)| {
        let mut b = pipeline(64);
        let mut body = Vec::new();
        edit(&mut b, &mut body);
        b.0.cores[0].body = body;
        b.fault(&[ramp(64)], 1)
    };
    let (x, y) = (BufferId(2), BufferId(4));
    let arguments = |arguments: &[Argument]| Stmt::Call {
        kernel: KernelId(0),
        arguments: arguments.into(),
        results: Vec::new(),
    };
    for (edit, expected) in [
        (
            &(|_: &mut Builder, body: &mut Vec<Stmt>| body.push(call(KernelId(0), &[x, x])))
                as &dyn Fn(&mut Builder, &mut Vec<Stmt>),
            "calls 'add_one' with buffer 'x0' twice",
        ),
        (
            &|_, body| body.push(call(KernelId(0), &[x])),
            "calls 'add_one' with 1 arguments, but it takes 2",
        ),
        (
            &|b, body| {
                let small = b.buffer(CORE, "small", 32);
                body.push(call(KernelId(0), &[small, y]));
            },
            "calls 'add_one' with buffer 'small' as argument 0: [32] x I8, but declared as [64] x I8",
        ),
        (
            &|_, body| body.push(arguments(&[Argument::Constant(1), Argument::Buffer(y)])),
            "calls 'add_one' with a number as argument 0, which is none",
        ),
        (
            &|b, body| {
                b.0.kernels[0].arguments = vec![Type::Scalar(Element::I32)];
                body.push(arguments(&[Argument::Reg(Reg(3))]));
            },
            "uses value 3 before it is computed",
        ),
        (
            &|b, body| {
                b.0.kernels[0].arguments = vec![Type::Scalar(Element::I32)];
                body.push(call(KernelId(0), &[x]));
            },
            "calls 'add_one' with buffer 'x0' as argument 0, which is no buffer",
        ),
        (
            &|b, body| {
                let kernel = b.kernel("refuse", &[]);
                body.push(call(kernel, &[]));
            },
            "calls 'refuse': it refuses",
        ),
        (
            &|b, body| {
                let kernel = b.kernel("first", &[64]);
                body.push(call(kernel, &[x]));
            },
            "puts to a cascade, but none leaves its tile",
        ),
        (
            &|b, body| {
                let kernel = b.kernel("nothing", &[]);
                body.push(Stmt::Call { kernel, arguments: Vec::new(), results: vec![Reg(0)] });
            },
            "calls 'nothing' for 1 results, but it returns 0",
        ),
        (
            &|_, body| {
                body.push(Stmt::For {
                    variable: Reg(0),
                    lower: Argument::Constant(0),
                    upper: Argument::Constant(1),
                    step: Argument::Constant(0),
                    body: Vec::new(),
                })
            },
            "loops with step 0, which must be positive",
        ),
    ] {
        assert_eq!(change(edit), format!("core (4,3): {expected}"));
    }
}

#[test]
fn inputs_of_a_wrong_size_are_refused() {
    let b = pipeline(64);
    let text = b.fault(&[], 1);
    assert_eq!(text, "0 inputs given, but the program has 1");
    let text = b.fault(&[ramp(65)], 1);
    assert_eq!(text, "input 'x' has 65 bytes, but 1 iterations of 1 rows of 64 elements have 64");
    // The engine can still run: nothing has happened.
    let mut engine = b.engine();
    assert!(engine.run(&[], 1).is_err());
    assert!(engine.run(&[ramp(64)], 1).is_ok());
    // But not after it failed under way.
    let mut engine = turn(64, 60, |_| {}).engine();
    assert!(engine.run(&[ramp(64)], 1).is_err());
    assert_eq!(engine.run(&[ramp(64)], 1).unwrap_err().to_string(), "the array has failed before");
}
