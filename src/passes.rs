//! Every pass, in the order in which the pipeline runs them.

use crate::mlir::pass::{self, Describe};

macro_rules! passes {
    (
        pipeline { $($module:ident::$Name:ident;)* }
        execution { $($other:ident::$Other:ident;)* }
    ) => {
        $(pub mod $module;)*
        $(pub mod $other;)*

        /// The passes of `aie4ml compile`, with the op that each runs on.
        pub const PIPELINE: &[(&str, &str)] = &[
            $((<$module::$Name as Describe>::NAME, <$module::$Name as Describe>::ON)),*
        ];

        pub(crate) fn register_all() {
            $(pass::register::<$module::$Name>();)*
            $(pass::register::<$other::$Other>();)*
            pass::register_pipeline(
                "aie4ml-compile",
                "All passes from a model to an array program, as 'aie4ml compile' runs them",
                &crate::compile::pipeline(),
            );
        }
    };
}

passes! {
    // From a model to an array program.
    pipeline {
        outline_host_edges::OutlineHostEdges;
        convert_linalg_to_aie4ml::ConvertLinalgToAie4ml;
        convert_tosa_to_aie4ml::ConvertTosaToAie4ml;
        fuse::Fuse;
        legalize::Legalize;
        apply_directives::ApplyDirectives;
        tile::Tile;
        parallelize::Parallelize;
        pack::Pack;
        plan_transport::PlanTransport;
        place::Place;
        convert_aie4ml_to_aie::ConvertAie4mlToAie;
        prove_dataflow::ProveDataflow;
        validate::Validate;
    }
    // What a level computes, for the host.
    execution {
        lower_quant::LowerQuant;
        widen_floats::WidenFloats;
        convert_aie4ml_to_linalg::ConvertAie4mlToLinalg;
    }
}
