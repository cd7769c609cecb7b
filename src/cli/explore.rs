//! `aie4ml explore`.

use super::{progress::Bar, say};
use crate::{
    compile,
    explore::{self, Budgets, CSV, Exploration, JSON, PAGE, POINTS, Question, Shard},
    ir::Error,
    plan::{hand_over::Transport, mapping::Io, parallelize::Objective},
};
use std::{fmt::Write, path::PathBuf};

#[derive(clap::Args)]
pub struct ExploreArguments {
    /// The model, as for compile
    #[arg(required_unless_present = "merge")]
    model: Option<PathBuf>,
    /// Folder to write; replaced if an earlier exploration made it
    #[arg(short, long, value_name = "DIR", default_value = "explore")]
    output: PathBuf,
    /// Devices, as for compile, separated by commas
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    device: Vec<String>,
    /// What tensors enter and leave the array by, as for compile
    #[arg(long, value_name = "WAY")]
    io: Option<Io>,
    /// What to optimize, separated by commas: resources, throughput or latency [default: all three]
    #[arg(long, value_name = "GOAL,...", value_delimiter = ',')]
    optimize: Vec<Objective>,
    /// How many budgets of tiles, in even ratios from one to all of the device
    #[arg(long, value_name = "N", default_value_t = 24,
        value_parser = clap::value_parser!(u32).range(1..), conflicts_with = "max_tiles")]
    budgets: u32,
    /// These budgets of tiles instead, separated by commas
    #[arg(long, value_name = "N,...", value_delimiter = ',',
        value_parser = clap::value_parser!(u32).range(1..))]
    max_tiles: Vec<u32>,
    /// Rows that the batch has, of a model that leaves them open, separated by commas
    #[arg(long, value_name = "N,...", value_delimiter = ',',
        value_parser = clap::value_parser!(u32).range(1..))]
    batch: Vec<u32>,
    /// Between layers, as for compile
    #[arg(long, value_name = "WAY", default_value_t)]
    transport: Transport,
    /// Decisions about layers, as for compile
    #[arg(long, value_name = "FILE")]
    directives: Option<PathBuf>,
    /// One part of the work, such as 3/16, for as many machines; --merge puts the parts together
    #[arg(long, value_name = "I/N", default_value = "1/1")]
    shard: Shard,
    /// Folders of all parts, to put together instead
    #[arg(long, value_name = "DIR", num_args = 1.., conflicts_with_all = ["model", "device", "io",
        "optimize", "budgets", "max_tiles", "batch", "directives", "shard"])]
    merge: Vec<PathBuf>,
}

pub fn explore(arguments: ExploreArguments) -> Result<bool, Error> {
    let output = arguments.output.clone();
    compile::check_replaceable(&output, &[PAGE, JSON, CSV, POINTS])?;
    let (found, pages) = match arguments.merge.is_empty() {
        false => {
            let read = |folder: PathBuf| Ok((folder.clone(), explore::read(&folder)?));
            let parts = arguments.merge.into_iter().map(read);
            explore::merge(parts.collect::<Result<_, Error>>()?)?
        }
        true => {
            let question = question(arguments);
            let bar = Bar::start(question.size()?);
            question.answer(&|| bar.step())?
        }
    };
    let text = summary(&found);
    compile::write(&output, &found.files(pages)?)?;
    say(&format!("{text}page: {}\n", output.join(PAGE).display()))
}

fn question(arguments: ExploreArguments) -> Question {
    let all = |list: Vec<u32>| list.into_iter().map(|n| n as usize).collect::<Vec<_>>();
    let or_own = |list: Vec<usize>| match list.is_empty() {
        true => vec![None],
        false => list.into_iter().map(Some).collect(),
    };
    Question {
        // Clap asks for it unless there is something to merge.
        model: arguments.model.unwrap_or_default(),
        devices: match arguments.device.is_empty() {
            true => vec![None],
            false => arguments.device.into_iter().map(Some).collect(),
        },
        batches: or_own(all(arguments.batch)),
        objectives: match arguments.optimize.is_empty() {
            true => vec![Objective::Latency, Objective::Throughput, Objective::Resources],
            false => arguments.optimize,
        },
        budgets: match arguments.max_tiles.is_empty() {
            true => Budgets::Count(arguments.budgets as usize),
            false => Budgets::Tiles(all(arguments.max_tiles)),
        },
        io: arguments.io,
        transport: arguments.transport,
        directives: arguments.directives,
        shard: arguments.shard,
    }
}

/// The front, and what the budgets that gave nothing were refused for.
fn summary(found: &Exploration) -> String {
    let mut text = format!(
        "{:>9} {:>6} {:>11} {:>6} {:>15} {:>16}\n",
        "device", "batch", "for", "tiles", "latency, cycles", "interval, cycles"
    );
    for point in found.points.iter().filter(|point| point.front) {
        // Writing to a string cannot fail.
        _ = writeln!(
            text,
            "{:>9} {:>6} {:>11} {:>6} {:>15} {:>16.1}",
            point.device,
            point.batch,
            point.objective,
            point.tiles,
            point.latency_cycles,
            point.interval_cycles
        );
    }
    let (all, refused) = (found.points.len(), found.refused.len());
    let front = found.points.iter().filter(|point| point.front).count();
    _ = writeln!(text, "{all} designs, {front} on the front; {refused} budgets without a design");
    text
}
