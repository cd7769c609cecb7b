//! What a run should not leave behind: data under way, and races.

use super::cell::Cell;
use super::engine::{Actor, Engine};
use super::explain::flow_to;
use super::fabric::{ActorId, place, port};
use super::failure::{Note, Sentence};
use super::watch::Watch;
use crate::array::{BufferId, Direction, Part};

/// Data that should not be there after all outputs arrived.
pub(super) fn leftovers<C: Cell>(engine: &Engine<C>) -> Vec<Sentence> {
    let network = &engine.fabric.network;
    // Without inputs, a program runs freely, and is always ahead.
    let driven = !engine.program.inputs.is_empty();
    let mut lines = Vec::new();
    for (index, actor) in engine.actors.iter().enumerate() {
        let mut say = |text: String| {
            let at = engine.place(ActorId(index));
            lines.push(Sentence { actor: actor.name(), text, at, notes: Vec::new(), ended: false });
        };
        match actor {
            Actor::Feeder(feeder, ..) if feeder.left() > 0 => {
                say(format!("{} has {} words that nobody took", feeder.name, feeder.left()));
            }
            Actor::Collector(collector, ..) if driven => {
                let extra = collector.stream().map_or(0, |stream| network.stream(stream).len());
                if extra > 0 {
                    say(format!(
                        "{} has {extra} words beyond its {}",
                        collector.name, collector.target
                    ));
                }
            }
            Actor::Channel(channel) if channel.direction == Direction::S2mm => {
                let waiting = channel.stream().map_or(0, |stream| network.stream(stream).len());
                let (bd, buffer, moved, words) = channel.position();
                if channel.has_ended() && waiting > 0 {
                    say(format!("{} has ended before {waiting} words that follow", channel.name()));
                } else if !channel.has_ended() && moved > 0 && waiting == 0 {
                    let buffer = &engine.program.buffers[buffer.0].name;
                    say(format!(
                        "{}, BD {bd} on '{buffer}', got only {moved} of {words} words",
                        channel.name()
                    ));
                }
            }
            _ => {}
        }
    }
    let mut say = |actor: String, text: String, at: Option<Part>| {
        lines.push(Sentence { actor, text, at, notes: Vec::new(), ended: false });
    };
    for stream in network.streams().filter(|stream| stream.reader.is_none() && stream.len() > 0) {
        let name = port(stream.destination);
        let text = format!("{name} has {} words that nothing reads", stream.len());
        say(name, text, flow_to(&engine.program, stream.destination));
    }
    for (index, link, count) in engine.fabric.cascades.leftovers() {
        let (from, to) = (place(link.source), place(link.destination));
        let name = format!("the cascade from tile {from} to tile {to}");
        say(name.clone(), format!("{name} holds {count} values"), Some(Part::Cascade(index)));
    }
    lines
}

/// Accesses to the same bytes that nothing orders, as far as somebody looked for them.
pub(super) fn races<C: Cell>(engine: &Engine<C>) -> Vec<Sentence> {
    let found = engine.fabric.memory.watch().map(Watch::races).unwrap_or_default();
    let verb = |writes| if writes { "writes" } else { "reads" };
    found
        .iter()
        .map(|race| {
            let buffer = &engine.program.buffers[race.buffer];
            let size = buffer.element.bytes();
            let [first, second] =
                [race.first, race.second].map(|index| engine.actors[index].name());
            let (does, too) = (verb(race.writes.0), verb(race.writes.1));
            let text = format!(
                "{first} {does} element {} of '{}', {second} {too} it: no lock, stream or cascade puts one before the other",
                race.byte / size,
                buffer.name,
            );
            let notes = vec![
                Note { at: race.places.1, text: format!("{second} {too} it here") },
                Note {
                    at: Some(Part::Buffer(BufferId(race.buffer))),
                    text: format!("buffer '{}'", buffer.name),
                },
            ];
            Sentence { actor: first, text, at: race.places.0, notes, ended: false }
        })
        .collect()
}
