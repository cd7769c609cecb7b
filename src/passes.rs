//! Every pass, in the order in which the pipeline runs them.

macro_rules! passes {
    ($($module:ident::$Name:ident;)*) => {
        $(pub mod $module;)*
        pub(crate) fn register_all() {
            $($crate::mlir::pass::register::<$module::$Name>();)*
            $crate::mlir::pass::register_pipeline(
                "aie4ml-compile",
                "All passes from a model to an array program, as 'aie4ml compile' runs them",
                &$crate::compile::pipeline(),
            );
        }
    };
}

passes! {
    convert_tosa_to_aie4ml::ConvertTosaToAie4ml;
    fuse::Fuse;
    legalize::Legalize;
    tile::Tile;
    parallelize::Parallelize;
    pack::Pack;
    plan_transport::PlanTransport;
    place::Place;
    convert_aie4ml_to_aie::ConvertAie4mlToAie;
    prove_dataflow::ProveDataflow;
    validate::Validate;
    // What a level computes, for execution on the host.
    lower_quant::LowerQuant;
    convert_aie4ml_to_linalg::ConvertAie4mlToLinalg;
}
