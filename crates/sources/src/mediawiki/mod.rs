//! A MediaWiki, read by its API: the list of pages with their revisions first, then the text of those that changed.
//!
//! Etiquette as mediawiki.org/wiki/API:Etiquette asks for: one request at a time, many pages in each, `maxlag`.

mod api;
mod find;
mod listing;
mod login;
mod texts;

use std::ops::ControlFlow;

use nexus_domain::{MediaWikiRemote, Problem, ProblemCode};
use url::Url;

use crate::names::Names;
use crate::patient::Patient;
use crate::{Context, Filter, Item, SourceError, Summary};
use api::Api;
use listing::Listed;

/// What the wiki says of itself.
#[derive(Debug)]
struct Site {
    /// The address of `index.php`.
    script: Url,
    /// Names of namespaces by their numbers.
    namespaces: std::collections::HashMap<i64, String>,
}

/// Hands out the pages of a wiki that have changed.
pub fn sync(
    remote: &MediaWikiRemote,
    context: &Context<'_>,
    visit: &mut dyn FnMut(Item) -> ControlFlow<()>,
) -> Result<Summary, SourceError> {
    let invalid = |message: String| SourceError::refused("invalid_source", message);
    let filter = Filter::new(&remote.filter).map_err(|error| invalid(error.to_string()))?;
    let url = Url::parse(&remote.url).map_err(|_| invalid(format!("{} is not an address", remote.url)))?;
    if let Err(refused) = context.http.guard().check(&url) {
        return Err(SourceError::refused("address_refused", refused.to_string()));
    }
    let mut patient = Patient::new(context, &url);
    // Bot passwords are handed in at the wiki's own door, unless one before it asks for them.
    let has_password = matches!(context.credential, Some(crate::Credential::Basic { .. }));
    if has_password {
        patient.authorises_when_asked();
    }
    let mut api = find::api(&url, &patient, context)?;
    if !(has_password && is_behind_a_door(&api, &patient)?) {
        login::login(&mut api, context.credential)?;
    }
    let site = site(&api)?;
    let mut sync = Sync {
        context,
        api: &api,
        site: &site,
        filter: &filter,
        names: Names::default(),
        has_gaps: false,
        visit,
    };
    sync.run(&remote.namespaces)
}

/// One sync on its way.
struct Sync<'a> {
    context: &'a Context<'a>,
    api: &'a Api<'a>,
    site: &'a Site,
    filter: &'a Filter,
    names: Names,
    /// Whether something was missed, so that absence means nothing.
    has_gaps: bool,
    visit: &'a mut dyn FnMut(Item) -> ControlFlow<()>,
}

impl Sync<'_> {
    fn run(&mut self, namespaces: &[i32]) -> Result<Summary, SourceError> {
        let namespaces: Vec<i64> = match namespaces {
            [] => vec![0],
            chosen => chosen.iter().map(|&number| i64::from(number)).collect(),
        };
        if let Some(unknown) = namespaces
            .iter()
            .find(|number| **number < 0 || !self.site.namespaces.contains_key(number))
        {
            let message = format!("The wiki has no namespace {unknown} with pages");
            return Err(SourceError::refused("invalid_source", message));
        }
        let listed = self.list(&namespaces)?;
        self.context.watch.total(listed.len() as u64);
        let mut changed = Vec::new();
        for page in listed {
            match self.path(&page) {
                Ok(path) if self.context.manifest.is_known(&path, &page.fingerprint()) => {
                    self.hand_out(Item::Unchanged(path))?;
                }
                Ok(path) => changed.push((page, path)),
                Err((code, message)) => {
                    let problem = Problem::of_file(crate::names::shown(&page.title), code, message);
                    self.hand_out(Item::Problem(problem))?;
                }
            }
        }
        self.fetch(changed)?;
        Ok(Summary {
            complete: !self.has_gaps,
            ..Summary::default()
        })
    }

    /// The title with its namespace as a folder.
    fn path(&mut self, page: &Listed) -> Result<String, (ProblemCode, String)> {
        let limits = self.context.limits;
        let namespace = self
            .site
            .namespaces
            .get(&page.namespace)
            .map_or("", String::as_str);
        let (folder, title) = match page.title.split_once(':') {
            Some((folder, title)) if page.namespace != 0 && folder == namespace => (Some(folder), title),
            _ => (None, page.title.as_str()),
        };
        let parts: Vec<String> = folder
            .into_iter()
            .chain(title.split('/'))
            .map(|part| crate::names::segment(part, limits))
            .collect();
        let identity = page.id.to_string();
        self.names
            .claim(&parts.join("/"), page.extension(), &identity, limits)
    }

    fn hand_out(&mut self, item: Item) -> Result<(), SourceError> {
        match (self.visit)(item) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(SourceError::Stopped),
        }
    }
}

/// Whether the server asks for a user and a password before the wiki is reached. They were for that one then, and the wiki is
/// read as whoever comes by.
fn is_behind_a_door(api: &Api<'_>, patient: &Patient<'_>) -> Result<bool, SourceError> {
    match api.query(&[("meta", "siteinfo")], &[]) {
        // A closed wiki refuses, and is logged in to.
        Ok(_) | Err(SourceError::Refused { .. }) => Ok(patient.authorises()),
        Err(error) => Err(error),
    }
}

fn site(api: &Api<'_>) -> Result<Site, SourceError> {
    let answer = api.query(&[("meta", "siteinfo"), ("siprop", "general|namespaces")], &[])?;
    let general = &answer["query"]["general"];
    let text = |name: &str| general[name].as_str().unwrap_or_default();
    let script = api
        .url()
        .join(text("server"))
        .and_then(|server| server.join(text("script")))
        .ok()
        .filter(|script| matches!(script.scheme(), "http" | "https"));
    let Some(script) = script else {
        let message = format!("{} does not say where its pages are", api.url());
        return Err(SourceError::refused("invalid_source", message));
    };
    let namespaces = answer["query"]["namespaces"].as_object();
    let namespaces = namespaces
        .into_iter()
        .flatten()
        .filter_map(|(number, namespace)| {
            let name = namespace["name"].as_str()?;
            Some((number.parse().ok()?, name.to_owned()))
        });
    Ok(Site {
        script,
        namespaces: namespaces.collect(),
    })
}
