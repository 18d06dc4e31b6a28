use nexus_domain::task::TaskPayload;
use nexus_domain::{Problem, ProblemCode};
use nexus_storage::{Db, MAX_PROBLEMS_PER_TASK};

use crate::support::{at, enqueued, new_task};

on_both_databases! {
    a_problem_is_told_once_however_often_the_task_runs
    odd_paths_are_stored_as_people_can_read_them
    a_task_has_a_bounded_number_of_problems
}

async fn a_problem_is_told_once_however_often_the_task_runs(db: &Db) {
    let task = enqueued(db, new_task(None, TaskPayload::Sweep)).await;
    let problems = [
        Problem::of_upload(ProblemCode::Truncated, "it ends too early"),
        Problem::of_file("a.bin", ProblemCode::Binary, "an image"),
        Problem::of_file("a.bin", ProblemCode::TooLarge, "412 MiB, 256 MiB are allowed"),
    ];
    for added in [3, 0] {
        let mut tx = db.begin().await.unwrap();
        assert_eq!(
            tx.tasks().add_problems(task, &problems, at(1)).await.unwrap(),
            added
        );
        tx.commit().await.unwrap();
    }
    let first = db.tasks().problems(task, None, 2).await.unwrap();
    let rest = db.tasks().problems(task, Some(first[1].seq), 2).await.unwrap();
    let all: Vec<_> = first.into_iter().chain(rest).map(|row| row.problem).collect();
    assert_eq!(all, problems);

    let mut tx = db.begin().await.unwrap();
    tx.tasks().clear_problems(task).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(db.tasks().problems(task, None, 10).await.unwrap(), []);
}

async fn odd_paths_are_stored_as_people_can_read_them(db: &Db) {
    let task = enqueued(db, new_task(None, TaskPayload::Sweep)).await;
    let long: String = (0..9_000_u64)
        .map(|n| format!("{:x}/", n.wrapping_mul(0x9E37_79B9_7F4A_7C15)))
        .collect();
    let problems = [
        Problem::of_file("a\0b", ProblemCode::InvalidPath, "\0"),
        Problem::of_file(long, ProblemCode::TooDeep, "x"),
    ];
    let mut tx = db.begin().await.unwrap();
    assert_eq!(tx.tasks().add_problems(task, &problems, at(1)).await.unwrap(), 2);
    tx.commit().await.unwrap();
    let stored = db.tasks().problems(task, None, 10).await.unwrap();
    assert_eq!(stored[0].problem.path.as_deref(), Some("a\u{2400}b"));
    assert!(stored[1].problem.path.as_deref().unwrap().len() < 1_100);
}

async fn a_task_has_a_bounded_number_of_problems(db: &Db) {
    let task = enqueued(db, new_task(None, TaskPayload::Sweep)).await;
    let problems: Vec<_> = (0..MAX_PROBLEMS_PER_TASK + 5)
        .map(|n| Problem::of_file(format!("{n}.bin"), ProblemCode::Binary, "binary"))
        .collect();
    let mut tx = db.begin().await.unwrap();
    assert_eq!(
        tx.tasks().add_problems(task, &problems, at(1)).await.unwrap(),
        MAX_PROBLEMS_PER_TASK
    );
    assert_eq!(tx.tasks().add_problems(task, &problems, at(1)).await.unwrap(), 0);
}
