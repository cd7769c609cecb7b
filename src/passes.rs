//! Every pass, in the order in which the pipeline runs them.

macro_rules! passes {
    ($($module:ident::$Name:ident;)*) => {
        $(pub mod $module;)*
        pub(crate) fn register_all() {
            $($crate::mlir::pass::register::<$module::$Name>();)*
        }
    };
}

passes! {
    tile::Tile;
}
