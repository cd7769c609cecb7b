use crate::{
    dialect::directive,
    mlir::{
        pass::{self, Failure, Pass, fail},
        rewrite,
    },
    plan::directives,
};
use melior::ir::{Location, OperationRef, operation::OperationLike};
use std::path::Path;

crate::pass! {
    /// Fix parts of layers as a file of directives says.
    ///
    /// The file is TOML or JSON, as its extension says: for each layer by name any
    /// of cascade, chains, k and n (inputs and outputs of a tile), rows, max_tiles,
    /// microtile = [m, k, n] and place = [column, row]. The passes that decide keep
    /// what is fixed, and choose the rest around it.
    ///
    /// After: microtile and place are attributes of the layer, the others are in
    /// `aie4ml.directive`, which can be written by hand as well.
    ///
    /// Refuses a file that says anything else, and names of no layer.
    pub struct ApplyDirectives: "aie4ml-apply-directives" on "func.func" {
        /// The file; without one nothing is done.
        file: String = String::new(),
    }
}

impl Pass for ApplyDirectives {
    fn run<'c>(&self, func: OperationRef<'c, '_>) -> pass::Result<'c> {
        if self.file.is_empty() {
            return Ok(());
        }
        let path = Path::new(&self.file);
        let name = path.file_name().map_or(self.file.as_str().into(), |n| n.to_string_lossy());
        let entries = directives::read(path).map_err(|error| {
            let context = rewrite::context(func.location());
            match error.at {
                Some((line, column)) => {
                    Failure::at(Location::new(context, &name, line, column), error.message)
                }
                None => fail(&func, format_args!("has directives in {name}: {}", error.message)),
            }
        })?;
        directive::apply(func, &entries, &name)
    }
}
