//! The bot's commands.

use serde_json::json;

use crate::{World, unlimited};

#[tokio::test]
async fn commands_are_kept_by_language_and_checked() {
    let world = World::new(unlimited());
    let ru = json!({ "commands": [{ "command": "help", "description": "Помощь" }], "language_code": "ru" });
    assert_eq!(world.call("setMyCommands", ru).await.result(), true);
    assert_eq!(
        world.bot.commands("ru"),
        [("help".to_owned(), "Помощь".to_owned())]
    );
    assert!(world.bot.commands("").is_empty());
    let list = world
        .call("getMyCommands", json!({ "language_code": "ru" }))
        .await
        .result();
    assert_eq!(list[0]["command"], "help");
    world
        .call("deleteMyCommands", json!({ "language_code": "ru" }))
        .await
        .result();
    assert!(world.bot.commands("ru").is_empty());

    for (command, description) in [("Help", "x"), ("", "x"), ("help", " ")] {
        let commands = json!([{ "command": command, "description": description }]);
        let refused = world.call("setMyCommands", json!({ "commands": commands })).await;
        assert!(refused.refusal().1.starts_with("Bad Request: BOT_COMMAND_"));
    }
    for method in ["logOut", "close"] {
        assert_eq!(world.call(method, json!({})).await.result(), true);
    }
}
