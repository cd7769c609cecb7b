use super::{Source::*, *};

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
    (Kind::Cast, &[Node(0)]),
    (Kind::Layer, &[Node(1)]),
    (QUANTIZER, &[Node(2)]),
    (Kind::Cast, &[Node(3)]),
];

fn with(more: &[(Kind, &'static [Source])]) -> Vec<(Kind, &'static [Source])> {
    [&NETWORK, more].concat()
}

#[test]
fn a_network_stays() {
    assert_eq!(cut(&function(&NETWORK, &[Node(4)])), Ok(None));
    let reshaped = with(&[(Kind::Reshape, &[Node(4)])]);
    assert_eq!(cut(&function(&reshaped, &[Node(5)])), Ok(None));
}

#[test]
fn what_follows_the_last_codes_is_after() {
    let graph = function(&with(&[(Kind::Other, &[Node(4)])]), &[Node(5), Node(4)]);
    let found = cut(&graph).unwrap().unwrap();
    assert_eq!((found.inputs, found.outputs), (None, Some(vec![Node(3)])));
    assert_eq!(found.sides[5], Side::After);
    assert!(found.around.is_empty());
}

/// A quantizer at the very end does not make the array compute what it has not.
#[test]
fn what_the_array_has_not_is_after() {
    let tail =
        with(&[(Kind::Other, &[Node(4)]), (QUANTIZER, &[Node(5)]), (Kind::Cast, &[Node(6)])]);
    let found = cut(&function(&tail, &[Node(7)])).unwrap().unwrap();
    assert_eq!((found.inputs, found.outputs), (None, Some(vec![Node(3)])));
    assert_eq!(found.sides[5..7], [Side::After; 2]);
    // Before another layer it is the network's to refuse.
    let between =
        with(&[(Kind::Other, &[Node(4)]), (Kind::Layer, &[Node(5)]), (QUANTIZER, &[Node(6)])]);
    assert_eq!(cut(&function(&between, &[Node(7)])), Ok(None));
}

#[test]
fn what_precedes_the_first_codes_is_before() {
    let graph = function(
        &[
            (Kind::Scale, &[Argument(0)]),
            (QUANTIZER, &[Node(0)]),
            (Kind::Cast, &[Node(1)]),
            (Kind::Layer, &[Node(2)]),
            (QUANTIZER, &[Node(3)]),
        ],
        &[Node(4)],
    );
    let found = cut(&graph).unwrap().unwrap();
    assert_eq!((found.inputs, found.outputs), (Some(vec![Node(1)]), None));
    assert_eq!(found.sides, [Side::Before, Side::Before, Side::Any, Side::Network, Side::Network]);
}

/// By arithmetic, as exporters of integer networks write it, a quantizer has several ops.
#[test]
fn quantizers_of_several_ops_stay() {
    let arithmetic = Kind::Quantizer { arithmetic: true };
    let mut graph = function(
        &[
            (Kind::Scale, &[Argument(0)]),
            (arithmetic, &[Node(0)]),
            (Kind::Layer, &[Node(1)]),
            (arithmetic, &[Node(2)]),
            (Kind::Convert, &[Node(3)]),
            (Kind::Scale, &[Node(4)]),
        ],
        &[Node(5)],
    );
    (graph.nodes[1].form, graph.nodes[3].form) = (Form::Integer(8), Form::Integer(8));
    assert_eq!(cut(&graph), Ok(None));
}

#[test]
fn bytes_are_no_codes_until_a_layer_reads_them() {
    let mut image = function(
        &[
            (Kind::Convert, &[Argument(0)]),
            (QUANTIZER, &[Node(0)]),
            (Kind::Cast, &[Node(1)]),
            (Kind::Layer, &[Node(2)]),
            (QUANTIZER, &[Node(3)]),
        ],
        &[Node(4)],
    );
    image.arguments = vec![Form::Integer(8)];
    assert_eq!(cut(&image).unwrap().unwrap().inputs, Some(vec![Node(1)]));
    let mut codes = function(
        &[(Kind::Convert, &[Argument(0)]), (Kind::Layer, &[Node(0)]), (QUANTIZER, &[Node(1)])],
        &[Node(2)],
    );
    codes.arguments = vec![Form::Integer(8)];
    assert_eq!(cut(&codes), Ok(None));
    let mut integers = function(&[(Kind::Layer, &[Argument(0)])], &[Node(0)]);
    integers.arguments = vec![Form::Integer(8)];
    integers.nodes[0].form = Form::Integer(32);
    assert_eq!(cut(&integers), Ok(None));
}

/// Sums that leave are computed again from the codes before them, which come from the host.
#[test]
fn sums_that_leave_are_computed_again() {
    let graph = function(&with(&[(Kind::Other, &[Node(2)])]), &[Node(5), Node(4)]);
    let found = cut(&graph).unwrap().unwrap();
    assert_eq!(found.outputs, Some(vec![Node(3)]));
    assert_eq!((found.around, found.inputs), (vec![Node(0)], Some(vec![Node(0)])));
}

#[test]
fn values_pass_by_the_network() {
    let graph = function(&with(&[(Kind::Elementwise, &[Node(4), Argument(0)])]), &[Node(5)]);
    let found = cut(&graph).unwrap().unwrap();
    assert_eq!((found.around, found.inputs), (vec![Argument(0)], Some(vec![Node(0)])));
}

#[test]
fn two_quantizers_of_one_argument_are_two_inputs() {
    let mut graph = function(
        &[
            (QUANTIZER, &[Argument(0)]),
            (QUANTIZER, &[Argument(0)]),
            (Kind::Layer, &[Node(0)]),
            (Kind::Layer, &[Node(1)]),
            (Kind::Elementwise, &[Node(2), Node(3)]),
            (QUANTIZER, &[Node(4)]),
        ],
        &[Node(5)],
    );
    assert_eq!(cut(&graph), Ok(None));
    graph.nodes[1].r#type = 1;
    assert_eq!(cut(&graph).unwrap().unwrap().inputs, Some(vec![Node(0), Node(1)]));
}

/// Behind a quantizer, too, but only where codes can cross.
#[test]
fn what_the_array_has_not_is_before() {
    let quantized: [(Kind, &[Source]); 7] = [
        (QUANTIZER, &[Argument(0)]),
        (Kind::Cast, &[Node(0)]),
        (Kind::Other, &[Node(1)]),
        (QUANTIZER, &[Node(2)]),
        (Kind::Cast, &[Node(3)]),
        (Kind::Layer, &[Node(4)]),
        (QUANTIZER, &[Node(5)]),
    ];
    let found = cut(&function(&quantized, &[Node(6)])).unwrap().unwrap();
    assert_eq!((found.inputs, found.outputs), (Some(vec![Node(3)]), None));
    let mut real = quantized.to_vec();
    real[3] = (Kind::Elementwise, &[Node(2)]);
    assert_eq!(cut(&function(&real, &[Node(6)])), Ok(None));
}

#[test]
fn nothing_is_left() {
    assert_eq!(
        cut(&function(&[(Kind::Layer, &[Argument(0)])], &[Node(0)])),
        Err(Refusal::Float(Some(0)))
    );
    assert_eq!(cut(&function(&NETWORK[..2], &[Node(1)])), Err(Refusal::Nothing(None)));
    assert_eq!(cut(&function(&NETWORK[..3], &[Node(2)])), Err(Refusal::Nothing(Some(2))));
    let beside: [(Kind, &[Source]); 4] = [
        (Kind::Scale, &[Argument(0)]),
        (QUANTIZER, &[Node(0)]),
        (Kind::Elementwise, &[Node(1), Argument(0)]),
        (QUANTIZER, &[Node(2)]),
    ];
    assert_eq!(cut(&function(&beside, &[Node(3)])), Err(Refusal::Unquantized(2)));
}
