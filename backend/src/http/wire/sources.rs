//! Sources, from the domain to the contract and back.

use nexus_api as api;
use nexus_domain as domain;

use crate::service::{self, ReportedSource, SourceOverview, SourceTask};

pub fn source(overview: SourceOverview) -> api::Source {
    let SourceOverview { source, documents } = overview;
    api::Source {
        id: source.id.as_uuid(),
        knowledge_base_id: source.kb_id.as_uuid(),
        kind: kind(source.kind),
        name: source.name,
        documents,
        remote: source.remote.map(remote),
        schedule: source.schedule.map(|schedule| api::SourceSchedule {
            cron: schedule.cron,
            time_zone: Some(schedule.time_zone),
        }),
        next_sync_at: source.next_sync_at.map(domain::Timestamp::to_datetime),
        synced_at: source.sync.synced_at.map(domain::Timestamp::to_datetime),
        state: source.sync.state,
        task_id: source.sync.task.map(domain::TaskId::as_uuid),
        has_credential: source.has_credential,
        has_webhook: source.has_webhook,
        created_at: source.created_at.to_datetime(),
        updated_at: source.updated_at.to_datetime(),
    }
}

pub fn report(reported: ReportedSource) -> api::SourceReport {
    let ReportedSource {
        report,
        freshness: state,
        age_seconds,
        used,
    } = reported;
    let source = report.source;
    api::SourceReport {
        id: source.id.as_uuid(),
        knowledge_base_id: source.kb_id.as_uuid(),
        kind: kind(source.kind),
        name: source.name,
        documents: report.documents,
        chunks: report.chunks,
        last_sync: api::LastSync {
            read_at: source.sync.synced_at.map(domain::Timestamp::to_datetime),
            task_id: source.sync.task.map(domain::TaskId::as_uuid),
            task: report.task.map(last_task),
        },
        next_sync_at: source.next_sync_at.map(domain::Timestamp::to_datetime),
        hits: api::SourceUses {
            count: used.hits,
            last_at: used.last_hit.map(domain::Timestamp::to_datetime),
        },
        refusals: api::SourceUses {
            count: used.refusals,
            last_at: used.last_refusal.map(domain::Timestamp::to_datetime),
        },
        staleness: api::Staleness {
            state: freshness(state),
            seconds: age_seconds,
        },
    }
}

fn last_task(task: SourceTask) -> api::LastSyncTask {
    api::LastSyncTask {
        state: super::task_state(task.state),
        error: task.error.map(|error| api::TaskError {
            code: error.code,
            message: error.message,
        }),
        finished_at: task.finished_at.map(domain::Timestamp::to_datetime),
    }
}

/// Gives two enums of the same words their mapping, in both directions.
macro_rules! same_words {
    ($to:ident, $from:ident: $module:ident $name:ident { $($variant:ident)+ }) => {
        pub const fn $to(value: $module::$name) -> api::$name {
            match value { $($module::$name::$variant => api::$name::$variant,)+ }
        }

        pub const fn $from(value: api::$name) -> $module::$name {
            match value { $(api::$name::$variant => $module::$name::$variant,)+ }
        }
    };
}

same_words!(kind, kind_from: domain SourceKind { Archive Files WikiExport Git Web MediaWiki DokuWiki });
same_words!(freshness, freshness_from: service Freshness { Fresh Due Overdue Failing Never });

fn remote(remote: domain::Remote) -> api::SourceRemote {
    let filter = remote.filter().clone();
    let common = api::SourceRemote {
        url: remote.url().to_owned(),
        include: filter.include,
        exclude: filter.exclude,
        ..api::SourceRemote::default()
    };
    match remote {
        domain::Remote::Git(git) => api::SourceRemote {
            branch: git.branch,
            folder: git.folder,
            ..common
        },
        domain::Remote::Web(web) => api::SourceRemote {
            prefix: web.prefix,
            max_pages: web.max_pages,
            ..common
        },
        domain::Remote::MediaWiki(wiki) => api::SourceRemote {
            namespaces: Some(wiki.namespaces),
            ..common
        },
        domain::Remote::DokuWiki(wiki) => api::SourceRemote {
            namespace: wiki.namespace,
            ..common
        },
    }
}

pub fn plan(plan: domain::task::Plan) -> api::SyncPlan {
    let change_kind = |kind| match kind {
        domain::task::ChangeKind::Add => api::PlannedChangeKind::Add,
        domain::task::ChangeKind::Change => api::PlannedChangeKind::Change,
        domain::task::ChangeKind::Remove => api::PlannedChangeKind::Remove,
    };
    let changes = plan.changes.into_iter();
    let changes = changes.map(|planned| api::PlannedChange {
        path: planned.path,
        change: change_kind(planned.change),
    });
    api::SyncPlan {
        add: plan.add,
        change: plan.change,
        remove: plan.remove,
        unchanged: plan.unchanged,
        changes: changes.collect(),
    }
}
