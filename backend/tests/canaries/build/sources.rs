//! Sources that are fetched, with webhooks.

use reqwest::Method;
use serde_json::{Value, json};

use super::operate;
use crate::api::text;
use crate::client::Client;
use crate::world::{Hook, World};

/// Each third knowledge base has a repository that is not there, with its word in its name and in its address.
pub async fn hooks(client: &Client, world: &mut World) {
    for kb in (0..world.kbs.len()).step_by(3) {
        let (id, word) = (world.kbs[kb].id.clone(), world.kbs[kb].words[0].clone());
        let body = json!({
            "knowledge_base": id,
            "source": format!("mirror {word}"),
            "url": format!("file:///nowhere/{word}.git"),
        });
        let made = operate(client, world, Method::POST, "/ingestion/git", &body).await;
        let source = text(&made["source_id"]);
        let path = format!("/knowledge-bases/{id}/sources/{source}/webhook");
        let issued = operate(client, world, Method::POST, &path, &Value::Null).await;
        let secret = text(&issued["secret"]);
        world.kbs[kb].hook = Some(Hook { source, secret });
    }
}
