//! A word on what takes long.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::{
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

/// What takes less is not worth a word.
const PATIENCE: Duration = Duration::from_secs(1);

/// A line on the terminal, if there is one, from the second second on and until dropped.
pub struct Progress {
    bar: ProgressBar,
    // Dropped with this, which tells the thread to forget it.
    _alive: mpsc::Sender<()>,
}

impl Progress {
    pub fn start() -> Progress {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
            bar.set_style(style);
        }
        let (alive, dropped) = mpsc::channel();
        let shown = bar.clone();
        thread::spawn(move || {
            if dropped.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                shown.set_draw_target(ProgressDrawTarget::stderr());
                shown.enable_steady_tick(Duration::from_millis(100));
            }
        });
        Progress { bar, _alive: alive }
    }

    pub fn say(&self, step: &str) {
        self.bar.set_message(step.to_string());
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// A bar on the terminal, if there is one, until dropped.
pub struct Bar(ProgressBar);

impl Bar {
    pub fn start(steps: usize) -> Bar {
        let bar = ProgressBar::new(steps as u64);
        let template = "{bar:40} {pos}/{len} compiled ({elapsed}, {eta} left)";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(500));
        Bar(bar)
    }

    pub fn step(&self) {
        self.0.inc(1);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
