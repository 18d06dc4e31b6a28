//! Progress on standard error: bars on a terminal, plain lines elsewhere.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressStyle};
use nexus_api::{Task, TaskStage};

/// How often a plain line is printed.
const LINE_EVERY: Duration = Duration::from_secs(2);

/// A bar that counts bytes, or a line at its end.
#[derive(Clone, Debug)]
pub struct ByteBar(ProgressBar);

impl ByteBar {
    pub fn start(what: &str, total: u64) -> Self {
        let bar = if std::io::stderr().is_terminal() {
            let style = "{msg} {wide_bar:.cyan/dim} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
            ProgressBar::new(total)
                .with_style(style_of(style))
                .with_message(what.to_owned())
        } else {
            eprintln!("{what}: {}", HumanBytes(total));
            ProgressBar::hidden()
        };
        Self(bar)
    }

    pub fn advance(&self, bytes: u64) {
        self.0.inc(bytes);
    }

    pub fn finish(&self) {
        self.0.finish_and_clear();
    }
}

/// A bar that follows a task through its stages.
#[derive(Debug)]
pub struct TaskBar {
    bar: Option<ProgressBar>,
    line: Option<(TaskStage, Instant)>,
}

impl TaskBar {
    pub fn start() -> Self {
        let bar = std::io::stderr().is_terminal().then(ProgressBar::new_spinner);
        Self { bar, line: None }
    }

    pub fn show(&mut self, task: &Task) {
        match &self.bar {
            Some(bar) => show_bar(bar, task),
            None => self.print_line(task),
        }
    }

    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn print_line(&mut self, task: &Task) {
        let stage = task.progress.stage;
        let due = self
            .line
            .is_none_or(|(last, at)| last != stage || at.elapsed() >= LINE_EVERY);
        if due && stage != TaskStage::Finished {
            self.line = Some((stage, Instant::now()));
            eprintln!("{}", describe(task));
        }
    }
}

fn show_bar(bar: &ProgressBar, task: &Task) {
    let style = match task.progress.total {
        Some(total) => {
            bar.set_length(total);
            "{msg} {wide_bar:.cyan/dim} {pos}/{len}"
        }
        None => "{spinner} {msg} {pos}",
    };
    bar.set_style(style_of(style));
    bar.set_message(words(task.progress.stage));
    bar.set_position(task.progress.done);
}

fn style_of(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

const fn words(stage: TaskStage) -> &'static str {
    match stage {
        TaskStage::Waiting => "waiting for a worker",
        TaskStage::Indexing => "indexing files",
        TaskStage::Embedding => "embedding passages",
        TaskStage::Removing => "removing what is gone",
        TaskStage::Rebuilding => "rebuilding the index",
        TaskStage::Sweeping => "cleaning up",
        TaskStage::Finished => "finished",
    }
}

fn describe(task: &Task) -> String {
    let progress = &task.progress;
    let mut line = words(progress.stage).to_owned();
    match progress.total {
        Some(total) => line.push_str(&format!(
            ": {} of {}",
            HumanCount(progress.done),
            HumanCount(total)
        )),
        None if progress.done > 0 => line.push_str(&format!(": {}", HumanCount(progress.done))),
        None => {}
    }
    if let Some(rate) = progress.rate_per_second {
        line.push_str(&format!(", {rate:.0} a second"));
    }
    if let Some(eta) = progress.eta_seconds.filter(|eta| *eta >= 1.0) {
        line.push_str(&format!(", about {eta:.0} s to go"));
    }
    line
}
