use super::{
    Source::{Argument, Node as At},
    *,
};

const QUANTIZER: Kind = Kind::Quantizer { arithmetic: false };

fn node(kind: Kind, operands: &[Source]) -> Node {
    let form = if matches!(kind, Kind::Quantizer { .. }) { Form::Codes } else { Form::Real };
    Node { kind, operands: operands.to_vec(), form, r#type: 0 }
}

/// A function of one real argument.
fn function(nodes: &[(Kind, &[Source])], results: &[Source]) -> Graph {
    Graph {
        arguments: vec![Form::Real],
        nodes: nodes.iter().map(|(kind, operands)| node(*kind, operands)).collect(),
        results: results.iter().copied().map(Some).collect(),
    }
}

/// `x`, quantized, through a layer, quantized again.
const NETWORK: [(Kind, &[Source]); 5] = [
    (QUANTIZER, &[Argument(0)]),
    (Kind::Cast, &[At(0)]),
    (Kind::Layer, &[At(1)]),
    (QUANTIZER, &[At(2)]),
    (Kind::Cast, &[At(3)]),
];

fn with(more: &[(Kind, &'static [Source])]) -> Vec<(Kind, &'static [Source])> {
    [&NETWORK[..], more].concat()
}

#[test]
fn a_network_stays() {
    assert_eq!(cut(&function(&NETWORK, &[At(4)])), Ok(None));
    let reshaped = with(&[(Kind::Reshape, &[At(4)])]);
    assert_eq!(cut(&function(&reshaped, &[At(5)])), Ok(None));
}

#[test]
fn what_follows_the_last_codes_is_after() {
    let graph = function(&with(&[(Kind::Other, &[At(4)])]), &[At(5), At(4)]);
    let found = cut(&graph).unwrap().unwrap();
    assert_eq!((found.inputs, found.outputs), (None, Some(vec![At(3)])));
    assert_eq!(found.sides[5], Side::After);
    assert!(found.around.is_empty());
}

/// A quantizer at the very end does not make the array compute what it has not.
#[test]
fn what_the_array_has_not_is_after() {
    let tail = with(&[(Kind::Other, &[At(4)]), (QUANTIZER, &[At(5)]), (Kind::Cast, &[At(6)])]);
    let found = cut(&function(&tail, &[At(7)])).unwrap().unwrap();
    assert_eq!((found.inputs, found.outputs), (None, Some(vec![At(3)])));
    assert_eq!(found.sides[5..7], [Side::After; 2]);
    // Before another layer it is the network's to refuse.
    let between = with(&[(Kind::Other, &[At(4)]), (Kind::Layer, &[At(5)]), (QUANTIZER, &[At(6)])]);
    assert_eq!(cut(&function(&between, &[At(7)])), Ok(None));
}

#[test]
fn what_precedes_the_first_codes_is_before() {
    let graph = function(
        &[
            (Kind::Scale, &[Argument(0)]),
            (QUANTIZER, &[At(0)]),
            (Kind::Cast, &[At(1)]),
            (Kind::Layer, &[At(2)]),
            (QUANTIZER, &[At(3)]),
        ],
        &[At(4)],
    );
    let found = cut(&graph).unwrap().unwrap();
    assert_eq!((found.inputs, found.outputs), (Some(vec![At(1)]), None));
    assert_eq!(found.sides, [Side::Before, Side::Before, Side::Any, Side::Network, Side::Network]);
}

/// By arithmetic, as exporters of integer networks write it, a quantizer has several ops.
#[test]
fn quantizers_of_several_ops_stay() {
    let arithmetic = Kind::Quantizer { arithmetic: true };
    let mut graph = function(
        &[
            (Kind::Scale, &[Argument(0)]),
            (arithmetic, &[At(0)]),
            (Kind::Layer, &[At(1)]),
            (arithmetic, &[At(2)]),
            (Kind::Convert, &[At(3)]),
            (Kind::Scale, &[At(4)]),
        ],
        &[At(5)],
    );
    (graph.nodes[1].form, graph.nodes[3].form) = (Form::Integer(8), Form::Integer(8));
    assert_eq!(cut(&graph), Ok(None));
}

#[test]
fn bytes_are_no_codes_until_a_layer_reads_them() {
    let mut image = function(
        &[
            (Kind::Convert, &[Argument(0)]),
            (QUANTIZER, &[At(0)]),
            (Kind::Cast, &[At(1)]),
            (Kind::Layer, &[At(2)]),
            (QUANTIZER, &[At(3)]),
        ],
        &[At(4)],
    );
    image.arguments = vec![Form::Integer(8)];
    assert_eq!(cut(&image).unwrap().unwrap().inputs, Some(vec![At(1)]));
    let mut codes = function(
        &[(Kind::Convert, &[Argument(0)]), (Kind::Layer, &[At(0)]), (QUANTIZER, &[At(1)])],
        &[At(2)],
    );
    codes.arguments = vec![Form::Integer(8)];
    assert_eq!(cut(&codes), Ok(None));
    let mut integers = function(&[(Kind::Layer, &[Argument(0)])], &[At(0)]);
    integers.arguments = vec![Form::Integer(8)];
    integers.nodes[0].form = Form::Integer(32);
    assert_eq!(cut(&integers), Ok(None));
}

/// Sums that leave are computed again from the codes before them, which come from the host.
#[test]
fn sums_that_leave_are_computed_again() {
    let graph = function(&with(&[(Kind::Other, &[At(2)])]), &[At(5), At(4)]);
    let found = cut(&graph).unwrap().unwrap();
    assert_eq!(found.outputs, Some(vec![At(3)]));
    assert_eq!((found.around, found.inputs), (vec![At(0)], Some(vec![At(0)])));
}

#[test]
fn values_pass_by_the_network() {
    let graph = function(&with(&[(Kind::Elementwise, &[At(4), Argument(0)])]), &[At(5)]);
    let found = cut(&graph).unwrap().unwrap();
    assert_eq!((found.around, found.inputs), (vec![Argument(0)], Some(vec![At(0)])));
}

#[test]
fn two_quantizers_of_one_argument_are_two_inputs() {
    let mut graph = function(
        &[
            (QUANTIZER, &[Argument(0)]),
            (QUANTIZER, &[Argument(0)]),
            (Kind::Layer, &[At(0)]),
            (Kind::Layer, &[At(1)]),
            (Kind::Elementwise, &[At(2), At(3)]),
            (QUANTIZER, &[At(4)]),
        ],
        &[At(5)],
    );
    assert_eq!(cut(&graph), Ok(None));
    graph.nodes[1].r#type = 1;
    assert_eq!(cut(&graph).unwrap().unwrap().inputs, Some(vec![At(0), At(1)]));
}

/// Behind a quantizer, too, but only where codes can cross.
#[test]
fn what_the_array_has_not_is_before() {
    let quantized: [(Kind, &[Source]); 7] = [
        (QUANTIZER, &[Argument(0)]),
        (Kind::Cast, &[At(0)]),
        (Kind::Other, &[At(1)]),
        (QUANTIZER, &[At(2)]),
        (Kind::Cast, &[At(3)]),
        (Kind::Layer, &[At(4)]),
        (QUANTIZER, &[At(5)]),
    ];
    let found = cut(&function(&quantized, &[At(6)])).unwrap().unwrap();
    assert_eq!((found.inputs, found.outputs), (Some(vec![At(3)]), None));
    let mut real = quantized.to_vec();
    real[3] = (Kind::Elementwise, &[At(2)]);
    assert_eq!(cut(&function(&real, &[At(6)])), Ok(None));
}

/// The only layer, whose sums the array could not hand over.
#[test]
fn what_the_array_has_not_stays_with_the_only_layer() {
    let nodes: [(Kind, &[Source]); 5] = [
        (QUANTIZER, &[Argument(0)]),
        (Kind::Cast, &[At(0)]),
        (Kind::Layer, &[At(1)]),
        (Kind::Other, &[At(2)]),
        (QUANTIZER, &[At(3)]),
    ];
    assert_eq!(cut(&function(&nodes, &[At(4)])), Ok(None));
}

#[test]
fn nothing_is_left() {
    assert_eq!(
        cut(&function(&[(Kind::Layer, &[Argument(0)])], &[At(0)])),
        Err(Refusal::Float(Some(0)))
    );
    assert_eq!(cut(&function(&NETWORK[..2], &[At(1)])), Err(Refusal::Nothing(None)));
    assert_eq!(cut(&function(&NETWORK[..3], &[At(2)])), Err(Refusal::Nothing(Some(2))));
    let beside: [(Kind, &[Source]); 5] = [
        (Kind::Scale, &[Argument(0)]),
        (QUANTIZER, &[At(0)]),
        (Kind::Layer, &[At(1)]),
        (Kind::Elementwise, &[At(2), Argument(0)]),
        (QUANTIZER, &[At(3)]),
    ];
    assert_eq!(cut(&function(&beside, &[At(4)])), Err(Refusal::Unquantized(3)));
}

/// A distance: the square of sums less codes. The array has no tensors of what is squared.
#[test]
fn sums_that_only_the_host_reads_are_combined_there() {
    let integers = |kind, operands: &[Source], bits| Node {
        form: Form::Integer(bits),
        ..node(kind, operands)
    };
    let mut graph = Graph {
        arguments: vec![Form::Integer(16)],
        nodes: vec![
            integers(Kind::Layer, &[Argument(0)], 32),
            integers(Kind::Elementwise, &[At(0)], 16),
            integers(Kind::Layer, &[At(1)], 32),
            integers(Kind::Elementwise, &[At(2), At(1)], 32),
            integers(Kind::Other, &[At(3)], 64),
            integers(Kind::Elementwise, &[At(4)], 32),
        ],
        results: vec![Some(At(5))],
    };
    let found = cut(&graph).unwrap().unwrap();
    assert_eq!((found.inputs, found.outputs), (None, Some(vec![At(1), At(2)])));
    assert_eq!(found.sides[3..], [Side::After; 3]);
    // Codes again, and another layer: the network's to refuse.
    graph.nodes[5] = integers(Kind::Elementwise, &[At(4)], 8);
    graph.nodes.push(integers(Kind::Layer, &[At(5)], 32));
    graph.results = vec![Some(At(6))];
    assert_eq!(cut(&graph), Ok(None));
}
