//! The cells of one operation: first those that are to leave everything as it is, then those that change things made for
//! them.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt as _, stream};
use serde_json::Value;

use crate::callers::{Caller, Callers};
use crate::judge::judge;
use crate::refused::UNKNOWN_PERSON;
use crate::requests::{Answer, Asked};
use crate::table::{Operation, Row, Table, Target, Verdict, Way};
use crate::world::World;

/// Requests at once.
const AT_ONCE: usize = 16;

pub struct Cell<'c> {
    pub caller: &'c Caller,
    pub asked: Asked<'c>,
    pub verdict: Verdict,
    pub sees_ours: bool,
    pub sees_theirs: bool,
    turned_away: bool,
}

impl Cell<'_> {
    pub fn describe(&self) -> String {
        let Asked {
            operation, target, ..
        } = &self.asked;
        let way = match self.asked.way {
            Way::Plain => "",
            Way::Stream => " streamed",
            Way::Form => " by a form",
        };
        let Operation { method, path } = operation;
        format!("{method} {path}{way} on {target:?} by {}", self.caller.name)
    }

    fn key(&self, target: Target) -> (&'static str, Way, Target) {
        (self.caller.name, self.asked.way, target)
    }
}

#[derive(Default)]
pub struct Tally {
    pub done: usize,
    pub denied: usize,
    pub turned_away: usize,
    /// Answers about foreign things that were compared with those about missing ones.
    pub compared: usize,
    /// What was done and stands in the audit log.
    pub logged: usize,
    pub wrong: Vec<String>,
}

impl Tally {
    pub fn add(&mut self, other: Self) {
        self.done += other.done;
        self.denied += other.denied;
        self.turned_away += other.turned_away;
        self.compared += other.compared;
        self.logged += other.logged;
        self.wrong.extend(other.wrong);
    }

    pub const fn cells(&self) -> usize {
        self.done + self.denied + self.turned_away
    }

    fn count(&mut self, cell: &Cell<'_>) {
        if cell.turned_away {
            self.turned_away += 1;
        } else if matches!(cell.verdict, Verdict::Error(..)) {
            self.denied += 1;
        } else {
            self.done += 1;
        }
    }
}

pub async fn hold(world: &World, callers: &Callers, table: &Table, operation: &Operation) -> Tally {
    let cells = plan(world, callers, table, operation);
    let changes = |cell: &Cell<'_>| operation.changes() && cell.verdict == Verdict::Done;
    let (changing, idle): (Vec<_>, Vec<_>) = cells.into_iter().partition(changes);
    let mut tally = Tally::default();
    let before = picture(world, operation).await;
    let answers = run(world, &idle, false, &mut tally).await;
    compare(world, &idle, &answers, &mut tally);
    if operation.changes() {
        let unlike = picture(world, operation).await != before;
        let what = format!("{operation:?}: a cell that was to change nothing has changed something");
        tally.wrong.extend(unlike.then_some(what));
        let logged = logged(world).await;
        let done = idle.iter().filter(|cell| logged.contains(&cell.asked.trace));
        let told = done.map(|cell| format!("{}: is in the audit log as done", cell.describe()));
        tally.wrong.extend(told);
        run(world, &changing, true, &mut tally).await;
        let logged = self::logged(world).await;
        let done = changing.iter().filter(|cell| logged.contains(&cell.asked.trace));
        tally.logged += done.count();
    }
    tally
}

/// Who makes requests, and what the table says to them of a row.
fn plan<'c>(world: &World, callers: &'c Callers, table: &Table, operation: &'c Operation) -> Vec<Cell<'c>> {
    let rows = table.rows(operation);
    let mut cells = Vec::new();
    let mut cell = |caller, row: &Row, verdict: Option<Verdict>, column: Option<usize>| {
        let sees = |target| column.is_some_and(|column| table.sees(column, target));
        cells.extend(verdict.map(|verdict| Cell {
            caller,
            asked: Asked {
                operation,
                target: row.target,
                way: row.way,
                trace: format!("cell-{}", world.next()),
            },
            verdict,
            sees_ours: sees(Target::Ours),
            sees_theirs: sees(Target::Theirs),
            turned_away: column.is_none(),
        }));
    };
    for row in &rows {
        for (column, caller) in callers.in_table.iter().enumerate() {
            cell(caller, row, row.verdicts[column], Some(column));
        }
        let column = callers.session_column;
        let verdict = row.verdicts[column];
        cell(&callers.with_csrf, row, verdict, Some(column));
        let without = verdict.map(|verdict| without_csrf(operation, verdict));
        cell(&callers.without_csrf, row, without, Some(column));
    }
    for (caller, refusal) in &callers.refused {
        for row in tried_by_refused(caller, operation, &rows) {
            let open = row.verdicts[0].filter(|_| operation.is_public());
            cell(caller, row, open.or(Some(*refusal)), None);
        }
    }
    cells
}

fn without_csrf(operation: &Operation, verdict: Verdict) -> Verdict {
    if operation.is_unsafe() && !operation.is_public() {
        Verdict::Error(403, &["csrf_failed"])
    } else {
        verdict
    }
}

/// Something that is there, and what is missing: who is turned away cannot tell them apart.
fn tried_by_refused<'r>(caller: &Caller, operation: &Operation, rows: &'r [Row]) -> Vec<&'r Row> {
    // This is how a bot makes somebody known.
    if operation.path == "/users/from-telegram" && caller.name == UNKNOWN_PERSON {
        return Vec::new();
    }
    let missing = rows[1..].iter().find(|row| row.target == Target::Missing);
    rows.first().into_iter().chain(missing).collect()
}

/// Makes the requests of these cells, and judges the answers.
async fn run(world: &World, cells: &[Cell<'_>], fresh: bool, tally: &mut Tally) -> Vec<Answer> {
    let versioned = |cell: &Cell<'_>| cell.asked.operation.path.starts_with("/subscriptions");
    // One change of a subscription at a time: each is made to the version that the one before has left.
    let at_once = if fresh && cells.iter().any(versioned) {
        1
    } else {
        AT_ONCE
    };
    let answers = stream::iter(cells).map(|cell| async move {
        let (caller, operation) = (cell.caller, cell.asked.operation);
        let stage = if fresh {
            world.fresh(caller, operation, cell.asked.target).await
        } else {
            world.shared(caller, operation, cell.asked.target)
        };
        world.ask(&stage, caller, &cell.asked).await
    });
    let answers: Vec<Answer> = answers.buffered(at_once).collect().await;
    for (cell, answer) in cells.iter().zip(&answers) {
        tally.count(cell);
        tally.wrong.extend(judge(world, cell, answer));
    }
    answers
}

/// What a caller may not know of looks like what is not there: the same status, code and message.
fn compare(world: &World, cells: &[Cell<'_>], answers: &[Answer], tally: &mut Tally) {
    let all: BTreeMap<_, _> = cells
        .iter()
        .map(|cell| cell.key(cell.asked.target))
        .zip(answers)
        .collect();
    for (cell, answer) in cells.iter().zip(answers) {
        let hides = cell.verdict.hides() || cell.turned_away;
        let missing = cell.asked.target.that_is_missing().filter(|_| hides);
        let Some(missing) = missing.and_then(|missing| all.get(&cell.key(missing))) else {
            continue;
        };
        tally.compared += 1;
        let is_unlike = (answer.status, &answer.json) != (missing.status, &missing.json);
        if is_unlike && judge(world, cell, answer).is_none() {
            let (is, like) = (&answer.text, &missing.text);
            let wrong = format!("{}: {is} is not as for what is missing: {like}", cell.describe());
            tally.wrong.push(wrong);
        }
    }
}

/// All that cells could have changed, as the operator sees it.
async fn picture(world: &World, operation: &Operation) -> Vec<Value> {
    if !operation.changes() {
        return Vec::new();
    }
    let pages = stream::iter(world.everything()).map(|path| async move {
        let (status, mut page) = world.operator.get(&path).await;
        assert_eq!(status, 200, "{path}: {page}");
        without_counts(&mut page);
        page
    });
    pages.buffered(AT_ONCE).collect().await
}

/// What is read and indexed in the background comes in its own time; documents and tasks are pictured one by one.
fn without_counts(page: &mut Value) {
    let page = page.as_object_mut().unwrap();
    for count in ["revision", "documents", "chunks", "embedded_chunks"] {
        page.remove(count);
    }
    if let Some(items) = page.get_mut("items").and_then(Value::as_array_mut) {
        items.iter_mut().for_each(without_counts);
    }
    // What other tasks wait besides.
    if let Some(progress) = page.get_mut("progress").and_then(Value::as_object_mut) {
        progress.remove("queued_before");
    }
}

/// The requests that have changed something last.
async fn logged(world: &World) -> BTreeSet<String> {
    let (_, page) = world.operator.get("/logs?limit=200").await;
    let entries = page["items"].as_array().unwrap().iter();
    entries
        .filter_map(|entry| entry["trace_id"].as_str())
        .map(str::to_owned)
        .collect()
}
