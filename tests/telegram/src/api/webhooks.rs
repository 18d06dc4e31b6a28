//! Setting and looking at a webhook.

use reqwest::Certificate;
use serde_json::json;
use url::{Host, Url};

use super::{Answer, Call, Refused};
use crate::server::client;
use crate::world::Webhook;

const MAX_SECRET: usize = 256;

pub(super) fn set(call: &mut Call<'_>) -> Answer {
    let url = call.params.text("url");
    if url.is_empty() {
        return delete(call);
    }
    let secret = call.params.text("secret_token");
    if secret.len() > MAX_SECRET {
        return Err(Refused::bad("secret token is too long"));
    }
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if !secret.bytes().all(is_letter) {
        return Err(Refused::bad("secret token contains unallowed characters"));
    }
    check_address(&url)?;
    let certificate = call.params.text("certificate");
    let own = match certificate.as_str() {
        "" => None,
        pem => Some(
            Certificate::from_pem(pem.as_bytes())
                .map_err(|_| Refused::bad("bad webhook: bad certificate"))?,
        ),
    };
    let client =
        client(&call.world.authority_pem, own).map_err(|_| Refused::bad("bad webhook: bad certificate"))?;
    let allowed = call.params.names("allowed_updates")?;
    let connections = call.params.number("max_connections").unwrap_or(40).clamp(1, 100);
    let drop_pending = call.params.flag("drop_pending_updates");

    let bot = call.bot();
    if let Some(kinds) = allowed {
        bot.allow(&kinds);
    }
    if drop_pending {
        bot.pending.clear();
    }
    bot.webhooks += 1;
    let mut webhook = Webhook::new(bot.webhooks, &url, client);
    webhook.secret = Some(secret).filter(|secret| !secret.is_empty());
    webhook.has_certificate = !certificate.is_empty();
    webhook.max_connections = usize::try_from(connections).unwrap_or(1);
    for (id, pending) in &bot.pending {
        webhook.queue(pending.lane, *id);
    }
    bot.webhook = Some(webhook);
    Ok(true.into())
}

/// As Telegram's local server: HTTPS, or HTTP on this machine.
fn check_address(url: &str) -> Result<(), Refused> {
    let url = Url::parse(url).map_err(|_| Refused::bad("bad webhook: invalid webhook URL specified"))?;
    let is_near = match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    match url.scheme() {
        "https" => Ok(()),
        "http" if is_near => Ok(()),
        _ => Err(Refused::bad(
            "bad webhook: An HTTPS URL must be provided for webhook",
        )),
    }
}

pub(super) fn delete(call: &mut Call<'_>) -> Answer {
    let drop_pending = call.params.flag("drop_pending_updates");
    let bot = call.bot();
    bot.webhook = None;
    if drop_pending {
        bot.pending.clear();
    }
    Ok(true.into())
}

pub(super) fn info(call: &mut Call<'_>) -> Answer {
    let bot = call.bot();
    let mut info = json!({
        "url": "",
        "has_custom_certificate": false,
        "pending_update_count": bot.pending.len(),
    });
    if let Some(webhook) = &bot.webhook {
        info["url"] = webhook.url.clone().into();
        info["has_custom_certificate"] = webhook.has_certificate.into();
        info["max_connections"] = webhook.max_connections.into();
        if let Some((date, message)) = &webhook.last_error {
            info["last_error_date"] = (*date).into();
            info["last_error_message"] = message.clone().into();
        }
    }
    if let Some(allowed) = &bot.allowed {
        info["allowed_updates"] = json!(allowed);
    }
    Ok(info)
}
