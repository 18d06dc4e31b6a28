//! Sources, from the domain to the contract and back.

use nexus_api as api;
use nexus_domain as domain;

use crate::service::SourceOverview;

pub fn source(overview: SourceOverview) -> api::Source {
    let SourceOverview { source, documents } = overview;
    api::Source {
        id: source.id.as_uuid(),
        knowledge_base_id: source.kb_id.as_uuid(),
        kind: match source.kind {
            domain::SourceKind::Archive => api::SourceKind::Archive,
            domain::SourceKind::Files => api::SourceKind::Files,
            domain::SourceKind::WikiExport => api::SourceKind::WikiExport,
            domain::SourceKind::Git => api::SourceKind::Git,
            domain::SourceKind::Web => api::SourceKind::Web,
            domain::SourceKind::MediaWiki => api::SourceKind::MediaWiki,
            domain::SourceKind::DokuWiki => api::SourceKind::DokuWiki,
        },
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
    let kind = |kind| match kind {
        domain::task::ChangeKind::Add => api::PlannedChangeKind::Add,
        domain::task::ChangeKind::Change => api::PlannedChangeKind::Change,
        domain::task::ChangeKind::Remove => api::PlannedChangeKind::Remove,
    };
    let changes = plan.changes.into_iter();
    let changes = changes.map(|planned| api::PlannedChange {
        path: planned.path,
        change: kind(planned.change),
    });
    api::SyncPlan {
        add: plan.add,
        change: plan.change,
        remove: plan.remove,
        unchanged: plan.unchanged,
        changes: changes.collect(),
    }
}
