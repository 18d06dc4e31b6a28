//! The bot itself and its commands.

use serde_json::{Value, json};

use super::{Answer, Call, Refused};

const MAX_COMMANDS: usize = 100;
const MAX_COMMAND: usize = 32;
const MAX_DESCRIPTION: usize = 256;

pub(super) fn get_me(call: &mut Call<'_>) -> Answer {
    let mut me = call.bot().json();
    for (field, value) in [
        ("can_join_groups", true),
        ("can_read_all_group_messages", true),
        ("supports_inline_queries", false),
        ("can_connect_to_business", false),
        ("has_main_web_app", false),
    ] {
        me[field] = value.into();
    }
    Ok(me)
}

/// Of methods that change nothing here.
pub(super) fn accept(_: &mut Call<'_>) -> Answer {
    Ok(true.into())
}

pub(super) fn set_commands(call: &mut Call<'_>) -> Answer {
    let commands = call.params.json("commands")?.unwrap_or_default();
    let list = commands
        .as_array()
        .ok_or_else(|| Refused::bad("expected an Array of BotCommand"))?;
    if list.len() > MAX_COMMANDS {
        return Err(Refused::bad("BOT_COMMANDS_TOO_MUCH"));
    }
    list.iter().try_for_each(check_command)?;
    let place = place(call)?;
    call.bot().commands.insert(place, commands);
    Ok(true.into())
}

fn check_command(command: &Value) -> Result<(), Refused> {
    let field = |name: &str| command.get(name).and_then(Value::as_str).unwrap_or_default();
    let name = field("command").strip_prefix('/').unwrap_or(field("command"));
    let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if !(1..=MAX_COMMAND).contains(&name.len()) || !name.bytes().all(is_name) {
        return Err(Refused::bad("BOT_COMMAND_INVALID"));
    }
    match field("description").trim().chars().count() {
        1..=MAX_DESCRIPTION => Ok(()),
        _ => Err(Refused::bad("BOT_COMMAND_DESCRIPTION_INVALID")),
    }
}

pub(super) fn get_commands(call: &mut Call<'_>) -> Answer {
    let place = place(call)?;
    let commands = call.bot().commands.get(&place).cloned();
    Ok(commands.unwrap_or_else(|| json!([])))
}

pub(super) fn delete_commands(call: &mut Call<'_>) -> Answer {
    let place = place(call)?;
    call.bot().commands.remove(&place);
    Ok(true.into())
}

/// For whom commands are: scope and language.
fn place(call: &Call<'_>) -> Result<(String, String), Refused> {
    let scope = call.params.json("scope")?;
    let scope = scope.unwrap_or_else(|| json!({ "type": "default" }));
    Ok((scope.to_string(), call.params.text("language_code")))
}
