//! HTTPS with the test authority.

use serde_json::json;
use telegram_simulator::{Options, Trouble, TroubleKind};

use crate::{World, unlimited};

#[tokio::test]
async fn the_bot_api_is_served_over_tls_to_those_who_trust_the_test_authority() {
    let world = World::new(Options {
        tls: true,
        ..unlimited()
    });
    assert!(world.telegram.address().starts_with("https://"));
    let me = world.call("getMe", json!({})).await.result();
    assert_eq!(me["id"], 4242);
    world
        .telegram
        .set_trouble(Trouble::once("getMe", TroubleKind::ClosedBefore));
    assert!(world.try_call("getMe", json!({})).await.is_err());
    assert_eq!(world.call("getMe", json!({})).await.status, 200);

    // Another installation's authority is not this one's.
    let other = World::new(unlimited());
    let url = format!("{}/bot{}/getMe", world.telegram.address(), crate::TOKEN);
    assert!(other.http.get(url).send().await.is_err());
}
