//! Checks of values that several use cases take.

use ipnet::IpNet;
use nexus_domain::Quotas;
use nexus_domain::quota::MAX_LIMIT;
use nexus_storage::StorageError;

use super::ServiceError;

/// A name: one line, not empty, without blanks around it.
pub(super) fn line(field: &'static str, text: &str, most: usize) -> Result<String, ServiceError> {
    let text = text.trim();
    let length = text.chars().count();
    if !(1..=most).contains(&length) || text.chars().any(char::is_control) {
        let reason = format!("{field} takes 1 to {most} characters, none of them control characters");
        return Err(ServiceError::invalid(field, reason));
    }
    Ok(text.to_owned())
}

/// A text that may have lines and may be absent; an empty one counts as absent.
pub(super) fn text(
    field: &'static str,
    text: Option<String>,
    most: usize,
) -> Result<Option<String>, ServiceError> {
    let text = text.filter(|text| !text.is_empty());
    if text
        .as_ref()
        .is_some_and(|text| text.chars().count() > most || text.contains('\0'))
    {
        let reason = format!("{field} takes at most {most} characters, none of them NUL");
        return Err(ServiceError::invalid(field, reason));
    }
    Ok(text)
}

/// Networks, or single addresses.
pub(super) fn networks(
    field: &'static str,
    texts: &[String],
    most: usize,
) -> Result<Vec<IpNet>, ServiceError> {
    if texts.len() > most {
        return Err(ServiceError::invalid(field, format!("at most {most} networks")));
    }
    let parse = |text: &String| {
        let text = text.trim();
        let network = text.parse::<IpNet>().ok();
        let network = network.or_else(|| text.parse::<std::net::IpAddr>().ok().map(IpNet::from));
        network.map(|network| network.trunc()).ok_or_else(|| {
            ServiceError::invalid(field, format!("{text:?} is no network such as 203.0.113.0/24"))
        })
    };
    texts.iter().map(parse).collect()
}

/// Daily limits within their bounds.
pub(super) fn quotas(field: &'static str, quotas: Quotas) -> Result<Quotas, ServiceError> {
    if quotas.is_sane() {
        Ok(quotas)
    } else {
        Err(ServiceError::invalid(
            field,
            format!("a limit is at most {MAX_LIMIT}"),
        ))
    }
}

/// A failed insert, as "taken" where that is the reason.
pub(super) fn taken(error: StorageError, what: &'static str, name: &str) -> ServiceError {
    if error.is_unique_violation() {
        ServiceError::AlreadyExists {
            what,
            name: name.to_owned(),
        }
    } else {
        error.into()
    }
}
