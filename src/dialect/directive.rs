//! Directives as attributes: `aie4ml.directive` on a layer.
//!
//! What has an attribute of its own, the microtile and the place, is that attribute. The other
//! fields of a [`Directive`] are the entries of the dictionary `aie4ml.directive`, and `from` in it
//! is where they were given.

use super::aie4ml::{self, Layer};
use crate::{
    mlir::{
        diagnostic::{Failure, Result, fail},
        fields::Fields,
        rewrite,
    },
    plan::{
        directives::{self, Entry},
        parallelize::{Directive, Field},
    },
};
use melior::ir::{
    Attribute, AttributeLike, Identifier, Location, OperationRef,
    attribute::{DictionaryAttribute, IntegerAttribute, StringAttribute},
    operation::OperationLike,
};

const NAME: &str = "aie4ml.directive";
const FROM: &str = "from";
const FIELDS: [Field; 6] =
    [Field::Cascade, Field::Chains, Field::K, Field::N, Field::Rows, Field::MaxTiles];

/// Puts the directives of a file on the layers that they name.
///
/// # Errors
/// If a name is of no layer, or of several; if a layer is already split otherwise.
pub fn apply<'c>(func: OperationRef<'c, '_>, entries: &[Entry], file: &str) -> Result<'c> {
    let context = rewrite::context(func.location());
    let layers = Layer::all(func);
    let names: Vec<String> = layers.iter().map(Layer::name).collect();
    for Entry { layer: name, at, directive } in entries {
        let here = Location::new(context, file, at.0, at.1);
        let called: Vec<_> = layers.iter().zip(&names).filter(|(_, n)| *n == name).collect();
        let layer = match called.as_slice() {
            [(layer, _)] => layer,
            [] => {
                let like = directives::nearest(name, names.iter().map(String::as_str));
                let like: Vec<_> = like.iter().map(|name| format!("'{name}'")).collect();
                return Err(Failure::at(
                    here,
                    format_args!("no layer is called '{name}'; most alike: {}", like.join(", ")),
                ));
            }
            several => {
                return Err(Failure::at(
                    here,
                    format_args!(
                        "{} layers are called '{name}': name them apart, or write their attribute '{NAME}'",
                        several.len()
                    ),
                ));
            }
        };
        if layer.split().is_some() {
            return Err(Failure::at(
                here,
                format_args!("layer '{name}' is split already: remove its 'split' first"),
            ));
        }
        if let Some(microtile) = directive.microtile {
            rewrite::set_attribute(layer.op, "microtile", microtile.attribute(context));
        }
        if let Some(place) = directive.place {
            rewrite::set_attribute(layer.op, "place", aie4ml::list(context, &[place]));
        }
        let given = FIELDS.iter().filter_map(|&field| {
            let value = aie4ml::integer(context, directive.get(field)? as i64);
            Some((Identifier::new(context, &field.to_string()), value))
        });
        let from = StringAttribute::new(context, &format!("{file}:{}:{}", at.0, at.1)).into();
        let mut given: Vec<_> = given.collect();
        if !given.is_empty() {
            given.push((Identifier::new(context, FROM), from));
            let given = DictionaryAttribute::new(context, &given).into();
            rewrite::set_attribute(layer.op, NAME, given);
        }
    }
    Ok(())
}

/// What is fixed of a layer, by `aie4ml.directive` and by the decisions that it already has.
///
/// # Errors
/// If the attribute has an entry that is no directive.
pub fn of<'c>(layer: Layer<'c, '_>) -> Result<'c, Directive> {
    let mut directive = Directive::default();
    if let Ok(attribute) = layer.op.attribute(NAME) {
        let wrong = |what: String| Err(fail(&layer.op, format_args!("has {what} in its '{NAME}'")));
        let Ok(entries) = DictionaryAttribute::try_from(attribute) else {
            return wrong("no dictionary".to_owned());
        };
        for index in 0..entries.len() {
            let (name, value) = entries.element(index).map_err(|error| fail(&layer.op, error))?;
            let name = name.as_string_ref();
            let name = name.as_str().unwrap_or_default();
            if name == FROM {
                continue;
            }
            let Some(field) = FIELDS.into_iter().find(|field| field.to_string() == name) else {
                let known: Vec<_> = FIELDS.iter().map(Field::to_string).collect();
                return wrong(format!("'{name}', which is none of {},", known.join(", ")));
            };
            match positive(value) {
                Some(value) => directive.set(field, Some(value)),
                None => return wrong(format!("'{name} = {value}', which is no positive i64,")),
            }
        }
    }
    directive.microtile = layer.microtile();
    directive.place = layer.place().and_then(|places| places.first().copied());
    if let Some(split) = layer.split() {
        directive.cascade = Some(split.cascade);
        directive.chains = Some(split.chains);
        directive.k = Some(split.k);
        directive.n = Some(split.n);
        directive.rows = Some(split.rows);
    }
    Ok(directive)
}

/// Where a layer's directives were given, if it is known.
pub fn source(op: OperationRef) -> Option<String> {
    let entries = DictionaryAttribute::try_from(op.attribute(NAME).ok()?).ok()?;
    let from = StringAttribute::try_from(entries.element_by_name(FROM)?).ok()?;
    Some(from.value().to_string())
}

fn positive(value: Attribute) -> Option<usize> {
    let value = value.is_integer().then(|| IntegerAttribute::try_from(value).ok())??;
    usize::try_from(value.value()).ok().filter(|&value| value > 0)
}
