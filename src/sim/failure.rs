//! Failures of a run, in words and with the parts of the program they are about.

use std::error::Error;
use std::fmt;

use crate::array::Part;

/// Lines of an explanation that a person would still read.
const MOST_LINES: usize = 12;

/// Why a run did not produce its outputs.
#[derive(Clone, PartialEq, Debug)]
pub enum Failure {
    /// The program or the input is wrong in itself.
    Invalid(Fault),
    /// Somebody did what is not allowed.
    Fault { actor: String, fault: Fault },
    /// Nothing can move, but outputs are missing.
    Deadlock(Box<Deadlock>),
    /// These accesses to memory may come in any order.
    Race(Vec<Sentence>),
    /// All outputs arrived, but these remains do not belong to the next iteration.
    Leftover(Vec<Sentence>),
}

/// What is wrong, and the part of the program that is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    pub at: Option<Part>,
    pub message: String,
}

impl Fault {
    pub(super) fn at(part: Part) -> impl Fn(String) -> Fault {
        move |message| Fault { at: Some(part), message }
    }
}

impl From<String> for Fault {
    fn from(message: String) -> Fault {
        Fault { at: None, message }
    }
}

/// A deadlock in words, one sentence per entry.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Deadlock {
    /// The outputs that lack data.
    pub missing: Vec<Sentence>,
    /// Actors that wait for each other in a circle, the last for the first.
    pub cycle: Vec<Sentence>,
    /// Actors that keep others waiting and cannot be helped by anyone.
    pub roots: Vec<Sentence>,
    /// How an output depends on those above: who waits, beginning at the output.
    pub waits: Vec<Sentence>,
    /// Number of actors that wait as well, not named.
    pub others: usize,
    /// Actors that still act, without any effect on the outputs.
    pub busy: Vec<Sentence>,
}

/// What is said about an actor.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Sentence {
    pub actor: String,
    pub text: String,
    /// Where in its program the actor is.
    pub at: Option<Part>,
    /// What else the sentence is about.
    pub notes: Vec<Note>,
    /// Whether the actor does nothing any more, so that the cause is who relies on it.
    pub ended: bool,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Note {
    pub at: Option<Part>,
    pub text: String,
}

/// A message with notes, each about a part of the program.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostic {
    pub at: Option<Part>,
    pub text: String,
    pub notes: Vec<Note>,
}

impl Failure {
    /// What to say, message by message, where the parts of the program can be shown.
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        let plain = |at, text: String| Diagnostic { at, text, notes: Vec::new() };
        match self {
            Failure::Invalid(Fault { at, message }) => vec![plain(*at, message.clone())],
            Failure::Fault { actor, fault } => {
                vec![plain(fault.at, format!("{actor}: {}", fault.message))]
            }
            Failure::Deadlock(deadlock) => vec![deadlock.diagnostic()],
            Failure::Race(races) => races.iter().map(|race| race.diagnostic("race")).collect(),
            Failure::Leftover(lines) => {
                lines.iter().map(|line| line.diagnostic("data is left under way")).collect()
            }
        }
    }
}

impl Sentence {
    fn diagnostic(&self, what: &str) -> Diagnostic {
        let text = format!("{what}: {}", self.text);
        Diagnostic { at: self.at, text, notes: self.notes.clone() }
    }

    fn all_notes(&self) -> impl Iterator<Item = Note> {
        let first = Note { at: self.at, text: self.text.clone() };
        std::iter::once(first).chain(self.notes.iter().cloned())
    }
}

impl Deadlock {
    fn diagnostic(&self) -> Diagnostic {
        let names: Vec<&str> = self.cycle.iter().map(|each| each.actor.as_str()).collect();
        // Who has ended is not wrong in itself.
        let root = match self.roots.first() {
            Some(root) if root.ended => self.waits.last().or(Some(root)),
            root => root,
        };
        let (text, first) = match (names.as_slice(), root) {
            ([], Some(root)) => (root.text.clone(), Some(root)),
            ([], None) if !self.busy.is_empty() => {
                let first = &self.busy[0];
                (format!("no end: {} goes on, but nothing comes of it", first.actor), Some(first))
            }
            ([], None) => {
                let first = self.missing.first();
                (first.map_or_else(String::new, |first| first.text.clone()), first)
            }
            ([one], _) => (format!("{one} waits for itself"), self.cycle.first()),
            ([one, other], _) => {
                (format!("{one} and {other} wait for each other"), self.cycle.first())
            }
            ([.., _], _) => {
                let text = format!("{} actors wait for each other in a circle", names.len());
                (text, self.cycle.first())
            }
        };
        let mut notes: Vec<Note> = Vec::new();
        let mut add = |lines: &[Sentence], title: Option<&str>| {
            for (index, line) in lines.iter().enumerate() {
                if index == MOST_LINES {
                    let text = format!("and {} more", lines.len() - MOST_LINES);
                    notes.push(Note { at: None, text });
                    break;
                }
                for (place, mut note) in line.all_notes().enumerate() {
                    if let Some(title) = title.filter(|_| place == 0) {
                        note.text = format!("{title}: {}", note.text);
                    }
                    if !notes.contains(&note) {
                        notes.push(note);
                    }
                }
            }
        };
        add(&self.cycle, None);
        add(&self.roots, None);
        add(&self.waits, None);
        add(&self.busy, None);
        add(&self.missing, Some("so"));
        if self.others > 0 {
            notes.push(Note { at: None, text: format!("{} more wait for these", self.others) });
        }
        let at = first.and_then(|first| first.at);
        // The message itself need not be said again.
        notes.retain(|note| (note.at, &note.text) != (at, &text));
        let text = if text.starts_with("no end: ") { text } else { format!("deadlock: {text}") };
        Diagnostic { at, text, notes }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Failure::Invalid(fault) => f.write_str(&fault.message),
            Failure::Fault { actor, fault } => write!(f, "{actor}: {}", fault.message),
            Failure::Deadlock(deadlock) => deadlock.fmt(f),
            Failure::Race(lines) => {
                f.write_str("race")?;
                list(f, lines)
            }
            Failure::Leftover(lines) => {
                f.write_str("all outputs arrived, but data is left under way")?;
                list(f, lines)
            }
        }
    }
}

impl Error for Failure {}

impl fmt::Display for Deadlock {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("deadlock")?;
        list(f, &self.missing)?;
        for (title, lines) in [
            ("these wait for each other", &self.cycle),
            ("these keep the others waiting", &self.roots),
            ("waiting, from the outputs inwards", &self.waits),
            ("still busy", &self.busy),
        ] {
            if !lines.is_empty() {
                write!(f, "\n{title}")?;
                list(f, lines)?;
            }
        }
        match self.others {
            0 => Ok(()),
            others => write!(f, "\n{others} more wait for these"),
        }
    }
}

fn list(f: &mut fmt::Formatter, lines: &[Sentence]) -> fmt::Result {
    f.write_str(":")?;
    for line in lines.iter().take(MOST_LINES) {
        write!(f, "\n  {}", line.text)?;
    }
    match lines.len().saturating_sub(MOST_LINES) {
        0 => Ok(()),
        more => write!(f, "\n  and {more} more"),
    }
}
