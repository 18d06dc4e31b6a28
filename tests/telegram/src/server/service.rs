//! A call from its path to its reply: who calls, what gets in its way, what it comes to, and the journal.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Response, StatusCode};
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::api::{self, Answer, Call, GET_UPDATES, Params, Refused};
use crate::journal::Entry;
use crate::shared::Shared;
use crate::trouble::TroubleKind;
use crate::world::{ChatKey, Now, World};

/// The connection is closed instead of a reply.
#[derive(Debug, thiserror::Error)]
#[error("the connection is closed on purpose")]
pub(super) struct Closed;

/// What a call comes to.
#[derive(Debug)]
enum Reply {
    Answer(Answer),
    File(Bytes),
}

/// A known bot's call of a known method.
#[derive(Debug)]
struct Caller {
    bot: i64,
    /// A method's name, or `download`.
    method: &'static str,
    /// Of the file to be downloaded.
    path: String,
}

const DOWNLOAD: &str = "download";
const BAD_GATEWAY: &str = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad \
                           Gateway</h1></center>\r\n<hr><center>nginx/1.18.0</center>\r\n</body>\r\n</html>\r\n";

pub(super) async fn serve(shared: Arc<Shared>, request: Request) -> Result<Response<Body>, Closed> {
    let caller = match shared.read(|world| caller(world, request.uri().path())) {
        Ok(caller) => caller,
        Err(refused) => return Ok(reply(Reply::Answer(Err(refused)))),
    };
    let params = match Params::read(request).await {
        Ok(params) => params,
        Err(refused) => return Ok(reply(Reply::Answer(Err(refused)))),
    };
    let (begun, trouble) = shared.change(|world| begin(world, &caller, &params));
    if let Some(kind) = trouble.filter(|kind| !kind.is_carried_out()) {
        return get_in_the_way(&shared, &caller, &params, begun, kind);
    }
    let outcome = carry_out(&shared, &caller, &params).await;
    shared.change(|world| {
        let result = match &outcome {
            Reply::Answer(answer) => answer.as_ref(),
            Reply::File(_) => Ok(&Value::Null),
        };
        note(world, &caller, &params, begun, trouble, Some(result));
    });
    match trouble {
        Some(TroubleKind::LostReply) => return Err(Closed),
        Some(TroubleKind::LateReply(late)) => sleep(late).await,
        _ => {}
    }
    Ok(reply(outcome))
}

/// Reads `/bot<token>/<method>` and `/file/bot<token>/<path>`, of which teloxide escapes the slashes.
fn caller(world: &World, path: &str) -> Result<Caller, Refused> {
    // Clients escape no other letters of tokens and of our file paths.
    let path = path.replace("%3A", ":").replace("%2F", "/");
    let (is_file, rest) = match path.strip_prefix("/file") {
        Some(rest) => (true, rest),
        None => (false, path.as_str()),
    };
    let parts = rest.strip_prefix("/bot").and_then(|rest| rest.split_once('/'));
    let (token, rest) = parts.ok_or_else(Refused::not_found)?;
    let is_token = token
        .split_once(':')
        .is_some_and(|(id, secret)| id.parse::<i64>().is_ok() && !secret.is_empty());
    if !is_token {
        return Err(Refused::not_found());
    }
    let bot = *world.tokens.get(token).ok_or_else(Refused::unauthorized)?;
    let method = match is_file {
        true => DOWNLOAD,
        false => api::name(rest).ok_or_else(Refused::no_method)?,
    };
    Ok(Caller {
        bot,
        method,
        path: rest.to_owned(),
    })
}

fn begin(world: &mut World, caller: &Caller, params: &Params) -> (Now, Option<TroubleKind>) {
    let now = world.clock.now();
    world.counters.calls += 1;
    let chat = key(caller, params);
    let quiet = world.bots.get(&caller.bot).and_then(|bot| bot.quiet.get(&chat?));
    if quiet.is_some_and(|end| now.instant < *end) {
        world.counters.too_soon += 1;
    }
    let trouble = world.dice.draw(caller.method);
    world.counters.troubled += u64::from(trouble.is_some());
    (now, trouble)
}

/// The chat that a call names, whether or not it is there.
fn key(caller: &Caller, params: &Params) -> Option<ChatKey> {
    Some(match params.number("chat_id")? {
        person @ 1.. => ChatKey::Private {
            bot: caller.bot,
            person,
        },
        id => ChatKey::Shared(id),
    })
}

fn get_in_the_way(
    shared: &Shared,
    caller: &Caller,
    params: &Params,
    begun: Now,
    kind: TroubleKind,
) -> Result<Response<Body>, Closed> {
    let refused = match kind {
        TroubleKind::TooManyRequests => Some(Refused::too_many(Duration::from_secs(1))),
        TroubleKind::InternalServerError => Some(Refused::internal()),
        TroubleKind::BadGateway => Some(Refused::bad_gateway()),
        _ => None,
    };
    shared.change(|world| {
        note(
            world,
            caller,
            params,
            begun,
            Some(kind),
            refused.as_ref().map(Err),
        );
    });
    match refused {
        Some(refused) => Ok(reply(Reply::Answer(Err(refused)))),
        None => Err(Closed),
    }
}

async fn carry_out(shared: &Shared, caller: &Caller, params: &Params) -> Reply {
    match caller.method {
        DOWNLOAD => shared.read(|world| match world.files.at(&caller.path) {
            Some(file) if file.size <= world.options.download_limit => Reply::File(file.content.clone()),
            _ => Reply::Answer(Err(Refused::not_found())),
        }),
        GET_UPDATES => Reply::Answer(api::poll(shared, caller.bot, params).await),
        method => Reply::Answer(shared.change(|world| {
            let bot = caller.bot;
            api::carry_out(method, Call { world, bot, params })
        })),
    }
}

/// Writes a call into the journal, and remembers how long its chat must be left alone.
fn note(
    world: &mut World,
    caller: &Caller,
    params: &Params,
    begun: Now,
    trouble: Option<TroubleKind>,
    result: Option<Result<&Value, &Refused>>,
) {
    let made = match result {
        Some(Ok(value)) => value.get("message_id").and_then(Value::as_i64),
        _ => None,
    };
    let refused = result.and_then(Result::err);
    let wait = refused.and_then(Refused::retry_after);
    if let (Some(wait), Some(chat), Some(bot)) = (wait, key(caller, params), world.bots.get_mut(&caller.bot))
    {
        bot.quiet.insert(chat, begun.instant + wait);
    }
    let status = result.map(|result| result.map_or_else(|refused| refused.code, |_| 200));
    let took = world.clock.now().elapsed.saturating_sub(begun.elapsed);
    world.journal.push(Entry {
        at: begun.elapsed,
        took,
        bot: caller.bot,
        method: caller.method.to_owned(),
        chat: params.number("chat_id"),
        message: made.or_else(|| params.number("message_id")),
        status,
        description: refused.map(|refused| refused.description.clone()),
        trouble,
    });
}

fn reply(reply: Reply) -> Response<Body> {
    let (code, kind, body) = match reply {
        Reply::Answer(Ok(result)) => (
            200,
            "application/json",
            json!({ "ok": true, "result": result }).to_string().into(),
        ),
        Reply::Answer(Err(refused)) if refused.code == 502 => (502, "text/html", BAD_GATEWAY.into()),
        Reply::Answer(Err(refused)) => (
            refused.code,
            "application/json",
            refused.json().to_string().into(),
        ),
        Reply::File(content) => (200, "application/octet-stream", content.into()),
    };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
