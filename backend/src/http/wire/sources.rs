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

pub fn git_from(body: &api::IngestGit) -> domain::Remote {
    domain::Remote::Git(domain::GitRemote {
        url: body.url.clone(),
        branch: body.branch.clone(),
        folder: body.folder.clone(),
        filter: filter(&body.include, &body.exclude),
    })
}

pub fn web_from(body: &api::IngestWeb) -> domain::Remote {
    domain::Remote::Web(domain::WebRemote {
        url: body.url.clone(),
        prefix: body.prefix.clone(),
        max_pages: body.max_pages,
        filter: filter(&body.include, &body.exclude),
    })
}

pub fn wiki_from(body: &api::IngestWiki) -> domain::Remote {
    let filter = filter(&body.include, &body.exclude);
    let url = body.url.clone();
    match body.engine {
        api::WikiEngine::MediaWiki => domain::Remote::MediaWiki(domain::MediaWikiRemote {
            url,
            namespaces: body.namespaces.clone(),
            filter,
        }),
        api::WikiEngine::DokuWiki => domain::Remote::DokuWiki(domain::DokuWikiRemote {
            url,
            namespace: body.namespace.clone(),
            filter,
        }),
        api::WikiEngine::Git => domain::Remote::Git(domain::GitRemote {
            url,
            branch: None,
            folder: None,
            filter,
        }),
    }
}

fn filter(include: &[String], exclude: &[String]) -> domain::PathFilter {
    domain::PathFilter {
        include: include.to_vec(),
        exclude: exclude.to_vec(),
    }
}
