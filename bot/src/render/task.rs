//! Cards of tasks: what an upload is doing. Edited in place until the task has ended.

use nexus_api::{Problem, Task, TaskProgress, TaskState};

use super::rich::RichText;
use super::style::Style;
use super::tag::Tag;
use super::writer::Writer;
use crate::words::{Phrase, Value, Words};

/// Signs of the bar that shows how far a stage is.
const BAR: usize = 12;
/// Problems that a card names.
const SHOWN_PROBLEMS: usize = 5;

/// `name` is what the person calls it: the file's name. `problems` are the first ones of the task.
pub fn task_card(task: &Task, name: &str, problems: &[Problem], style: &Style) -> RichText {
    let words = Words::of(style.language);
    let mut out = Writer::new();
    out.text(sign(task.state));
    out.text(" ");
    out.tagged(Tag::Bold, &super::sources::shortened(name, 200));
    out.gap(1);
    out.text(&words.task_state(task.state));
    match task.state {
        TaskState::Running => write_progress(&mut out, &task.progress, words),
        TaskState::Failed => write_reason(&mut out, task, words),
        TaskState::Queued | TaskState::Paused | TaskState::Succeeded | TaskState::Cancelled => {}
    }
    write_counts(&mut out, task, words);
    write_problems(&mut out, task, problems, words);
    out.finish()
}

const fn sign(state: TaskState) -> &'static str {
    match state {
        TaskState::Queued => "🕓",
        TaskState::Running => "⏳",
        TaskState::Paused => "⏸",
        TaskState::Succeeded => "✅",
        TaskState::Failed => "❌",
        TaskState::Cancelled => "🚫",
    }
}

fn write_progress(out: &mut Writer, progress: &TaskProgress, words: &Words) {
    out.text(": ");
    out.text(&words.task_stage(progress.stage));
    out.gap(1);
    match progress.total.filter(|total| *total > 0) {
        Some(total) => {
            // A stage may find more than was foreseen; a card never shows more than all.
            let done = progress.done.min(total);
            let share = done as f64 / total as f64;
            let full = (share * BAR as f64) as usize;
            out.text(&["▓".repeat(full), "░".repeat(BAR - full)].concat());
            let (done, total) = (done.to_string(), total.to_string());
            let percent = format!("{:.0}", (share * 100.0).floor());
            let arguments = [
                ("percent", Value::Text(&percent)),
                ("done", Value::Text(&done)),
                ("total", Value::Text(&total)),
            ];
            out.text(" ");
            out.text(&words.say_with(Phrase::ProgressOfTotal, &arguments));
        }
        None if progress.done > 0 => {
            let done = progress.done.to_string();
            out.text(&words.say_with(Phrase::ProgressSoFar, &[("done", Value::Text(&done))]));
        }
        None => {}
    }
    if progress.waits_for.is_some() {
        out.gap(1);
        out.text(&words.say(Phrase::TaskWaits));
    } else if let Some(seconds) = progress
        .eta_seconds
        .filter(|seconds| seconds.is_finite() && *seconds >= 1.0)
    {
        let time = words.duration(seconds.ceil() as u64);
        out.gap(1);
        out.text(&words.say_with(Phrase::TimeLeft, &[("time", Value::Text(&time))]));
    }
}

/// Why a task failed, in our words where we have any.
fn write_reason(out: &mut Writer, task: &Task, words: &Words) {
    let Some(error) = &task.error else { return };
    if let Some(problem) = words.problem_named(&error.code) {
        out.text(": ");
        out.text(&problem);
    } else {
        out.gap(1);
        out.text(&words.say(Phrase::TaskFailedInside));
    }
}

fn write_counts(out: &mut Writer, task: &Task, words: &Words) {
    let counts = [
        (Phrase::DocumentsIndexed, task.counts.documents_indexed),
        (Phrase::DocumentsUnchanged, task.counts.documents_unchanged),
        (Phrase::DocumentsRemoved, task.counts.documents_removed),
        (Phrase::FilesWithProblems, task.counts.files_with_problems),
    ];
    for (phrase, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
        out.gap(1);
        out.text(&words.say_with(phrase, &[("count", Value::Count(count))]));
    }
}

fn write_problems(out: &mut Writer, task: &Task, problems: &[Problem], words: &Words) {
    if problems.is_empty() {
        return;
    }
    out.gap(2);
    out.open(Tag::Quote { expandable: true });
    for problem in problems.iter().take(SHOWN_PROBLEMS) {
        out.gap(1);
        if let Some(path) = &problem.path {
            out.tagged(Tag::Code, &super::sources::shortened(path, 100));
            out.text(" — ");
        }
        out.text(&words.problem(problem.code));
    }
    let shown = problems.len().min(SHOWN_PROBLEMS) as u64;
    let more = task.counts.files_with_problems.saturating_sub(shown);
    if more > 0 {
        out.gap(1);
        out.text(&words.say_with(Phrase::MoreProblems, &[("count", Value::Count(more))]));
    }
    out.close();
}
