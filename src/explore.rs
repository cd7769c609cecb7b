//! What budgets, devices and batches give: designs on the Pareto front of tiles, latency and interval.
//!
//! Every point is one run of [`compile_in_memory`], and comes with the command line that makes its
//! folder. As more tiles never lead to a worse choice, a design of fewer tiles than it was allowed is
//! also that of all budgets in between, which are not compiled again.
//!
//! **Invariant:** the same question has the same answer, however many threads look for it; the parts
//! of a sharded question add up to that of the whole.

mod page;

use crate::{
    compile::{self, Compiled, Options, compile_in_memory},
    device::Device,
    ir::Error,
    plan::{hand_over::Transport, mapping::Io, parallelize::Objective},
    report::Report,
};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    num::NonZero,
    path::{Path, PathBuf},
    str::FromStr,
    sync::Mutex,
    thread,
};

pub const PAGE: &str = "explore.html";
pub const JSON: &str = "explore.json";
pub const CSV: &str = "explore.csv";
/// The reports of the points.
pub const POINTS: &str = "points";

/// Of the format of `explore.json`.
const VERSION: u32 = 1;

/// What to explore.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Question {
    pub model: PathBuf,
    /// `None`: what the model says, or else xcve2802.
    pub devices: Vec<Option<String>>,
    /// `None`: that of the model.
    pub batches: Vec<Option<usize>>,
    pub objectives: Vec<Objective>,
    pub budgets: Budgets,
    pub io: Option<Io>,
    pub transport: Transport,
    pub directives: Option<PathBuf>,
    pub shard: Shard,
}

/// Tiles that may be used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Budgets {
    /// So many, in even steps of a ratio, up to all of the device.
    Count(usize),
    Tiles(Vec<usize>),
}

impl Budgets {
    /// Ascending, each once, none more than the device has.
    pub fn on(&self, device: &Device) -> Vec<usize> {
        let cores = device.cores() as usize;
        let all: BTreeSet<usize> = match self {
            Budgets::Tiles(tiles) => tiles.iter().map(|&tiles| tiles.min(cores)).collect(),
            Budgets::Count(0 | 1) => BTreeSet::from([cores]),
            Budgets::Count(count) => {
                let step = |i: usize| (cores as f64).powf(i as f64 / (count - 1) as f64);
                (0..*count).map(|i| step(i).round() as usize).collect()
            }
        };
        all.into_iter().collect()
    }
}

/// A part of the work: every `of`th piece from number `index`, which is from 1 to `of`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Shard {
    pub index: usize,
    pub of: usize,
}

impl Shard {
    pub const WHOLE: Shard = Shard { index: 1, of: 1 };

    fn has(self, number: usize) -> bool {
        number % self.of == self.index - 1
    }
}

impl FromStr for Shard {
    type Err = String;
    fn from_str(text: &str) -> Result<Shard, String> {
        let (index, of) = text
            .split_once('/')
            .and_then(|(index, of)| Some((index.parse().ok()?, of.parse().ok()?)))
            .ok_or("must be two numbers such as 3/16: the third of sixteen parts")?;
        match (index, of) {
            (_, 0) => Err("must be of one part or more".into()),
            (1.., _) if index <= of => Ok(Shard { index, of }),
            _ => Err(format!("must be one of the parts 1/{of} to {of}/{of}")),
        }
    }
}

/// What was found.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Exploration {
    /// Of this format.
    pub version: u32,
    /// As the command line named it.
    pub model: String,
    /// Of which part of the work this is; null once parts were merged.
    pub shard: Option<Shard>,
    /// By device, batch, objective and budget.
    pub points: Vec<Point>,
    /// What did not work out.
    pub refused: Vec<Refused>,
}

/// A design.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Point {
    pub device: String,
    /// Rows of a batch.
    pub batch: usize,
    pub objective: String,
    /// Tiles that were allowed, and that it takes.
    pub max_tiles: usize,
    pub tiles: usize,
    pub memory_tiles: usize,
    /// Rows that pass at once.
    pub rows: usize,
    /// From the first input word of a batch to its last output word, simulated.
    pub latency_cycles: i64,
    pub latency_ns: f64,
    /// Between batches in the long run, simulated.
    pub interval_cycles: f64,
    pub interval_ns: f64,
    pub rows_per_second: f64,
    /// Whether no other point of the device and batch is better in tiles, latency or interval
    /// without being worse in another.
    pub front: bool,
    /// The page with its floor plan, beside this file.
    pub page: String,
    /// The command line that writes its folder.
    pub command: String,
}

/// A budget that no design was found for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Refused {
    pub device: String,
    pub batch: Option<usize>,
    pub objective: String,
    pub max_tiles: usize,
    pub message: String,
}

/// One compilation.
#[derive(Clone, Debug)]
struct Cell {
    /// Of those that differ in their budgets only.
    group: usize,
    device: Option<String>,
    batch: Option<usize>,
    objective: Objective,
    budget: usize,
}

/// An exploration and the pages of its points, by their paths.
pub type Answer = (Exploration, BTreeMap<PathBuf, String>);

impl Question {
    /// Compilations that answer it, the largest budgets of each kind first.
    fn cells(&self) -> Result<Vec<Cell>, Error> {
        let (mut cells, mut number, mut group) = (Vec::new(), 0, 0);
        for name in &self.devices {
            let device = compile::device(name.as_deref().unwrap_or(compile::DEFAULT_DEVICE))?;
            for &batch in &self.batches {
                for &objective in &self.objectives {
                    for budget in self.budgets.on(&device).into_iter().rev() {
                        if self.shard.has(number) {
                            let device = name.clone();
                            cells.push(Cell { group, device, batch, objective, budget });
                        }
                        number += 1;
                    }
                    group += 1;
                }
            }
        }
        Ok(cells)
    }

    /// Compilations at most.
    ///
    /// # Errors
    ///
    /// If a device is not known.
    pub fn size(&self) -> Result<usize, Error> {
        Ok(self.cells()?.len())
    }

    fn options(&self, cell: &Cell) -> Options {
        Options {
            model: self.model.clone(),
            device: cell.device.clone(),
            io: self.io,
            objective: cell.objective,
            max_tiles: Some(cell.budget),
            batch: cell.batch,
            transport: self.transport,
            directives: self.directives.clone(),
            simulate: false,
            vitis: false,
        }
    }

    /// Compiles for all budgets, on all cores of this machine. `progress` is told of every cell that
    /// is done.
    ///
    /// # Errors
    ///
    /// If no budget gives a design: what the largest was refused for.
    pub fn answer(&self, progress: &(dyn Fn() + Sync)) -> Result<Answer, Error> {
        let cells = self.cells()?;
        let results: Vec<Mutex<Option<Result<Report, Error>>>> =
            cells.iter().map(|_| Mutex::new(None)).collect();
        // By group: budgets that need not be compiled, from the tiles of a design up to its budget.
        let covered: Mutex<Vec<(usize, usize, usize)>> = Mutex::new(Vec::new());
        let next = Mutex::new(0..cells.len());
        let work = || {
            loop {
                let Some(index) = locked(&next).next() else { return };
                let cell = &cells[index];
                if !is_covered(&locked(&covered), cell) {
                    let result = compile_in_memory(&self.options(cell), &mut |_| ());
                    let result = result.map(|Compiled { report, .. }| report);
                    if let Ok(report) = &result {
                        locked(&covered).push((cell.group, report.tiles, cell.budget));
                    }
                    *locked(&results[index]) = Some(result);
                }
                progress();
            }
        };
        let threads = thread::available_parallelism().map_or(1, NonZero::get).min(cells.len());
        thread::scope(|scope| {
            (1..threads).for_each(|_| _ = scope.spawn(work));
            work();
        });
        let results: Vec<Option<Result<Report, Error>>> =
            results.iter().map(|result| locked(result).take()).collect();
        self.collect(&cells, results)
    }

    /// What does not depend on who was done first.
    fn collect(
        &self,
        cells: &[Cell],
        results: Vec<Option<Result<Report, Error>>>,
    ) -> Result<Answer, Error> {
        let (mut points, mut refused, mut pages) = (Vec::new(), Vec::new(), BTreeMap::new());
        let mut covered = Vec::new();
        let mut first = None;
        for (cell, result) in cells.iter().zip(results) {
            match result {
                Some(Ok(report)) if !is_covered(&covered, cell) => {
                    covered.push((cell.group, report.tiles, cell.budget));
                    let point = self.point(cell, &report)?;
                    pages.insert(PathBuf::from(&point.page), report.page());
                    points.push(point);
                }
                Some(Err(error)) => {
                    refused.push(Refused {
                        device: cell.device.clone().unwrap_or_default(),
                        batch: cell.batch,
                        objective: cell.objective.to_string(),
                        max_tiles: cell.budget,
                        message: error.to_string(),
                    });
                    first.get_or_insert(error);
                }
                _ => {}
            }
        }
        let shard = Some(self.shard);
        let nothing = points.is_empty() && self.shard == Shard::WHOLE;
        match first.filter(|_| nothing) {
            Some(error) => Err(error),
            None => {
                let model = self.model.display().to_string();
                let mut found = Exploration { version: VERSION, model, shard, points, refused };
                found.arrange();
                Ok((found, pages))
            }
        }
    }

    fn point(&self, cell: &Cell, report: &Report) -> Result<Point, Error> {
        let lacks =
            |what: &str| Error::new(&report.model, format_args!("was compiled, but {what}"));
        let simulated = report.simulated.ok_or_else(|| lacks("not simulated"))?;
        let clock = compile::device(&report.device)?.timing.clock_mhz;
        let ns = |cycles: f64| cycles * 1000.0 / f64::from(clock);
        let batch = report.inputs.iter().map(|input| input.rows).max().unwrap_or(report.rows);
        let interval_cycles = simulated.interval_cycles * report.iterations as f64;
        let latency_cycles = simulated.batch_latency_cycles;
        let name = format!("{}-{batch}-{}-{}", report.device, cell.objective, cell.budget);
        Ok(Point {
            device: report.device.clone(),
            batch,
            objective: cell.objective.to_string(),
            max_tiles: cell.budget,
            tiles: report.tiles,
            memory_tiles: report.memory_tiles,
            rows: report.rows,
            latency_cycles,
            latency_ns: ns(latency_cycles as f64),
            interval_cycles,
            interval_ns: ns(interval_cycles),
            rows_per_second: batch as f64 * 1e9 / ns(interval_cycles),
            front: false,
            page: format!("{POINTS}/{name}.html"),
            command: self.command(cell, &name),
        })
    }

    /// The command line that compiles a cell into the folder `name`.
    fn command(&self, cell: &Cell, name: &str) -> String {
        let mut words = vec!["aie4ml".to_string(), "compile".into()];
        words.push(quoted(&self.model.display().to_string()));
        let mut option = |name: &str, value: String| words.extend([name.into(), quoted(&value)]);
        option("-o", name.into());
        option("--optimize", cell.objective.to_string());
        option("--max-tiles", cell.budget.to_string());
        cell.device.iter().for_each(|device| option("--device", device.clone()));
        cell.batch.iter().for_each(|batch| option("--batch", batch.to_string()));
        self.io.iter().for_each(|io| option("--io", io.to_string()));
        if self.transport != Transport::default() {
            option("--transport", self.transport.to_string());
        }
        let file = self.directives.iter().map(|file| file.display().to_string());
        file.for_each(|file| option("--directives", file));
        words.join(" ")
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn is_covered(covered: &[(usize, usize, usize)], cell: &Cell) -> bool {
    let covers = |&(group, tiles, budget): &(usize, usize, usize)| {
        group == cell.group && (tiles..=budget).contains(&cell.budget)
    };
    covered.iter().any(covers)
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.into();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

impl Exploration {
    /// Puts points in order, each design once for each objective, and finds the front.
    fn arrange(&mut self) {
        let key = |p: &Point| (p.device.clone(), p.batch, p.objective.clone(), p.max_tiles);
        self.points.sort_by_key(key);
        // Of parts: the same design for several budgets.
        let same = |a: &Point, b: &Point| {
            (&a.device, a.batch, &a.objective, a.tiles)
                == (&b.device, b.batch, &b.objective, b.tiles)
                && (a.latency_cycles, a.interval_cycles) == (b.latency_cycles, b.interval_cycles)
        };
        self.points.reverse();
        self.points.dedup_by(|b, a| same(a, b));
        self.points.reverse();
        let front: Vec<bool> = self
            .points
            .iter()
            .map(|point| !self.points.iter().any(|other| other.beats(point)))
            .collect();
        for (point, front) in self.points.iter_mut().zip(front) {
            point.front = front;
        }
    }

    /// As `explore.json` holds it.
    pub fn json(&self) -> String {
        // Numbers and strings only: nothing that JSON could not say.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// The points as a table.
    ///
    /// # Errors
    ///
    /// If the table cannot be made, which is a bug.
    pub fn csv(&self) -> Result<String, Error> {
        let fail = |error: &dyn std::fmt::Display| Error::new(CSV, error);
        let mut writer = csv::Writer::from_writer(Vec::new());
        for point in &self.points {
            writer.serialize(point).map_err(|error| fail(&error))?;
        }
        let bytes = writer.into_inner().map_err(|error| fail(&error))?;
        String::from_utf8(bytes).map_err(|error| fail(&error))
    }

    /// All that `aie4ml explore` writes.
    ///
    /// # Errors
    ///
    /// As [`csv`](Self::csv).
    pub fn files(
        &self,
        mut pages: BTreeMap<PathBuf, String>,
    ) -> Result<BTreeMap<PathBuf, String>, Error> {
        let shown: BTreeSet<&Path> = self.points.iter().map(|p| Path::new(&p.page)).collect();
        pages.retain(|path, _| shown.contains(path.as_path()));
        pages.insert(JSON.into(), self.json());
        pages.insert(CSV.into(), self.csv()?);
        pages.insert(PAGE.into(), page::page(self));
        Ok(pages)
    }
}

impl Point {
    /// Whether it is better in one way and worse in none, on the same device and batch.
    fn beats(&self, other: &Point) -> bool {
        let of = |p: &Point| (p.tiles as f64, p.latency_cycles as f64, p.interval_cycles);
        let (a, b) = (of(self), of(other));
        (&self.device, self.batch) == (&other.device, other.batch)
            && a != b
            && a.0 <= b.0
            && a.1 <= b.1
            && a.2 <= b.2
    }
}

/// Reads what an exploration wrote into a folder.
///
/// # Errors
///
/// If it is no such folder.
pub fn read(folder: &Path) -> Result<Answer, Error> {
    let file = folder.join(JSON);
    let fail = |error: &dyn std::fmt::Display| Error::new(file.display(), error);
    let text = fs::read_to_string(&file)
        .map_err(|error| fail(&format_args!("cannot be read: {error}")))?;
    let found: Exploration = serde_json::from_str(&text)
        .map_err(|error| fail(&format_args!("is not what 'aie4ml explore' writes: {error}")))?;
    if found.version != VERSION {
        let version = found.version;
        return Err(fail(&format_args!(
            "is of version {version}, this aie4ml reads version {VERSION}"
        )));
    }
    let mut pages = BTreeMap::new();
    for point in &found.points {
        let inside = Path::new(&point.page);
        let plain = inside.parent() == Some(Path::new(POINTS))
            && inside.extension().is_some_and(|extension| extension == "html");
        if !plain {
            return Err(fail(&format_args!("names '{}' as the page of a point", point.page)));
        }
        let path = folder.join(inside);
        let page = fs::read_to_string(&path)
            .map_err(|error| Error::new(path.display(), format_args!("cannot be read: {error}")))?;
        pages.insert(inside.to_path_buf(), page);
    }
    Ok((found, pages))
}

/// Puts parts together.
///
/// # Errors
///
/// If they are of different models, if a part is missing or there twice, or if none has a point.
pub fn merge(parts: Vec<(PathBuf, Answer)>) -> Result<Answer, Error> {
    let mut pages = BTreeMap::new();
    let mut whole: Option<Exploration> = None;
    let mut seen: BTreeMap<(usize, usize), PathBuf> = BTreeMap::new();
    let mut of = None;
    for (folder, (part, own)) in parts {
        let fail = |text: &dyn std::fmt::Display| Error::new(folder.display(), text);
        if let Some(Shard { index, of: count }) = part.shard {
            if let Some(before) = seen.insert((count, index), folder.clone()) {
                let before = before.display();
                return Err(fail(&format_args!("is part {index}/{count}, as '{before}' is")));
            }
            if *of.get_or_insert(count) != count {
                let parts = of.unwrap_or(count);
                return Err(fail(&format_args!("is one of {count} parts, others are of {parts}")));
            }
        }
        pages.extend(own);
        match &mut whole {
            None => whole = Some(part),
            Some(whole) if whole.model != part.model => {
                let (a, b) = (&whole.model, &part.model);
                return Err(fail(&format_args!("is about '{b}', others are about '{a}'")));
            }
            Some(whole) => {
                whole.points.extend(part.points);
                whole.refused.extend(part.refused);
            }
        }
    }
    let missing = |&index: &usize| of.is_some_and(|of| !seen.contains_key(&(of, index)));
    if let Some(index) = (1..=of.unwrap_or(0)).find(missing) {
        let of = of.unwrap_or(0);
        return Err(Error::new("--merge", format_args!("part {index}/{of} is missing")));
    }
    let mut whole = whole.ok_or_else(|| Error::new("--merge", "needs a folder"))?;
    if let ([], [refused, ..]) = (whole.points.as_slice(), whole.refused.as_slice()) {
        return Err(Error::new("", &refused.message));
    }
    whole.shard = None;
    whole.arrange();
    Ok((whole, pages))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(tiles: usize, latency: i64, interval: f64) -> Point {
        Point {
            device: "xcve2802".into(),
            batch: 8,
            objective: "latency".into(),
            max_tiles: tiles,
            tiles,
            memory_tiles: 2,
            rows: 8,
            latency_cycles: latency,
            latency_ns: latency as f64 * 0.8,
            interval_cycles: interval,
            interval_ns: interval * 0.8,
            rows_per_second: 1e9,
            front: false,
            page: format!("{POINTS}/{tiles}.html"),
            command: "aie4ml compile 'a model.onnx'".into(),
        }
    }

    fn found(points: Vec<Point>) -> Exploration {
        let model = "model.onnx".into();
        let mut found =
            Exploration { version: VERSION, model, shard: None, points, refused: vec![] };
        found.arrange();
        found
    }

    #[test]
    fn the_front_has_what_nothing_beats() {
        let mut slow = point(4, 900, 100.0);
        slow.device = "npu1".into();
        let all = vec![point(4, 100, 50.0), point(8, 90, 60.0), point(9, 90, 60.0), slow];
        let front: Vec<_> = found(all).points.iter().map(|p| (p.tiles, p.front)).collect();
        assert_eq!(front, [(4, true), (4, true), (8, true), (9, false)]);
    }

    #[test]
    fn a_design_is_there_once() {
        let mut again = point(4, 100, 50.0);
        again.max_tiles = 6;
        let one = found(vec![point(4, 100, 50.0), again]);
        assert_eq!(one.points.len(), 1);
        assert_eq!(one.points[0].max_tiles, 6);
    }

    #[test]
    fn words_are_quoted_where_they_need_it() {
        assert_eq!(quoted("a/b-c.onnx"), "a/b-c.onnx");
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }

    #[test]
    fn shards_are_read() {
        assert_eq!("3/16".parse(), Ok(Shard { index: 3, of: 16 }));
        for wrong in ["", "3", "0/3", "4/3", "1/0", "a/b", "1/2/3", "-1/2"] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn budgets_are_even_steps() {
        let device = Device::by_name("xcve2802").unwrap();
        let all = Budgets::Count(24).on(&device);
        assert_eq!((all[0], *all.last().unwrap()), (1, 304));
        assert!(all.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(Budgets::Tiles(vec![8, 4, 8, 999]).on(&device), [4, 8, 304]);
        assert_eq!(Budgets::Count(1).on(&device), [304]);
    }

    #[test]
    fn the_table_has_a_row_for_each_point() {
        let one = found(vec![point(4, 100, 50.0), point(8, 90, 60.0)]);
        let table = one.csv().unwrap();
        assert_eq!(table.lines().count(), 3);
        assert!(table.starts_with("device,batch,objective,max_tiles,tiles,"), "{table}");
        assert!(one.json().contains("\"command\": \"aie4ml compile 'a model.onnx'\""));
        let page = page::page(&one);
        assert_eq!(page.matches("href=\"points/8.html\"").count(), 4, "{page}");
    }

    #[test]
    fn parts_make_a_whole_or_none() {
        let part = |index: usize, model: &str| {
            let mut part = found(vec![point(index, 100, 50.0)]);
            part.shard = Some(Shard { index, of: 2 });
            part.model = model.into();
            (PathBuf::from(format!("part{index}")), (part, BTreeMap::new()))
        };
        let (whole, _) = merge(vec![part(1, "m"), part(2, "m")]).unwrap();
        assert_eq!((whole.points.len(), whole.shard), (2, None));
        for (parts, expected) in [
            (vec![part(1, "m")], "--merge: part 2/2 is missing"),
            (vec![part(1, "m"), part(1, "m")], "part1: is part 1/2, as 'part1' is"),
            (vec![part(1, "m"), part(2, "n")], "part2: is about 'n', others are about 'm'"),
            (vec![], "--merge: needs a folder"),
        ] {
            assert_eq!(merge(parts).unwrap_err().to_string(), expected);
        }
    }
}
