//! Descriptions of sources that are fetched, from the contract to the domain.
//!
//! The contract spells out each kind's fields, because a body with a field that it does not know is refused; what they have in
//! common is taken apart here.

use nexus_api as api;
use nexus_domain as domain;
use secrecy::SecretString;

use crate::service::{GivenCredential, GivenSchedule};

/// What all kinds of sources say.
#[derive(Debug)]
pub struct Described {
    /// Name or id.
    pub knowledge_base: String,
    pub name: Option<String>,
    pub remote: domain::Remote,
    pub credential: Option<GivenCredential>,
    pub schedule: Option<GivenSchedule>,
}

macro_rules! described {
    ($body:expr, $remote:expr) => {
        Described {
            knowledge_base: $body.knowledge_base,
            name: $body.source,
            remote: $remote,
            credential: $body.credential.map(credential),
            schedule: $body.schedule.map(schedule),
        }
    };
}

pub fn of_git(body: api::IngestGit) -> Described {
    let remote = domain::Remote::Git(domain::GitRemote {
        url: body.url,
        branch: body.branch,
        folder: body.folder,
        filter: filter(body.include, body.exclude),
    });
    described!(body, remote)
}

pub fn of_web(body: api::IngestWeb) -> Described {
    let remote = domain::Remote::Web(domain::WebRemote {
        url: body.url,
        prefix: body.prefix,
        max_pages: body.max_pages,
        filter: filter(body.include, body.exclude),
    });
    described!(body, remote)
}

pub fn of_wiki(body: api::IngestWiki) -> Described {
    let filter = filter(body.include, body.exclude);
    let url = body.url;
    let remote = match body.engine {
        api::WikiEngine::MediaWiki => domain::Remote::MediaWiki(domain::MediaWikiRemote {
            url,
            namespaces: body.namespaces,
            filter,
        }),
        api::WikiEngine::DokuWiki => domain::Remote::DokuWiki(domain::DokuWikiRemote {
            url,
            namespace: body.namespace,
            filter,
        }),
        api::WikiEngine::Git => domain::Remote::Git(domain::GitRemote {
            url,
            branch: None,
            folder: None,
            filter,
        }),
    };
    described!(body, remote)
}

pub fn credential(credential: api::SourceCredential) -> GivenCredential {
    GivenCredential {
        user: credential.user,
        token: SecretString::from(credential.token),
    }
}

pub fn schedule(schedule: api::SourceSchedule) -> GivenSchedule {
    GivenSchedule {
        cron: schedule.cron,
        time_zone: schedule.time_zone,
    }
}

fn filter(include: Vec<String>, exclude: Vec<String>) -> domain::PathFilter {
    domain::PathFilter { include, exclude }
}
