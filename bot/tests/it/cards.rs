//! Cards of tasks, and passages.

use chrono::{DateTime, Utc};
use nexus_api::{
    DocumentFormat, Problem, ProblemCode, Task, TaskCounts, TaskError, TaskKind, TaskProgress, TaskStage,
    TaskState,
};
use nexus_bot::render::{self, Limits};
use nexus_bot::words::Language;
use uuid::Uuid;

use crate::fixtures::{citation, shown, style};

fn task(state: TaskState, stage: TaskStage) -> Task {
    Task {
        id: Uuid::nil(),
        kind: TaskKind::IngestUpload,
        state,
        knowledge_base_id: None,
        progress: TaskProgress {
            stage,
            done: 120,
            total: Some(300),
            rate_per_second: Some(2.0),
            eta_seconds: Some(89.5),
            waits_for: None,
            queued_before: None,
        },
        counts: TaskCounts {
            documents_indexed: 121,
            documents_unchanged: 3,
            files_with_problems: 7,
            ..TaskCounts::default()
        },
        source_id: None,
        plan: None,
        error: None,
        attempts: 1,
        created_at: DateTime::<Utc>::UNIX_EPOCH,
        started_at: None,
        updated_at: DateTime::<Utc>::UNIX_EPOCH,
        finished_at: None,
    }
}

#[test]
fn a_running_task_shows_how_far_it_is() {
    let card = render::task_card(
        &task(TaskState::Running, TaskStage::Indexing),
        "docs <2>.zip",
        &[],
        &style(Language::Ru),
    );
    insta::assert_snapshot!(shown(&card, Limits::default()));
}

#[test]
fn a_finished_task_names_what_could_not_be_read() {
    let problem = |path: &str, code| Problem {
        path: Some(path.to_owned()),
        code,
        message: "for programs".to_owned(),
    };
    let problems = [
        problem("secret.zip", ProblemCode::Encrypted),
        problem("photo.png", ProblemCode::Binary),
    ];
    let task = task(TaskState::Succeeded, TaskStage::Finished);
    let card = render::task_card(&task, "docs.zip", &problems, &style(Language::En));
    insta::assert_snapshot!(shown(&card, Limits::default()));
}

#[test]
fn a_failed_task_says_why_in_our_words() {
    let mut task = task(TaskState::Failed, TaskStage::Indexing);
    task.error = Some(TaskError {
        code: "encrypted".to_owned(),
        message: "for programs".to_owned(),
    });
    let card = render::task_card(&task, "docs.zip", &[], &style(Language::Ru));
    insta::assert_snapshot!(shown(&card, Limits::default()));
}

#[test]
fn a_stage_that_finds_more_than_was_foreseen_is_not_beyond_its_end() {
    let mut task = task(TaskState::Running, TaskStage::Embedding);
    task.progress.done = 900;
    task.progress.eta_seconds = Some(f64::INFINITY);
    let card = render::task_card(&task, "x", &[], &style(Language::En));
    assert!(card.plain().contains("100 % · 300 of 300"), "{}", card.plain());
}

#[test]
fn passages_look_as_their_documents() {
    let mut passage = citation(
        3,
        "Шлюз",
        &["Шлюз", "Сброс"],
        "## Сброс\n\nУдерживайте кнопку\n10 секунд.\n\n- лампа мигает\n- шлюз перезапускается",
    )
    .passage;
    let markdown = shown(
        &render::passage(&passage, &style(Language::Ru)),
        Limits::default(),
    );
    passage.document_format = DocumentFormat::Code;
    passage.document_path = "src/reset.rs".to_owned();
    passage.text = "    fn reset(&self) -> bool {\n        self.hold < 10 && true\n    }\n".to_owned();
    let code = shown(
        &render::passage(&passage, &style(Language::En)),
        Limits::default(),
    );
    insta::assert_snapshot!(format!("{markdown}\n\n{code}"));
}
