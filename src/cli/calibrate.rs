//! `aie4ml calibrate`.

use super::{Progress, say};
use crate::{
    calibrate::{
        best::{self, PAPER, Scale},
        estimates::{self, CHAINS, Quality},
        kernels,
        networks::{self, Point},
    },
    device::{Device, Latency},
    ir::Error,
    plan::parallelize::Objective,
};
use std::{collections::BTreeSet, fmt::Write, fs, path::PathBuf};

#[derive(clap::Args)]
pub struct CalibrateArguments {
    /// Table of networks instead of our own: with columns model_name, batch, layer_shapes,
    /// layer_parallelism and latency_cycles
    #[arg(long, value_name = "FILE.csv")]
    networks: Option<PathBuf>,
    /// Also fit the constants again, with each network left out in turn
    #[arg(long)]
    fit: bool,
    /// Also compile each network of the table for latency, on no more tiles than its best
    /// published design has, and one layer for all tiles
    #[arg(long)]
    best: bool,
    /// Also compare the planner's estimates with simulations, over all splits of a few layers
    #[arg(long)]
    estimates: bool,
}

/// Rows of the one layer.
const BATCH: usize = 128;

/// Shares of one layer to try: rows at once, inputs and outputs of a tile.
const SHARES: [(usize, usize, usize); 2] = [(32, 128, 128), (32, 256, 64)];

/// Cascade and chains: one tile, the paper's 296, and all 304.
const SCALES: [(usize, usize); 3] = [(1, 1), (37, 8), (38, 8)];

/// Until the cascade of all columns is full, and then some.
const SCALE_ITERATIONS: usize = 12;

pub fn calibrate(arguments: CalibrateArguments) -> Result<bool, Error> {
    let progress = Progress::start();
    let device = Device::by_name("xcve2802")
        .ok_or_else(|| Error::new("", "bug: the device of the measurements is not known"))?;
    let text = match &arguments.networks {
        None => networks::PUBLISHED.into(),
        Some(path) => fs::read_to_string(path)
            .map_err(|error| Error::new(path.display(), format_args!("cannot be read: {error}")))?,
    };
    let named = |error: Error| match &arguments.networks {
        Some(path) => error.within(&path.display().to_string()),
        None => error,
    };
    let (mut all, mut failures) = (Vec::new(), Vec::new());
    for row in networks::read(&text).map_err(named)? {
        match row {
            Ok(published) => all.push(published),
            Err(error) => failures.push(named(error)),
        }
    }
    let (mut programs, mut points) = (Vec::new(), Vec::new());
    for published in &all {
        progress.say(&format!("{} {}", published.network, published.splits));
        let simulated = networks::build(published)
            .and_then(|program| Ok((networks::simulate(&program, None)?, program)));
        match simulated {
            Ok((simulated, program)) => {
                programs.push((published, program));
                points.push(Point { published: published.clone(), simulated });
            }
            Err(error) => failures.push(Error::new(
                format_args!("{} {}", published.network, published.splits),
                error,
            )),
        }
    }
    let mut out = String::new();
    // Writing to a string cannot fail.
    _ = kernel_table(&device, &mut out);
    _ = network_table(&points, &mut out);
    for failure in &failures {
        _ = writeln!(out, "Not simulated: {}\n", failure.to_string().replace('\n', "\n    "));
    }
    if arguments.fit {
        let names: BTreeSet<&str> = all.iter().map(|one| one.network.as_str()).collect();
        let start = device.latency;
        out += "| left out | hop | plio | error of the fit | error of the one left out | worst |\n\
                |---|--:|--:|--:|--:|--:|\n";
        let mut left_out = Vec::new();
        let mut fit = |name: Option<&str>| -> Result<(), Error> {
            progress.say(&format!("fit without {}", name.unwrap_or("nothing left out")));
            let others: Vec<_> = (programs.iter())
                .filter(|(one, _)| Some(one.network.as_str()) != name)
                .map(|(one, program)| (*one, program))
                .collect();
            let fit = networks::fit(&others, start)?;
            let label = name.unwrap_or("none");
            let Latency { hop, plio, .. } = fit.latency;
            let error = 100.0 * fit.error;
            _ = write!(out, "| {label} | {hop} | {plio} | {error:.2} % |");
            let of: Vec<Point> = (programs.iter())
                .filter(|(one, _)| Some(one.network.as_str()) == name)
                .map(|(one, program)| {
                    let simulated = networks::simulate(program, Some(fit.latency))?;
                    Ok(Point { published: (*one).clone(), simulated })
                })
                .collect::<Result<_, Error>>()?;
            let (mean, worst) = networks::errors(&of);
            _ = match name {
                Some(_) => writeln!(out, " {:.2} % | {:.2} % |", 100.0 * mean, 100.0 * worst),
                None => writeln!(out, " | |"),
            };
            left_out.extend(of);
            Ok(())
        };
        fit(None)?;
        for name in names {
            fit(Some(name))?;
        }
        let (mean, worst) = networks::errors(&left_out);
        _ = writeln!(
            out,
            "\nLeft out: mean absolute error {:.2} %, worst {:.2} %.",
            100.0 * mean,
            100.0 * worst
        );
    }
    // The planner's estimates of whole networks.
    let mut whole = Vec::new();
    if arguments.best {
        _ = writeln!(
            out,
            "\n| network | published | tiles | ours | tiles | times faster | critical path |\n\
             |---|--:|--:|--:|--:|--:|---|"
        );
        for published in best::best_published(&all) {
            let mut ours = Vec::new();
            for objective in [Objective::Latency, Objective::Throughput] {
                let name = format!("{} for {objective}", published.network);
                progress.say(&name);
                match best::best(published, objective) {
                    Ok(best) => ours.push(best),
                    Err(error) => failures.push(Error::new(name, error)),
                }
            }
            whole.extend(ours.iter().map(|best| best.point.clone()));
            let Some(best) = ours.first().filter(|_| ours.len() == 2) else { continue };
            _ = writeln!(
                out,
                "| {} | {} | {} | {} | {} | {:.2} | {} |",
                published.network,
                published.cycles,
                published.tiles,
                best.timing.latency_cycles,
                best.tiles,
                best.gain(),
                best.timing.critical_path.sentence,
            );
        }
        _ = writeln!(
            out,
            "\nOne layer, batch {BATCH} in blocks of rows; the paper: arXiv 2512.15946.\n\n\
             | tiles | rows at once | a tile | interval | share of its tiles' peak | of the device's | paper | \
             relative to one tile | paper |\n|---|--:|---|--:|--:|--:|--:|--:|--:|"
        );
        for (rows, k, n) in SHARES {
            let mut one = None;
            for (cascade, chains) in SCALES {
                progress.say(&format!("{cascade} x {chains} tiles of {rows}x{k}x{n}"));
                let scale = Scale { batch: BATCH, cascade, chains, rows, k, n };
                let reached = scale.reach(&device, SCALE_ITERATIONS)?;
                let relative = reached.of_tiles / *one.get_or_insert(reached.of_tiles);
                let paper = |share: f64| match [cascade, chains] == PAPER.0 {
                    true => format!("{:.1} %", 100.0 * share),
                    false => String::new(),
                };
                _ = writeln!(
                    out,
                    "| {cascade} x {chains} | {rows} | {k}x{n} | {:.0} | {:.1} % | {:.1} % | {} | {:.1} % | {} |",
                    reached.interval,
                    100.0 * reached.of_tiles,
                    100.0 * reached.of_device,
                    paper(PAPER.2),
                    100.0 * relative,
                    paper(PAPER.1),
                );
            }
        }
    }
    if arguments.estimates {
        out += "\nThe planner's estimates, over all splits of a few chains of layers:\n\n\
                | layers | splits | time | rank correlation | mean error | worst | bias |\n\
                |---|--:|---|--:|--:|--:|--:|\n";
        let mut all = Vec::new();
        for chain in &CHAINS {
            progress.say(&format!("all splits of {:?}", chain.widths));
            let points = estimates::all_splits(chain)?;
            let widths: Vec<String> = chain.widths.iter().map(usize::to_string).collect();
            quality(&format!("{} rows, {}", chain.rows, widths.join("-")), &points, &mut out);
            all.extend(points);
        }
        quality("all", &all, &mut out);
    }
    if !whole.is_empty() {
        out += "\nThe same of whole networks, split by the planner:\n\n\
                | network | estimated interval | simulated | error | estimated latency | simulated | error |\n\
                |---|--:|--:|--:|--:|--:|--:|\n";
        for estimates::Point { name, estimated, simulated } in &whole {
            _ = write!(out, "| {name} |");
            for (estimated, simulated) in estimated.iter().zip(simulated) {
                let error = 100.0 * (estimated / simulated - 1.0);
                _ = write!(out, " {estimated:.0} | {simulated:.0} | {error:+.1} % |");
            }
            out += "\n";
        }
    }
    drop(progress);
    say(&out)?;
    Ok(failures.is_empty())
}

fn quality(what: &str, points: &[estimates::Point], out: &mut String) {
    for (time, name) in ["interval", "latency"].into_iter().enumerate() {
        let Quality { rank, error, worst, bias } = estimates::quality(points, time);
        _ = writeln!(
            out,
            "| {what} | {} | {name} | {rank:.3} | {:.1} % | {:.1} % | {:+.1} % |",
            points.len(),
            100.0 * error,
            100.0 * worst,
            100.0 * bias,
        );
    }
}

fn kernel_table(device: &Device, out: &mut String) -> std::fmt::Result {
    writeln!(
        out,
        "| kernel | extents | microtile | version | published | modeled | error | source |"
    )?;
    writeln!(out, "|---|---|---|---|--:|--:|--:|---|")?;
    for point in kernels::PUBLISHED {
        let Some(modeled) = point.modeled(device) else { continue };
        let ([m, k, n], [tm, tk, tn]) = (point.extents, point.microtile);
        writeln!(
            out,
            "| {}, {} bit out | {m}x{k}x{n} | {tm}x{tk}x{tn} | {} | {} | {modeled} | {:+.1} % | {} |",
            point.what,
            point.output_bits,
            point.version.name,
            point.cycles,
            100.0 * (modeled as f64 / point.cycles - 1.0),
            point.source,
        )?;
    }
    writeln!(
        out,
        "\nBy the scheduler, loops of AMD's tutorial:\n\n\
         | loop | bundles in the listing | scheduled |\n|---|--:|--:|"
    )?;
    for (rows, bits, bundles) in kernels::LISTINGS {
        let Some(scheduled) = kernels::listing(rows, bits, device) else { continue };
        writeln!(
            out,
            "| {rows}x1 blocks of 4x16x8, 64 deep, {bits} bit out | {bundles} | {scheduled} |"
        )?;
    }
    writeln!(
        out,
        "\nOur kernel, 8 bit in and out:\n\n\
         | extents | microtile | scheduled | share of the peak |\n|---|---|--:|--:|"
    )?;
    for &(extents, microtile) in kernels::OWN {
        let Some(cycles) = kernels::own(extents, microtile, device) else { continue };
        let ([m, k, n], [tm, tk, tn]) = (extents, microtile);
        let share = (m * k * n) as f64 / (cycles as f64 * f64::from(device.macs_per_cycle(8, 8)));
        writeln!(out, "| {m}x{k}x{n} | {tm}x{tk}x{tn} | {cycles} | {:.1} % |", 100.0 * share)?;
    }
    let (microtile, steps) = ([4, 8, 8], 4);
    if let Some((body, schedule)) = kernels::own_loop(microtile, steps, device) {
        let [m, k, n] = microtile;
        writeln!(
            out,
            "\nThe loop over groups of 2x2 blocks of {m}x{k}x{n}, {steps} steps deep: a group every {} cycles, \
             {} from its first operation to its last. `a1.3` loads inputs of the second row of blocks for the \
             fourth step, `w0.3` weights of the first column, `c2.3` is their product for the third block; a `'` \
             marks operations of the group before.\n\n{}",
            schedule.interval,
            schedule.length,
            schedule.table(&body),
        )?;
    }
    writeln!(out)
}

fn network_table(points: &[Point], out: &mut String) -> std::fmt::Result {
    writeln!(out, "| network | splits | tiles | published | simulated | error |")?;
    writeln!(out, "|---|---|--:|--:|--:|--:|")?;
    for point in points {
        writeln!(
            out,
            "| {} | {} | {} | {} | {} | {:+.1} % |",
            point.published.network,
            point.published.splits.replace('|', " "),
            point.published.tiles,
            point.published.cycles,
            point.simulated,
            100.0 * point.error(),
        )?;
    }
    let (mean, worst) = networks::errors(points);
    writeln!(
        out,
        "\n{} designs: mean absolute error {:.2} %, worst {:.2} %.\n",
        points.len(),
        100.0 * mean,
        100.0 * worst
    )
}
